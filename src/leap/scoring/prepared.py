"""What the scores of one scope of a bundle need whatever the rows: made once, and shared by all tables of scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from leap.bundle.model_bundle import ModelBundle
from leap.explanation import wording
from leap.explanation.peers import Peers
from leap.features import TENURE, Feature, Scope
from leap.icp.matching import Matcher
from leap.icp.tiers import TierPolicy
from leap.models.composition import ScopeModel
from leap.offers import Offer
from leap.scoring.reasons import Layout
from leap.uncertainty import Intervals
from leap.value import ValueTerms


class Usual(NamedTuple):
    """What is usual of a feature, for which part of comparable accounts, and in words."""

    value: Any
    share: float | None
    words: str


@dataclass(frozen=True)
class Prepared:
    """Parts of a bundle as the scores of one scope use them; safe for threads."""

    bundle: ModelBundle
    scope: Scope
    _usual: dict[tuple[int, str], Usual] = field(default_factory=dict, compare=False, repr=False)

    @property
    def model(self) -> ScopeModel:
        """health for customers, fit for prospects."""
        return self.bundle.health if self.scope == Scope.HEALTH else self.bundle.fit

    @property
    def intervals(self) -> Intervals:
        """Of the scope."""
        return self.bundle.intervals if self.scope == Scope.HEALTH else self.bundle.fit_intervals

    @cached_property
    def peers(self) -> Peers:
        """Comparable accounts."""
        return self.bundle.peers_of(self.scope)

    @cached_property
    def layout(self) -> Layout:
        """The features in their groups."""
        groups = self.bundle.groups if self.scope == Scope.HEALTH else self.bundle.fit_groups
        # How long someone has been a customer is given to every prospect, so no company is told from another by it.
        none = frozenset() if self.scope == Scope.HEALTH else frozenset({TENURE})
        return Layout(self.model.encoder.catalog.features, groups, none)

    @cached_property
    def terms(self) -> ValueTerms:
        """Margin, discount and horizon."""
        return ValueTerms.of(self.bundle.settings)

    @cached_property
    def offer(self) -> Offer:
        """An offer to stay."""
        return Offer.of(self.bundle.settings.policy)

    @cached_property
    def matcher(self) -> Matcher:
        """The profiles that count."""
        return Matcher(self.bundle.icp.counted, TierPolicy.of(self.bundle.settings.policy))

    @cached_property
    def currency(self) -> str:
        """What money is said in."""
        return self.bundle.settings.company.currency

    def usual(self, band: int, feature: Feature, mrr: float) -> Usual:
        """What is usual of a feature among comparable accounts; looked up once a band."""
        found = self._usual.get((band, feature.name))
        if found is None:
            value, share = self.peers.typical(feature.name, mrr), self.peers.share(feature.name, mrr)
            found = self._usual[band, feature.name] = Usual(value, share, wording.value_of(feature, value))
        return found
