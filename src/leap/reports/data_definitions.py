"""What the figures of a company mean: each definition with its value and the key of leap.toml that sets it."""

from __future__ import annotations

from dataclasses import dataclass

from leap.config import Settings
from leap.revenue.definitions import definition_hash


@dataclass(frozen=True)
class Definition:
    """One definition in force. `term` is in the glossary, or nothing; `key` is where it is set."""

    name: str
    value: str
    means: str
    key: str
    term: str = ""


def definitions_of(settings: Settings) -> tuple[Definition, ...]:
    """Those that enter the definition hash, and those of money beside it."""
    company, outcome = settings.company, settings.outcome
    margin, rates = company.gross_margin, settings.with_role("rates")
    given = "not given" if margin is None else f"the column {margin}" if isinstance(margin, str) else _percent(margin)
    return (
        Definition(
            "Horizon", f"{outcome.horizon_months} months", "How far ahead an outcome is looked for.",
            "[outcome] horizon_months", "Horizon",
        ),
        Definition(
            "Grace", f"{outcome.grace_days} days",
            "An account that pays again within these days after the horizon has not left.",
            "[outcome] grace_days", "Grace",
        ),
        Definition(
            "Longest gap", "none" if outcome.max_gap_days is None else f"{outcome.max_gap_days} days",
            "A longer gap without revenue inside the horizon counts as having left.", "[outcome] max_gap_days",
        ),
        Definition(
            "Training rows", f"every {outcome.as_of_every}", "How often an account is looked at in the past.",
            "[outcome] as_of_every",
        ),
        Definition(
            "Expanded from", f"more than {_percent(outcome.min_uplift)}", "From which growth on an account has grown.",
            "[outcome] min_uplift",
        ),
        *(_mrr(settings, name) for name in settings.with_role("revenue")),
        Definition("Currency", company.currency, "All money is told in it.", "[company] currency"),
        Definition(
            "Other currencies", f"by the rates of {', '.join(rates)}" if rates else "not converted",
            "How amounts in other currencies become amounts in it.", "[tables.NAME] role = \"rates\"",
        ),
        Definition(
            "Gross margin", given,
            "The part of revenue that is left after delivery; without it account value is not defined.",
            "[company] gross_margin", "Value of 12 months",
        ),
        Definition(
            "Discount rate", f"{_percent(company.discount_rate)} a year", "What money of a year later is worth less.",
            "[company] discount_rate",
        ),
        Definition(
            "End of the data", company.data_until or "the day after the latest moment of the revenue table",
            "Rows that became known on this day or later are not used.", "[company] data_until",
        ),
        Definition("Time zone", company.timezone, "Of times that name none.", "[company] timezone"),
        Definition(
            "Merged accounts", "as the lineage says" if settings.lineage else "none are known",
            "Which accounts count as another one from a day on.", "[lineage] source",
        ),
        Definition(
            "Definition hash", definition_hash(settings),
            "Changes when a definition behind the figures does; equal hashes can be compared.", "all of these together",
            "Definition hash",
        ),
    )  # fmt: skip


def _mrr(settings: Settings, name: str) -> Definition:
    spec = settings.tables[name]
    if spec.shape == "periods":
        value = f"the amount of the periods in {name}, which is for a {spec.amount_per}"
        return Definition("MRR", value, "What an account pays a month on a day.", f"[tables.{name}] amount_per", "MRR")
    credit = ", credit notes taken off" if spec.credit_notes else ""
    value = f"the amounts of {spec.trailing_months} months in {name}, over {spec.trailing_months}{credit}"
    means = "What an account pays a month on a day."
    return Definition("MRR", value, means, f"[tables.{name}] trailing_months", "MRR")


def _percent(share: float) -> str:
    """
    >>> _percent(0.8)
    '80.0 %'
    """
    return f"{100 * share:.1f} %"
