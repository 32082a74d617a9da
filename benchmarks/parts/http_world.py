"""A made-up company, two versions of its model in a store, and requests about it, for `benchmarks/http.py`.

    python benchmarks/parts/http_world.py FOLDER --trained N --served N --trees N --leaves N

Writes into FOLDER: `workspace` (the accounts that are served, more than those trained on), `store` (version 2 is
champion, version 1 was before), `requests/NAME.txt` (as `load.py` reads them) and `plain` (the champion's three
components for LightGBM alone). What takes training long (trees in every fold) is left out: folds are judged by base
rates, and the components of customers are trees of the size asked for, grown on the company's encoded rows with made-up
outcomes, so that no early end makes them small. All else (profiles, peers, intervals, drivers) is as training makes
it, and the store verifies both versions as any other.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent.parent
# The folder of this file, which Python puts first, holds nothing to import.
sys.path[:1] = [str(ROOT), str(ROOT / "src")]

if TYPE_CHECKING:
    import numpy as np

    from leap.bundle.model_bundle import ModelBundle
    from leap.models.composition import Component
    from leap.scoring import Scorer
    from leap.tables import AccountTables

SIZES: Mapping[str, float] = {"churn": 1.0, "contraction": 0.2, "expansion": 0.15}
SLOPES: Mapping[str, tuple[float, float]] = {"churn": (0.8, -1.0), "contraction": (0.6, -2.0), "expansion": (0.7, -1.0)}
DIFFERENT = 256
"""Different accounts among the requests for one."""
MOST_BYTES = 1_000_000
"""Of a body: the service takes 1 MiB."""


def make(folder: Path, trained: int, served: int, trees: int, leaves: int) -> dict[str, Any]:
    """Everything; what it holds, in a few figures."""
    from leap.demo import write_company
    from leap.scoring import Scorer
    from leap.sources import read_workspace

    small, workspace = folder / "trained", folder / "workspace"
    write_company(small, accounts=trained, seed=3)
    write_company(workspace, accounts=served, seed=4)
    first, second = bundles(read_workspace(small), trees, leaves)
    register(folder, [second, first])
    tables = read_workspace(workspace)
    scorer = Scorer.build(first, "2", tables)
    write_plain(folder / "plain", first)
    requests = requests_of(scorer, workspace)
    (folder / "requests").mkdir()
    for name, lines in requests.items():
        (folder / "requests" / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))
    return {
        "customers": len(scorer.customers or ()),
        "columns": first.health.encoder.width,
        "trees": {name: text_trees(part.learner.to_json()["text"]) for name, part in components(first).items()},
        "bytes": {name: max(map(len, lines)) for name, lines in requests.items()},
    }


# --- the two versions


def bundles(tables: AccountTables, trees: int, leaves: int) -> list[ModelBundle]:
    """Two bundles that differ in their trees."""
    from leap.bundle.make import make_bundle, spread
    from leap.evaluation import judge, predict_folds
    from leap.features import discover_features
    from leap.icp.discover import discover_icps
    from leap.models.composition import train_scope
    from leap.models.frames import fit_frame, health_frame

    health = health_frame(tables, discover_features(tables))
    fit = fit_frame(tables, health.features.catalog, health.record_begins)
    parts = []
    for frame, learner in ((health, "base_rate"), (fit, "linear")):
        found = predict_folds(frame, only="base_rate")
        parts.append(
            (frame, train_scope(frame.scope, frame.encoder, frame.trainable, only=learner), found, judge(found))
        )
    bundle = make_bundle(tables, parts[0], parts[1], discover_icps(tables, fit, 0), leaks=[], seed=0, trials=0)
    matrix = health.trainable.matrix
    made = []
    for seed in (0, 10):
        grown = {
            name: boosted(getattr(bundle.health, name), name, matrix, trees, leaves, seed + number)
            for number, name in enumerate(SIZES)
        }
        version = replace(bundle, health=replace(bundle.health, **grown))
        version = replace(version, trained={**version.trained, "model_hash": version.model_hash})
        made.append(version.with_golden(spread(health.features), spread(fit.features)))
    return made


def boosted(component: Component, name: str, matrix: np.ndarray, trees: int, leaves: int, seed: int) -> Component:
    """The component with trees of this size instead of what it was."""
    import lightgbm

    from benchmarks.parts.models import outcome_of
    from leap.models.boosting import boosted_of, options_of
    from leap.models.calibration import Calibration

    settings = {"learning_rate": 0.05, "num_leaves": leaves, "lambda_l2": 1.0}
    outcome = outcome_of(matrix, seed)
    booster = lightgbm.train(options_of(settings, "binary", 1.0, seed), lightgbm.Dataset(matrix, outcome), trees)
    learner, calibration = boosted_of(booster, matrix, trees), Calibration(*SLOPES[name])
    return replace(
        component, learner=learner, learner_name="boosted", calibration=calibration, size=SIZES[name], sizing=None
    )


def components(bundle: ModelBundle) -> dict[str, Any]:
    """The three of customers."""
    return {name: getattr(bundle.health, name) for name in SIZES}


def text_trees(text: str) -> int:
    """How many trees a model's text holds."""
    return text.count("\nTree=")


