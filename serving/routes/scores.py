"""Scores: of customers by id, of accounts that bring their features or rows, of prospects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Query

from leap.errors import UnknownAccount
from serving.calls import Call
from serving.direct import Body, Deadline, Direct, Live, OfCall, large
from serving.errors import InvalidRequest
from serving.lanes import Check
from serving.live import Served
from serving.routes.shared import READING, SENDING, errors, header, opened
from serving.schemas import (
    MAX_TEXT,
    AccountAnswer,
    AccountQuery,
    AccountRows,
    ProspectsRequest,
    ScoreRequest,
    ScoresAnswer,
)

if TYPE_CHECKING:
    from leap.scoring.answers import Answers

router = APIRouter(route_class=Direct, tags=["Scores"])

FEW_IDS = 50
FEW_ACCOUNTS = 4


def _is_large(asked: ScoreRequest) -> bool:
    """Whether it takes more than a few milliseconds: rows go through the checks and features of files."""
    if asked.account_ids:
        return len(asked.account_ids) > FEW_IDS
    return len(asked.accounts) > FEW_ACCOUNTS or any(one.in_rows for one in asked.accounts)


@router.post("/v1/score", response_model=ScoresAnswer, responses=SENDING, summary="Score accounts")
@large(_is_large)
def score(asked: ScoreRequest, served: Live, check: Deadline, call: OfCall) -> Body:
    """Known customers by id, or accounts that bring their features or the rows of their tables."""
    scorer = served.scorer
    as_of = scorer.as_of
    if asked.account_ids:
        _same_day(asked.as_of, as_of)
        answers = scorer.answers_by_id(asked.account_ids, asked.top, check)
    else:
        if asked.as_of is not None:
            scorer.require_day(as_of := asked.as_of)
        answers = _of_accounts(asked.accounts, served, as_of, asked.top, check)
    return _scores(served, as_of, answers, call)


@router.post("/v1/prospects", response_model=ScoresAnswer, responses=SENDING, summary="Rate prospects")
@large(lambda asked: len(asked.prospects) > FEW_ACCOUNTS)
def prospects(asked: ProspectsRequest, served: Live, check: Deadline, call: OfCall) -> Body:
    """Companies that do not buy yet, by what is true of them before they buy; an attribute of health is refused."""
    given = [(prospect.id, prospect.attributes) for prospect in asked.prospects]
    return _scores(served, served.scorer.as_of, served.scorer.answers_of_prospects(given, asked.top, check), call)


@router.get(
    "/v1/accounts/{account_id:path}",
    response_model=AccountAnswer,
    responses={**READING, **errors(404)},
    summary="One customer",
)
def account(
    account_id: Annotated[str, Path(min_length=1, max_length=MAX_TEXT, description="As in the tables.")],
    query: Annotated[AccountQuery, Query()],
    served: Live,
    call: OfCall,
) -> Body:
    """The score of one customer of the workspace, with its reasons."""
    call.answers = answers = served.scorer.answers_by_id([account_id], query.top)
    if not answers.fragments:
        raise UnknownAccount(
            f"No customer of this workspace has this id: {served.scorer.why_not_found(account_id)}.",
            details=[account_id],
        )
    return Body(opened(header(served)) + b"," + answers.fragments[0][1:])


def _scores(served: Served, as_of: date, answers: Answers, call: Call) -> Body:
    call.answers = answers
    because = {name: served.scorer.why_not_found(name) for name in answers.not_found}
    refused = [one.to_json() for one in answers.refused]
    rest = opened({"not_found": list(answers.not_found), "not_found_because": because, "refused": refused})
    return Body(answers.joined(opened(header(served, as_of=as_of)) + b',"scores":', b"," + rest[1:] + b"}"))


def _same_day(asked: date | None, scored: date) -> None:
    if asked is not None and asked != scored:
        raise InvalidRequest(
            f"Customers are scored as of {scored}; found `as_of` {asked}.",
            remedy="Leave `as_of` out, send the accounts' own rows, or use `leap score --as-of`.",
        )


def _of_accounts(accounts: Sequence[AccountRows], served: Served, as_of: date, top: int, check: Check) -> Answers:
    """Scores in the order asked, whether an account brought features or rows."""
    scorer = served.scorer
    described = [(one.account_id, one.features) for one in accounts if not one.in_rows]
    in_rows = [(one.account_id, one.tables) for one in accounts if one.in_rows]
    if not in_rows:
        return scorer.answers_by_features(described, top, check)
    by_rows = scorer.answers_by_rows(in_rows, as_of.isoformat(), top, check)
    if not described:
        return by_rows
    return _in_order([not one.in_rows for one in accounts], scorer.answers_by_features(described, top, check), by_rows)


def _in_order(from_first: Sequence[bool], first: Answers, second: Answers) -> Answers:
    """Two answers as one, each score taken from the one that has it; some of the second may be refused."""
    ones, others = iter(first.fragments), iter(second.fragments)
    places = [i for i, own in enumerate(from_first) if not own]
    refused = [replace(one, place=places[one.place]) for one in second.refused]
    without = {one.place for one in refused}
    fragments = [next(ones if own else others) for i, own in enumerate(from_first) if i not in without]
    bands = [sum(pair) for pair in zip(first.bands, second.bands, strict=True)]
    abstained: Mapping[str, int] = Counter(first.abstained) + Counter(second.abstained)
    return type(first)(fragments, (), bands, abstained, second.values, refused)
