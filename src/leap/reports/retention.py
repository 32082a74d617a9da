"""Retention of a window as a table for the terminal."""

from __future__ import annotations

from leap.config import Company
from leap.revenue import Retention, RetentionFigures


def text(measured: Retention, company: Company) -> str:
    """Figures, movements and segments in words."""
    figures = measured.figures
    window = f"{measured.start:%Y-%m-%d} to {measured.end:%Y-%m-%d}"
    lines = [f"{company.name}: retention from {window}, snapshot method ({measured.definition_hash})"]
    if figures.reason:
        return "\n".join([*lines, f"  undefined: {figures.reason} (no account paid at the start)"])
    lines += [
        f"  {figures.accounts:,} accounts, starting MRR {figures.starting_mrr:,.2f} "
        f"{company.currency}, ending MRR of the same "
        f"accounts {figures.ending_mrr:,.2f}",
        f"  NRR {_share(figures.nrr)}   GRR {_share(figures.grr)}   logo churn {_share(figures.logo_churn)}",
        f"  churn {_share(figures.churn_rate)}, contraction {_share(figures.contraction_rate)}, expansion "
        f"{_share(figures.expansion_rate)} of starting MRR",
    ]
    if measured.movements is not None:
        moved = ", ".join(f"{name} {amount:,.2f}" for name, amount in measured.movements.items())
        lines.append(f"  movements in the window (everyone): {moved}")
    for name, segment in measured.segments.items():
        lines.append(_segment_line(name, segment))
    if company.money_note:
        lines.append(f"Note: {company.money_note}")
    return "\n".join(lines)


def _segment_line(name: str, figures: RetentionFigures) -> str:
    return (
        f"  {name[:40]:<40} {figures.accounts:>6,} accounts  NRR {_share(figures.nrr):>7}  GRR "
        f"{_share(figures.grr):>7}  "
        f"logo churn {_share(figures.logo_churn):>7}"
    )


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2%}"
