"""`leap train`: from the tables of a company to a registered, judged and (with `--promote`) live bundle."""

import argparse
import tempfile
from pathlib import Path

from training import flat
from training.console import Console, Result, command_parser, minutes, run, whole
from training.tuning import tuning_plan


def main(argv: list[str] | None = None) -> int:
    """Train everything once."""
    parser = command_parser("train", "Fit, judge and register the models of a workspace.", data_until=True)
    parser.add_argument("--trials", type=whole, metavar="N", help="Optuna trials for the trees (default: 0)")
    parser.add_argument(
        "--minutes", type=minutes, metavar="M", help="begin no trial after M minutes of tuning (alone: as many as fit)"
    )
    parser.add_argument("--promote", action="store_true", help="make it the champion if the gate passes")
    return run(parser, argv, train)


def train(args: argparse.Namespace, console: Console) -> Result:
    """The main job, step by step."""
    from leap import evaluation
    from leap.bundle.make import make_bundle
    from leap.errors import NotEnoughData
    from leap.flat.workspace import flat_table
    from leap.icp.discover import discover_icps
    from leap.models.composition import train_scope
    from leap.models.frames import fit_frame, health_frame
    from leap.models.tuning import tune_final, tune_folds
    from leap.registry import RunRecord, Store
    from leap.reports import training as report
    from leap.sources import read_workspace

    store = Store(args.store, args.workspace)
    with console.stage("reading the tables"):
        tables = read_workspace(args.workspace, data_until=args.data_until)
    if flat_table(tables.settings):
        return flat.train(args, console, store, tables)
    company = tables.settings.company.name
    try:
        with console.stage("snapshots, outcomes and features"):
            catalog, leaks = evaluation.admissible(tables)
            health = health_frame(tables, catalog)
            health, leaks = evaluation.without_near_perfect(tables, health, leaks)
            fit = fit_frame(tables, health.features.catalog, health.record_begins)
            evaluation.require_folds(health)
            evaluation.require_folds(fit)
    except NotEnoughData as error:
        store.declined(company, str(error))
        return Result(
            report.declined_document(str(error), console.seconds), report.declined_text(company, str(error)), 1
        )

    with console.stage("tuning for the folds"):
        plan, champion = tuning_plan(args, console, store, tables, health.features.catalog.fingerprint)
        tuning = tune_folds(health, plan, champion)
    with console.stage("predicting out of time"):
        found = evaluation.predict_folds(health, tuned=tuning.of_folds, seed=args.seed)
        fit_found = evaluation.predict_folds(fit, seed=args.seed)
    with console.stage("judging what followed"):
        quality = evaluation.judge(found, values=evaluation.realised_values(tables, health, found))
        fit_quality = evaluation.judge(fit_found, values=evaluation.realised_values(tables, fit, fit_found))
        quality, fit_quality = quality.with_coverage_of(found, health), fit_quality.with_coverage_of(fit_found, fit)
    if not quality.claimed:
        store.declined(company, str(quality.reason))
        document = report.declined_document(str(quality.reason), console.seconds, quality, fit_quality)
        return Result(document, report.declined_text(company, str(quality.reason)), 1)

    with console.stage("tuning the final models"):
        tuning = tune_final(health, plan, tuning)
        tuned = tuning.of_final
    with console.stage("fitting the final models"):
        model = train_scope(health.scope, health.encoder, health.trainable, tuned, None, quality.unproven, args.seed)
        fit_model = train_scope(fit.scope, fit.encoder, fit.trainable, None, None, fit_quality.unproven, args.seed)
        quality, fit_quality = quality.of_final(model), fit_quality.of_final(fit_model)
    with console.stage("looking for ICPs"):
        icps = discover_icps(tables, fit, args.seed)
    with console.stage("explaining and bundling"):
        bundle = make_bundle(
            tables, (health, model, found, quality), (fit, fit_model, fit_found, fit_quality), icps,
            leaks=leaks, seed=args.seed, trials=plan.trials, tuning=tuning.to_json(),
        )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, console.stage("checking and registering"):
        bundle.save(Path(folder) / "bundle")
        files = report.write_files(bundle, health, fit, found, Path(folder))
        fields = report.run_fields(bundle, quality, fit_quality)
        version = store.log_training(RunRecord(**fields, bundle_folder=Path(folder) / "bundle", files=files))
    champion = next((v for v in store.versions() if "champion" in v.aliases), None)
    replaces = champion.company if champion and champion.company != company else None
    with console.stage("promoting" if args.promote else "naming the challenger"):
        if args.promote:
            store.promote(version, by_hand=False, gate="passed")
        else:
            store.set_challenger(version)
    document = report.document(bundle, quality, fit_quality, version, args.promote, console.seconds, replaces)
    return Result(document, report.text(bundle, quality, fit_quality, version, args.promote, replaces))


if __name__ == "__main__":
    raise SystemExit(main())
