"""An account of a target list in figures and words: whom, when, for and against; and the list as one JSON object."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from leap.explanation import wording
from leap.icp import ICPProfile
from leap.scoring.reasons import plain
from leap.scoring.targets.candidates import IF_WON, WIN_MODEL
from leap.scoring.targets.exploring import SIMULATED
from leap.scoring.targets.signals import NO_SIGNALS, RULE
from leap.scoring.targets.target_list import EXPLORATION, LEFT_OUT, OVERRIDE, PARTS, TargetList

WHO = "what the account is worth if it is won, less CAC; from fit features alone"
_DRIVERS = 2
_MISSED = 2


class Entries:
    """The accounts of a list, made when asked for: a list of thousands is read from the top."""

    def __init__(self, made: TargetList):
        self.made = made

    def to_json(self, limit: int | None = None) -> dict[str, Any]:
        """The list with its first `limit` accounts (None: all), what it is made of, and all others counted."""
        made, own = self.made, self.made.candidates
        shown = made.order if limit is None else made.order[:limit]
        return {
            "company": own.table.bundle.company,
            "version": own.table.version,
            "as_of": f"{made.as_of:%Y-%m-%d}",
            "currency": self._currency,
            "money_note": own.table.bundle.settings.company.money_note,
            "definition_hash": own.table.bundle.definition_hash,
            "seed": made.seed,
            "asked": made.asked.to_json(),
            "basis": {**own.basis, "who": WHO, "when": RULE, "propensity": self._propensity_words},
            "totals": self.totals,
            "program": self._program,
            "shown": len(shown),
            "targets": [self.entry(rank, int(i)) for rank, i in enumerate(shown, start=1)],
            "left_out": {
                "accounts": len(own) - len(made),
                "by_reason": [
                    {"reason": reason, "accounts": n, "words": LEFT_OUT[reason]}
                    for reason, n in made.left_out_by_reason.items()
                ],
            },
            "prospects": len(own),
            "notes": list(made.notes),
        }

    @property
    def _currency(self) -> str:
        return self.made.candidates.table.bundle.settings.company.currency

    @property
    def totals(self) -> dict[str, Any]:
        """Of the whole list, whatever is shown of it."""
        made, own = self.made, self.made.candidates
        parts = {part: int((made.part == part).sum()) for part in PARTS}
        return {
            "accounts": len(made),
            "cost": made.total(own.cost),
            "expected_gain": made.total(own.gain),
            "expected_new_mrr": made.total(own.new_mrr),
            "quota_short": made.quota_short,
            "by_part": {part: n for part, n in parts.items() if n or part != OVERRIDE},
        }

    @property
    def _program(self) -> dict[str, Any]:
        choice = self.made.choice
        return {
            "status": choice.status,
            "gap": choice.gap,
            "gain": choice.gain,
            "bound": choice.bound,
            "time_limit_seconds": self.made.asked.seconds,
            "emerging_short": choice.emerging_short,
            "exploration_short": self.made.exploration_short,
        }

    @property
    def _propensity_words(self) -> str:
        how = "from a formula" if self.made.drawn.exact else f"counted in up to {SIMULATED:,} draws"
        return f"1 where figures or an owner decided; of the random draw the chance to be drawn, {how}"

    def entry(self, rank: int, i: int) -> dict[str, Any]:
        """One account of the list."""
        own, table, part = self.made.candidates, self.made.candidates.table, str(self.made.part[i])
        override = self.made.overrides.get(i) if part == OVERRIDE else None
        return {
            "rank": rank,
            "account_id": table.account_ids[i],
            "name": table.names[i],
            "part": part,
            "who": self._who(i),
            "when": self._when(i),
            "win_probability": plain(float(own.win[i])) if own.win_basis != IF_WON else None,
            "worth_if_won": plain(float(own.worth[i])),
            "cost": plain(float(own.cost[i])),
            "expected_gain": plain(float(own.gain[i])),
            "expected_new_mrr": plain(float(own.new_mrr[i])),
            "propensity": float(self.made.propensity[i]),
            "for": self._for(i),
            "against": self._against(i),
            "override": None if override is None else override.to_json(),
        }

    def _who(self, i: int) -> dict[str, Any]:
        """Whom: the fit score with its interval, and the drivers behind it."""
        table, own = self.made.candidates.table, self.made.candidates
        if table.silent[i]:
            empty = dict.fromkeys(("score", "nrr", "nrr_low", "nrr_high", "value_12m", "value_low", "value_high"))
            return {**empty, "icp_id": None, "icp_tier": None, "reasons": [], "reason": table.abstained(i)}
        low, high = self._interval
        match = table.matches[i]
        reasons = [reason["phrase"] for reason in table.reasons(i, _DRIVERS)]
        cac = float(np.nan_to_num(own.cac[i]))
        return {
            "score": plain(float(own.worth[i]) - cac),
            "nrr": float(table.prediction.nrr[i]),
            "nrr_low": float(low[i]),
            "nrr_high": float(high[i]),
            **{name: plain(float(part[i])) for name, part in zip(_VALUES, table.value, strict=True)},
            "icp_id": match.icp_id,
            "icp_tier": match.tier,
            "reasons": reasons,
            "reason": None,
        }

    @cached_property
    def _interval(self) -> tuple[np.ndarray, np.ndarray]:
        return self.made.candidates.table.nrr_interval

    def _when(self, i: int) -> dict[str, Any]:
        """When: buying signals with their dates."""
        signals = self.made.candidates.signals
        return {
            "score": plain(float(signals.score[i])),
            "reasons": signals.reasons(i),
            "reason": None if signals.declared else NO_SIGNALS,
        }

    def _for(self, i: int) -> list[str]:
        own = self.made.candidates
        said = []
        override = self.made.overrides.get(i)
        if override is not None and override.verdict == "include":
            said.append(override.words)
        said += [
            f"Meets {profile.id} ({profile.kind}): {profile.rule.words}" for profile in self._met(i, negative=False)
        ]
        said += own.signals.reasons(i)
        if math.isfinite(own.gain[i]) and own.gain[i] > 0:
            said.append(self._gain_words(i))
        if self.made.part[i] == EXPLORATION:
            said.append(f"Drawn at random to learn from: the chance was {self.made.propensity[i]:.2%}")
        return said

    def _gain_words(self, i: int) -> str:
        own = self.made.candidates
        worth, cost = (wording.money(float(figure[i]), self._currency) for figure in (own.worth, own.cost))
        gain = wording.money(float(own.gain[i]), self._currency)
        if own.win_basis == IF_WON:
            return f"Expected gain {gain} if it is won: worth {worth} in {own.months} months, {cost} of work"
        which = "by the win model" if own.win_basis == WIN_MODEL else "as of all past deals"
        return (
            f"Expected gain {gain}: won with {own.win[i]:.0%} ({which}), worth {worth} in {own.months} months if won, "
            f"{cost} of work"
        )

    def _against(self, i: int) -> list[str]:
        own, table = self.made.candidates, self.made.candidates.table
        deal = [own.deals[account]] if (account := table.account_ids[i]) in own.deals else []
        if table.silent[i]:
            return [*deal, table.abstained_because(i) or str(table.abstained(i))]
        said = [*deal, *(self._negative_words(profile) for profile in self._met(i, negative=True))]
        if not self._met(i, negative=False):
            missed = [profile for profile, _ in own.meets if profile.kind != "negative"]
            near = {one.profile: one.said for one in table.matches[i].near}
            missed = sorted(missed, key=lambda profile: profile.id not in near)
            said += [
                f"Misses only one condition of {profile.id}: {near[profile.id]}"
                if profile.id in near
                else f"Misses {profile.id}: {profile.rule.words}"
                for profile in missed[:_MISSED]
            ]
        if not own.signals.reasons(i):
            said.append(own.signals.silence)
        if own.gain[i] <= 0:
            said.append(f"Costs more than it is expected to bring. {self._gain_words(i)}")
        if table.unlike is not None and (rare := table.unlike.rare(i)):
            said.append(f"Unusual among customers: {'; '.join(rare)}")
        return [*said, self._width_words(i)]

    def _negative_words(self, profile: ICPProfile) -> str:
        lost = (profile.price or {}).get("yearly_revenue_lost_per_account")
        price = ""
        if lost is not None:
            amount = wording.money(abs(float(lost)), self._currency)
            price = f"; such an account brings {amount} {'less' if lost > 0 else 'more'} revenue a year than others"
            if (profile.price or {}).get("shown") is False:
                price += " (not shown: the interval contains zero)"
        return f"Meets {profile.id} (negative): {profile.rule.words}{price}"

    def _width_words(self, i: int) -> str:
        table = self.made.candidates.table
        low, high = (float(part[i]) for part in self._interval)
        said = f"Uncertain: {table.interval_level:.0%} interval of NRR {low:.0%} to {high:.0%}"
        _, least, most = table.value
        if math.isfinite(least[i]):
            worth = f"{least[i]:,.0f} to {wording.money(float(most[i]), self._currency)}"
            said += f", of the value of 12 months less CAC {worth}"
        return said

    def _met(self, i: int, *, negative: bool) -> Sequence[ICPProfile]:
        meets = self.made.candidates.meets
        return [profile for profile, rows in meets if rows[i] and (profile.kind == "negative") == negative]


_VALUES = ("value_12m", "value_low", "value_high")
