"""Whom to sell to next: prospects chosen under limits, each with its part of the list, and all others counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from leap.bundle.model_bundle import ModelBundle
from leap.errors import UsageError
from leap.explanation.novelty import NO_CUSTOMERS_LIKE_THIS, TOO_LITTLE_KNOWN
from leap.scoring.batch import moment_of
from leap.scoring.scored import score_prospects
from leap.scoring.scorer import Scorer
from leap.scoring.targets.asked import Asked, Override
from leap.scoring.targets.candidates import Candidates
from leap.scoring.targets.exploring import Draw, Room, draw
from leap.scoring.targets.program import Choice, Limits, Method, Pool, choose
from leap.tables import AccountTables

VALUE, EMERGING, EXPLORATION, OVERRIDE = "value", "emerging", "exploration", "override"
PARTS = (VALUE, EMERGING, EXPLORATION, OVERRIDE)

LEFT_OUT = {
    NO_CUSTOMERS_LIKE_THIS: "no customers like this: no score could be stood by",
    TOO_LITTLE_KNOWN: "too little known of the company",
    "no_value": "no value known: what new customers pay is not known",
    "owner": "left out by the owner of the account",
    "negative_profile": "meets a negative profile, and the policy is to exclude",
    "no_profile": "meets no profile, and the policy is to exclude",
    "dearer_than_budget": "costs more than the whole budget",
    "not_worth_it": "costs more than it is expected to bring",
    "over_capacity": "over capacity: others are expected to bring more",
    "over_budget": "over budget: others bring more for the money",
    "segment_full": "its segment has as many accounts as asked for",
    "over_limits": "what is left of the limits is kept for emerging profiles or exploration",
}
"""Reasons for which a prospect is not on the list, in words."""
_SLACK = 1e-9


@dataclass(frozen=True)
class TargetList:
    """The accounts chosen and why all others were not; arrays are aligned with `candidates`.

    `part` is where an account belongs on the list, empty if it is not on it; `left_out` the reason, empty if it is.
    `propensity` is the chance each had to be on it: 1 where its figures decided, and that of the draw for the others.
    """

    candidates: Candidates
    asked: Asked
    as_of: pd.Timestamp
    seed: int
    part: np.ndarray
    left_out: np.ndarray
    propensity: np.ndarray
    drawn: Draw
    choice: Choice
    overrides: Mapping[int, Override]
    exploration_short: int = 0
    notes: tuple[str, ...] = ()

    @cached_property
    def order(self) -> np.ndarray:
        """Rows of the list by expected gain, the largest first; those without any come last."""
        rows = np.flatnonzero(self.part != "")
        return rows[np.lexsort((rows, -np.nan_to_num(self.candidates.gain[rows], nan=-np.inf)))]

    def __len__(self) -> int:
        return len(self.order)

    def total(self, figures: np.ndarray) -> float:
        """The sum of a figure over the list, of the accounts that have it."""
        return float(np.nansum(figures[self.order]))

    @property
    def left_out_by_reason(self) -> dict[str, int]:
        """How many prospects are not on the list, by reason, in the order of LEFT_OUT."""
        return {reason: n for reason in LEFT_OUT if (n := int((self.left_out == reason).sum()))}

    @property
    def quota_short(self) -> float | None:
        """By how much the expected new MRR of the list falls short of the quota; None without one."""
        if self.asked.quota is None:
            return None
        short = self.asked.quota - self.total(self.candidates.new_mrr)
        return short if short > 1e-6 * self.asked.quota else 0.0


def target_list(
    bundle: ModelBundle,
    tables: AccountTables,
    version: str = "",
    *,
    as_of: str | None = None,
    asked: Asked | None = None,
    overrides: Mapping[str, Override] | None = None,
    seed: int = 0,
    method: Method = "program",
) -> TargetList:
    """The list of a workspace at a date (default: the end of the data), by default under the limits of `[policy]`.

    `overrides` are by account; those of accounts that are no prospects at the date are noted and change nothing.
    """
    moment = moment_of(bundle, tables, as_of)
    table = score_prospects(bundle, tables, moment, version)
    candidates = Candidates.of(table, tables, moment)
    wanted = Asked.of(tables.settings.policy) if asked is None else asked
    return listed(candidates, wanted, moment, overrides or {}, seed, method)


def target_list_of(
    scorer: Scorer,
    asked: Asked | None = None,
    overrides: Mapping[str, Override] | None = None,
    seed: int = 0,
    months: Literal[12, 36] | None = None,
) -> TargetList:
    """The same from a scorer, which keeps the scores of its prospects; UsageError if it has no tables.

    `months` are those set against the cost of winning an account, in place of `[policy] target_months`.
    """
    table, tables = scorer.prospect_table, scorer.tables
    if table is None or tables is None:
        raise UsageError(
            "There are no tables, so there are no prospects to choose from.", remedy="Give a workspace with tables."
        )
    moment = pd.Timestamp(scorer.as_of)
    wanted = Asked.of(tables.settings.policy) if asked is None else asked
    candidates = Candidates.of(table, tables, moment)
    if months is not None:
        candidates = replace(candidates, policy=candidates.policy.model_copy(update={"target_months": months}))
    return listed(candidates, wanted, moment, overrides or {}, seed)


def listed(
    candidates: Candidates,
    asked: Asked,
    as_of: pd.Timestamp,
    overrides: Mapping[str, Override],
    seed: int = 0,
    method: Method = "program",
) -> TargetList:
    """Choose: what owners keep first, then what gains most, then the draw."""
    return _Making(candidates, asked, overrides).made(as_of, seed, method)


class _Making:
    """The steps of one list over its candidates."""

    def __init__(self, candidates: Candidates, asked: Asked, overrides: Mapping[str, Override]):
        self.candidates, self.asked = candidates, asked
        n = len(candidates)
        position = {account: i for i, account in enumerate(candidates.table.account_ids)}
        self.overrides = {position[account]: found for account, found in overrides.items() if account in position}
        self.kept_nothing = False
        self.unknown = sorted(set(overrides) - set(position))
        self.segment, self.segment_names = candidates.segments(asked)
        self.part = np.full(n, "", dtype=object)
        self.left_out = self._never()
        self.money = np.inf if asked.budget is None else asked.budget
        self.places = np.inf if asked.capacity is None else asked.capacity
        many = np.inf if asked.per_segment is None else asked.per_segment
        self.room = np.full(len(self.segment_names), many)

    def _never(self) -> np.ndarray:
        """Why accounts cannot be on the list whatever the limits; empty for the others, shape (n,)."""
        found, own = np.full(len(self.candidates), "", dtype=object), self.candidates
        if self.asked.mode == "exclude":
            if any(profile.kind != "negative" for profile, _ in own.meets):
                found[~own.of_kind("established", "emerging")] = "no_profile"
            found[own.of_kind("negative")] = "negative_profile"
        found[~np.isfinite(own.gain)] = "no_value"
        for i in np.flatnonzero(own.table.silent).tolist():
            found[i] = own.table.abstained(i)
        for i, override in self.overrides.items():
            found[i] = "owner" if override.verdict == "exclude" else ""
        return found

    def made(self, as_of: pd.Timestamp, seed: int, method: Method) -> TargetList:
        self._keep_what_owners_want()
        places, money = self._kept_for_exploration()
        choice = self._choose(places, money, method)
        drawn, short = self._explore(choice, places, money, seed)
        propensity = np.where((self.part != "") & (self.part != EXPLORATION), 1.0, drawn.propensity)
        self._say_why_not()
        return TargetList(
            self.candidates, self.asked, as_of, seed, self.part, self.left_out, propensity, drawn, choice,
            self.overrides, short, tuple(self._notes(choice.emerging_short, short)),
        )  # fmt: skip

    def _take(self, i: int, part: str) -> None:
        self.part[i] = part
        self.money -= float(self.candidates.cost[i])
        self.places -= 1
        self.room[self.segment[i]] -= 1

    def _fits(self, i: int) -> bool:
        return bool(
            self.places >= 1
            and self.candidates.cost[i] <= self.money + _SLACK * max(1.0, self.asked.budget or 0.0)
            and self.room[self.segment[i]] >= 1
        )

    def _keep_what_owners_want(self) -> None:
        """Accounts that their owners keep, by expected gain, as far as the limits go."""
        kept = [i for i, override in self.overrides.items() if override.verdict == "include"]
        gain = np.nan_to_num(self.candidates.gain, nan=-np.inf)
        for i in sorted(kept, key=lambda i: (-gain[i], i)):
            if self._fits(i):
                self._take(i, OVERRIDE)
            else:
                full = self.room[self.segment[i]] < 1
                self.left_out[i] = "over_capacity" if self.places < 1 else "segment_full" if full else "over_budget"

    @property
    def limitless(self) -> bool:
        """Without budget and capacity every account that gains is chosen, and there is nothing to keep a share of."""
        return self.asked.budget is None and self.asked.capacity is None

    @property
    def _open(self) -> np.ndarray:
        """Accounts that may still be chosen, shape (n,)."""
        return np.asarray((self.part == "") & (self.left_out == ""))

    @property
    def _room_of_segments(self) -> float:
        """How many open accounts the limit of each segment has room for; infinite where it leaves nobody out."""
        there = np.bincount(self.segment[self._open], minlength=len(self.room))
        room = float(np.minimum(there, np.maximum(self.room, 0)).sum())
        return room if room < there.sum() else np.inf

    def _kept_for_exploration(self) -> tuple[int | None, float]:
        """Places (None: as many as follow from the share of the list) and money kept back for the draw."""
        share = self.asked.exploration_share
        cost = self.candidates.cost[self._open]
        if not share or not len(cost) or self.limitless:
            return 0, 0.0
        money = share * max(self.money, 0.0) if np.isfinite(self.money) else np.inf
        if cost.min() > money:
            self.kept_nothing = True
            return 0, 0.0
        if not np.isfinite(self.places):
            return None, money
        places = int(share * min(self.places, self._room_of_segments, len(cost)) + _SLACK)
        most = places if cost.min() <= 0 else min(places, int(min(money / cost.min(), len(cost)) + _SLACK))
        self.kept_nothing = not most
        return (most, money) if most else (0, 0.0)

    def _choose(self, places: int | None, money: float, method: Method) -> Choice:
        rows = np.flatnonzero(self._open)
        own, emerging_rows = self.candidates, self.candidates.of_kind("emerging")
        pool = Pool(
            own.gain[rows], own.cost[rows], np.maximum(own.new_mrr[rows], 0.0), emerging_rows[rows],
            self.segment[rows],
        )  # fmt: skip
        taken = own.new_mrr[self.part != ""]
        # The draw needs room in segments too, or else what gains most would fill them all.
        most = self.places if places == 0 else min(self.places, self._room_of_segments)
        kept = int(self.asked.exploration_share * most + _SLACK) if places is None and np.isfinite(most) else places
        limits = Limits(
            budget=max(self.money - money, 0.0) if np.isfinite(self.money) else None,
            capacity=int(most - (kept or 0)) if np.isfinite(most) else None,
            quota=None if self.asked.quota is None else max(0.0, self.asked.quota - float(np.nansum(taken))),
            per_segment=None
            if self.asked.per_segment is None
            else tuple(np.maximum(self.room, 0).astype(int).tolist()),
        )
        found = choose(pool, limits, seconds=self.asked.seconds, method=method)
        emerging = self._emerging_places(found, limits)
        if emerging > int((found.chosen & pool.emerging).sum()):
            found = choose(pool, replace(limits, emerging=emerging), seconds=self.asked.seconds, method=method)
        for i in rows[found.chosen]:
            self._take(int(i), EMERGING if emerging_rows[i] else VALUE)
        return found

    def _emerging_places(self, found: Choice, limits: Limits) -> int:
        """How many accounts are kept for emerging profiles: a share of the places or of the list."""
        if not any(profile.kind == "emerging" for profile, _ in self.candidates.meets):
            return 0
        size = int(found.chosen.sum())
        return int(self.asked.emerging_share * min(size, limits.capacity or size) + _SLACK)

    def _explore(self, choice: Choice, places: int | None, money: float, seed: int) -> tuple[Draw, int]:
        """Draw among the accounts that were not chosen; how many of the places stayed empty."""
        share, chosen = self.asked.exploration_share, int(choice.chosen.sum())
        wanted = places if places is not None else round(share / (1 - share) * chosen) if share < 1 else len(self.part)
        rows = np.flatnonzero(self._open & (self.candidates.cost <= money))
        of_segment = None if self.asked.per_segment is None else np.maximum(self.room, 0).astype(int)
        room = Room(wanted, money if np.isfinite(money) else None, of_segment)
        found = draw(self.candidates.cost[rows], self.segment[rows], room, seed)
        for i in rows[found.taken]:
            self._take(int(i), EXPLORATION)
        propensity = np.zeros(len(self.part))
        propensity[rows] = found.propensity
        return replace(found, taken=rows[found.taken], propensity=propensity), wanted - len(found.taken)

    def _say_why_not(self) -> None:
        own, asked = self.candidates, self.asked
        rest = self._open
        why = np.full(len(rest), "over_limits", dtype=object)
        why[own.cost > self.money + _SLACK * max(1.0, asked.budget or 0.0)] = "over_budget"
        why[self.room[self.segment] < 1] = "segment_full"
        if self.places < 1:
            why[:] = "over_capacity"
        why[own.gain <= 0] = "not_worth_it"
        if asked.budget is not None:
            why[own.cost > asked.budget * (1 + _SLACK)] = "dearer_than_budget"
        self.left_out[rest] = why[rest]

    def _notes(self, emerging_short: int, exploration_short: int) -> list[str]:
        found = []
        if not len(self.candidates):
            found.append(
                "No prospects: every account of the tables has paid by this date. Give accounts without revenue."
            )
        if self.unknown:
            n = len(self.unknown)
            found.append(
                f"{n} override(s) are of accounts that are no prospects at this date, such as {self.unknown[0]}."
            )
        if self.asked.emerging_share and not any(profile.kind == "emerging" for profile, _ in self.candidates.meets):
            found.append("There is no emerging profile yet, so what is kept for such accounts goes to the others.")
        if emerging_short:
            found.append(
                f"{emerging_short:,} place(s) kept for emerging profiles went to other accounts: too few that meet one "
                "bring more than they cost and fit into the limits."
            )
        if self.asked.exploration_share and self.limitless and len(self.candidates):
            found.append("Neither a budget nor a capacity limits the list, so no account is drawn at random.")
        if self.asked.exploration_share and self.kept_nothing:
            found.append(
                "No account is drawn at random: what is kept for that pays for none, so it went to the others."
            )
        if exploration_short > 0 and len(self.candidates):
            found.append(
                f"{exploration_short:,} place(s) kept for the random draw stayed empty: no account was left that "
                "fits into the limits."
            )
        if self.asked.segment is not None and self.asked.per_segment is None:
            found.append(
                f"Nothing limits the accounts of one segment, so the segment {self.asked.segment} changes nothing: "
                "give --per-segment or [policy] targets_per_segment."
            )
        if self.asked.budget is not None and len(self.candidates) and not self.candidates.cost.any():
            found.append(
                "Working on an account costs nothing as far as is known, so the budget limits nothing: give "
                "acquisition costs (a table with role costs) or [policy] account_cost."
            )
        return found
