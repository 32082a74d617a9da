"""What the page of an account is made of: its past, why it changed and what may be supposed, made once per account.

What takes tens to hundreds of milliseconds is remembered for the accounts that were looked at last.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from leap.errors import LeapError
from serving.documents import Remembered
from serving.live import ListedAccount, Served

if TYPE_CHECKING:
    from leap.reports.account import Place, ReasonSum
    from leap.reports.account_change import ChangeSum
    from leap.reports.account_what_if import Field, Proposal
    from leap.scoring.history import History
    from leap.scoring.supposed import WhatIf
    from leap.scoring.what_if import Movable

STORIES_KEPT = 128
NEAR = 5
MOST_COMPARED = 1000
"""Ids that one that is unknown is compared with."""
MOST_ID = 80
MOST_FROM = 1000
SET = "set."
"""Before the name of a feature whose value is supposed, in addresses."""


@dataclass(frozen=True)
class Beside:
    """The accounts before and after one in the list by money at risk, and its place there from 1."""

    rank: int
    of: int
    before: ListedAccount | None
    after: ListedAccount | None


def listed(served: Served, account_id: str) -> ListedAccount | None:
    """A customer as lists have it."""
    place = _ranks(served).get(account_id)
    return None if place is None else served.accounts[place]


def beside(served: Served, account_id: str) -> Beside | None:
    """Where a customer stands by money at risk."""
    place, everyone = _ranks(served).get(account_id), served.accounts
    if place is None:
        return None
    before = everyone[place - 1] if place else None
    after = everyone[place + 1] if place + 1 < len(everyone) else None
    return Beside(place + 1, len(everyone), before, after)


def _ranks(served: Served) -> dict[str, int]:
    return served.once("ranks of accounts", lambda: {one.account_id: i for i, one in enumerate(served.accounts)})


def places(served: Served, account_id: str) -> dict[str, Place]:
    """Where its figures lie among those of all customers."""
    from leap.reports.account import places

    if served.scorer.customers is None:
        return {}
    return places(*served.scorer.row_of(account_id))


def reasons(served: Served, score: Mapping[str, Any], scope: str = "health") -> ReasonSum | None:
    """The reasons of a score as a sum, with what is known of their drivers."""
    from leap.reports.account import reason_sum

    found: dict[str, list[dict[str, Any]]] = served.once(
        "drivers of reasons", lambda: {name: part["drivers"] for name, part in scorer_drivers(served).items()}
    )
    return reason_sum(score, found.get(scope, []))


def scorer_drivers(served: Served) -> dict[str, Any]:
    """The drivers of the live model by scope."""
    return served.scorer.drivers_document()


@dataclass(frozen=True)
class Story:
    """What one account has been; `problem` says why nothing can be said of it."""

    served: Served = field(repr=False)
    account_id: str
    history: History | None
    problem: str = ""

    @cached_property
    def supposable(self) -> tuple[WhatIf, list[Movable]]:
        """What may be proposed, and what may be supposed, of a customer."""
        from leap.scoring.what_if import movable, what_if

        scorer = self.served.scorer
        return what_if(scorer, self.account_id), movable(scorer, self.account_id)

    def change(self, since: str) -> tuple[str, ChangeSum | None]:
        """The day that is compared with, and the difference since: the day asked for, or else a quarter ago."""
        from leap.reports.account_change import change_sum

        history = self.history
        if history is None or len(history.scored) < 2:
            return "", None
        known = {one.as_of for one in history.scored[:-1]}
        day = since if since in known else history.usual_since()
        return (day, change_sum(history.change_since(day))) if day else ("", None)


def story(served: Served, account_id: str) -> Story | None:
    """The story of an account of the tables, remembered; None where there are no tables."""
    if served.scorer.customers is None:
        return None
    kept: Remembered[str, Story] = served.once("stories of accounts", lambda: Remembered(STORIES_KEPT))
    return kept.get(account_id) or kept.keep(account_id, _told(served, account_id))


def _told(served: Served, account_id: str) -> Story:
    from leap.scoring.history import history_of

    try:
        return Story(served, account_id, history_of(served.scorer, account_id))
    except LeapError as error:
        # Such as a currency without a rate at an earlier day: the score of today does not hang on it.
        return Story(served, account_id, None, error.message)


@dataclass(frozen=True)
class Supposing:
    """The form of what if: its fields, what was said of values that were given, and what is proposed."""

    fields: list[Field]
    answer: Proposal | None = None
    notes: tuple[str, ...] = ()
    asked: bool = False
    proposals: tuple[Proposal, ...] = ()
    why_none: str = ""
    left_out: tuple[str, ...] = ()


def supposing(told: Story, given: Mapping[str, object]) -> Supposing:
    """What the model says of this account with the values given, and with those that are usual."""
    from leap.reports import account_what_if as what_if
    from leap.scoring.what_if import suppose

    scorer = told.served.scorer
    found, movable = told.supposable
    fields = what_if.fields_of(movable)
    known = {one.name for one in fields}
    kinds = {one.feature.name: one.feature.kind for one in movable}
    values, filled = what_if.read(fields, kinds, given)
    notes = []
    if unknown := [name for name in given if name not in known]:
        notes.append(f"{len(unknown)} of the features given cannot be set here; they are left as they are.")
    answer = None
    supposed = suppose(scorer, told.account_id, values) if values else None
    if supposed is not None:
        filled = what_if.with_warnings(filled, supposed)
        notes += what_if.told_nowhere(filled, supposed)
        answer = what_if.proposal(supposed)
    asked = any(one.text for one in filled) or bool(notes)
    return Supposing(
        filled, answer, tuple(notes), asked, tuple(what_if.proposals(found)), found.note or "", tuple(found.left_out)
    )


def given_values(extra: Mapping[str, object] | None) -> dict[str, object]:
    """The values that an address supposes, by name of feature; blanks say nothing.

    >>> given_values({"set.seats": "12", "set.plan": " ", "other": "1"})
    {'seats': '12'}
    """
    found = {name.removeprefix(SET): value for name, value in (extra or {}).items() if name.startswith(SET)}
    return {name: value for name, value in found.items() if isinstance(value, list) or str(value).strip()}


def local_query(text: str) -> str:
    """What stood after `?` on the page of accounts, made anew from its parts, so that it can lead nowhere else.

    >>> local_query("?q=a+b&sort=churn"), local_query("https://evil.example/"), local_query("//evil.example?q=1")
    ('q=a+b&sort=churn', '', '%2F%2Fevil.example%3Fq=1')
    """
    try:
        pairs = parse_qsl(text[:MOST_FROM].removeprefix("?"), keep_blank_values=False, max_num_fields=40)
    except ValueError:
        return ""
    return urlencode(pairs, errors="replace")


def near(served: Served, account_id: str) -> list[ListedAccount]:
    """Customers whose id or name is like this one's, the likeliest first; so many ids are looked at, and no more."""
    asked = " ".join(account_id.split()).casefold()[:MOST_ID]
    if not asked:
        return []
    found = [one for one in served.accounts if asked in one.account_id.casefold() or asked in one.name.casefold()]
    alike = [one for one in served.accounts if one.account_id[:3].casefold() == asked[:3]]
    several = [*found[:MOST_COMPARED], *alike[:MOST_COMPARED], *served.accounts[:MOST_COMPARED]]
    by_id = {one.account_id[:MOST_ID].casefold(): one for one in several[:MOST_COMPARED]}
    ids = difflib.get_close_matches(asked, list(by_id), n=NEAR, cutoff=0.6)
    closest = [by_id[one] for one in ids]
    return [*closest, *(one for one in found if one not in closest)][:NEAR]
