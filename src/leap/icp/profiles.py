"""Profiles: rules that held later, on other accounts, with a statement, evidence and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from leap.features import FeatureCatalog
from leap.icp.attributes import Attribute
from leap.icp.best_customers import BestCustomers
from leap.icp.bookings import BookingsBy
from leap.icp.criteria import Criterion
from leap.icp.evidence import Evidence
from leap.icp.front import Front
from leap.icp.funnel import Funnel
from leap.icp.hypotheses import ProfileHypothesis
from leap.icp.notes import Note
from leap.icp.points import PointsCard
from leap.icp.pooling import Pooled
from leap.icp.quarters import Quarters
from leap.icp.ranking import OrderOfWork, Rank, Shares
from leap.icp.rules import Rule, rule_from_json
from leap.icp.saturation import Saturation
from leap.icp.segments import Described

_Part = TypeVar("_Part")


@dataclass(frozen=True)
class ICPProfile:
    """One profile: who, why we think so, how many there are, and how they do.

    Its rule was measured on later accounts; what was not is a `ProfileHypothesis` and stands elsewhere. `because` says
    why it is of its kind, `pooled` what is expected of its accounts, `segment` which accounts it describes, if those of
    one.
    """

    id: str
    kind: str
    rule: Rule
    evidence: Evidence
    statement: str
    size: Mapping[str, Any] = field(default_factory=dict)
    kpis: Mapping[str, Any] = field(default_factory=dict)
    price: Mapping[str, Any] | None = None
    because: str = ""
    pooled: Pooled | None = None
    shares: Shares | None = None
    rank: Rank | None = None
    segment: Described | None = None
    saturation: Saturation | None = None

    status = "measured"

    @property
    def penetration(self) -> float | None:
        """Customers / (customers + prospects) that meet it now; None where there are no prospects to be won."""
        customers, prospects = self.size.get("customers", 0), self.size.get("prospects", 0)
        return customers / (customers + prospects) if prospects else None

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `icp`."""
        document = {
            "id": self.id,
            "kind": self.kind,
            "status": self.status,
            "because": self.because,
            "statement": self.statement,
            "words": self.rule.words,
            "conditions": [condition.to_json() for condition in self.rule.conditions],
            "evidence": self.evidence.to_json(),
            "size": dict(self.size),
            "kpis": dict(self.kpis),
            "penetration": self.penetration,
            **{name: None if part is None else part.to_json() for name, part in self._parts.items()},
        }
        return document if self.price is None else {**document, "price": dict(self.price)}

    @property
    def _parts(self) -> dict[str, Pooled | Shares | Rank | Described | Saturation | None]:
        return {
            "pooled": self.pooled,
            "shares": self.shares,
            "rank": self.rank,
            "segment": self.segment,
            "saturation": self.saturation,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> ICPProfile:
        """The inverse of `to_json`."""
        return cls(
            id=document["id"],
            kind=document["kind"],
            rule=rule_from_json(document["conditions"], catalog),
            evidence=Evidence.from_json(document["evidence"]),
            statement=document["statement"],
            size=document["size"],
            kpis=document["kpis"],
            price=document.get("price"),
            because=document.get("because", ""),
            pooled=optional(document, "pooled", Pooled.from_json),
            shares=optional(document, "shares", Shares.from_json),
            rank=optional(document, "rank", Rank.from_json),
            segment=optional(document, "segment", Described.from_json),
            saturation=optional(document, "saturation", Saturation.from_json),
        )


def optional(document: Mapping[str, Any], name: str, read: Callable[[Mapping[str, Any]], _Part]) -> _Part | None:
    """A part of a document, None where it is null or missing."""
    part = document.get(name)
    return None if part is None else read(part)


@dataclass(frozen=True)
class ICPSearch:
    """What was found: profiles, every attribute measured, or why there is none; and what people believe (`notes`).

    The order of `profiles` is that of work: an account that meets several belongs to the first. `hypotheses` are what
    was suggested and not measured, in no profile.
    """

    profiles: tuple[ICPProfile, ...]
    attributes: tuple[Attribute, ...]
    none_because: str | None
    notes: tuple[Note, ...] = ()
    hypotheses: tuple[ProfileHypothesis, ...] = ()
    order_of_work: OrderOfWork | None = None
    best_customers: BestCustomers | None = None
    card: PointsCard | None = None
    """Whole points for a CRM that can only add."""
    criteria: tuple[Criterion, ...] = ()
    front: Front | None = None
    quarters: Quarters | None = None
    bookings: BookingsBy | None = None
    funnel: Funnel | None = None
    rejected: frozenset[str] = frozenset()
    """Ids of profiles that people rejected; no part of the JSON, which holds what was found, not what was decided."""

    @property
    def counted(self) -> tuple[ICPProfile, ...]:
        """The profiles that give tiers and choose accounts: all but those that people rejected."""
        return tuple(profile for profile in self.profiles if profile.id not in self.rejected)

    def to_json(self) -> dict[str, Any]:
        """The JSON of `icp`."""
        return {
            "icps": [profile.to_json() for profile in self.profiles],
            "attributes": [attribute.to_json() for attribute in self.attributes],
            "none_because": self.none_because,
            "notes": [note.to_json() for note in self.notes],
            "hypotheses": [hypothesis.to_json() for hypothesis in self.hypotheses],
            "order_of_work": None if self.order_of_work is None else self.order_of_work.to_json(),
            "best_customers": None if self.best_customers is None else self.best_customers.to_json(),
            "card": None if self.card is None else self.card.to_json(),
            "criteria": [criterion.to_json() for criterion in self.criteria],
            "front": None if self.front is None else self.front.to_json(),
            "quarters": None if self.quarters is None else self.quarters.to_json(),
            "bookings": None if self.bookings is None else self.bookings.to_json(),
            "funnel": None if self.funnel is None else self.funnel.to_json(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> ICPSearch:
        """The inverse of `to_json`."""
        return cls(
            tuple(ICPProfile.from_json(d, catalog) for d in document["icps"]),
            tuple(Attribute.from_json(d, catalog) for d in document["attributes"]),
            document["none_because"],
            tuple(Note.from_json(d) for d in document.get("notes", ())),
            hypotheses=tuple(ProfileHypothesis.from_json(d, catalog) for d in document.get("hypotheses", ())),
            order_of_work=optional(document, "order_of_work", OrderOfWork.from_json),
            best_customers=optional(document, "best_customers", lambda d: BestCustomers.from_json(d, catalog)),
            card=None if document.get("card") is None else PointsCard.from_json(document["card"], catalog),
            criteria=tuple(Criterion.from_json(d, catalog) for d in document.get("criteria", ())),
            front=optional(document, "front", Front.from_json),
            quarters=optional(document, "quarters", Quarters.from_json),
            bookings=optional(document, "bookings", BookingsBy.from_json),
            funnel=optional(document, "funnel", Funnel.from_json),
        )
