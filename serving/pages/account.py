"""One account as who is about to call it reads it: what to do, why, how it came about and what might be otherwise."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import ConfigDict, Field, field_validator

from serving.direct import Body, Deadline, large
from serving.errors import Refused
from serving.lanes import Check
from serving.live import Served
from serving.pages import account_parts as parts
from serving.pages import drawn_account as drawn
from serving.pages import words
from serving.pages.route import OfPage, Page, PageQuery, View

EVERY_GROUP = 1_000_000
"""More reasons than any model has groups of features."""
FILES = {"html": "text/html; charset=utf-8", "svg": "image/svg+xml"}

router = APIRouter(route_class=Page)


class AccountPageQuery(PageQuery):
    """Since when changes are explained, where the reader comes from, and values that are supposed (`set.FEATURE`)."""

    model_config = ConfigDict(extra="allow", frozen=True, str_strip_whitespace=True, str_max_length=2000)

    came_from: str = Field("", alias="from")
    since: str = ""
    file: str = ""

    @field_validator("came_from", "since", "file", mode="before")
    @classmethod
    def one(cls, given: object) -> object:
        """The last of several, cut: addresses are passed around, and come back with things added."""
        last = given[-1] if isinstance(given, list) and given else given
        return last[:2000] if isinstance(last, str) else last


@router.get("/accounts/{account_id:path}")
@large(True)
def account(
    account_id: Annotated[str, Path()], query: Annotated[AccountPageQuery, Query()], view: OfPage, check: Deadline
) -> Body:
    """A customer with all of its reasons, a prospect, a former customer, or what is near an id that is none."""
    served, account_id = view.served, words.id_of(account_id)
    scores, _ = served.scorer.by_id([account_id], top=EVERY_GROUP)
    if not scores:
        return _no_customer(view, account_id, query)
    if query.file:
        return _file(served, scores[0], query.file)
    return _customer(view, scores[0], query, check)


def _customer(view: View, score: dict[str, Any], query: AccountPageQuery, check: Check) -> Body:
    served, account_id = view.served, score["account_id"]
    check()
    told = parts.story(served, account_id)
    check()
    day, change = ("", None) if told is None else told.change(query.since)
    given = parts.given_values(query.model_extra)
    abstained = bool(score.get("abstained"))
    what_if = None if told is None or abstained else parts.supposing(told, given)
    found = parts.places(served, account_id)
    return view.show(
        "account.html",
        score=score,
        account_id=account_id,
        account_name=(name := _name(served, account_id)),
        title=drawn.title(name),
        doubted=served.scorer.offers_lost_money,
        unshown=_gains_unshown(served),
        beside=parts.beside(served, account_id),
        compared=bool(found),
        figures=drawn.figures(score, found, _without_skill(served, "health")),
        survival=drawn.survival(score),
        reasons=parts.reasons(served, score),
        story=told,
        past=drawn.past(told.history if told else None, served.company.currency),
        since=day,
        since_asked=query.since,
        change=change,
        what_if=what_if,
        given=given,
        back=parts.local_query(query.came_from),
    )


def _no_customer(view: View, account_id: str, query: AccountPageQuery) -> Body:
    """The page of an account of the tables without MRR, or of none."""
    from leap.scoring.history import known_now, prospect_score

    served, back = view.served, parts.local_query(query.came_from)
    now = known_now(served.scorer, account_id) if served.scorer.customers is not None else None
    told = parts.story(served, account_id) if now == account_id else None
    history = told.history if told else None
    if history is None:
        because = served.scorer.why_not_found(account_id)
        return view.show(
            "account_unknown.html",
            status=404,
            account_id=account_id,
            because=because,
            now=now,
            near=parts.near(served, account_id),
            back=back,
        )
    prospect = prospect_score(served.scorer, account_id) if history.now.status == "prospect" else None
    score, scope = (prospect, "fit") if prospect is not None else (history.last_score, "health")
    if query.file and score is not None:
        return _file(served, score, query.file, None if prospect else history.scored[-1].as_of)
    return view.show(
        "account_other.html",
        account_id=account_id,
        account_name=history.name,
        title=drawn.title(history.name),
        now=history.now,
        history=history,
        score=score,
        is_prospect=prospect is not None,
        figures=drawn.figures(score, {}, _without_skill(served, scope)) if score else [],
        survival=drawn.survival(score) if score else "",
        reasons=parts.reasons(served, score, scope) if score else None,
        past=drawn.past(history, served.company.currency),
        back=back,
    )


def _without_skill(served: Served, scope: str) -> tuple[str, ...]:
    """The parts of a score in which all accounts are given the base rate."""
    from leap.reports.quality_words import without_skill

    return without_skill(served.scorer.bundle.quality.get(scope) or {})


def _gains_unshown(served: Served) -> bool:
    """Whether chance may explain what offers by this model would have earned out of time."""
    from leap.evaluation.money import gains_unshown

    churn = (served.scorer.bundle.quality.get("health", {}).get("outcomes") or {}).get("churn") or {}
    return gains_unshown(churn.get("money"))


def _name(served: Served, account_id: str) -> str:
    found = parts.listed(served, account_id)
    return account_id if found is None else found.name


def _file(served: Served, score: dict[str, Any], kind: str, as_of: str | None = None) -> Body:
    """The explanation as a file of its own, to be kept or passed on; of an earlier day where one is given."""
    from leap.reports import explanation

    if kind not in FILES:
        raise Refused(422, f"`file`: expected one of {', '.join(FILES)}.")
    company = served.company
    if kind == "svg":
        text = explanation.render_svg(score, currency=company.currency)
    else:
        text = explanation.render_html(
            score,
            company=company.name,
            currency=company.currency,
            horizon_months=served.horizon_months,
            as_of=as_of or served.scorer.as_of,
            version=served.version,
            money_note=company.money_note,
        )
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", score["account_id"])[:60].strip("-") or "account"
    headers = {"Content-Disposition": f'attachment; filename="leap-{slug}.{kind}"'}
    return Body(text.encode(errors="replace"), media_type=FILES[kind], headers=headers)
