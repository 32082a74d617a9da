"""Made-up flat tables whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leap.config import parse_settings
from leap.tables import AccountTables
from leap.tables.assemble import assemble

COLUMNS = ("usage", "seats", "plan", "autopay")


def customers(n: int = 400, seed: int = 0, strength: float = 1.0) -> pd.DataFrame:
    """One row an account, without dates: little usage and the basic plan lead to leaving; seats and autopay say nothing."""
    rng = np.random.default_rng(seed)
    usage, seats = rng.normal(0, 1, n), rng.integers(1, 50, n)
    plan = rng.choice(["basic", "pro", "team"], n, p=[0.4, 0.4, 0.2])
    margin = -0.8 + strength * (-1.5 * usage + 1.2 * (plan == "basic"))
    churned = rng.random(n) < 1 / (1 + np.exp(-margin))
    return pd.DataFrame(
        {
            "account_id": [f"a{i:04d}" for i in range(n)],
            "usage": usage.round(3),
            "seats": seats,
            "plan": plan,
            "autopay": rng.choice(["true", "false"], n),
            "churned": churned.astype(int).astype(str),
            "spend": (200 + strength * 60 * usage + 60 * rng.normal(0, 1, n)).round(2),
        }
    ).astype(str)


def panel(n: int = 150, months: int = 30, seed: int = 0, strength: float = 1.0) -> pd.DataFrame:
    """Monthly rows from 2022 on: the usage of a month tells who leaves within the six months after it."""
    rng = np.random.default_rng(seed)
    tendency = rng.normal(0, 1, n)
    rows = []
    for month, at in enumerate(pd.date_range("2022-01-01", periods=months, freq="MS")):
        usage = tendency + 0.5 * rng.normal(0, 1, n)
        churned = rng.random(n) < 1 / (1 + np.exp(1.2 + strength * 1.5 * usage))
        rows += [
            {"account_id": f"a{i:03d}", "at": f"{at:%Y-%m-%d}", "usage": round(float(usage[i]), 3), "seats": (i * 7 + month) % 40, "churned": int(churned[i])}
            for i in range(n)
        ]  # fmt: skip
    return pd.DataFrame(rows).astype(str)


def spec(frame: pd.DataFrame, **more: Any) -> dict[str, Any]:
    """The declaration of such a table: every column that is not key, date or outcome is a feature."""
    outcome = more.get("outcome", "churned")
    named = {"account_id", "at", "churned", "spend", outcome}
    declared: dict[str, Any] = {"shape": "snapshot", "source": "flat.csv", "outcome": outcome}
    if "at" in frame:
        declared["at"] = "at"
    declared["columns"] = {c: {} for c in frame.columns if c not in named}
    return {**declared, **more}


def settings_of(frame: pd.DataFrame, *, document: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A whole leap.toml as a document."""
    base = {"company": {"name": "Flat & Co"}, "outcome": {"horizon_months": 6}, "tables": {"flat": spec(frame, **more)}}
    return {**base, **(document or {})}


def tables_of(
    frame: pd.DataFrame, *, data_until: str | None = None, document: Mapping[str, Any] | None = None, **more: Any
) -> AccountTables:
    """The tables of a workspace that has only this one."""
    settings = parse_settings(settings_of(frame, document=document, **more))
    return assemble(settings, {"flat": frame.reset_index(drop=True)}, [], data_until)


def workspace_of(frame: pd.DataFrame, folder: Path, *, document: Mapping[str, Any] | None = None, **more: Any) -> Path:
    """The same as files."""
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "flat.csv", index=False)
    (folder / "leap.toml").write_text(toml(settings_of(frame, document=document, **more)), encoding="utf-8")
    return folder


def toml(document: Mapping[str, Any]) -> str:
    """A document of plain values as TOML."""
    lines: list[str] = []

    def table(path: tuple[str, ...], content: Mapping[str, Any]) -> None:
        lines.append(f"[{'.'.join(json.dumps(part) for part in path)}]")
        lines.extend(f"{key} = {json.dumps(value)}" for key, value in content.items() if not isinstance(value, Mapping))
        for key, value in content.items():
            if isinstance(value, Mapping):
                table((*path, key), value)

    for name, content in document.items():
        table((name,), content)
    return "\n".join(lines) + "\n"
