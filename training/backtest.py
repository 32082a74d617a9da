"""`leap backtest`: every fold with its own figures, and what was said before accounts churned, contracted or grew."""

import argparse
from pathlib import Path

from training.console import Console, Result, command_parser, run, whole
from training.icp import write

SUFFIXES = (".html", ".htm", ".md", ".markdown")


def main(argv: list[str] | None = None) -> int:
    """Predict the past from what was known before it."""
    parser = command_parser("backtest", "Every fold, and what was said before known outcomes.", data_until=True)
    parser.add_argument("--out", type=Path, metavar="F", help="write the report into this file (.html or .md)")
    parser.add_argument("--trials", type=whole, default=0, metavar="N", help="Optuna trials for the trees (default: 0)")
    return run(parser, argv, backtest)


def backtest(args: argparse.Namespace, console: Console) -> Result:
    """Read, train each fold as it was known then, judge, look up what was said; nothing is registered."""
    from leap import evaluation
    from leap.config import load_settings
    from leap.errors import NotEnoughData, UsageError
    from leap.evaluation.backtest import predict_as_known
    from leap.evaluation.fold_figures import drift_of_skill, fold_figures
    from leap.evaluation.said_before import said_before
    from leap.flat.workspace import refuse_flat
    from leap.models.frames import health_frame
    from leap.models.tuning import Plan, tune_folds
    from leap.reports import backtest as report
    from leap.reports.backtest_text import render_text
    from leap.sources import read_workspace

    if args.out is not None and args.out.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{args.out.name}: expected a name ending in .html or .md.", remedy="--json prints it all.")
    refuse_flat(load_settings(args.workspace), "leap backtest", "what accounts paid over time")
    with console.stage("reading the tables"):
        tables = read_workspace(args.workspace, data_until=args.data_until)
    until = f"{tables.data_until:%Y-%m-%d}"
    try:
        with console.stage("snapshots, outcomes and features"):
            catalog, leaks = evaluation.admissible(tables)
            frame, _ = evaluation.without_near_perfect(tables, health_frame(tables, catalog), leaks)
            evaluation.require_folds(frame)
    except NotEnoughData as error:
        document = report.declined_document(tables.settings, until, str(error), console.seconds)
        return Result(document, report.declined_text(tables.settings.company.name, str(error)), 1)
    with console.stage(f"tuning ({args.trials} trials)"):
        tuned = tune_folds(frame, Plan(args.trials, args.seed)).of_folds or ()
    with console.stage("predicting each fold as it was known"):
        found = predict_as_known(tables, frame, tuned=tuned, seed=args.seed)
    with console.stage("judging"):
        quality = evaluation.judge(found)
        folds, drift = fold_figures(found, frame), drift_of_skill(found)
    with console.stage("looking up what was said before"):
        said = said_before(tables, frame, found)
    document = report.document(tables.settings, until, quality, folds, drift, said, console.seconds)
    summary = report.summarise(document)
    if args.out is None:
        return Result(document, render_text(summary))
    page = args.out.suffix.lower() in (".html", ".htm")
    write(args.out, report.render_html(summary) if page else report.render_markdown(summary))
    return Result({**document, "out": str(args.out)}, f"{render_text(summary)}\n\n-> {args.out}")


if __name__ == "__main__":
    raise SystemExit(main())
