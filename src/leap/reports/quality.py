"""How good the models are out of time and what NRR is associated with, as plain values that reports lay out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leap.bundle.model_bundle import ModelBundle
from leap.evaluation.calibration_report import verdict
from leap.explanation.drivers import Driver
from leap.features import Scope
from leap.reports.rendering import known

_OUTCOMES = {"churn": "Churn", "contraction": "Contraction", "expansion": "Expansion", "nrr": "NRR"}
LEARNERS = {
    "base_rate": "base rate: no skill shown",
    "linear": "linear",
    "blend": "linear and boosted trees together",
    "boosted": "boosted trees",
    "tuned": "tuned boosted trees",
    "composition": "composed of the three",
}
_FIGURES = {
    "auc": ("AUC", "higher"),
    "brier_skill": ("Brier skill", "higher"),
    "brier": ("Brier score", "lower"),
    "log_loss": ("Log loss", "lower"),
    "mae": ("Account error", "lower"),
    "spearman": ("Rank correlation", "higher"),
    "portfolio_error": ("Portfolio error", "nearer"),
    "coverage": ("Coverage of the intervals", "wanted"),
}


# Their own intervals forget that model and baseline were judged on the same rows.
_JUDGED_BY_SKILL = ("brier", "log_loss")


def verdict_shown(learner: str, calibration: Mapping[str, Any]) -> str | None:
    """The verdict on predicted against observed; of a base rate only its level, for one rate has no spread.

    Where no skill was shown the figures are those of models that were tried, and how far they spread is no matter.

    >>> verdict_shown("base_rate", {"verdict": "too extreme", "ratio": 0.59, "ratio_low": 0.3, "ratio_high": 1.9})
    'within chance'
    """
    said = calibration.get("verdict")
    if said is None or learner != "base_rate":
        return said
    return verdict({**calibration, "slope": None, "slope_low": None, "slope_high": None})


@dataclass(frozen=True)
class FigureSummary:
    """One figure of quality with its 95 % interval over accounts and the baseline's; None where undefined."""

    name: str
    label: str
    value: float | None
    low: float | None
    high: float | None
    baseline: float | None

    @property
    def verdict(self) -> str:
        """What the interval says against the baseline; of scores that have a skill of their own, the skill says it.

        >>> FigureSummary("auc", "AUC", 0.61, 0.59, 0.64, 0.5).verdict
        'better than the baseline'
        >>> FigureSummary("mae", "Account error", 0.315, 0.297, 0.337, 0.303).verdict
        'interval holds the baseline'
        """
        if self.name in _JUDGED_BY_SKILL:
            return ""
        if self.low is None or self.high is None or self.baseline is None:
            return "undefined"
        low, high, baseline = self.low, self.high, self.baseline
        if _FIGURES[self.name][1] == "wanted":
            return "as wanted" if low <= baseline <= high else f"{'more' if low > baseline else 'less'} than wanted"
        if _FIGURES[self.name][1] == "nearer":
            low, high, baseline = *_size_of(low, high), abs(baseline)
        if low <= baseline <= high:
            return "interval holds the baseline"
        wins = (low > baseline) == (_FIGURES[self.name][1] == "higher")
        return "better than the baseline" if wins else "worse than the baseline"


@dataclass(frozen=True)
class OutcomeSummary:
    """One outcome's model: what it is, what it was judged on, its figures and its calibration."""

    name: str
    label: str
    learner: str
    rows: int
    accounts: int
    events: int
    figures: Mapping[str, FigureSummary]
    predicted: float | None
    observed: float | None
    slope: float | None
    calibration: Mapping[str, Any]
    """Ratio, slope and calibration error with what chance allows, and the verdict in words."""
    plain_auc: float | None
    """AUC of a plain logistic regression on the same rows."""
    losses: Mapping[str, float]

    @property
    def verdict(self) -> str | None:
        """Predicted against observed in words, or why there is none."""
        return verdict_shown(self.learner, self.calibration) or self.calibration.get("reason")

    @property
    def is_base_rate(self) -> bool:
        """Whether no skill was shown, so that the base rate is predicted."""
        return self.learner == "base_rate"

    @property
    def learner_words(self) -> str:
        """The learner in words."""
        return LEARNERS.get(self.learner, self.learner)

    def figure(self, *names: str) -> FigureSummary | None:
        """The first of these figures that there is; a base rate has no figure of ranking to show."""
        found = [self.figures[name] for name in names if name in self.figures]
        return None if self.is_base_rate or not found else found[0]


@dataclass(frozen=True)
class PortfolioSummary:
    """NRR of everyone, predicted out of time, against what followed; coverage of the intervals of accounts."""

    predicted: float | None
    observed: float | None
    direct: float | None
    nearer: str
    coverage: float | None
    level: float


