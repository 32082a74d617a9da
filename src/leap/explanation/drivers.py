"""Drivers of a model: groups of features with their share of all movement, their direction, and whether they hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.explanation.groups import Groups
from leap.explanation.later import Tried, helped
from leap.explanation.stability import Refits, Stability, stability
from leap.features import Feature, FeatureFrame, Scope
from leap.models.composition import COMPONENTS, ScopeModel
from leap.models.encoding import Encoder
from leap.models.learners import BaseRate

_MIN_SHARE = 0.01
_MOST_ROWS = 1000
_DIGITS = 6
_DIRECTIONS = {1: "raises", -1: "lowers", 0: "mixed"}


@dataclass(frozen=True)
class Driver:
    """A group of features: its share of all movement of NRR, its direction, and whether that may be acted on yet.

    `id` names the group in the bundle's `groups`; `features` stand in the order of how much they move, the group's
    own leading one before others that hardly move more. What a group adds to a row is the sum over its features, so
    that a copy of one changes a share little. `direction` is "raises" or "lowers" (NRR with a larger value), "mixed"
    for categories or bends. Shares and ranks have the range of nine of ten
    refits with other draws of the accounts; `sign_folds` and `sign_draws` say in which part of the refits the direction
    (or the pattern) is the same. `gain` is the loss that it took away from a held-out row, with its z over accounts and
    its false-discovery rate over the drivers. `stable` is false for "do not act yet", and `why_not` then says why.
    """

    group: str
    features: tuple[str, ...]
    label: str
    share: float
    direction: str
    stable: bool
    scope: str
    actionable: bool
    id: str
    rank: int
    share_low: float
    share_high: float
    rank_low: int
    rank_high: int
    sign_folds: float | None
    sign_draws: float | None
    gain: float | None
    gain_z: float | None
    gain_q: float | None
    why_not: str | None
    kind: str = "number"
    """Kind of the leading feature, whose value the direction is of."""

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `train`."""
        return {**self.__dict__, "features": list(self.features)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Driver:
        """The inverse of `to_json`."""
        return cls(**{**document, "features": tuple(document["features"])})


def way_words(direction: str, of: str = "NRR", kind: str = "number") -> str:
    """A driver's direction, as an association.

    >>> way_words("lowers"), way_words("raises", kind="boolean"), way_words("mixed")
    ('more is associated with lower NRR', 'yes is associated with higher NRR', 'direction depends')
    """
    if direction not in ("raises", "lowers"):
        return "direction depends"
    value = "yes" if kind == "boolean" else "more"
    return f"{value} is associated with {'higher' if direction == 'raises' else 'lower'} {of}"


def drivers(
    model: ScopeModel,
    fold_models: Sequence[ScopeModel],
    frame: FeatureFrame,
    groups: Groups | None = None,
    draws: Iterable[ScopeModel] = (),
    tried: Sequence[Tried] = (),
) -> list[Driver]:
    """Drivers by mean absolute contribution to NRR over the rows of a frame, largest first.

    `draws` are refits with other draws of the accounts, and `tried` the components of the folds' models on rows they
    have not seen. Only what the model itself has learned is compared: a component that predicts its base rate is none.
    """
    groups = groups or Groups.of(frame)
    moving = moving_components(model)
    matrix = model.encoder.encode(frame)
    sample = matrix[spread_rows(len(matrix))]

    def of(one: ScopeModel, rows: np.ndarray) -> np.ndarray:
        parts = one.attribute(rows)
        by_column = sum((getattr(parts, name) for name in moving), np.zeros(rows.shape))
        return one.encoder.by_feature(by_column)

    return drivers_of(
        of(model, matrix), [of(fold, sample) for fold in fold_models], frame, model.encoder, groups,
        draws=[of(draw, sample) for draw in draws], tried=tried,
    )  # fmt: skip


def drivers_of(
    contributions: np.ndarray,
    over_folds: Sequence[np.ndarray],
    frame: FeatureFrame,
    encoder: Encoder,
    groups: Groups,
    *,
    draws: Sequence[np.ndarray] = (),
    tried: Sequence[Tried] = (),
    where: str = "later accounts",
    in_time: bool = True,
) -> list[Driver]:
    """Drivers from contributions by feature, shape (n, n_features), and those of refits to the `spread_rows` of it.

    `over_folds` stand in the order of time where they are `in_time`; `where` says what the folds' models were tried on.
    """
    names = frame.catalog.names
    by_group = groups.sum(contributions, names)
    strength = np.abs(by_group).mean(axis=0)
    total = float(strength.sum())
    if total <= 0:
        return []
    rows = spread_rows(len(frame.frame))
    of_column = groups.positions(names)[np.array(encoder.source, dtype=int)]
    refits = Refits(
        model=by_group[rows],
        folds=[groups.sum(one, names) for one in over_folds],
        draws=[groups.sum(one, names) for one in draws],
        helped=helped(tried, of_column, len(groups.ids), strength / total >= _MIN_SHARE),
        where=where,
        in_time=in_time,
    )
    alone = dict(zip(names, np.abs(contributions).mean(axis=0), strict=True))
    found = []
    for position in np.flatnonzero(strength / total >= _MIN_SHARE):
        members = _by_strength(groups.parts[position], alone, frame)
        values = frame.frame[members[0].name].to_numpy()[rows]
        held = stability(refits, int(position), members[0], values)
        found.append(_driver(groups.ids[position], members, float(strength[position] / total), held))
    return sorted(found, key=lambda d: (-d.share, d.id))


def _by_strength(members: Sequence[str], alone: Mapping[str, float], frame: FeatureFrame) -> list[Feature]:
    """The strongest first, but for the group's leading one if it is half as strong: chance must not pick a clone."""
    leads = alone[members[0]] >= max(alone[name] for name in members) / 2
    ranked = sorted(members, key=lambda name: (not (leads and name == members[0]), -alone[name], name))
    return [frame.catalog.by_name[name] for name in ranked]


def spread_rows(n: int, most: int = _MOST_ROWS) -> np.ndarray:
    """Positions of rows evenly spread over n, at most so many: what refits are compared over."""
    return np.unique(np.linspace(0, max(n - 1, 0), min(n, most)).astype(int))


def moving_components(model: ScopeModel) -> list[str]:
    """The components that predict more than their base rate."""
    return [name for name in COMPONENTS if not isinstance(model.component(name).learner, BaseRate)]


def fit_driver_order(model: ScopeModel, matrix: np.ndarray) -> list[tuple[Feature, float]]:
    """Fit features by mean absolute SHAP contribution to NRR, largest first; those without any are left out."""
    strength = np.abs(model.encoder.by_feature(model.attribute(matrix).nrr)).mean(axis=0)
    ranked = sorted(
        zip(model.encoder.catalog.features, strength, strict=True), key=lambda item: (-item[1], item[0].name)
    )
    return [(f, float(s)) for f, s in ranked if s > 1e-9 and f.scope == Scope.FIT]


def _driver(group: str, members: Sequence[Feature], share: float, held: Stability) -> Driver:
    leading = members[0]
    return Driver(
        group=leading.group,
        features=tuple(feature.name for feature in members),
        label=leading.label,
        share=share,
        direction=_DIRECTIONS[held.direction],
        stable=held.why_not is None,
        scope=str(leading.scope),
        actionable=leading.actionable,
        id=group,
        rank=held.rank,
        share_low=min(round(held.share_low, _DIGITS), share),
        share_high=max(round(held.share_high, _DIGITS), share),
        rank_low=held.rank_low,
        rank_high=held.rank_high,
        sign_folds=held.sign_folds,
        sign_draws=held.sign_draws,
        gain=_rounded(held.gain),
        gain_z=_rounded(held.gain_z),
        gain_q=_rounded(held.gain_q),
        why_not=held.why_not,
        kind=leading.kind,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