def register(folder: Path, made: Sequence[ModelBundle]) -> None:
    """Versions of a new store, each promoted after the other."""
    from leap.registry import RunRecord, Store

    store = Store(folder / "store")
    for number, bundle in enumerate(made):
        bundle.save(folder / f"bundle-{number}")
        record = RunRecord(
            params={}, metrics={}, tags={"company": bundle.company}, bundle_folder=folder / f"bundle-{number}"
        )
        store.promote(store.log_training(record), by_hand=True, gate="made up")


# --- for LightGBM alone


def write_plain(folder: Path, bundle: ModelBundle) -> None:
    """Three texts, and what the columns are."""
    folder.mkdir()
    encoder = bundle.health.encoder
    owners = [encoder.catalog.features[position] for position in encoder.source]
    columns = [f.name if level is None else f"{f.name}={level}" for f, level in zip(owners, encoder.level, strict=True)]
    for name, component in components(bundle).items():
        (folder / f"{name}.txt").write_text(component.learner.to_json()["text"])
    leveled = sorted({f.name for f, level in zip(owners, encoder.level, strict=True) if level is not None})
    categories = {}
    for name in leveled:
        own = [j for j, feature in enumerate(owners) if feature.name == name]
        categories[name] = {"columns": own, "names": [encoder.level[j] for j in own]}
    numbers = [j for j, level in enumerate(encoder.level) if level is None]
    document = {
        "features": list(encoder.catalog.names),
        "columns": columns,
        "numbers": numbers,
        "number_names": [owners[j].name for j in numbers],
        "categories": categories,
        "feature_of_column": [f.name for f in owners],
        "group_of_column": [bundle.groups.group_of(f.name) for f in owners],
        "features_of_group": {members[0]: list(members) for members in bundle.groups.parts},
        "components": {
            name: {"slope": part.calibration.slope, "intercept": part.calibration.intercept, "size": part.size}
            for name, part in components(bundle).items()
        },
    }
    (folder / "columns.json").write_text(json.dumps(document))


# --- what is asked