@dataclass(frozen=True)
class DriverSummary:
    """A group of features with its share of all movement of NRR, in words; `stable` is false for "do not act yet".

    `low` to `high` is the share's range over refits with other draws of the accounts; `held` says in words how far the
    driver held, and `why_not` what speaks against acting on it.
    """

    label: str
    others: tuple[str, ...]
    share: float
    low: float
    high: float
    held: str
    why_not: str | None
    direction: str
    stable: bool
    actionable: bool
    is_fit: bool


def outcomes(bundle: ModelBundle, scope: Scope) -> tuple[OutcomeSummary, ...]:
    """The outcomes of one scope's models, in the order people read them."""
    found = bundle.quality[scope]["outcomes"]
    return tuple(_outcome(name, found[name]) for name in _OUTCOMES if name in found)


def _outcome(name: str, found: Mapping[str, Any]) -> OutcomeSummary:
    figures = {
        key: FigureSummary(
            key, _FIGURES[key][0], *(known(figure[part]) for part in ("value", "low", "high", "baseline"))
        )
        for key, figure in found["metrics"].items()
        if key in _FIGURES
    }
    calibration = found["calibration"]
    return OutcomeSummary(
        name=name,
        label=_OUTCOMES[name],
        learner=found["learner"],
        rows=found["n_rows"],
        accounts=found["n_accounts"],
        events=found["n_events"],
        figures=figures,
        predicted=known(calibration["mean_predicted"]),
        observed=known(calibration["mean_observed"]),
        slope=known(calibration["slope"]),
        calibration=calibration,
        plain_auc=known(found.get("linear_baseline", {}).get("auc")),
        losses=dict(found["inner_fold_losses"]),
    )


def portfolio(bundle: ModelBundle, scope: Scope) -> PortfolioSummary:
    """The portfolio line of one scope."""
    found = bundle.quality[scope]["portfolio"]
    intervals = bundle.intervals if scope == Scope.HEALTH else bundle.fit_intervals
    return PortfolioSummary(
        predicted=known(found["nrr_predicted"]),
        observed=known(found["nrr_observed"]),
        direct=known(found["nrr_direct"]),
        nearer=str(found["headline"]),
        coverage=known(intervals.coverage),
        level=intervals.level,
    )


def drivers(bundle: ModelBundle, found: Sequence[Driver], most: int = 12) -> tuple[DriverSummary, ...]:
    """The largest drivers in words."""
    return tuple(_driver(bundle, driver) for driver in found[:most])


def _driver(bundle: ModelBundle, driver: Driver) -> DriverSummary:
    features = [bundle.catalog.by_name[name] for name in driver.features]
    return DriverSummary(
        label=driver.label,
        others=tuple(feature.label for feature in features[1:]),
        share=driver.share,
        low=driver.share_low,
        high=driver.share_high,
        held=held(driver),
        why_not=driver.why_not,
        direction=_direction(driver.direction, features[0].kind),
        stable=driver.stable,
        actionable=driver.actionable,
        is_fit=driver.scope == Scope.FIT,
    )


def held(driver: Driver) -> str:
    """How far a driver held, in a few words; only what is known.

    The refits are draws of the accounts and the models of earlier folds.
    """
    ranks = f"rank {driver.rank}"
    if driver.rank_low < driver.rank_high:
        ranks += f" ({driver.rank_low} to {driver.rank_high})"
    return ", ".join([ranks, *same_direction(driver.sign_draws, driver.sign_folds)])


def same_direction(sign_draws: float | None, sign_folds: float | None) -> list[str]:
    """In how many refits the direction was the same: other draws of the accounts, and models of earlier folds.

    >>> same_direction(0.9, None)
    ['same direction in 90% of draws']
    """
    parts = ((sign_draws, "draws"), (sign_folds, "folds"))
    return [f"same direction in {part:.0%} of {what}" for part, what in parts if part is not None]


def share_line(driver: Driver) -> str:
    """A driver's share with its range over draws, and its label, as a line of a terminal begins."""
    more = f" (and {len(driver.features) - 1} more)" if len(driver.features) > 1 else ""
    return f"  {driver.share:>4.0%} [{driver.share_low:.0%}, {driver.share_high:.0%}]  {driver.label}{more}"


def caution(driver: Driver) -> str:
    """What is said behind a driver that is not stable."""
    return "" if driver.stable else f" (do not act yet: {driver.why_not})"


def _direction(direction: str, kind: str) -> str:
    if direction == "mixed":
        return "depends on the value"
    return f"{'yes' if kind == 'boolean' else 'more'}: {'higher' if direction == 'raises' else 'lower'} NRR"


def _size_of(low: float, high: float) -> tuple[float, float]:
    """The interval of a figure's distance from zero."""
    ends = sorted((abs(low), abs(high)))
    return (0.0 if low <= 0 <= high else ends[0]), ends[1]
