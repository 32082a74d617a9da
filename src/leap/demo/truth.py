"""What the made-up company is built on: every driver with its sign and size, and what has no effect."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Driver:
    """One thing that makes accounts leave, grow or buy.

    Effects are on the log of the monthly risk (`churn`) or chance (`expansion`) and on the win score (`win`),
    for a condition that holds, or for one standard deviation of a state.
    """

    name: str
    table: str
    column: str
    scope: str
    words: str
    churn: float = 0.0
    expansion: float = 0.0
    win: float = 0.0


@dataclass(frozen=True)
class Truth:
    """What the made-up company was built on."""

    drivers: tuple[Driver, ...]
    noise: tuple[str, ...]
    """Columns without any effect of their own."""
    sweet_spot: tuple[int, int] = (50, 200)
    small_below: int = 20
    good_technology: str = "cloud_data_warehouse"
    bad_industry: str = "Hospitality"
    good_industry: str = "Financial services"
    engagement_memory: float = 0.95
    """How much of an account's engagement is left after a month."""
    friction_memory: float = 0.85
    chance_churn: float = 0.0015
    """Monthly risk of leaving for a reason that no table shows."""

    def driver(self, name: str) -> Driver:
        """A driver by its name."""
        return next(driver for driver in self.drivers if driver.name == name)

    def names(self, *, scope: str | None = None, outcome: str = "churn") -> list[str]:
        """Names of the drivers that move an outcome, strongest first."""
        moving = [d for d in self.drivers if getattr(d, outcome) and scope in (None, d.scope)]
        return [d.name for d in sorted(moving, key=lambda d: -abs(getattr(d, outcome)))]


TRUTH = Truth(
    drivers=(
        Driver(
            "bad_industry",
            "accounts",
            "industry",
            "fit",
            "is in hospitality",
            churn=1.3,
            expansion=-0.7,
            win=0.9,
        ),
        Driver(
            "sweet_spot",
            "profiles",
            "employees",
            "fit",
            "has 50 to 200 employees",
            churn=-1.25,
            expansion=1.4,
            win=0.3,
        ),
        Driver("large", "profiles", "employees", "fit", "has 200 employees or more", churn=-0.3, expansion=0.4),
        Driver("small", "profiles", "employees", "fit", "has fewer than 20 employees", churn=1.1, expansion=-0.4),
        Driver(
            "good_technology",
            "technologies",
            "technology",
            "fit",
            "uses a cloud data warehouse",
            churn=-0.8,
            expansion=0.8,
        ),
        Driver(
            "good_industry",
            "accounts",
            "industry",
            "fit",
            "is in financial services",
            churn=-0.4,
            expansion=0.2,
        ),
        Driver(
            "new_executive",
            "triggers",
            "trigger",
            "fit",
            "had a new executive in the last 6 months",
            churn=0.3,
        ),
        Driver(
            "new_country",
            "triggers",
            "trigger",
            "fit",
            "expanded to a new country in the last 6 months",
            expansion=0.7,
        ),
        Driver("funding", "triggers", "trigger", "fit", "was funded in the three months before the deal", win=1.0),
        Driver(
            "engagement",
            "usage",
            "quantity",
            "health",
            "is used much for its size",
            churn=-1.2,
            expansion=0.4,
        ),
        Driver("friction", "tickets", "priority", "health", "opens urgent tickets", churn=0.5, expansion=-0.15),
        Driver("first_year", "subscriptions", "started_on", "health", "is in its first year", churn=0.5),
        Driver("second_product", "subscriptions", "product", "health", "uses the second product", churn=-0.7),
        Driver("yearly", "subscriptions", "billing", "health", "pays yearly, so decides once a year", churn=-0.45),
        Driver("market", "market", "value", "fit", "its industry does well", churn=-0.1, expansion=0.1),
    ),
    noise=("region", "country", "founded_year", "funding_stage", "the other technologies", "hiring"),
)


def in_words(outcome: str, sign: int) -> str:
    """The drivers that raise (1) or lower (-1) an outcome, one a line, as a comment of the settings."""
    drivers = [TRUTH.driver(name) for name in TRUTH.names(outcome=outcome)]
    lines = [f"{getattr(d, outcome):+.2f}  {d.words}" for d in drivers if getattr(d, outcome) * sign > 0]
    return ("\n#" + " " * 18).join(lines)
