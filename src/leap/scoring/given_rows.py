"""Accounts scored from the raw rows that a request brings: all at once, and each as if it came alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Final

import pandas as pd

from leap.bundle.model_bundle import ModelBundle
from leap.config import TableSpec
from leap.errors import RevenueError, UsageError
from leap.features import Feature
from leap.scoring.action import Reach
from leap.scoring.answers import TOP, Check, RefusedAccount, chunks, never
from leap.scoring.given_request import MOST_LOOKS, GivenRequest, Scored
from leap.scoring.prepared import Prepared
from leap.scoring.row_check import require_forms
from leap.scoring.row_forms import Form, forms_of
from leap.scoring.row_refusals import Rows, of_revenue, of_rows, of_silence, refused, without_mrr
from leap.scoring.table import ScoreTable
from leap.snapshots import day_of
from leap.tables import AccountTables, Table
from leap.tables.assemble import named_columns
from leap.tables.given import Holds, Reading
from leap.tables.lineage import sources_of
from leap.tables.names import OF_NAMES

__all__ = ["GivenRows", "Rows", "told_together"]

_NUMBERS: Final = ("change", "growth", "mean")
_AS_THEY_ARE: Final = ("value", "latest", "latest_active")


@dataclass(frozen=True)
class GivenRows:
    """Scores accounts by their own rows, with one model and the market tables of one workspace.

    Rows go through the checks and features of files, except that a row that a file would set aside is refused with its
    place, and so is a cell that says nothing of what is read from it.
    """

    bundle: ModelBundle
    version: str
    as_of: pd.Timestamp
    market: Mapping[str, Table] = field(default_factory=dict)
    reach: Reach | None = None
    prepared: Prepared | None = None

    def documents(
        self,
        accounts: Sequence[tuple[str, Rows]],
        as_of: str | date | None = None,
        top: int = TOP,
        check: Check = never,
    ) -> list[dict[str, Any]]:
        """The score of every account in the order asked, as `ScoreTable.to_json` has it."""
        return told_together(self.scored(accounts, as_of, check), top, check)

    def scored(
        self, accounts: Sequence[tuple[str, Rows]], as_of: str | date | None = None, check: Check = never
    ) -> list[Scored]:
        """For every account, in order, a table of scores and its position there.

        TableError names every bad row, or every account without MRR at the date; UsageError a date that is ahead.
        """
        moment = self.as_of if as_of is None else self.moment(as_of)
        try:
            return self._all_scored(accounts, moment, check)
        except RevenueError as error:
            if len(accounts) == 1:
                raise of_revenue(accounts[0][0], error) from None
            # What cannot be added up is a fault of some account, not of all that came with it.
            return [self._alone(account, moment, check) for account in accounts]

    def _all_scored(self, accounts: Sequence[tuple[str, Rows]], moment: pd.Timestamp, check: Check) -> list[Scored]:
        request = GivenRequest(self, accounts)
        read = request.read(max(moment, self.as_of), check)
        if request.refused:
            raise of_rows(request.refused, accounts)
        found, silent = request.scored(read, moment, check)
        if silent:
            raise of_silence(silent, accounts, moment)
        return [found[i] for i in range(len(accounts))]

    def _alone(self, account: tuple[str, Rows], moment: pd.Timestamp, check: Check) -> Scored:
        check()
        try:
            return self._all_scored([account], moment, check)[0]
        except RevenueError as error:
            raise of_revenue(account[0], error) from None

    def each(
        self, accounts: Sequence[tuple[str, Rows]], as_of: str | date | None = None, check: Check = never
    ) -> list[Scored | RefusedAccount]:
        """As `scored`, but an account whose rows allow no score is told by itself, in its place.

        TableError names what does not fit `forms`, unknown tables, and accounts without any row of revenue.
        """
        moment = self.as_of if as_of is None else self.moment(as_of)
        require_forms(accounts, self.forms, self.bundle.settings.with_role("revenue"))
        found: dict[int, Scored | RefusedAccount] = {}
        left, looks = list(range(len(accounts))), MOST_LOOKS
        while left:
            asked = [accounts[i] for i in left]
            request = GivenRequest(self, asked, looks)
            read = request.read(max(moment, self.as_of), check)
            bad, looks = request.refused_by_account(), request.looks
            for j, rows in bad.items():
                found[left[j]] = refused(left[j], asked[j][0], "table", of_rows(rows, asked))
            if not bad:
                found |= zip(left, self._each_of(request, read, left, moment, check), strict=True)
            left = [i for i in left if i not in found]
        return [found[i] for i in range(len(accounts))]

    def _each_of(
        self,
        request: GivenRequest,
        read: Mapping[str, AccountTables],
        places: Sequence[int],
        moment: pd.Timestamp,
        check: Check,
    ) -> list[Scored | RefusedAccount]:
        """Of rows that break no rule."""
        accounts = request.accounts
        try:
            found, silent = request.scored(read, moment, check)
        except RevenueError as error:
            if len(accounts) == 1:
                name = accounts[0][0]
                return [refused(places[0], name, "revenue", of_revenue(name, error))]
            apart: list[Scored | RefusedAccount] = []
            for place, account in zip(places, accounts, strict=True):
                alone = GivenRequest(self, [account], looks=0)
                again = alone.read(max(moment, self.as_of), check)
                apart += self._each_of(alone, again, [place], moment, check)
            return apart
        return [
            found[j] if j in found else without_mrr(place, accounts[j][0], silent[j], moment)
            for j, place in enumerate(places)
        ]

    @property
    def latest(self) -> pd.Timestamp:
        """The last day that accounts may be scored as of: what is known then has happened in some zone."""
        return max(self.as_of, pd.Timestamp.now("UTC").tz_localize(None).floor("D") + pd.Timedelta(days=2))

    def moment(self, as_of: str | date) -> pd.Timestamp:
        """The beginning of a day; UsageError for one that is ahead."""
        moment = day_of(str(as_of))
        if moment > self.latest:
            raise UsageError(
                f"`as_of` {moment:%Y-%m-%d} is later than tomorrow: what is known by then has not happened yet.",
                remedy="Choose an earlier date, or leave it out.",
            )
        return moment

    @cached_property
    def reading(self) -> Reading:
        """How the tables of this model's company are read."""
        return Reading(self.bundle.settings, self._holds, self.market)

    @cached_property
    def _holds(self) -> Mapping[str, Mapping[str, Holds]]:
        """What features read, by table and column."""
        holds: dict[str, dict[str, Holds]] = {}
        for feature in self.bundle.catalog.features:
            kind = _held(feature)
            if kind is not None and feature.recipe.column is not None:
                holds.setdefault(feature.recipe.table, {})[feature.recipe.column] = kind
        return holds

    @cached_property
    def sources(self) -> Mapping[str, TableSpec]:
        """Every table that rows may be given of."""
        return sources_of(self.bundle.settings)

    @cached_property
    def forms(self) -> Mapping[str, Mapping[str, Form]]:
        """What has to stand in columns of which more than words is read, by table."""
        settings = self.bundle.settings
        return {name: forms_of(name, spec, settings, self._holds.get(name, {})) for name, spec in self.sources.items()}

    @cached_property
    def columns(self) -> Mapping[str, frozenset[str]]:
        """The columns of each table from which something is read."""
        margin = self.bundle.settings.company.gross_margin
        more = {*OF_NAMES, *([margin] if isinstance(margin, str) else [])}
        return {
            name: frozenset(named_columns(spec)) | (more if spec.shape == "attributes" else set()) | {spec.key}
            for name, spec in self.sources.items()
        }


def _held(feature: Feature) -> Holds | None:
    operation = feature.recipe.operation
    if operation in _NUMBERS:
        return "number"
    if operation == "share":
        return "boolean"
    if operation == "days_since":
        return "date"
    return feature.kind if operation in _AS_THEY_ARE and feature.kind != "category" else None


def told_together(scored: Sequence[Scored], top: int, check: Check) -> list[dict[str, Any]]:
    """The scores of rows in the order given, those of one table formed together."""
    found: dict[int, dict[str, Any]] = {}
    places: dict[int, tuple[ScoreTable, list[tuple[int, int]]]] = {}
    for i, (table, row) in enumerate(scored):
        places.setdefault(id(table), (table, []))[1].append((i, row))
    for table, rows in places.values():
        for part in chunks(rows, check):
            asked, own = zip(*part, strict=True)
            found |= zip(asked, table.documents(own, top), strict=True)
    return [found[i] for i in range(len(scored))]
