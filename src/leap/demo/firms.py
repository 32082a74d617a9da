"""Who the made-up companies are: names, industry, size, technologies, and who becomes a customer when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leap.demo.truth import TRUTH
from leap.demo.world import (
    COUNTRIES,
    EARLIER_MONTHS,
    FIRST_STEP,
    INDUSTRIES,
    MONTHS,
    PROSPECTS_PER_CUSTOMER,
    STEPS,
    TECHNOLOGIES,
    Bools,
    Floats,
    Ints,
    Random,
)


@dataclass
class Firms:
    """Every company, customers first (`customers` of them); arrays have one entry a company."""

    ids: npt.NDArray[Any]
    names: list[str]
    customers: int
    industry: Ints
    country: npt.NDArray[Any]
    founded: Ints
    employees: Floats
    """Shape (companies, steps)."""
    adopted: Ints
    dropped: Ints
    """Steps at which a technology comes and goes, shape (companies, technologies)."""
    billing_day: Ints
    start: Ints
    """Step of the first subscription (customers only)."""
    win_score: Floats

    @property
    def count(self) -> int:
        return len(self.ids)


def made_up_firms(random: Random, customers: int) -> Firms:
    count = customers + round(customers * PROSPECTS_PER_CUSTOMER)
    industry = random.choice(len(INDUSTRIES), count, p=list(INDUSTRIES.values()))
    country = random.choice(list(COUNTRIES), count, p=[share for _, share in COUNTRIES.values()])
    employees = _employees(random, count)
    adopted, dropped = _adoptions(random, count)
    founded = np.minimum(2019, 2019 - np.floor(random.gamma(1.6, 7.0, count))).astype(np.int64)
    sweet = size_flags(employees[:, FIRST_STEP])["sweet_spot"]
    hospitality = industry == list(INDUSTRIES).index(TRUTH.bad_industry)
    win_score = TRUTH.driver("sweet_spot").win * sweet + TRUTH.driver("bad_industry").win * hospitality
    # Who becomes a customer depends on what wins deals, not on what keeps them.
    order = np.argsort(-(win_score + random.logistic(size=count)), kind="stable")
    firms = Firms(
        ids=_identifiers(random, count),
        names=_names(random, count),
        customers=customers,
        industry=industry[order],
        country=country[order],
        founded=founded[order],
        employees=employees[order],
        adopted=adopted[order],
        dropped=dropped[order],
        billing_day=random.integers(1, 29, count),
        start=np.empty(0, dtype=np.int64),
        win_score=win_score[order],
    )
    firms.start = _starts(random, firms)
    return firms


def _identifiers(random: Random, count: int) -> npt.NDArray[Any]:
    """Ids in random order: nothing about an account can be read from its number."""
    return np.array([f"A{number:06d}" for number in random.permutation(count) + 1])


_NAME_STARTS = (
    "Alder",
    "Bram",
    "Calden",
    "Dorn",
    "Elva",
    "Farro",
    "Glim",
    "Harlen",
    "Iston",
    "Jarra",
    "Kelmo",
    "Lorn",
    "Maren",
    "Nivel",
    "Ostra",
    "Pell",
    "Quen",
    "Rusk",
    "Selva",
    "Tarn",
    "Ulmer",
    "Vanta",
    "Wexel",
    "Yarrow",
    "Zell",
    "Brask",
    "Corvin",
    "Drell",
    "Fenn",
    "Hollin",
)
_NAME_ENDS = (
    "bridge",
    "dale",
    "era",
    "field",
    "ford",
    "gate",
    "haven",
    "ics",
    "ida",
    "ix",
    "land",
    "lane",
    "lock",
    "mark",
    "mere",
    "mont",
    "nova",
    "ora",
    "point",
    "ridge",
    "rise",
    "stead",
    "ton",
    "vale",
    "via",
    "ward",
    "well",
    "wick",
    "worth",
    "yard",
)
_NAME_TRADES = (
    "Systems",
    "Group",
    "Works",
    "Partners",
    "Supply",
    "Services",
    "Labs",
    "Solutions",
    "Holdings",
    "Industries",
    "Networks",
    "Care",
    "Foods",
    "Logistics",
    "Studios",
    "Energy",
    "Collective",
    "Trading",
    "Digital",
    "Analytics",
)
_NAME_FORMS = ("", " Inc", " Ltd", " Co")


def _names(random: Random, count: int) -> list[str]:
    """Made-up names, all different: a number picks the four parts of each."""
    parts = (_NAME_STARTS, _NAME_ENDS, _NAME_TRADES, _NAME_FORMS)
    possible = int(np.prod([len(part) for part in parts]))
    numbers = np.concatenate(
        [random.choice(possible, min(possible, count - at), replace=False) for at in range(0, count, possible)]
    )
    picked = np.unravel_index(numbers, [len(part) for part in parts])
    names = [
        f"{_NAME_STARTS[a]}{_NAME_ENDS[b]} {_NAME_TRADES[c]}{_NAME_FORMS[d]}"
        for a, b, c, d in zip(*picked, strict=True)
    ]
    return [name if at < possible else f"{name} {1 + at // possible}" for at, name in enumerate(names)]


def _employees(random: Random, count: int) -> Floats:
    size = random.normal(np.log(85.0), 1.2, count)
    growth = random.normal(0.06, 0.12, count)
    years = (np.arange(STEPS) - FIRST_STEP) / 12
    wander = np.cumsum(random.normal(0.0, 0.012, (count, STEPS)), axis=1)
    people: Floats = np.clip(np.round(np.exp(size[:, None] + growth[:, None] * years + wander)), 3, 20_000)
    return people


def _adoptions(random: Random, count: int) -> tuple[Ints, Ints]:
    kinds = len(TECHNOLOGIES)
    has = random.random((count, kinds)) < np.array(list(TECHNOLOGIES.values()))
    later = random.random((count, kinds)) < 0.12
    adopted = np.where(has, -random.integers(1, 40, (count, kinds)), random.integers(0, STEPS, (count, kinds)))
    adopted = np.where(has | later, adopted, 10 * STEPS)
    gone = random.random((count, kinds)) < 0.10
    dropped = np.where(gone, np.maximum(adopted, 0) + random.integers(6, STEPS, (count, kinds)), 10 * STEPS)
    return adopted.astype(np.int64), dropped.astype(np.int64)


def _starts(random: Random, firms: Firms) -> Ints:
    """Steps of the first subscription: about 45 % before the first day, the rest spread over the 48 months.

    It sold first to companies that would stay, so these are over-represented among the earlier ones; some of them
    left before the first day all the same.
    """
    early = round(0.45 * firms.customers)
    keeps = -company_effect(firms, "churn")[: firms.customers, FIRST_STEP] + random.logistic(
        scale=1.2, size=firms.customers
    )
    order = np.argsort(-keeps, kind="stable")
    starts = np.empty(firms.customers, dtype=np.int64)
    starts[order[:early]] = np.floor(EARLIER_MONTHS * np.sqrt(random.random(early)))
    starts[order[early:]] = random.integers(FIRST_STEP, FIRST_STEP + MONTHS - 1, firms.customers - early)
    return starts


def size_flags(employees: Floats) -> dict[str, Bools]:
    low, high = TRUTH.sweet_spot
    return {
        "sweet_spot": (employees >= low) & (employees < high),
        "large": employees >= high,
        "small": employees < TRUTH.small_below,
    }


def company_effect(firms: Firms, outcome: str) -> Floats:
    """What industry, size and technology do to an outcome, shape (companies, steps)."""
    industries = list(INDUSTRIES)
    technology = list(TECHNOLOGIES).index(TRUTH.good_technology)
    steps = np.arange(STEPS)
    uses = (firms.adopted[:, technology, None] <= steps) & (steps < firms.dropped[:, technology, None])
    holds = {
        **size_flags(firms.employees),
        "good_technology": uses,
        "bad_industry": (firms.industry == industries.index(TRUTH.bad_industry))[:, None],
        "good_industry": (firms.industry == industries.index(TRUTH.good_industry))[:, None],
    }
    total = np.zeros(firms.employees.shape)
    for name, flag in holds.items():
        total += getattr(TRUTH.driver(name), outcome) * flag
    return total
