"""`leap train`: from the tables of a company to a registered, judged and (with `--promote`) live bundle."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from training import flat
from training.console import Console, Result, command_parser, minutes, run, whole
from training.gating import decide
from training.tuning import tuning_plan

if TYPE_CHECKING:
    from leap.gate import Gate, Incumbent
    from leap.registry import Store
    from leap.tables import AccountTables


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
    """Read the tables, and train in a run that is known from its beginning on."""
    from leap.flat.workspace import flat_table
    from leap.registry import Store
    from leap.sources import read_workspace

    store = Store(args.store, args.workspace)
    with console.stage("reading the tables"):
        tables = read_workspace(args.workspace, data_until=args.data_until)
    job = flat.train if flat_table(tables.settings) else train_accounts
    with store.training(tables.settings.company.name) as run_id:
        return job(args, console, store, tables, run_id)


def train_accounts(
    args: argparse.Namespace, console: Console, store: "Store", tables: "AccountTables", run_id: str
) -> Result:
    """The main job, step by step."""
    from leap import evaluation, wins
    from leap.bundle.make import make_bundle
    from leap.errors import NotEnoughData
    from leap.gate import Challenger, gate_of_accounts
    from leap.icp.discover import discover_icps
    from leap.models.composition import train_scope
    from leap.models.frames import fit_frame, health_frame
    from leap.models.tuning import tune_final, tune_folds
    from leap.registry import RunRecord
    from leap.reports import gate as gate_report
    from leap.reports import training as report
    from leap.reports.artifacts import not_drawn

    company, began_with = tables.settings.company.name, store.champion()
    try:
        with console.stage("snapshots, outcomes and features"):
            catalog, leaks = evaluation.admissible(tables)
            health = health_frame(tables, catalog)
            health, leaks = evaluation.without_near_perfect(tables, health, leaks)
            fit = fit_frame(tables, health.features.catalog, health.record_begins)
            evaluation.require_folds(health)
            evaluation.require_folds(fit)
    except NotEnoughData as error:
        store.declined(company, str(error), run_id)
        document = report.declined_document(str(error), console.seconds) | gate_report.declined_fields(str(error))
        return Result(document, report.declined_text(company, str(error)), 1)

    with console.stage("tuning for the folds"):
        plan, champion = tuning_plan(args, console, store, tables, health.features.catalog.fingerprint)
        tuning = tune_folds(health, plan, champion)
    with console.stage("predicting out of time"):
        found = evaluation.predict_folds(health, tuned=tuning.of_folds, seed=args.seed)
        fit_found = evaluation.predict_folds(fit, seed=args.seed)
    with console.stage("judging what followed"):
        quality = evaluation.judge(
            found,
            values=evaluation.realised_values(tables, health, found),
            stakes=evaluation.Stakes.of(tables, health, found),
        )
        fit_quality = evaluation.judge(fit_found, values=evaluation.realised_values(tables, fit, fit_found))
        quality, fit_quality = quality.with_coverage_of(found, health), fit_quality.with_coverage_of(fit_found, fit)
    with console.stage("deals won, and past win rates"):
        won = wins.learn(tables, fit, fit_found, seed=args.seed)
    if not quality.claimed:
        reason = str(quality.reason)
        store.declined(company, reason, run_id)
        document = report.declined_document(reason, console.seconds, quality, fit_quality, won)
        notes = evaluation.notes_of(leaks, tables.settings.leaks.keep_columns)
        document |= {**gate_report.declined_fields(reason), "notes": notes}
        return Result(document, "\n".join([report.declined_text(company, reason), *notes]), 1)

    with console.stage("tuning the final models"):
        tuning = tune_final(health, plan, tuning)
        tuned = tuning.of_final
    with console.stage("fitting the final models"):
        model = train_scope(health.scope, health.encoder, health.trainable, tuned, None, quality.unproven, args.seed)
        fit_model = train_scope(fit.scope, fit.encoder, fit.trainable, None, None, fit_quality.unproven, args.seed)
        quality, fit_quality = quality.of_final(model, health.open_now), fit_quality.of_final(fit_model)
    with console.stage("survival curves"):
        hazard, survival = evaluation.survival_of(tables, health, found, seed=args.seed)
        model = replace(model, hazard=hazard)
    with console.stage("looking for ICPs"):
        icps = discover_icps(tables, fit, args.seed, fit_model, health)
    with console.stage("judging parts of the accounts"):
        quality = quality.with_slices(evaluation.slices(found, health))
        fit_quality = fit_quality.with_slices(evaluation.slices(fit_found, fit))
    with console.stage("explaining and bundling"):
        bundle = make_bundle(
            tables, (health, model, found, quality), (fit, fit_model, fit_found, fit_quality), icps,
            leaks=leaks, seed=args.seed, trials=plan.trials, wins=won, survival=survival, tuning=tuning.to_json(),
            said=evaluation.said_in_training(tables, health, found),
        )  # fmt: skip
    with store.scratch() as folder:
        with console.stage("checking and registering"):
            bundle.save(folder / "bundle")
            files = report.write_files(bundle, health, fit, found, folder)
            undrawn = not_drawn(files)
            fields = report.run_fields(bundle, quality, fit_quality)
            version = store.log_training(RunRecord(**fields, bundle_folder=folder / "bundle", files=files), run_id)

        def judge(incumbent: "Incumbent | None", registered: Path) -> "Gate":
            challenger = Challenger(tables, health, found, quality, bundle, tuned, args.seed)
            return gate_of_accounts(challenger, incumbent, registered)

        def tell(gate: "Gate") -> Sequence[Path]:
            return report.write_card(bundle, folder, gate.to_json())

        decision = decide(
            console, store, version, company, judge, tell=tell, began_with=began_with, promote=args.promote
        )  # fmt: skip
    gate, promoted, replaces = decision.gate, decision.promoted, decision.replaces
    document = report.document(bundle, quality, fit_quality, version, promoted, console.seconds, replaces)
    document["notes"] += undrawn
    text = "\n".join([report.text(bundle, quality, fit_quality, version, promoted, replaces), *undrawn])
    return Result(
        document | gate_report.fields(gate, decision.reason),
        f"{text}\n{gate_report.text(gate, decision.reason)}",
        decision.exit_code(args.promote),
    )


if __name__ == "__main__":
    raise SystemExit(main())
