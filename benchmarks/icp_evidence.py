"""How honest the rules of ICPs are: claims where nothing matters, and what is found of what is planted.

    python benchmarks/icp_evidence.py [--json] [--worlds N] [--only KIND ...] [--accounts N] [--models]

Populations are made up (`benchmarks/parts/icp_worlds.py`). Null worlds: the share with any profile, by kind. Planted
worlds: `precision`, rules whose features are planted ones (or clones) and whose direction is that of fresh accounts;
`recall`, planted attributes that a right rule tells; `error`, the median of |shown lift / lift of fresh accounts - 1|,
and `coverage`, how often the shown interval holds the lift of fresh accounts; of all right rules and of every rule
shown. `within_quarter` is the share of rules whose shown lift is within 25 % of the fresh one, `*_observed` the same of
the unshrunken lift. Fresh accounts are 40,000 others of the same world. Without `--models` the candidates are ranked by
their strength on the earlier accounts instead of by the drivers of a fit model: that is quick, and harder.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
# Not this folder: Python would find http.py in it for its own `http`.
others = [p for p in sys.path if Path(p).resolve() != ROOT / "benchmarks"]
sys.path[:] = [str(ROOT), str(ROOT / "src"), *others]

from benchmarks.parts.icp_worlds import NULL, PLANTED, World, population, with_accounts  # noqa: E402
from leap.icp import Attribute, ICPSearch, Population, Rule  # noqa: E402
from leap.icp.candidates import candidates  # noqa: E402
from leap.icp.concluding import conclude  # noqa: E402
from leap.icp.population import cutoffs, parted  # noqa: E402
from leap.icp.suggesting import Suggestions, fit_features, suggest  # noqa: E402

FRESH = 40_000
YEAR = np.timedelta64(365, "D")
FIGURES = {
    "churn": lambda s, e: ((e == 0).astype(float), np.ones(len(e))),
    "nrr": lambda s, e: (e, s),
    "expansion_rate": lambda s, e: (np.maximum(e - s, 0), s),
    "contraction_rate": lambda s, e: (np.where(e > 0, np.maximum(s - e, 0), 0.0), s),
}


def search(whole: Population, seed: int = 0, models: bool = False) -> ICPSearch:
    """Both halves of the accounts suggest, each is measured by the other, as in a training."""
    from leap.explanation.groups import Groups

    half = np.random.default_rng(10_000 + seed).random(int(whole.accounts.max()) + 1)[whole.accounts] < 0.5
    dates = cutoffs(whole, whole.as_of + YEAR, half) or [None]
    singles = candidates(whole, fit_features(whole))
    parts = [suggested(whole, own, date, singles, models) for date in dates for own in (half, ~half)]
    return conclude([part for part in parts if part is not None], 12, Groups.of(whole.frame))


def suggested(
    whole: Population, half: np.ndarray, date: Any, singles: Sequence[Rule], models: bool
) -> Suggestions | None:
    """What one half suggests of what is known at a date."""
    found, later = parted(whole, whole.as_of + YEAR, half, date)
    if not found.any() or not later.any():
        return None
    earlier = whole.where(found)
    features = [(feature, 1.0) for feature in whole.frame.catalog.features]
    return suggest(earlier, drivers_of(whole, found) if models else features, whole, later, date, singles)


def drivers_of(whole: Population, found: np.ndarray) -> Sequence[tuple[Any, float]]:
    """Drivers of a fit model of the earlier accounts."""
    from leap.explanation.drivers import fit_driver_order
    from leap.features import Scope
    from leap.models.composition import Labels, TrainingRows, train_scope
    from leap.models.encoding import Encoder

    encoder = Encoder.fit(whole.frame, whole.accounts)
    labels = Labels((whole.ending == 0).astype(float), whole.ending / whole.starting, whole.starting, 0.0)
    known = (whole.as_of + YEAR).astype(whole.as_of.dtype)
    rows = TrainingRows(encoder.encode(whole.frame), labels, whole.accounts, whole.as_of, known).where(found)
    return fit_driver_order(train_scope(Scope.FIT, encoder, rows, only="linear"), rows.matrix)


def shown(found: ICPSearch) -> list[Attribute]:
    """What was shown, whether a profile was made of it or not."""
    return [attribute for attribute in found.attributes if attribute.verdict != "not shown"]


def lift_of(attribute: Attribute, fresh: Population) -> float:
    """The lift of fresh accounts."""
    inside = fresh.meets(attribute.rule)
    top, bottom = FIGURES[attribute.evidence.metric](fresh.starting, fresh.ending)
    return float(top[inside].sum() / bottom[inside].sum() - top[~inside].sum() / bottom[~inside].sum())


def null_world(kind: str, world: World, seeds: Sequence[int], models: bool) -> dict[str, Any]:
    """How often something is claimed where nothing matters."""
    claims = [len(shown(search(population(world, seed), seed, models))) for seed in seeds]
    return {"kind": kind, "worlds": len(seeds), "claimed": sum(c > 0 for c in claims),
            "rate": round(sum(c > 0 for c in claims) / len(seeds), 4)}  # fmt: skip


def planted_world(kind: str, world: World, seeds: Sequence[int], models: bool) -> dict[str, Any]:
    """What is found of what is planted."""
    fresh = population(world, 999_983, FRESH)
    rows, recalled, pairs = [], [], 0
    for seed in seeds:
        found = shown(search(population(world, seed), seed, models))
        right = []
        for attribute in found:
            features = {world.same.get(name, name) for name in attribute.rule.features}
            truth, headline = lift_of(attribute, fresh), attribute.evidence.headline
            known = features <= frozenset().union(*world.planted)
            good = bool(known and truth * headline.lift > 0)
            seen = headline.observed or (headline.inside, headline.outside)
            rows.append({"right": good, "known": known, "shown": headline.lift, "fresh": truth, "low": headline.low,
                         "high": headline.high, "observed": seen[0] - seen[1], "words": attribute.rule.words,
                         "metric": attribute.evidence.metric, "q": attribute.evidence.q_value})  # fmt: skip
            right += [features] if good else []
        recalled += [any(features & planted for features in right) for planted in world.planted]
        pairs += sum(len(features) > 1 for features in right)
    return {"kind": kind, "worlds": len(seeds), "recall": round(float(np.mean(recalled)), 3),
            "longer": pairs, **summary(rows), "rows": rows}  # fmt: skip


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Precision, size and coverage of rules that were shown."""
    if not rows:
        return {"rules": 0}
    good = [row for row in rows if row["right"]] or rows
    ratio = np.array([row["shown"] / row["fresh"] for row in good])
    plain = np.array([row["observed"] / row["fresh"] for row in good])
    covered = [row["low"] <= row["fresh"] <= row["high"] for row in good]
    return {
        "rules": len(rows), "precision": round(float(np.mean([row["right"] for row in rows])), 3),
        "median_ratio": round(float(np.median(ratio)), 3), "median_ratio_observed": round(float(np.median(plain)), 3),
        "error": round(float(np.median(np.abs(ratio - 1))), 3),
        "error_observed": round(float(np.median(np.abs(plain - 1))), 3),
        "within_quarter": round(float(np.mean(np.abs(ratio - 1) <= 0.25)), 3),
        "coverage": round(float(np.mean(covered)), 3),
        "coverage_all": round(float(np.mean([row["low"] <= row["fresh"] <= row["high"] for row in rows])), 3),
    }  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--worlds", type=int, default=20, help="worlds of each kind")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--only", nargs="*", help="kinds, such as null:many or planted:rare")
    parser.add_argument("--accounts", type=int, help="accounts of planted worlds")
    parser.add_argument("--models", action="store_true")
    parser.add_argument("--rows", action="store_true", help="every rule shown")
    args = parser.parse_args(argv)
    seeds = range(args.first, args.first + args.worlds)
    result: dict[str, Any] = {"null": [], "planted": []}
    for part, worlds in (("null", NULL), ("planted", PLANTED)):
        for kind, world in worlds.items():
            if args.only and f"{part}:{kind}" not in args.only and part not in args.only:
                continue
            started = time.process_time()
            world = with_accounts(world, args.accounts) if args.accounts and part == "planted" else world
            own = [seed * 100 + zlib.crc32(kind.encode()) % 100 for seed in seeds]
            measured = (null_world if part == "null" else planted_world)(kind, world, own, args.models)
            measured["seconds"] = round(time.process_time() - started, 1)
            result[part].append(measured)
            if not args.json:
                print(part, {k: v for k, v in measured.items() if k != "rows"}, flush=True)
    rows = [row for kind in result["planted"] for row in kind["rows"]]
    result["null_rate"] = round(
        sum(k["claimed"] for k in result["null"]) / max(sum(k["worlds"] for k in result["null"]), 1), 4
    )
    recalls = [kind["recall"] for kind in result["planted"]]
    result["all"] = summary(rows) | ({"recall": round(float(np.mean(recalls)), 3)} if recalls else {})
    if not args.rows:
        for kind in result["planted"]:
            del kind["rows"]
    print(json.dumps(result if args.json else {"null_rate": result["null_rate"], "all": result["all"]}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
