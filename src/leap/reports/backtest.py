"""What a backtest says: its JSON, the text on the screen, and the same as one HTML page or Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leap.config import Settings
from leap.evaluation import Quality
from leap.evaluation.said_before import MOST_ACCOUNTS, SaidBefore
from leap.evaluation.said_summary import summarised
from leap.reports import rendering
from leap.reports.backtest_charts import FoldPicture, SaidChart, fold_picture, said_chart
from leap.reports.rendering import DASH, decimals, known, share
from leap.revenue import definition_hash

OUTCOMES = {"churn": "Churn", "contraction": "Contraction", "expansion": "Expansion"}
DID = {"churn": "churned", "contraction": "contracted", "expansion": "expanded"}
LEARNERS = {
    "base_rate": "base rate",
    "linear": "linear",
    "boosted": "boosted trees",
    "tuned": "tuned trees",
    "blend": "linear + trees",
}
_LISTED = 25


def document(
    settings: Settings,
    data_until: str,
    quality: Quality,
    folds: Sequence[Mapping[str, Any]],
    drift: Mapping[str, Any],
    said: SaidBefore,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """The JSON of `backtest`."""
    return {
        **_about(settings, data_until),
        "claimed": quality.claimed,
        "reason": quality.reason,
        "folds": [dict(fold) for fold in folds],
        "drift": dict(drift),
        "said_before": said.to_json(),
        "said_before_summary": summarised(said),
        "said_before_counts": {outcome: dict(counted) for outcome, counted in said.counts.items()},
        "said_before_every": said.every,
        "said_before_note": said.note,
        "seconds": dict(seconds),
    }


def declined_document(settings: Settings, data_until: str, reason: str, seconds: Mapping[str, float]) -> dict[str, Any]:
    """The JSON of a `backtest` for which there is too little history."""
    return {
        **_about(settings, data_until),
        "claimed": False,
        "reason": reason,
        "folds": [],
        "drift": {},
        "said_before": [],
        "said_before_summary": [],
        "said_before_counts": {},
        "said_before_every": None,
        "said_before_note": None,
        "seconds": dict(seconds),
    }


def _about(settings: Settings, data_until: str) -> dict[str, Any]:
    return {
        "company": settings.company.name,
        "data_until": data_until,
        "horizon_months": settings.outcome.horizon_months,
        "definition_hash": definition_hash(settings),
        "money_note": settings.company.money_note,
    }


def declined_text(company: str, reason: str) -> str:
    """Why nothing could be tried on what followed."""
    return f"No backtest for {company}: {reason}"


@dataclass(frozen=True)
class Listed:
    """One account that had the event, with where it stood at each lead: a rank, leaving, or nothing said."""

    account_id: str
    name: str
    event_date: str
    stood: tuple[str, ...]


@dataclass(frozen=True)
class BacktestSummary:
    """The document of a backtest with its sentences and pictures, ready to be laid out."""

    found: Mapping[str, Any]
    sentences: tuple[str, ...]
    picture: FoldPicture | None
    charts: tuple[SaidChart, ...]
    listed: Mapping[str, tuple[Listed, ...]]
    leads: tuple[int, ...]

    @property
    def outcomes(self) -> Mapping[str, str]:
        """Outcomes by their key, as people read them."""
        return OUTCOMES

    def learner(self, name: str) -> str:
        """A learner in words."""
        return LEARNERS.get(name, name)

    def did(self, outcome: str) -> str:
        """What an account did that had the outcome."""
        return DID[outcome]


def summarise(found: Mapping[str, Any]) -> BacktestSummary:
    """Sentences, pictures and lists of a document as `document` gives it."""
    summary = found["said_before_summary"]
    charts = [
        said_chart(f"Accounts that {DID[outcome]}", [row for row in summary if row["outcome"] == outcome])
        for outcome in OUTCOMES
    ]
    leads = tuple(sorted({int(row["at_days"]) for row in summary}, reverse=True))
    return BacktestSummary(
        found=found,
        sentences=tuple(_sentences(found)),
        picture=fold_picture(found["folds"]),
        charts=tuple(chart for chart in charts if chart is not None),
        listed={outcome: _listed(found["said_before"], outcome, leads) for outcome in OUTCOMES},
        leads=leads,
    )


def _listed(said: Sequence[Mapping[str, Any]], outcome: str, leads: Sequence[int]) -> tuple[Listed, ...]:
    """The latest events of which a model ranked the account, each with its places."""
    accounts: dict[tuple[str, str], dict[int, Mapping[str, Any]]] = {}
    for row in said:
        if row["outcome"] == outcome and row["model"] != "base_rate":
            accounts.setdefault((row["event_date"], row["account_id"]), {})[row["at_days"]] = row
    latest = sorted(accounts, reverse=True)[:_LISTED]
    return tuple(
        Listed(
            account, str(next(iter(accounts[day, account].values()))["name"]), day,
            tuple(_stood(accounts[day, account].get(lead)) for lead in leads),
        )
        for day, account in latest
    )  # fmt: skip


def _stood(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return DASH
    return "leaving" if row["already_leaving"] else f"{100 * row['rank_percentile']:.0f}"


def _sentences(found: Mapping[str, Any]) -> list[str]:
    """The findings in a few lines: skill by fold, its drift, and what was said 90 days before."""
    lines = [_skill_line(found, outcome, label) for outcome, label in OUTCOMES.items()]
    return lines + [line for line in (_said_line(found, outcome) for outcome in OUTCOMES) if line]


def _skill_line(found: Mapping[str, Any], outcome: str, label: str) -> str:
    judged = [fold["outcomes"][outcome] for fold in found["folds"] if outcome in fold["outcomes"]]
    ranking = [one["metrics"].get("auc") for one in judged if one["learner"] != "base_rate"]
    shown = [figure for figure in ranking if figure is not None and known(figure["value"]) is not None]
    if not ranking:
        return f"{label}: the base rate in every fold, since no learner beat it inside the training rows."
    if not shown:
        return f"{label}: no fold had accounts with and without it, so nothing can be said of the ranking."
    proven = sum((known(figure["low"]) or 0.0) > 0.5 for figure in shown)
    values = sorted(figure["value"] for figure in shown)
    said = f"{values[0]:.2f}" if len(values) == 1 else f"{values[0]:.2f} to {values[-1]:.2f}"
    base = len(judged) - len(ranking)
    others = f" {counted(base, 'fold')} predicted the base rate." if base else ""
    return (
        f"{label}: AUC {said} in {counted(len(shown), 'fold')}, with an interval that leaves chance (0.50) out in "
        f"{proven}.{others} Drift: {_drift_words(found['drift'].get(outcome))}."
    )


def _drift_words(drift: Mapping[str, Any] | None) -> str:
    if not drift or drift["per_year"] is None:
        return f"cannot be told ({drift['verdict']})" if drift else "unknown"
    per_year = drift["per_year"]
    interval = f"{signed(per_year['value'])} AUC a year [{signed(per_year['low'])}, {signed(per_year['high'])}]"
    return f"{'skill ' if drift['verdict'] in ('falls', 'rises') else ''}{drift['verdict']}, {interval}"


def _said_line(found: Mapping[str, Any], outcome: str, days: int = 90) -> str | None:
    rows = [
        r for r in found["said_before_summary"] if r["outcome"] == outcome and r["at_days"] == days and r["accounts"]
    ]
    if not rows:
        return None
    row, top = rows[0], rows[0]["top_20"]
    what = "most at risk" if outcome != "expansion" else "most likely to expand"
    return (
        f"{days} days before they {DID[outcome]}, {interval(top)} of {row['accounts']:,} accounts stood among the 20% "
        f"{what} (chance {share(top['chance'], 0)}; of those that did not, {share(top['stayed'], 0)})."
    )


def interval(figure: Mapping[str, Any], digits: int = 0) -> str:
    """A share with its interval."""
    return f"{share(figure['value'], digits)} [{share(figure['low'], digits)}, {share(figure['high'], digits)}]"


def signed(value: float | None, digits: int = 2) -> str:
    """A difference with its sign.

    >>> signed(0.0312), signed(-0.5), signed(float("nan"))
    ('+0.03', '−0.50', '–')
    """
    number = known(value)
    if number is None:
        return DASH
    written = decimals(number, digits)
    return written if written.startswith("−") or not any(c in "123456789" for c in written) else f"+{written}"


def counted(n: int, word: str) -> str:
    return f"{n} {word}{'' if n == 1 else 's'}"


def render_html(summary: BacktestSummary) -> str:
    """One file without script or outside request, for a browser, a mail or paper."""
    return rendering.render("backtest.html", report=summary, r=summary.found, signed=signed, most=MOST_ACCOUNTS)


def render_markdown(summary: BacktestSummary) -> str:
    """The same as Markdown."""
    return rendering.render("backtest.md", report=summary, r=summary.found, signed=signed, most=MOST_ACCOUNTS)
