"""The gate of a model of a flat table: the same questions, less what such a table does not have (money, slices).

A champion is compared with if it is of the same company, outcome and features. Where enough rows are dated on or after
the end of its data it predicts them itself; else its kind of learner is refitted in the same folds, unless it is the
same kind: then only the skill that each was given in its own folds is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leap import metrics
from leap.bundle.flat_bundle import FlatBundle
from leap.flat.frame import HELD_WORDS, part
from leap.flat.judging import FlatQuality, HeldOut
from leap.flat.model import fit_model
from leap.gate.baselines import calibration_checks, claim_check, plain_regression_checks
from leap.gate.champion import (
    Learned,
    any_better,
    difference_checks,
    not_compared,
    outcome_differences,
    standing_check,
    stored_difference,
)
from leap.gate.check import Check, Gate
from leap.gate.held_out import events, judged_flat
from leap.gate.incumbent import Incumbent, stranger
from leap.gate.paired import Difference, Resamples, difference
from leap.gate.running import golden_check, latency_check
from leap.metrics import Figure
from leap.models.selection import MIN_EVENTS

_REFITTED = ("base_rate", "linear", "boosted")


@dataclass(frozen=True)
class FlatChallenger:
    """A new model of a flat table with what its training made."""

    found: HeldOut
    quality: FlatQuality
    bundle: FlatBundle
    trials: int = 0
    seed: int = 0


def gate_of_flat(new: FlatChallenger, incumbent: Incumbent | None, registered: Path) -> Gate:
    """Every check of a new model of a flat table; `registered` is its folder, fetched."""
    judged = [one for one in [judged_flat(new.found)] if one.enough]
    main = _main(new.bundle)
    figure = new.quality.figures.metrics.get(main)
    what = f"{'AUC' if main == 'auc' else 'R2'} of {new.bundle.outcome.words} {HELD_WORDS[new.quality.held]}"
    none = 0.5 if main == "auc" else 0.0
    checks = [claim_check(new.quality.claimed, new.quality.reason, figure, none, what)]
    against, champion = _against_champion(new, incumbent)
    checks += against
    checks += plain_regression_checks(judged)
    checks += calibration_checks(judged)
    checks += [golden_check(registered, new.bundle), latency_check(new.bundle, champion)]
    return Gate(tuple(checks), incumbent.version if incumbent is not None and champion is not None else None)


def _against_champion(new: FlatChallenger, incumbent: Incumbent | None) -> tuple[list[Check], FlatBundle | None]:
    if incumbent is None:
        return [not_compared(None)], None
    champion, strange = incumbent.bundle, stranger(incumbent, new.bundle.company, new.bundle.catalog)
    if strange is None and champion is None:
        strange = f"{incumbent.words}, cannot be loaded ({incumbent.trouble})"
    if strange is None and not isinstance(champion, FlatBundle):
        strange = f"{incumbent.words}, is not of a flat table"
    if strange is None and isinstance(champion, FlatBundle):
        strange = _other(new.bundle, champion, incumbent)
    if strange is not None or not isinstance(champion, FlatBundle):
        return [not_compared(incumbent, strange)], None
    differences, how = _differences(new, champion)
    standing = standing_check(
        incumbent, how,
        Learned.of(new.bundle.trained_on, new.bundle.model.component),
        Learned.of(champion.trained_on, champion.model.component),
        any_better(differences),
    )  # fmt: skip
    return [standing, *difference_checks(differences)], champion


def _other(new: FlatBundle, champion: FlatBundle, incumbent: Incumbent) -> str | None:
    if champion.outcome != new.outcome or champion.definition_hash != new.definition_hash:
        return f"{incumbent.words}, is of another outcome ({champion.outcome.words})"
    if champion.fingerprint != new.fingerprint:
        return f"{incumbent.words}, has other features ({champion.fingerprint}, here {new.fingerprint})"
    return None


def _differences(new: FlatChallenger, champion: FlatBundle) -> tuple[dict[str, Difference], str]:
    """Figures of both, paired on the same rows where there are any, and how they were compared."""
    found = new.found
    later, n_events = _later(found, champion)
    if n_events >= MIN_EVENTS:
        ours, fold = _caught_up(new, champion, later)
        theirs = champion.model.predict(champion.model.encoder.encode(found.frame.features.where(_mask(found, later))))
        how = f"compared on {len(later)} rows dated after its data ({champion.trained_on}), {n_events} accounts"
        return _paired(found, later, ours, theirs, fold), how
    seen = f"{n_events} accounts of {found.frame.outcome.words} in rows after its data; {MIN_EVENTS} are needed"
    kind, own = champion.model.component.learner_name, new.bundle.model.component.learner_name
    if kind != own and kind in _REFITTED:
        theirs = _refitted(found, kind, new.seed)
        how = f"not comparable on later rows yet ({seen}), so its recipe ({kind}) was refitted in the same folds"
        return _paired(found, np.arange(len(found.rows)), found.predicted, theirs, found.fold), how
    stored = stored_difference(_stored(new.bundle), _stored(champion))
    how = f"not comparable on later rows yet ({seen}), and its recipe is the same ({kind}): a refresh"
    return ({"skill_at_training": stored} if stored is not None else {}), how


def _later(found: HeldOut, champion: FlatBundle) -> tuple[np.ndarray, int]:
    """Positions among the held-out rows that are dated on or after the end of the champion's data, and their events."""
    if champion.trained_on is None or not found.frame.dated:
        return np.zeros(0, dtype=int), 0
    end = np.datetime64(champion.trained_on, "us")
    at = found.frame.rows.as_of[found.rows]
    # In the order of the frame, so that masks over it give the same order.
    later = np.flatnonzero(at >= end)
    later = later[np.argsort(found.rows[later], kind="stable")]
    outcome, accounts = found.outcome[later], found.resampled[later]
    counted = events(outcome, accounts) if found.frame.outcome.is_binary else len(np.unique(accounts))
    return later, counted


