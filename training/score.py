"""`leap score`: batch scores of every customer and prospect."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import flat
from training.console import Console, Result, command_parser, day, run
from training.loading import model_and_tables

if TYPE_CHECKING:
    from leap.scoring import Batch
    from leap.tables import AccountTables


def main(argv: list[str] | None = None) -> int:
    """Write a score file."""
    parser = command_parser("score", "Score every customer and prospect into a file.", data_until=True)
    parser.add_argument("--as-of", type=day, metavar="D", help="date of the scores (default: the end of the data)")
    parser.add_argument("--all", action="store_true", help="of a flat table: also rows whose outcome is known")
    parser.add_argument("--out", required=True, type=Path, metavar="F", help=".csv, .xlsx or .parquet")
    parser.add_argument("--version", metavar="V", help="a version of the model (default: the champion)")
    parser.add_argument(
        "--since", type=day, metavar="D", help="add what NRR was on an earlier date, and why it changed"
    )
    parser.add_argument(
        "--publish-tiers", action="store_true",
        help="keep in the store what tier each account is in since when; an account keeps its tier within the band",
    )  # fmt: skip
    return run(parser, argv, score)


def score(args: argparse.Namespace, console: Console) -> Result:
    """Load, read, score, write."""
    from leap import scoring
    from leap.errors import UsageError
    from leap.exports import write_frame
    from leap.reports import scores as report
    from leap.reports.table_columns import about_scores
    from leap.scoring.changes import with_changes

    if flat.is_flat(args.workspace):
        if args.publish_tiers:
            raise UsageError("--publish-tiers is for accounts with ICPs, not for flat tables.")
        if args.since is not None:
            raise UsageError("--since is for accounts over time, not for flat tables.")
        return flat.score(args, console)
    if args.all:
        raise UsageError("--all is for flat tables (shape snapshot); every customer and prospect is scored anyway.")
    bundle, version, tables = model_and_tables(args, console)
    with console.stage("scoring"):
        batch = scoring.score_all(bundle, tables, version, args.as_of)
        frame = batch.frame() if args.since is None else with_changes(batch.frame(), batch, tables, args.since)
    publish = tiers_to_publish(args, batch, tables) if args.publish_tiers else None
    as_of = args.as_of or f"{tables.data_until:%Y-%m-%d}"
    write_frame(frame, args.out, about_scores(bundle, version, as_of))
    tiers = publish() if publish else None
    document = {
        "rows": len(frame),
        "customers": len(batch.customers),
        "prospects": len(batch.prospects),
        "abstained": batch.abstained,
        "version": version,
        "as_of": as_of,
        "most_at_risk": [one["account_id"] for one in batch.most_at_risk()],
        "portfolio": scoring.portfolio(batch.customers),
        "definition_hash": bundle.definition_hash,
        "out": str(args.out),
        **({} if args.since is None else {"since": args.since}),
        **({} if tiers is None else {"tiers": tiers}),
    }
    said = "" if tiers is None else f"\n{tiers_published(tiers)}"
    return Result(document, report.text(document, batch, bundle) + said)


def tiers_to_publish(args: argparse.Namespace, batch: "Batch", tables: "AccountTables") -> Callable[[], dict[str, Any]]:
    """The tiers of a batch, refused now if they cannot be published; called, it publishes and says what changed."""
    from leap.icp import TierPolicy
    from leap.registry import Store
    from leap.registry.tier_file import TierFile
    from leap.scoring.tier_looks import look_of
    from leap.scoring.tier_state import published, published_without_state

    bundle, company = batch.customers.bundle, tables.settings.company.name
    file = TierFile.of(Store(args.store, args.workspace), company)
    seen, profiles, policy = look_of(batch, tables), bundle.icp.counted, TierPolicy.of(bundle.settings.policy)
    about = {"company": company, "version": batch.customers.version}
    kept = file.read()
    # Where nothing was published yet, the year before says since when an account is what it is.
    before = kept.known_as(tables) if kept else published_without_state(tables, seen, profiles, policy, **about)
    now = published(before, seen, profiles, policy, **about)

    def publish() -> dict[str, Any]:
        file.publish(now)
        changed = now.changed_since(before)
        arrived = sum(was is None for was, _ in changed.values())
        return {
            "file": str(file.path),
            "as_of": now.as_of,
            "watched_from": now.watched_from,
            "compared_with": before.as_of if before else None,
            "counts": now.counts,
            "changed": len(changed) - arrived,
            "arrived": arrived,
            "kept_by_band": now.kept,
        }

    return publish


def tiers_published(tiers: dict[str, Any]) -> str:
    """The same in a line."""
    counts = ", ".join(f"{count:,} in {tier}" for tier, count in tiers["counts"].items()) or "none: no ICP gives tiers"
    return (
        f"Tiers published as of {tiers['as_of']}: {counts}; {tiers['changed']:,} changed, {tiers['arrived']:,} are "
        f"new, {tiers['kept_by_band']:,} keep theirs within the band -> {tiers['file']}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
