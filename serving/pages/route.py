"""A page as a route: what it may ask for, and how it answers and refuses in HTML.

An endpoint takes a `view: OfPage`, and where it needs them a query (`Annotated[AccountsQuery, Query()]`), a part of
the path, `check: Deadline` or the fields of a form (`Annotated[Verdict, FORM]`), and returns
`view.show("accounts.html", …)`.
Unknown parameters after `?` are ignored, and one that stands there several times is a list: addresses of pages
are passed around, and come back with things added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar
from urllib.parse import parse_qs

from fastapi import Depends
from pydantic import BaseModel, ConfigDict

from serving.access import ADMIN, REVIEW
from serving.calls import Call
from serving.direct import MOST_QUERY, Body, Direct, Endpoint, Reader, State, fitting
from serving.errors import Refused
from serving.live import LiveModel, Served
from serving.pages import rendering
from serving.pages.forms import require_seal
from serving.pages.refusing import no_model_page, refusal_page

LOOK_AGAIN_SECONDS = 5
"""After how long a page that waits for something asks for itself again."""

FORM = Depends(lambda: None)
"""Marks the parameter that holds the fields of a form."""


class PageQuery(BaseModel):
    """Parameters of a page after `?`; what is not known is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, str_strip_whitespace=True, str_max_length=200)


class PageForm(BaseModel):
    """Fields of a form."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


@dataclass(frozen=True)
class View:
    """What a page is made from: the live model, taken once for the whole request, and who asks."""

    served: Served
    call: Call
    live: LiveModel

    @property
    def may_review(self) -> bool:
        """Whether who asks may decide things."""
        return REVIEW in self.call.scopes

    def show(self, template: str, *, status: int = 200, **values: Any) -> Body:
        """A template with what all pages show and values of its own."""
        problem = self.live.problem
        told = "" if problem is None else problem.told(in_full=ADMIN in self.call.scopes)
        text = rendering.page(template, self.served, self.call.template, told, may_review=self.may_review, **values)
        return Body(text.encode(errors="replace"), status, rendering.HTML)


def _view() -> None:
    """Stands for the view; never called."""


OfPage = Annotated[View, Depends(_view)]
"""The view of the live model; 503 while nothing is live."""


@dataclass(frozen=True)
class PageReader(Reader):
    """Reads what a page asks for."""

    MORE: ClassVar[Mapping[Any, str]] = {OfPage: "view"}

    view: str = ""
    form: tuple[str, type[BaseModel]] | None = None

    @classmethod
    def of(cls, endpoint: Endpoint) -> PageReader:
        """From the signature of an endpoint; what would be a body is a form."""
        found = super().of(endpoint)
        return replace(found, form=found.body, body=None)  # type: ignore[call-arg, return-value]

    def read(self, call: Call, scope: Mapping[str, Any], state: State) -> dict[str, Any]:
        """The arguments; Refused where the request does not fit, NoModel while none is live."""
        if self.form:
            fields = parameters(call.body.decode("ascii", "replace"))
            require_seal(fields.pop("seal", ""))
            call.asked = fitting("form", self.form[1], fields)
        if self.query:
            asked = fitting("query", self.query[1], parameters(scope["query_string"].decode("ascii", "replace")))
        given = super().read(call, {**scope, "query_string": b""}, state)
        if self.query:
            given[self.query[0]] = asked
        if self.form:
            given[self.form[0]] = call.asked
        if self.view:
            served = call.served = state.live.take(in_full=ADMIN in call.scopes)
            given[self.view] = View(served, call, state.live)
        return given


def parameters(text: str) -> dict[str, str | list[str]]:
    """Parameters after `?` or of a form; Refused where there are too many.

    >>> parameters("q=a+b&tier=A&tier=B&empty=")
    {'q': 'a b', 'tier': ['A', 'B'], 'empty': ''}
    """
    try:
        found = parse_qs(text, keep_blank_values=True, errors="replace", max_num_fields=MOST_QUERY * 5)
    except ValueError:
        raise Refused(422, f"There are too many parameters; expected at most {MOST_QUERY * 5}.") from None
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


class Page(Direct):
    """A route that people read."""

    takes_form = True

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        options["include_in_schema"] = False
        super().__init__(path, endpoint, **options)

    def reader_of(self, endpoint: Endpoint) -> Reader:
        """Of pages."""
        return PageReader.of(endpoint)

    def told(self, refused: Refused, call: Call, state: State) -> Body:
        """A refusal as a page."""
        if refused.code == "no_model" and state.live.peek() is None:
            problem = state.live.problem
            page = no_model_page("" if problem is None else problem.told(in_full=ADMIN in call.scopes))
            again = {**refused.headers, "Refresh": str(LOOK_AGAIN_SECONDS)}
            return Body(page, refused.status, rendering.HTML, again)
        page = refusal_page(refused, inside=True)
        return Body(page, refused.status, rendering.HTML, refused.headers)
