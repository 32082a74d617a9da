"""What a bundle says of profiles, drivers and settings, without models: for pages that show findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from leap.config import Settings, parse_settings
from leap.explanation.drivers import Driver
from leap.icp import ICPSearch
from tests.reports.searches import INDUSTRY, search

NOTHING_JUDGED = {
    "outcomes": {},
    "portfolio": {"nrr_predicted": None, "nrr_observed": None, "nrr_direct": None, "headline": "composition"},
}
COMPANY = {"name": "Nordlicht", "currency": "EUR", "money_note": "Fees are assumed."}


def driver(name: str = "usage", label: str = "Usage") -> Driver:
    """A driver that holds."""
    return Driver(
        group=name, features=(INDUSTRY.name,), label=label, share=0.42, direction="raises", stable=True, scope="health",
        actionable=True, id=name, rank=1, share_low=0.31, share_high=0.5, rank_low=1, rank_high=2, sign_folds=1.0,
        sign_draws=1.0, gain=0.1, gain_z=3.0, gain_q=0.01, why_not=None,
    )  # fmt: skip


def settings_of(company: dict[str, Any]) -> Settings:
    """Settings of a company without tables."""
    return parse_settings({"company": company})


TRAINED = {"as_of_range": ["2023-01-01", "2025-10-01"], "accounts": 400, "notes": []}


@dataclass(frozen=True)
class FoundBundle:
    """The part of a bundle that pages of findings read."""

    icp: ICPSearch = field(default_factory=search)
    settings: Settings = field(default_factory=lambda: settings_of(COMPANY))
    judged: tuple[Driver, ...] = field(default_factory=lambda: (driver(),))

    trained_on = "2026-10-01"
    fit_drivers: tuple[Driver, ...] = ()
    trained: Mapping[str, Any] = field(default_factory=lambda: TRAINED)
    quality: Mapping[str, Any] = field(default_factory=lambda: {"health": NOTHING_JUDGED, "fit": NOTHING_JUDGED})
    intervals = fit_intervals = SimpleNamespace(coverage=None, level=0.9)
    catalog = SimpleNamespace(
        of_scope=lambda scope: SimpleNamespace(features=()), by_name={INDUSTRY.name: INDUSTRY}, features=(INDUSTRY,)
    )

    @property
    def drivers(self) -> tuple[Driver, ...]:
        return self.judged

    @property
    def company(self) -> str:
        return self.settings.company.name

    def icp_document(self) -> dict[str, Any]:
        return {**self.icp.to_json(), "company": self.company, "money_note": self.settings.company.money_note}