def requests_of(scorer: Scorer, workspace: Path) -> dict[str, list[str]]:
    """Requests by what they ask for, as lines of `load.py`; those for many accounts are few, since they are long."""
    table = scorer.customers
    assert table is not None
    ids = [str(account) for i, account in enumerate(table.account_ids) if not table.abstained(i)]
    known = {account: given(scorer.values_of(account)) for account in ids}
    names = most_names(list(known.values()), 1_000)
    thin = [(account, {name: values[name] for name in names if name in values}) for account, values in known.items()]
    fit = {f.name for f in scorer.bundle.fit.encoder.catalog.features if f.scope == "fit" and f.recipe.table}
    few = ids[:DIFFERENT]
    return {
        "one_by_features": [score(accounts=described([(a, known[a])])) for a in few],
        "one_by_id": [score(account_ids=[a]) for a in few],
        "hundred_by_id": [score(account_ids=part) for part in parts_of(ids, 100, 8)],
        "thousand_by_id": [score(account_ids=part) for part in parts_of(ids, 1_000, 2)],
        "ten_by_id": [score(account_ids=part) for part in parts_of(ids, 10, 16)],
        "ten_by_features": [score(accounts=described(part)) for part in parts_of(thin, 10, 16)],
        "hundred_by_features": [score(accounts=described(part)) for part in parts_of(thin, 100, 8)],
        "thousand_by_features": [score(accounts=described(part)) for part in parts_of(thin, 1_000, 2)],
        "prospect": [prospect(a, {n: v for n, v in known[a].items() if n in fit}) for a in few],
        "account": [f"GET\t/v1/accounts/{a}\t" for a in few],
        "one_by_rows": [score(accounts=[{"account_id": a, "tables": t}]) for a, t in raw_rows(workspace, ids[:16])],
        "health": ["GET\t/livez\t", "GET\t/readyz\t"],
    }  # fmt: skip


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of an account."""
    return {name: value for name, value in values.items() if value is not None}


def described(accounts: Iterable[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Accounts with their features, as the body holds them."""
    return [{"account_id": account, "features": features} for account, features in accounts]


def most_names(known: Sequence[Mapping[str, Any]], accounts: int) -> list[str]:
    """As many features, those that most accounts have first, as let a body of so many accounts fit."""
    count: dict[str, int] = {}
    for values in known:
        for name in values:
            count[name] = count.get(name, 0) + 1
    left = MOST_BYTES / accounts - 80
    names = []
    for name in sorted(count, key=lambda name: (-count[name], name)):
        left -= max(len(compact({name: values[name]})) for values in known if name in values)
        if left < 0:
            return names
        names.append(name)
    return names


def parts_of(rows: Sequence[Any], size: int, number: int) -> list[list[Any]]:
    """So many parts of this size, each beginning elsewhere; where there are too few rows they come again."""
    step = max(1, len(rows) // number)
    return [[rows[(begin * step + i) % len(rows)] for i in range(size)] for begin in range(number)]


def score(**body: Any) -> str:
    """One POST to /v1/score."""
    return f"POST\t/v1/score\t{compact(body)}"


def prospect(account: str, attributes: Mapping[str, Any]) -> str:
    """One POST to /v1/prospects."""
    return f"POST\t/v1/prospects\t{compact({'prospects': [{'id': account, 'attributes': attributes}]})}"


def compact(document: Any) -> str:
    """JSON without space."""
    return json.dumps(document, separators=(",", ":"))


def raw_rows(workspace: Path, accounts: Sequence[str]) -> list[tuple[str, Any]]:
    """The rows of accounts in every table that has accounts, as they stand in the files."""
    import pandas as pd

    from leap.config import load_settings

    rows: dict[str, dict[str, list[dict[str, Any]]]] = {account: {} for account in accounts}
    for name, spec in load_settings(workspace).tables.items():
        file = workspace / str(spec.source)
        frame = pd.read_parquet(file).astype(str) if file.suffix == ".parquet" else pd.read_csv(file, dtype=str)
        if spec.key in frame:
            for account, own in frame[frame[spec.key].isin(accounts)].groupby(spec.key):
                cells = own.drop(columns=spec.key).to_dict("records")
                rows[str(account)][name] = [{k: v for k, v in row.items() if pd.notna(v)} for row in cells]
    return list(rows.items())


def main(argv: list[str] | None = None) -> int:
    """Make it and say what it holds."""
    parser = argparse.ArgumentParser(description="A made-up company with a model of a given size, and requests.")
    parser.add_argument("folder", type=Path)
    for name in ("trained", "served", "trees", "leaves"):
        parser.add_argument(f"--{name}", type=int, required=True)
    args = parser.parse_args(argv)
    print(json.dumps(make(args.folder, args.trained, args.served, args.trees, args.leaves)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
