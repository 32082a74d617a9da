"""`leap models`: the versions in the store, and which of them is champion, challenger and previous."""

import argparse
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict

from leap.errors import RegistryError
from leap.registry import Store, VersionInfo, gate_checks
from training.console import Console, Result, command_parser, run

PASSED = "passed"
MAIN = ("auc", "brier_skill", "r2", "portfolio_error", "nrr_predicted", "nrr_observed")
PARTS = ("value", "low", "high", "baseline")


def main(argv: list[str] | None = None) -> int:
    """List what is in the store."""
    return run(
        command_parser("models", "List versions, champion, challenger and previous.", workspace=False), argv, models
    )


def models(args: argparse.Namespace, console: Console) -> Result:
    """Every version with its gate and figures, the latest first."""
    store = Store(args.store)
    with console.stage("reading the store"):
        versions, aliases = store.versions(), store.aliases()
        # Runs of trainings that were killed; a store that only others may write is listed all the same.
        with suppress(RegistryError):
            store.reap()
    return Result(document(versions, aliases), listing(versions, aliases, str(store.folder)))


def document(versions: Sequence[VersionInfo], aliases: Mapping[str, str | None]) -> dict[str, object]:
    """What `models`, `promote` and `rollback` all answer."""
    return {**aliases, "versions": [of_version(version) for version in versions]}


def of_version(version: VersionInfo) -> dict[str, object]:
    """A version with the gate's verdict and figures, and its main figures apart from all others."""
    return {
        **asdict(version),
        "gate_passed": version.gate == PASSED,
        "gate_checks": gate_checks(version.tags),
        "figures": main_figures(version.metrics),
        "icp_profiles": profiles(version.tags),
    }


def profiles(tags: Mapping[str, str]) -> int | None:
    """How many ICP profiles a version has; None where its training did not say.

    >>> profiles({"icp_profiles": "3"}), profiles({})
    (3, None)
    """
    found = tags.get("icp_profiles", "")
    return int(found) if found.isdecimal() else None


def main_figures(metrics: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """What a version is known by: skill with its interval, and what the portfolio was told.

    >>> main_figures({"health.churn.auc": 0.7, "health.churn.auc.low": 0.6, "seconds": 3.0})
    {'churn.auc': {'value': 0.7, 'low': 0.6}}
    """
    found = {}
    for name in metrics:
        scope, _, rest = name.partition(".")
        if scope not in ("health", "flat") or rest.split(".")[-1] not in MAIN:
            continue
        parts = {part: metrics.get(name if part == "value" else f"{name}.{part}") for part in PARTS}
        found[rest] = {part: value for part, value in parts.items() if value is not None}
    return found


def listing(versions: Sequence[VersionInfo], aliases: Mapping[str, str | None], folder: str) -> str:
    """One line a version, and under it what its gate did not pass."""
    if not versions:
        return f"There is no model in {folder}. Train one: leap train DIR"
    lines = [f"{'version':>7}  {'created (UTC)':<16}  {'stands as':<10}  {'gate':<10}  {'skill':<22}  company"]
    for version in versions:
        stands_as = ", ".join(version.aliases) or "-"
        verdict, _, failed = version.gate.partition(": ")
        lines.append(
            f"{version.version:>7}  {version.created:%Y-%m-%d %H:%M}  {stands_as:<10}  "
            f"{verdict or '-':<10}  {skill(version.metrics):<22}  {version.company}"
        )
        if failed:
            lines.append(f"{'':>7}  its gate failed: {failed}")
    if not aliases["champion"]:
        lines.append("There is no champion. Make one: leap promote VERSION")
    return "\n".join(lines)


def skill(metrics: Mapping[str, float]) -> str:
    """The first figure of skill in words, or a dash."""
    for name, figure in main_figures(metrics).items():
        if name.split(".")[-1] in ("auc", "r2") and "value" in figure:
            between = f" [{figure['low']:.2f}, {figure['high']:.2f}]" if {"low", "high"} <= set(figure) else ""
            return f"{name.split('.')[-1].upper()} {figure['value']:.2f}{between}"
    return "-"


if __name__ == "__main__":
    raise SystemExit(main())
