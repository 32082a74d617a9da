"""What `train`, `score`, `explain` and `features` do in a workspace of a flat table (shape `snapshot`)."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from training.console import Console, Result
from training.gating import decide
from training.tuning import trials_of

if TYPE_CHECKING:
    from leap.bundle.flat_bundle import FlatBundle
    from leap.flat.rows import FlatRows
    from leap.gate import Gate, Incumbent
    from leap.registry import Store
    from leap.tables import AccountTables


def is_flat(workspace: Path) -> bool:
    """Whether a workspace is of a flat table; SettingsError if of two."""
    from leap.config import load_settings
    from leap.flat.workspace import flat_table

    return flat_table(load_settings(workspace)) is not None


def until_given(args: argparse.Namespace, tables: "AccountTables") -> bool:
    """Whether the end of the data was stated, not taken from the latest row."""
    return args.data_until is not None or tables.settings.company.data_until is not None


def train(args: argparse.Namespace, console: Console, store: "Store", tables: "AccountTables", run_id: str) -> Result:
    """Read, leave out leaks, predict held-out folds, judge; then fit on all rows, bundle and register."""
    from leap.bundle.flat_bundle import make_flat_bundle
    from leap.errors import NotEnoughData, UsageError
    from leap.evaluation import notes_of
    from leap.flat.frame import flat_frame
    from leap.flat.judging import judge, predict_folds
    from leap.flat.leaks import without_leaks
    from leap.flat.model import fit_model
    from leap.flat.rows import flat_rows
    from leap.flat.survival import survival_of
    from leap.gate import FlatChallenger, gate_of_flat
    from leap.registry import RunRecord
    from leap.reports import flat as report
    from leap.reports import gate as gate_report
    from leap.reports.artifacts import not_drawn

    if args.minutes is not None:
        raise UsageError("--minutes is for accounts over time; a flat table is tuned by --trials alone.")
    company, given, began_with = tables.settings.company.name, until_given(args, tables), store.champion()
    try:
        with console.stage("outcomes and features"):
            tables, leaks = without_leaks(tables, until_given=given)
            rows = flat_rows(tables, until_given=given)
            frame = flat_frame(rows)
    except NotEnoughData as error:
        store.declined(company, str(error), run_id)
        document = report.declined_document(str(error), console.seconds) | gate_report.declined_fields(str(error))
        return Result(document, report.declined_text(company, str(error)), 1)
    with console.stage("predicting held-out folds"):
        found = predict_folds(frame, trials=trials_of(args), seed=args.seed)
        quality = judge(found)
        survival = survival_of(rows, frame, seed=args.seed)
        quality = replace(quality, survival=survival and survival.to_json())
    if quality.claimed:
        with console.stage("fitting the final model"):
            model = fit_model(frame.outcome, frame.encoder, frame.rows, trials=trials_of(args), seed=args.seed)
            quality = quality.of_final(model)
    if not quality.claimed:
        reason = str(quality.reason)
        store.declined(company, reason, run_id)
        notes = (*frame.notes, *notes_of(leaks, tables.settings.leaks.keep_columns))
        document = report.declined_document(reason, console.seconds, notes, quality)
        return Result(document | gate_report.declined_fields(reason), report.declined_text(company, reason, notes), 1)
    problems = [problem.to_json() for problem in tables.problems]
    with console.stage("explaining and bundling"):
        bundle = make_flat_bundle(
            rows, frame, model, found, quality,
            leaks=leaks, problems=problems, seed=args.seed, trials=trials_of(args),
        )  # fmt: skip
    with store.scratch() as folder:
        with console.stage("checking and registering"):
            bundle.save(folder / "bundle")
            fields, files = report.run_fields(bundle, quality), report.write_files(bundle, found, quality, folder)
            undrawn = not_drawn(files)
            version = store.log_training(RunRecord(**fields, bundle_folder=folder / "bundle", files=files), run_id)

        def judge(incumbent: "Incumbent | None", registered: Path) -> "Gate":
            challenger = FlatChallenger(found, quality, bundle, trials_of(args), args.seed)
            return gate_of_flat(challenger, incumbent, registered)

        def tell(gate: "Gate") -> Sequence[Path]:
            return report.write_card(bundle, folder, gate.to_json())

        decision = decide(
            console, store, version, company, judge, tell=tell, began_with=began_with, promote=args.promote
        )  # fmt: skip
    gate, promoted, replaces = decision.gate, decision.promoted, decision.replaces
    document = report.document(bundle, version, promoted, console.seconds, replaces)
    document["notes"] += undrawn
    text = "\n".join([report.text(bundle, quality, version, promoted, replaces), *undrawn])
    return Result(
        document | gate_report.fields(gate, decision.reason),
        f"{text}\n{gate_report.text(gate, decision.reason)}",
        decision.exit_code(args.promote),
    )


def bundle_and_rows(args: argparse.Namespace, console: Console) -> "tuple[FlatBundle, str, FlatRows]":
    """The bundle of `--version` (else the champion) with its version, and the rows of the workspace."""
    from leap.bundle.explaining import ready_to_explain
    from leap.bundle.flat_bundle import FlatBundle
    from leap.flat.rows import flat_rows
    from leap.registry import Store
    from leap.sources import read_workspace

    with console.stage("loading the model"):
        fetched = Store(args.store, args.workspace).load(args.version or "champion")
        bundle = FlatBundle.load(fetched.folder)
        ready_to_explain(bundle)
    with console.stage("reading the table"):
        tables = read_workspace(args.workspace, data_until=args.data_until)
        rows = flat_rows(tables, until_given=until_given(args, tables))
    return bundle, fetched.version, rows


def score(args: argparse.Namespace, console: Console) -> Result:
    """Score the rows without an outcome, or all, or those of a date, into a file."""
    from leap.exports import write_frame
    from leap.flat.choosing import WHICH, rows_to_score
    from leap.reports import flat as report
    from leap.reports.table_columns import about_flat_scores
    from leap.scoring.flat_scores import score_rows
    from leap.snapshots import day_of

    bundle, version, rows = bundle_and_rows(args, console)
    with console.stage("scoring"):
        chosen, which = rows_to_score(rows, day_of(args.as_of) if args.as_of else None, args.all)
        scores = score_rows(bundle, version, chosen, which)
        frame = scores.frame()
    write_frame(frame, args.out, about_flat_scores(bundle, version))
    dates = sorted({moment for moment in scores.as_of if moment})
    document = {
        "rows": len(frame),
        "abstained": scores.abstentions,
        "version": version,
        "as_of": args.as_of or (dates[-1] if dates else None),
        "scored": which,
        "scored_rows": WHICH[which],
        "outcome": bundle.outcome.column,
        "highest": [scores.keys[i] for i in scores.highest()],
        "definition_hash": bundle.definition_hash,
        "out": str(args.out),
    }
    return Result(document, report.score_text(scores, args.out))


def explain(args: argparse.Namespace, console: Console) -> Result:
    """One account's row with its reasons."""
    from leap.flat.choosing import row_of, rows_at
    from leap.reports import flat as report
    from leap.scoring.flat_scores import score_rows
    from leap.snapshots import day_of

    bundle, version, rows = bundle_and_rows(args, console)
    with console.stage("scoring"):
        rows = rows_at(rows, day_of(args.as_of)) if args.as_of else rows
        scores = score_rows(bundle, version, row_of(rows, args.account))
    text = "\n".join(report.account_lines(scores, 0, reasons=args.top))
    return Result({**scores.header(), **scores.to_json(0, args.top)}, text)


def features(args: argparse.Namespace, console: Console) -> Result:
    """The features of all rows, or of each account's latest row at the dates given."""
    from leap.exports import write_frame
    from leap.flat.choosing import matrix_of
    from leap.flat.leaks import without_leaks
    from leap.flat.rows import flat_rows
    from leap.reports import features as report
    from leap.reports.table_columns import about_features
    from leap.snapshots import day_of
    from leap.sources import read_workspace

    with console.stage("reading the table"):
        tables = read_workspace(args.workspace, data_until=args.data_until)
    with console.stage("building features"):
        given = until_given(args, tables)
        tables, leaks = without_leaks(tables, until_given=given)
        catalog, matrix = matrix_of(flat_rows(tables, until_given=given), [day_of(one) for one in args.as_of or ()])
    write_frame(matrix, args.out, about_features(catalog, tables.settings.company))
    return Result(report.document(matrix, catalog, leaks), report.text(matrix, catalog, args.out))
