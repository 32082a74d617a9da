"""Files cut to what was known at T give the features of T to the bit: the whole path from file to matrix, by commands."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from training.__main__ import main

DATES = ("2023-02-14", "2024-02-29", "2025-11-01")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up company, with rows added that became known long after the time they speak of."""
    folder = tmp_path_factory.mktemp("cut") / "company"
    assert main(["demo", str(folder), "--accounts", "120", "--seed", "11", "--quiet"]) == 0
    _observed_again(folder / "profiles.csv")
    _backfilled(folder / "usage.parquet")
    text = (
        (folder / "leap.toml")
        .read_text()
        .replace('at = "observed_at"\n', 'at = "observed_at"\nknown_at = "loaded_at"\n')
    )
    (folder / "leap.toml").write_text(text)
    return folder


def _observed_again(path: Path) -> None:
    """A third of the observations is corrected two months later, in a second row for the same moment."""
    rows = pd.read_csv(path, dtype=str)
    rows["loaded_at"] = rows["observed_at"]
    again = rows.iloc[::3].copy()
    again["employees"] = (again["employees"].astype(float) * 3).round().astype(int).astype(str)
    again["loaded_at"] = (pd.to_datetime(again["observed_at"]) + pd.Timedelta(days=60)).dt.strftime("%Y-%m-%d")
    pd.concat([rows, again[again["loaded_at"] < "2026-10-01"]]).sample(frac=1, random_state=0).to_csv(path, index=False)


def _backfilled(path: Path) -> None:
    """A twentieth of the usage arrives seven months late."""
    rows = pd.read_parquet(path)
    late = rows.index[::20]
    rows.loc[late, "loaded_at"] = rows.loc[late, "loaded_at"] + pd.Timedelta(days=210)
    rows[rows["loaded_at"] < pd.Timestamp("2026-10-01")].to_parquet(path, index=False)


def cut(company: Path, day: str, into: Path) -> Path:
    """A copy of the workspace as its files would have been written on the morning of a day."""
    into.mkdir()
    moment = pd.Timestamp(day)
    settings = tomllib.loads((company / "leap.toml").read_text())
    (into / "leap.toml").write_text((company / "leap.toml").read_text())
    for spec in settings["tables"].values():
        path = company / spec["source"]
        frame = (
            pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype=str, keep_default_na=False)
        )
        known = _as_known(frame, spec, moment)
        target = into / spec["source"]
        if path.suffix == ".parquet":
            known.to_parquet(target, index=False)
        else:
            known.to_csv(target, index=False)
    return into


def _as_known(frame: pd.DataFrame, spec: dict[str, Any], moment: pd.Timestamp) -> pd.DataFrame:
    def when(column: str) -> pd.Series:
        return pd.to_datetime(frame[column], errors="coerce")

    def masked(column: str, hidden: pd.Series) -> None:
        frame.loc[hidden, column] = ""

    own = {"history": "observed_at", "periods": "started_on", "events": "occurred_at", "market": "published_at"}
    column = spec.get("known_at") or spec.get("at") or spec.get("start") or own.get(spec["shape"])
    if spec["shape"] == "market":
        column = spec.get("known_at") or spec.get("published") or "published_at"
    if spec["shape"] == "attributes":
        column = spec.get("known_at")
    frame = frame[when(column) < moment].copy() if column else frame.copy()
    if spec["shape"] == "periods":
        end, cancelled = spec.get("end", "ended_on"), spec.get("cancelled")
        told = when(cancelled) < moment if cancelled else pd.Series(False, index=frame.index)
        masked(end, (when(end) >= moment) & ~told)
        if cancelled:
            masked(cancelled, when(cancelled) >= moment)
    if spec.get("role") == "deals":
        later = when(spec["closed"]) >= moment
        masked(spec["won"], later)
        masked(spec["closed"], later)
    return frame


def features(workspace: Path, day: str, out: Path) -> pd.DataFrame:
    assert main(["features", str(workspace), "--as-of", day, "--out", str(out), "--json", "--quiet"]) == 0
    return pd.read_parquet(out).set_index("account_id").drop(columns="as_of")


@pytest.mark.parametrize("day", DATES)
def test_files_cut_at_a_date_give_the_features_of_that_date_to_the_bit(company: Path, day: str, tmp_path: Path, capsys):
    full = features(company, day, tmp_path / "full.parquet")
    known = features(cut(company, day, tmp_path / "cut"), day, tmp_path / "known.parquet")
    capsys.readouterr()
    shared = [column for column in known.columns if column in full.columns]
    # What a table offers (kinds that enough accounts have) grows with it; what it says of a date does not change.
    assert len(shared) > 0.6 * len(full.columns) and len(shared) == len(known.columns)
    missing = set(full.index) - set(known.index)
    terms = pd.read_csv(company / "subscriptions.csv", dtype=str)
    assert missing <= set(terms.loc[terms["started_on"] == day, "account_id"]), (
        "only who starts on the day is not known"
    )
    pd.testing.assert_frame_equal(known, full.loc[known.index, known.columns], check_exact=True)
    assert len(known) > 20


def test_the_added_rows_do_change_later_features(company: Path, tmp_path: Path, capsys):
    """Else the test above would compare nothing: corrections and late rows are seen once they are known."""
    before = features(company, "2024-02-29", tmp_path / "a.parquet")
    document = json.dumps(sorted(before.columns))
    capsys.readouterr()
    frame = pd.read_csv(company / "profiles.csv", dtype=str)
    frame = frame[frame["loaded_at"] == frame["observed_at"]]
    other = cut(company, "2026-10-01", tmp_path / "other")
    frame.to_csv(other / "profiles.csv", index=False)
    after = features(other, "2024-02-29", tmp_path / "b.parquet")
    capsys.readouterr()
    assert json.dumps(sorted(after.columns)) == document
    assert (before["employees"] != after["employees"]).sum() > 3
