"""Whom to sell to next, under limits that the reader may change, and the same as a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query

from leap.errors import LeapError
from serving.direct import Body, Deadline, large
from serving.errors import Refused
from serving.pages import rendering
from serving.pages.downloads import Download, download
from serving.pages.route import OfPage, PageQuery, View
from serving.pages.waiting import Waiting, looking_again

if TYPE_CHECKING:
    from leap.reports.targets_asked import AskedFor
    from leap.scoring.targets import TargetList

ROWS = 50
MOST_FIRST = 10_000_000


class TargetsFile(Waiting, Download):
    """The same as a file."""


router = APIRouter(route_class=Waiting)
files = APIRouter(route_class=TargetsFile)


class TargetsQuery(PageQuery):
    """Limits of the list as text, as somebody typed them; what is not there is as `[policy]` says."""

    budget: str | None = None
    capacity: str | None = None
    quota: str | None = None
    per_segment: str | None = None
    segment: str | None = None
    months: str | None = None
    mode: str | None = None
    exploration_share: str | None = None
    emerging_share: str | None = None
    q: str = ""
    first: str = ""


@router.get("/targets")
@large(True)
def targets(query: Annotated[TargetsQuery, Query()], view: OfPage) -> Body:
    """The list with what was asked for, or in words what cannot be; always with the form."""
    scorer = view.served.scorer
    if scorer.tables is None:
        return view.show("targets.html", list=None, has_tables=False)
    given = _Asking.of(view, query)
    if given.asked.wrong:
        return given.page(None, status=422)
    try:
        return given.page(given.made())
    except Refused as refused:
        if refused.code != "too_many_requests":
            raise
        return looking_again(given.page(next(iter(view.served.documents.lists()), None), busy=True))
    except LeapError as error:
        return given.page(None, status=422, failed=str(error))


@files.get("/targets.csv")
@large(True)
def targets_csv(query: Annotated[TargetsQuery, Query()], view: OfPage, check: Deadline) -> Body:
    """Every account of the list that the page of the same address shows, as `leap targets --out targets.csv`."""
    return _Asking.of(view, query).file("csv", check)


@files.get("/targets.xlsx")
@large(True)
def targets_xlsx(query: Annotated[TargetsQuery, Query()], view: OfPage, check: Deadline) -> Body:
    """The same for spreadsheets."""
    return _Asking.of(view, query).file("xlsx", check)


@dataclass(frozen=True)
class _Asking:
    """What is asked of the live model."""

    view: View
    asked: AskedFor
    q: str
    first: int
    segments: tuple[tuple[str, str], ...]
    usual: str

    @classmethod
    def of(cls, view: View, query: TargetsQuery) -> _Asking:
        """From the parameters; Refused (404) where there are no tables."""
        from leap.reports import targets_asked
        from leap.scoring.documents import tables_of

        policy = tables_of(view.served.scorer).settings.policy
        bundle = view.served.scorer.bundle
        segments = targets_asked.segments_of(bundle)
        usual = targets_asked.usual_segment(bundle, policy)
        fields = query.model_dump(include=set(targets_asked.FIELDS))
        asked = targets_asked.read(fields, policy, [name for name, _ in segments], usual)
        first = int(query.first) if query.first.isascii() and query.first.isdigit() and len(query.first) < 9 else 0
        return cls(view, asked, query.q, min(first, MOST_FIRST), tuple(segments), usual)

    def made(self) -> TargetList:
        """The list; Refused (429) while another one is being made."""
        return self.view.served.documents.list_asked_for(self.asked.asked, self.asked.months)

    def file(self, form: str, check: Deadline) -> Body:
        """The list with all accounts that match; Refused (422) where something asked for is wrong."""
        from leap.reports.account_files import MEDIA_TYPES
        from leap.reports.targets_files import target_file

        if self.asked.wrong:
            details = [f"{name}: {why}" for name, why in self.asked.wrong.items()]
            raise Refused(422, "The list cannot be made as asked for.", details=details)
        made = self.made()
        check()
        pieces = target_file(made, self.q, form, check)
        return download(pieces, MEDIA_TYPES[form], f"targets-{self.view.served.scorer.as_of.isoformat()}.{form}")

    def page(self, made: TargetList | None, *, status: int = 200, busy: bool = False, failed: str = "") -> Body:
        """The form, and the list where there is one."""
        from leap.reports import targets_asked, targets_summary

        summary = None if made is None else targets_summary.summarise(made)
        return self.view.show(
            "targets.html",
            status=status,
            has_tables=True,
            list=summary,
            shown=None if made is None else targets_summary.shown(made, self.q, self.first, ROWS),
            of=None if made is None else self._texts(made),
            own=targets_asked.texts_of(self.asked.asked, self.asked.months, self.usual),
            texts=self.asked.texts,
            wrong=self.asked.wrong,
            changed=self.asked.changed,
            labels=targets_asked.LABELS,
            segments=self.segments,
            q=self.q,
            rows=ROWS,
            busy=busy,
            failed=failed,
            decide="/review" in rendering.known and self.view.may_review,
            made_before=targets_summary.made_before(self.view.served.documents.lists(), self._texts),
            address=self.address,
        )

    def _texts(self, made: TargetList) -> Mapping[str, str]:
        from leap.reports.targets_asked import texts_of

        return texts_of(made.asked, made.candidates.months, self.usual)

    def address(self, path: str, texts: Mapping[str, str] | None = None, **more: object) -> str:
        """The address of a list: the one asked for, or that of other fields."""
        asked = {**(self._given() if texts is None else texts), **({"q": self.q} if self.q else {}), **more}
        text = urlencode({name: str(value) for name, value in asked.items() if value is not None}, errors="replace")
        return f"{path}?{text}" if text else path

    def _given(self) -> dict[str, str]:
        """The fields that say another thing than `[policy]`, as short an address as there is."""
        return {name: self.asked.texts[name] for name in self.asked.changed}