def _mask(found: HeldOut, held: np.ndarray) -> np.ndarray:
    mask = np.zeros(len(found.frame.rows.outcome), dtype=bool)
    mask[found.rows[held]] = True
    return mask


def _caught_up(new: FlatChallenger, champion: FlatBundle, later: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Our predictions by models that knew at least what was known at the champion's end, and their fold."""
    found, frame = new.found, new.found.frame
    ours, fold = found.predicted[later].copy(), found.fold[later].copy()
    if frame.held != "out_of_time":
        return ours, fold
    end = np.datetime64(str(champion.trained_on), "us")
    cut = np.array([np.datetime64(one.name, "us") for one in frame.folds])
    behind, past = cut[fold] < end, frame.rows.known_at <= end
    if behind.any() and past.any():
        model = fit_model(frame.outcome, frame.encoder, part(frame.rows, past), trials=new.trials, seed=new.seed)
        ours[behind] = model.predict(frame.rows.matrix[found.rows[later][behind]])
        fold[behind] = len(frame.folds)
    return ours, fold


def _refitted(found: HeldOut, kind: str, seed: int) -> np.ndarray:
    frame, predicted = found.frame, np.full(len(found.rows), np.nan)
    for number, one in enumerate(frame.folds):
        model = fit_model(frame.outcome, frame.encoder, part(frame.rows, one.train), only=kind, seed=seed)
        here = found.fold == number
        predicted[here] = model.predict(frame.rows.matrix[found.rows[here]])
    return predicted


def _paired(
    found: HeldOut, held: np.ndarray, ours: np.ndarray, theirs: np.ndarray, fold: np.ndarray
) -> dict[str, Difference]:
    outcome, resamples = found.outcome[held], Resamples.of(found.resampled[held])
    if found.frame.outcome.is_binary:
        return outcome_differences(outcome, ours, theirs, fold, resamples)
    return {"squared_error": difference(metrics.brier, outcome, ours, theirs, resamples)}


def _main(bundle: FlatBundle) -> str:
    return "auc" if bundle.outcome.is_binary else "r2"


def _stored(bundle: FlatBundle) -> Figure | None:
    found = bundle.quality["outcomes"][bundle.outcome.column]["metrics"].get(_main(bundle))
    if found is None or any(found.get(name) is None for name in Figure.__dataclass_fields__):
        return None
    return Figure(**{name: float(found[name]) for name in Figure.__dataclass_fields__})
