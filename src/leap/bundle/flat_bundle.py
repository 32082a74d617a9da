"""The bundle of a flat table: one outcome's model, its catalog, drivers, figures and golden rows; data and no code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from leap.bundle import files
from leap.bundle.document import (
    DOCUMENT,
    FLAT,
    FORMAT,
    own_file,
    plain_cell,
    read_document,
    require_no_others,
    require_objects,
    text_of,
    written,
)
from leap.bundle.found_drivers import flat_drivers
from leap.bundle.make import LIBRARIES, spread
from leap.bundle.structure import check_text_model
from leap.config import Settings, parse_settings
from leap.errors import BundleError, LeapError
from leap.evaluation import Leak, notes_of
from leap.explanation.drivers import Driver
from leap.explanation.groups import Groups
from leap.explanation.peers import Peers
from leap.features import FeatureCatalog, FeatureFrame
from leap.flat.frame import FlatFrame
from leap.flat.judging import FlatQuality, HeldOut
from leap.flat.model import FlatModel
from leap.flat.rows import FlatOutcome, FlatRows

_GOLDEN_TOLERANCE = 1e-9
"""Relative to the size of contributions, which two engines round differently; at least so many points."""
_TREES = "models/flat_outcome.txt"
_KEYS = (
    "format", "kind", "settings", "catalog", "model", "drivers", "groups", "peers", "quality", "trained",
    "golden",
)  # fmt: skip
DEFINITIONS_VERSION = 1


@dataclass(frozen=True)
class FlatBundle:
    """One version of a flat table's model; fields as in `ModelBundle`, without what such a table does not have."""

    settings: Settings
    catalog: FeatureCatalog
    model: FlatModel
    drivers: tuple[Driver, ...]
    groups: Groups
    peers: Peers
    quality: Mapping[str, Any]
    trained: Mapping[str, Any]
    golden: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of the registered model."""
        return "leap"

    @property
    def company(self) -> str:
        """Whose model it is."""
        return self.settings.company.name

    @property
    def outcome(self) -> FlatOutcome:
        """What is predicted."""
        return self.model.outcome

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the feature catalog."""
        return self.catalog.fingerprint

    @property
    def definition_hash(self) -> str:
        """The definitions behind every number."""
        return str(self.trained["definition_hash"])

    @property
    def trained_on(self) -> str | None:
        """End of the data it was trained on, ISO date; None where neither dates nor settings say one."""
        found = self.trained["trained_on"]
        return None if found is None else str(found)

    def save(self, folder: Path) -> None:
        """Write the bundle, durably: it is there whole or not at all."""
        document: dict[str, Any] = {
            "format": FORMAT,
            "kind": FLAT,
            "settings": self.settings.model_dump(mode="json", exclude_defaults=True),
            "catalog": self.catalog.to_json(),
            "model": self.model.to_json(),
            "drivers": [driver.to_json() for driver in self.drivers],
            "groups": self.groups.to_json(),
            "peers": self.peers.to_json(),
            "quality": dict(self.quality),
            "trained": dict(self.trained),
            "golden": dict(self.golden),
        }
        texts: dict[str, bytes] = {}
        learner = document["model"]["component"]["learner"]
        if "text" in learner:
            texts[_TREES] = learner.pop("text").encode()
            learner["file"] = _TREES
        files.write_folder(folder, {DOCUMENT: written(document, texts), **texts})

    @classmethod
    def load(cls, folder: Path) -> FlatBundle:
        """Read a bundle after checking its checksums and the structure of its trees; BundleError says what is wrong."""
        found = files.read_folder(folder)
        bundle = cls.parse(found)
        for name in found:
            if name.startswith("models/"):
                text = found[name].decode("utf-8", errors="replace")
                check_text_model(text, n_features=bundle.model.encoder.width, source=name)
        return bundle

    @classmethod
    def parse(cls, found: Mapping[str, bytes]) -> FlatBundle:
        """A bundle from the contents of its files; nothing is handed to LightGBM yet."""
        try:
            document = read_document(found, FLAT, _KEYS)
            learner = document["model"]["component"]["learner"]
            if "file" in learner:
                learner["text"] = text_of(found, own_file("the outcome", _TREES, learner["file"]))
            require_no_others(found, [_TREES] if "file" in learner else [])
            require_objects(document, ("quality", "trained", "golden"))
            catalog = FeatureCatalog.from_json(document["catalog"])
            return cls(
                settings=parse_settings(document["settings"], origin="the bundle's settings"),
                catalog=catalog,
                model=FlatModel.from_json(document["model"], catalog),
                drivers=tuple(Driver.from_json(driver) for driver in document["drivers"]),
                groups=Groups.from_json(document["groups"]),
                peers=Peers.from_json(document["peers"]),
                **{name: document[name] for name in ("quality", "trained", "golden")},
            )
        except LeapError:
            raise
        except (KeyError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
            raise BundleError(f"{DOCUMENT}: not a bundle: {type(error).__name__}: {error}.") from error

    def with_golden(self, frame: FeatureFrame) -> FlatBundle:
        """The bundle with golden rows: features of real rows and the scores that every loading must repeat."""
        rows = [
            {name: plain_cell(frame.frame[name].iloc[i]) for name in frame.catalog.names}
            for i in range(len(frame.frame))
        ]
        return replace(self, golden={"rows": rows, "expected": _scored(self.model, rows)})

    def check_golden(self) -> None:
        """BundleError if a golden row scores otherwise than when the bundle was made, or has no finite score."""
        try:
            found, expected = _scored(self.model, self.golden["rows"]), self.golden["expected"]
            differences = {
                name: np.abs(np.array(found[name]) - np.array(expected[name], dtype=float)) for name in found
            }
            allowed = _GOLDEN_TOLERANCE * max(1.0, *(abs(float(number)) for number in expected["moved"]))
        except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
            raise BundleError(f"Golden rows of the flat model cannot be scored: {error}.") from error
        for name, difference in differences.items():
            if not (len(difference) and np.isfinite(difference).all() and (difference <= allowed).all()):
                raise BundleError(
                    f"Golden rows of the flat model: {name} differs by up to {np.max(difference, initial=0.0):.3g}; "
                    f"expected at most {allowed:g}.",
                    remedy="The files are not those that were trained; train again or restore them.",
                )


def make_flat_bundle(
    rows: FlatRows,
    frame: FlatFrame,
    model: FlatModel,
    found: HeldOut,
    quality: FlatQuality,
    *,
    leaks: Sequence[Leak],
    problems: Sequence[Mapping[str, Any]],
    seed: int,
    trials: int,
) -> FlatBundle:
    """Everything that goes live together."""
    latest = frame.latest()
    groups = Groups.of(frame.features)
    bundle = FlatBundle(
        settings=rows.settings,
        catalog=frame.features.catalog,
        model=model,
        drivers=flat_drivers(frame, model, found, groups, seed),
        groups=groups,
        peers=Peers.of(latest),
        quality=quality.to_json(),
        trained={
            "trained_on": None if rows.end is None else f"{rows.end:%Y-%m-%d}",
            "as_of_range": frame.as_of_range,
            "definition_hash": flat_definition_hash(rows.settings, rows.table.name),
            "held_out": frame.held,
            "seed": seed,
            "trials": trials,
            "rows": len(frame.rows.outcome),
            "accounts": len(np.unique(frame.accounts)),
            "libraries": {name: version(name) for name in LIBRARIES},
            "notes": [*frame.notes, *quality.warnings, *notes_of(leaks, rows.settings.leaks.keep_columns)],
            "problems": list(problems),
        },
        golden={},
    )
    return bundle.with_golden(spread(frame.features))


def flat_definition_hash(settings: Settings, table: str) -> str:
    """Twelve hexadecimal digits that name the definitions behind a score: outcome, what counts as yes, horizon."""
    spec = settings.tables[table]
    stated = {
        "version": DEFINITIONS_VERSION,
        "method": "flat",
        "outcome": spec.outcome,
        "kind": spec.outcome_kind,
        "positive": None if spec.outcome_positive is None else repr(spec.outcome_positive),
        "dated": spec.at is not None,
        "horizon_months": settings.outcome.horizon_months if spec.at is not None else None,
    }
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()[:12]


def _scored(model: FlatModel, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Predictions and the sum and size of contributions for golden rows."""
    matrix = np.vstack([model.encoder.encode_one(row) for row in rows])
    contributed, _ = model.attribute(matrix)
    return {
        "predicted": model.predict(matrix).tolist(),
        "contributed": contributed.sum(axis=1).tolist(),
        "moved": np.abs(contributed).sum(axis=1).tolist(),
    }
