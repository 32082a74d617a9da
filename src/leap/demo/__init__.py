"""A made-up subscription company whose truth is known: every table, every shape, and what drives them.

`write_company` writes the tables and a `leap.toml` that declares them; `TRUTH` is what they were built on.
One number of accounts and one seed give the same bytes. Parts draw from random streams of their own, so
that a change to one leaves most of the others as they were.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import numpy as np
import pandas as pd

from leap.demo.about_companies import accounts_table, profiles, technologies, triggers
from leap.demo.activity import tickets_table, usage_table
from leap.demo.firms import made_up_firms
from leap.demo.life import live, states_of
from leap.demo.money import costs_table, deals_table
from leap.demo.surroundings import fit_effects, made_up_market, made_up_news
from leap.demo.terms import subscriptions, terms_of
from leap.demo.truth import TRUTH, Driver, Truth, in_words
from leap.demo.world import DATA_UNTIL, FIRST_DAY
from leap.errors import UsageError

__all__ = [
    "DATA_UNTIL",
    "FIRST_DAY",
    "TRUTH",
    "Driver",
    "MadeUpCompany",
    "Truth",
    "made_up_company",
    "write_company",
]

MARKER = "# leap demo:"
"""The first words of a demo's settings: such a folder may be written again."""
SETTINGS_FILE = "leap.toml"
SMALLEST, LARGEST = 10, 100_000


@dataclass(frozen=True)
class MadeUpCompany:
    """The tables, and what no table shows: the state of every customer on the first of each month."""

    tables: dict[str, pd.DataFrame]
    states: pd.DataFrame = field(repr=False)
    """`account_id`, `as_of`, `churn_risk`: the simulation's own probability of leaving within 12 months."""


def made_up_company(accounts: int = 2000, seed: int = 7) -> MadeUpCompany:
    """Simulate 48 months of a company that had `accounts` customers, and 30 % more companies as prospects."""
    _check_size(accounts, seed)
    parts = ("firms", "news", "deals", "life", "market", "profiles", "usage", "tickets", "costs")
    random = dict(zip(parts, np.random.default_rng([seed, accounts]).spawn(len(parts)), strict=True))
    firms = made_up_firms(random["firms"], accounts)
    news = made_up_news(random["news"], firms)
    market, market_table = made_up_market(random["market"])
    fit = fit_effects(firms, news, market)
    life = live(random["life"], firms, fit)
    terms = terms_of(life, firms)
    tables = {
        "accounts": accounts_table(firms),
        "profiles": profiles(random["profiles"], firms),
        "subscriptions": subscriptions(terms, firms),
        "usage": usage_table(random["usage"], firms, life, terms),
        "tickets": tickets_table(random["tickets"], firms, life, terms),
        "technologies": technologies(random["news"], firms),
        "deals": deals_table(random["deals"], firms, terms, news),
        "triggers": triggers(random["news"], firms, news),
        "costs": costs_table(random["costs"], firms, terms),
        "market": market_table,
    }
    return MadeUpCompany(tables, states_of(life, fit, firms))


def write_company(folder: Path, *, accounts: int = 2000, seed: int = 7) -> dict[str, int]:
    """Write tables and `leap.toml` into a folder (new, empty or an earlier demo); the rows of each table."""
    _check_folder(folder)
    company = made_up_company(accounts, seed)
    folder.mkdir(parents=True, exist_ok=True)
    # The settings come first: they carry the mark by which a demo that was interrupted may be written again.
    (folder / SETTINGS_FILE).write_text(settings_text(accounts, seed), encoding="utf-8", newline="\n")
    for name, table in company.tables.items():
        if name == "usage":
            _write_parquet(table, folder / "usage.parquet")
        else:
            table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n", encoding="utf-8")
    return {name: len(table) for name, table in company.tables.items()}


def settings_text(accounts: int, seed: int) -> str:
    """The demo's `leap.toml`, with the truth in words at its head."""
    template = Template(Path(__file__).with_name("settings.toml").read_text(encoding="utf-8"))
    return template.substitute(
        accounts=accounts,
        seed=seed,
        leaves_less=in_words("churn", -1),
        leaves_more=in_words("churn", 1),
        grows=in_words("expansion", 1),
        grows_less=in_words("expansion", -1),
        buys=in_words("win", 1),
        noise=", ".join(TRUTH.noise),
    )


def _check_size(accounts: int, seed: int) -> None:
    if not SMALLEST <= accounts <= LARGEST:
        raise UsageError(
            f"accounts: expected a number from {SMALLEST} to {LARGEST}, found {accounts}.",
            remedy="The default of 2000 shows everything.",
        )
    if seed < 0:
        raise UsageError(f"seed: expected 0 or more, found {seed}.", remedy="Leave it out for the usual demo.")


def _check_folder(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder}: expected a folder, found a file.", remedy="Name a new folder.")
    found = sorted(path.name for path in folder.iterdir())
    if found and not _is_demo(folder / SETTINGS_FILE):
        shown = ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
        raise UsageError(
            f"{folder}: expected a new or empty folder or an earlier demo, found {shown}.",
            details=found[:5],
            remedy="Name another folder; nothing there was changed.",
        )


def _is_demo(settings: Path) -> bool:
    if not settings.is_file():
        return False
    with settings.open("rb") as file:
        return bool(file.read(len(MARKER)) == MARKER.encode())


def _write_parquet(table: pd.DataFrame, path: Path) -> None:
    # Imported here: only this table needs it. Without pandas' metadata the bytes depend on the rows alone.
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(arrow, path, compression="zstd")
