"""Everything that goes live together: models, catalog, intervals, ICPs, definitions and what is known of their quality.

A bundle is data: one JSON document and LightGBM's text models. Golden rows are scored again wherever it is loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from leap.bundle import files
from leap.bundle.document import (
    ACCOUNTS,
    DOCUMENT,
    FORMAT,
    own_file,
    plain_cell,
    read_document,
    require_no_others,
    require_objects,
    text_of,
    written,
)
from leap.bundle.structure import check_text_model
from leap.config import Settings, parse_settings
from leap.errors import BundleError, LeapError
from leap.explanation.dependence import Dependence
from leap.explanation.drivers import Driver
from leap.explanation.groups import Groups
from leap.explanation.novelty import Novelty
from leap.explanation.peers import Peers
from leap.features import FeatureCatalog, FeatureFrame, Scope
from leap.icp import ICPSearch
from leap.models.composition import ScopeModel, scope_model_from_json, text_learners
from leap.revenue.definitions import definition_hash
from leap.uncertainty import Intervals
from leap.wins import WinModel

_TEXT = "models/{scope}_{part}.txt"
_GOLDEN = ("p", "d", "u", "q", "q_contraction", "nrr", "direct")
_GOLDEN_TOLERANCE = 1e-9
_WIN_TREES = "models/win.txt"
_KEYS = (
    "format", "settings", "catalog", "health", "fit", "intervals", "fit_intervals", "icp", "drivers",
    "fit_drivers", "quality", "economics", "trained", "golden", "groups", "fit_groups", "peers", "fit_peers",
    "dependence",
)  # fmt: skip
_ABOUT = ("format", "trained", "quality", "golden", "dependence")


@dataclass(frozen=True)
class ModelBundle:
    """One version of everything.

    `peers` and `fit_peers` what is usual among comparable accounts;
    `economics` has what a new customer usually pays and costs, by segment and quarter too;
    `trained` says when and on what: `trained_on`, `as_of_range`, `seed`, `libraries`, `notes`, `definition_hash`.
    """

    settings: Settings
    catalog: FeatureCatalog
    health: ScopeModel
    fit: ScopeModel
    intervals: Intervals
    fit_intervals: Intervals
    icp: ICPSearch
    drivers: tuple[Driver, ...]
    fit_drivers: tuple[Driver, ...]
    groups: Groups
    fit_groups: Groups
    peers: Peers
    fit_peers: Peers
    quality: Mapping[str, Any]
    economics: Mapping[str, Any]
    trained: Mapping[str, Any]
    golden: Mapping[str, Any]
    win: WinModel | None = None
    """Which prospects are won; None where there are no deals or nothing may be claimed of them."""
    dependence: Mapping[str, tuple[Dependence, ...]] = field(default_factory=dict)
    """By scope, what pictures of its drivers need: contributions by value, summed up over accounts."""
    novelty: Novelty | None = None
    """What customers were when they bought: a prospect like none of them gets no score. None: nobody is asked."""

    @property
    def name(self) -> str:
        """Name of the registered model."""
        return "leap"

    @property
    def company(self) -> str:
        """Whose model it is."""
        return self.settings.company.name

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the feature catalog."""
        return self.catalog.fingerprint

    @property
    def definition_hash(self) -> str:
        """The definitions behind every number."""
        return str(self.trained["definition_hash"])

    @property
    def model_hash(self) -> str:
        """SHA-256 of what answers are made of: models, catalog, intervals, ICPs and settings.

        When and how it was made, and how good it is, do not enter: the same data and settings give the same hash.
        """
        document = {key: part for key, part in self._to_json().items() if key not in _ABOUT}
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def trained_on(self) -> str:
        """End of the data it was trained on, ISO date."""
        return str(self.trained["trained_on"])

    def peers_of(self, scope: Scope) -> Peers:
        """What is usual among accounts comparable to customers (health) or prospects (fit)."""
        return self.peers if scope == Scope.HEALTH else self.fit_peers

    def icp_document(self) -> dict[str, Any]:
        """The JSON of `icp`."""
        document = self.icp.to_json()
        return {**document, "company": self.company, "money_note": self.settings.company.money_note}

    def card(self) -> dict[str, Any]:
        """What `GET /v1/model` says: quality, definitions, catalog, drivers and notes."""
        company = self.settings.company
        return {
            "company": self.company,
            "currency": company.currency,
            "money_note": company.money_note,
            **dict(self.trained),
            "outcome": self.settings.outcome.model_dump(),
            "catalog_fingerprint": self.fingerprint,
            "outcomes": self.quality["health"]["outcomes"],
            "fit_outcomes": {**self.quality["fit"]["outcomes"], **_if_any("win", self.quality.get("win"))},
            "climb": self.quality.get("climb"),
            "portfolio": self.quality["health"]["portfolio"],
            "survival": self.quality["health"].get("survival"),
            "economics": {name: figure for name, figure in self.economics.items() if name != "cac_groups"},
            "intervals": self.intervals.to_json(),
            "drivers": [driver.to_json() for driver in self.drivers],
            "features": [
                {
                    "name": f.name,
                    "label": f.label,
                    "unit": f.unit,
                    "scope": str(f.scope),
                    "kind": f.kind,
                    "missing": f.missing,
                }
                for f in self.catalog.features
            ],
        }

    def save(self, folder: Path) -> None:
        """Write the bundle, durably: it is there whole or not at all."""
        document = self._to_json()
        texts: dict[str, bytes] = {}
        for scope in ("health", "fit"):
            for part, learner in text_learners(document[scope]).items():
                if "text" in learner:
                    path = _TEXT.format(scope=scope, part=part)
                    texts[path] = learner.pop("text").encode()
                    learner["file"] = path
        if self.win is not None and "text" in (learner := document["win"]["component"]["learner"]):
            texts[_WIN_TREES] = learner.pop("text").encode()
            learner["file"] = _WIN_TREES
        files.write_folder(folder, {DOCUMENT: written(document, texts), **texts})

    @classmethod
    def load(cls, folder: Path, identity: str = "") -> ModelBundle:
        """Read a bundle after checking its checksums and the structure of its trees; BundleError says what is wrong.

        With `identity` it must be the one that `files.identity_of` gave. A file that was never verified belongs to
        `ladder.verify` first, which tries it in a process of its own.
        """
        found = files.read_folder(folder)
        if identity and (other := files.identity_of(found)) != identity:
            raise BundleError(
                f"{folder}: expected the bundle of the checksum {identity[:16]}, found {other[:16]}.",
                remedy="It was exchanged after it was verified; fetch it again, or train anew.",
            )
        bundle = cls.parse(found)
        for name, width in bundle._widths().items():
            if name in found:
                # The kernel that explains trusts these numbers: a feature beyond a row's end is read from anywhere.
                check_text_model(found[name].decode("utf-8", errors="replace"), n_features=width, source=name)
        return bundle

    @classmethod
    def parse(cls, found: Mapping[str, bytes]) -> ModelBundle:
        """A bundle from the contents of its files; nothing is handed to LightGBM yet."""
        try:
            document, named = read_document(found, ACCOUNTS, _KEYS), []
            for scope in ("health", "fit"):
                for part, learner in text_learners(document[scope]).items():
                    if "file" in learner:
                        named.append(_TEXT.format(scope=scope, part=part))
                        learner["text"] = text_of(found, own_file(f"{scope} {part}", named[-1], learner["file"]))
            win = document.get("win")
            if win is not None and "file" in (learner := win["component"]["learner"]):
                named.append(_WIN_TREES)
                learner["text"] = text_of(found, own_file("win", _WIN_TREES, learner["file"]))
            require_no_others(found, named)
            bundle = cls._from_json(document)
            bundle.card(), bundle.icp_document()  # what these need must be there before anyone asks for it
            return bundle
        except LeapError:
            raise
        except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
            raise BundleError(f"{DOCUMENT}: not a bundle: {type(error).__name__}: {error}.") from error

    def with_golden(self, health: FeatureFrame, fit: FeatureFrame) -> ModelBundle:
        """The bundle with golden rows: features of real rows and the scores that every loading must repeat."""
        golden: dict[str, Any] = {}
        for scope, frame in (("health", health), ("fit", fit)):
            model: ScopeModel = getattr(self, scope)
            rows = [
                {name: plain_cell(frame.frame[name].iloc[i]) for name in frame.catalog.names}
                for i in range(len(frame.frame))
            ]
            golden[scope] = {"rows": rows, "expected": _scored(model, rows)}
        if self.win is not None:
            rows = golden["fit"]["rows"]
            golden["win"] = {"rows": rows, "expected": _scored(self.win, rows)}
        return ModelBundle(**{**self.__dict__, "golden": golden})

    def check_golden(self) -> None:
        """BundleError if a golden row scores otherwise than when the bundle was made, or has no finite score."""
        for scope in ("health", "fit", *(["win"] if self.win is not None else [])):
            try:
                rows = self.golden[scope]["rows"]
                found = _scored(getattr(self, scope), rows)
                told = self.golden[scope]["expected"]
                if not len(rows) or set(told) != set(found):
                    raise ValueError(f"{len(rows)} row(s) with {sorted(told)}; expected some, with {sorted(found)}")
                differences = {
                    name: np.abs(np.array(found[name], dtype=float) - np.array(told[name], dtype=float))
                    for name in found
                }
            except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
                raise BundleError(f"Golden rows of the {scope} model cannot be scored: {error}.") from error
            for name, difference in differences.items():
                if not (np.isfinite(difference).all() and (difference <= _GOLDEN_TOLERANCE).all()):
                    raise BundleError(
                        f"Golden rows of the {scope} model: {name} differs by up to {np.max(difference):.3g}; "
                        f"expected at most {_GOLDEN_TOLERANCE}.",
                        remedy="The files are not those that were trained; train again or restore them.",
                    )

    def _widths(self) -> dict[str, int]:
        """How many columns the trees of each file may look at."""
        widths = {
            _TEXT.format(scope=scope, part=part): getattr(self, scope).encoder.width
            for scope in ("health", "fit")
            for part in text_learners(getattr(self, scope).to_json())
        }
        return widths | ({} if self.win is None else {_WIN_TREES: self.win.encoder.width})

    def _to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "settings": self.settings.model_dump(mode="json", exclude_defaults=True),
            "catalog": self.catalog.to_json(),
            "health": self.health.to_json(),
            "fit": self.fit.to_json(),
            "intervals": self.intervals.to_json(),
            "fit_intervals": self.fit_intervals.to_json(),
            "icp": self.icp.to_json(),
            "drivers": [driver.to_json() for driver in self.drivers],
            "fit_drivers": [driver.to_json() for driver in self.fit_drivers],
            "groups": self.groups.to_json(),
            "fit_groups": self.fit_groups.to_json(),
            "peers": self.peers.to_json(),
            "fit_peers": self.fit_peers.to_json(),
            "quality": dict(self.quality),
            "economics": dict(self.economics),
            "trained": dict(self.trained),
            "golden": dict(self.golden),
            "win": self.win.to_json() if self.win is not None else None,
            "novelty": self.novelty.to_json() if self.novelty is not None else None,
            "dependence": {scope: [one.to_json() for one in found] for scope, found in self.dependence.items()},
        }

    @classmethod
    def _from_json(cls, document: Mapping[str, Any]) -> ModelBundle:
        require_objects(document, ("quality", "economics", "trained", "golden"))
        catalog = FeatureCatalog.from_json(document["catalog"])
        settings = parse_settings(document["settings"], origin="the bundle's settings")
        if (stated := definition_hash(settings)) != document["trained"]["definition_hash"]:
            raise BundleError(
                f"{DOCUMENT}: expected the definitions {document['trained']['definition_hash']!r} that it was trained "
                f"under, found settings that state {stated!r} (horizon {settings.outcome.horizon_months} months).",
                remedy="Its settings were changed after it was trained; restore the bundle, or train anew.",
            )
        return cls(
            settings=settings,
            catalog=catalog,
            health=scope_model_from_json(document["health"], catalog),
            fit=scope_model_from_json(document["fit"], catalog),
            intervals=Intervals.from_json(document["intervals"]),
            fit_intervals=Intervals.from_json(document["fit_intervals"]),
            icp=ICPSearch.from_json(document["icp"], catalog),
            drivers=tuple(Driver.from_json(d) for d in document["drivers"]),
            fit_drivers=tuple(Driver.from_json(d) for d in document["fit_drivers"]),
            groups=Groups.from_json(document["groups"]),
            fit_groups=Groups.from_json(document["fit_groups"]),
            peers=Peers.from_json(document["peers"]),
            fit_peers=Peers.from_json(document["fit_peers"]),
            quality=document["quality"],
            economics=document["economics"],
            trained=document["trained"],
            golden=document["golden"],
            win=WinModel.from_json(document["win"], catalog) if document.get("win") is not None else None,
            novelty=Novelty.from_json(document["novelty"], catalog) if document.get("novelty") is not None else None,
            dependence={
                k: tuple(Dependence.from_json(d) for d in found) for k, found in document["dependence"].items()
            },
        )


def _if_any(name: str, value: Any) -> dict[str, Any]:
    return {} if value is None else {name: value}


def _scored(model: ScopeModel | WinModel, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Predictions and the sum and size of contributions for golden rows."""
    if isinstance(model, WinModel):
        return {"p": model.of_values(rows).tolist()}
    matrix = np.vstack([model.encoder.encode_one(row) for row in rows])
    predicted, attributed = model.predict(matrix), model.attribute(matrix)
    left = {} if model.hazard is None else {"survival": model.hazard.survival(matrix).tolist()}
    return {
        **left,
        **{name: np.asarray(getattr(predicted, name)).tolist() for name in _GOLDEN},
        "contributed": attributed.nrr.sum(axis=1).tolist(),
        "moved": np.abs(attributed.nrr).sum(axis=1).tolist(),
    }
