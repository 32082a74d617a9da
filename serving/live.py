"""What requests are answered with: one model version with the accounts it scores, replaced as a whole.

A request takes one `Served` from `LiveModel` at its start and uses nothing else, so that an answer never mixes two
versions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from leap.config import Company
from leap.errors import NoModel
from serving.documents import Documents, Remembered

if TYPE_CHECKING:
    from leap.reviews import Review, ReviewBook
    from leap.scoring import Scorer
    from leap.scoring.freshness import Freshness
    from serving.workspace import Reading


MADE_KEPT = 64
"""How many values are remembered that pages are made from."""

T = TypeVar("T")


@dataclass(frozen=True)
class ListedAccount:
    """One customer in the list that people look through."""

    account_id: str
    name: str
    mrr: float | None
    at_risk: float | None
    """`mrr * (1 - nrr)`: the MRR expected to be lost over the horizon; below zero where growth is expected."""
    row: Mapping[str, Any]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> ListedAccount:
        """From a row of `Scorer.listing()`.

        >>> ListedAccount.of({"account_id": "a1", "name": None, "mrr": 200.0, "nrr": 0.75}).at_risk
        50.0
        """
        mrr, nrr = row.get("mrr"), row.get("nrr")
        at_risk = mrr * (1 - nrr) if mrr is not None and nrr is not None else None
        return cls(
            account_id=str(row["account_id"]),
            name=str(row.get("name") or row["account_id"]),
            mrr=mrr,
            at_risk=at_risk,
            row=row,
        )


class Served:
    """One model version with the accounts it scores: everything a request may need, and immutable."""

    def __init__(
        self,
        scorer: Scorer,
        company: Company,
        horizon_months: int = 12,
        explained_by: str = "",
        stale_after_days: int = 45,
        documents: Documents | None = None,
        reviews: Sequence[Review] = (),
        book: ReviewBook | None = None,
        reading: Reading | None = None,
    ) -> None:
        self.scorer = scorer
        self.reading = reading
        """When its tables were read, and what changed in them before; None where they are sealed or there are none."""
        self.documents = documents or Documents(scorer)
        """What it says beside scores, remembered."""
        self.explained_by = explained_by
        """What computes the contributions: the exact kernel, or LightGBM where that is not to be trusted here."""
        self.company = company
        self.horizon_months = horizon_months
        self.stale_after_days = stale_after_days
        self.reviews = tuple(reviews)
        """What people decided until this went live, and what it says takes into account."""
        self.book = book
        """Where people's verdicts are kept; None where there is no place for them, or it cannot be written."""
        self._made = Remembered[Hashable, tuple[Any]](MADE_KEPT)
        self._making: dict[Hashable, Any] = {}
        """By name, the lock of whoever makes it: nobody waits for what another page is made from."""
        accounts = [ListedAccount.of(row) for row in scorer.listing()]
        self.accounts = tuple(sorted(accounts, key=_largest_risk_first))

    def freshness(self, as_of: date | None = None) -> Freshness:
        """How old features of a day are today; default: those of the workspace."""
        from leap.scoring.freshness import Freshness

        return Freshness.on(as_of or self.scorer.as_of, datetime.now(UTC), self.stale_after_days)

    def once(self, name: Hashable, make: Callable[[], T]) -> T:
        """What pages are made from and takes long: made when first asked for, once a name, and remembered."""
        found = self._made.get(name)
        if found is None:
            with self._making.setdefault(name, threading.RLock()):
                found = self._made.get(name) or self._made.keep(name, (make(),))
        made: T = found[0]
        return made

    @property
    def version(self) -> str:
        """Version of the model in the registry."""
        return self.scorer.version


def _largest_risk_first(account: ListedAccount) -> tuple[bool, float, str]:
    return (account.at_risk is None, -(account.at_risk or 0.0), account.account_id)


@dataclass(frozen=True)
class Problem:
    """Why not all that should be live is: a champion, tables or reviews."""

    code: str
    message: str

    def told(self, *, in_full: bool) -> str:
        """Its words for whoever may know them, else its kind: they name places of this machine and may quote a cell.

        >>> Problem("table", "accounts.csv: ..").told(in_full=False)
        'Its kind is `table`; a token of scope admin is told more.'
        """
        return self.message if in_full else f"Its kind is `{self.code}`; a token of scope admin is told more."


class LiveModel:
    """Holds the one reference that requests take; reading and replacing it is atomic."""

    def __init__(self, served: Served | None = None) -> None:
        self._served = served
        self.problem: Problem | None = None

    def peek(self) -> Served | None:
        """What is live, or nothing yet."""
        return self._served

    def take(self, *, in_full: bool = True) -> Served:
        """What is live, for one whole request; NoModel if nothing is, with all of why or its code alone."""
        served = self._served
        if served is None:
            why = self.problem.told(in_full=in_full) if self.problem else "The model is being loaded."
            raise NoModel(f"No model is live. {why}")
        return served

    def swap(self, served: Served) -> None:
        """Make this live; requests under way keep the one they took."""
        self._served = served
        self.problem = None
