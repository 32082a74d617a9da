"""The best customers, and what was true of those that grew against those that left: what the review says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from leap.features import FeatureCatalog
from leap.icp.rules import Condition


@dataclass(frozen=True)
class Difference:
    """A condition whose share differs between those that grew and those that left, in yearly rows after the purchase.

    `growers` of `of_growers` accounts met it, and `leavers` of `of_leavers`; `low` and `high` are the 95 % interval of
    the difference of the shares of their rows, `q_value` the false-discovery rate among all conditions compared.
    """

    condition: Condition
    growers: int
    of_growers: int
    leavers: int
    of_leavers: int
    share_of_growers: float
    share_of_leavers: float
    low: float
    high: float
    q_value: float

    @property
    def difference(self) -> float:
        """Share of the rows of those that grew less that of those that left."""
        return self.share_of_growers - self.share_of_leavers

    def to_json(self) -> dict[str, Any]:
        """With the difference and the condition in words."""
        document = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "condition"}
        return {**document, "difference": self.difference, "condition": self.condition.to_json()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> Difference:
        """The inverse of `to_json`."""
        condition = document["condition"]
        fields = {name: document[name] for name in cls.__dataclass_fields__ if name != "condition"}
        return cls(Condition.from_json(condition, catalog.by_name[condition["feature"]]), **fields)


@dataclass(frozen=True)
class BestCustomer:
    """One of the best: its rank in what is known of retention, expansion, margin and adoption, each 0 to 1 (best)."""

    account_id: str
    score: float
    retention: float | None
    expansion: float | None
    margin: float | None
    adoption: float | None

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `icp`, under `best_customers`."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> BestCustomer:
        """The inverse of `to_json`."""
        return cls(**document)


@dataclass(frozen=True)
class Seen:
    """A health feature at the beginning of years in which accounts grew, and of years in which they left.

    `more` is the chance that one of those that grew had a higher value than one of those that left (0.5: alike), with
    its 95 % interval by accounts; `q_value` the false-discovery rate among all features compared. It holds no
    condition: what exists only once a company is a customer can be part of no profile.
    """

    feature: str
    label: str
    unit: str
    growers: int
    leavers: int
    median_of_growers: float
    median_of_leavers: float
    more: float
    low: float
    high: float
    q_value: float

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `icp`, under `best_customers.seen_as_customers`."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Seen:
        """The inverse of `to_json`."""
        return cls(**document)


@dataclass(frozen=True)
class BestCustomers:
    """The best fifth of the customers of the last year, and what tells growers from leavers.

    `ranked_by` names what the order is made of, `missing` says of the rest why it is not in it. `differences` are
    attributes from before the purchase; `drawn` are those that the profile drawn from them would have, marked as
    `status` says: "measured" where each is a held attribute, else "hypothesis", "none" where nothing is drawn.
    """

    of_customers: int
    best: tuple[BestCustomer, ...]
    ranked_by: tuple[str, ...]
    missing: Mapping[str, str]
    growers: int
    leavers: int
    compared: int
    differences: tuple[Difference, ...]
    drawn: tuple[Condition, ...]
    status: Literal["measured", "hypothesis", "none"]
    words: str
    seen_as_customers: tuple[Seen, ...] = ()
    """What was seen of them as customers, where it was looked at: no part of any profile."""

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `icp`, under `best_customers`."""
        return {
            "of_customers": self.of_customers,
            "best": [customer.to_json() for customer in self.best],
            "ranked_by": list(self.ranked_by),
            "missing": dict(self.missing),
            "growers": self.growers,
            "leavers": self.leavers,
            "compared": self.compared,
            "differences": [difference.to_json() for difference in self.differences],
            "drawn": [condition.to_json() for condition in self.drawn],
            "status": self.status,
            "words": self.words,
            "seen_as_customers": [seen.to_json() for seen in self.seen_as_customers],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> BestCustomers:
        """The inverse of `to_json`."""
        drawn = tuple(Condition.from_json(d, catalog.by_name[d["feature"]]) for d in document["drawn"])
        read: dict[str, Any] = {
            "best": tuple(BestCustomer.from_json(d) for d in document["best"]),
            "ranked_by": tuple(document["ranked_by"]),
            "differences": tuple(Difference.from_json(d, catalog) for d in document["differences"]),
            "drawn": drawn,
            "seen_as_customers": tuple(Seen.from_json(d) for d in document.get("seen_as_customers", ())),
        }
        return cls(**{**document, **read})
