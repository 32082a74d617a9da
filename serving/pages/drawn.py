"""Pictures of pages: those of `leap.reports.charts`, with figures written as on all pages.

Imported where they are drawn: a page that says why no model is live must not wait for what a model needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from serving.pages import words

if TYPE_CHECKING:
    from leap.reports.charts import Form


def style() -> bytes:
    """The style sheet of pictures."""
    from leap.reports import charts

    return charts.style().encode()


def reasons(score: Mapping[str, Any], currency: str) -> Markup:
    """One account's score from the base over its largest reasons to its NRR, broad and for phones."""
    from leap.reports import charts

    if not score.get("reasons") or (score.get("nrr") or {}).get("point") is None:
        return Markup("")
    return charts.responsive(lambda width: charts.reasons(score, currency, form=form(), width=width))


def form() -> Form:
    """NRR and its points, as pages write them."""
    from leap.reports.charts import Form
    from leap.reports.charts.scales import digits

    def mark(value: float, step: float) -> str:
        return f"{100 * value:.{digits(100 * step)}f} %".replace("-", words.MINUS)

    return Form(words.percent, words.points, mark, "NRR points")
