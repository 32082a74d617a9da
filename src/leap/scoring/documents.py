"""What a live model says beside scores, as JSON: key figures, a target list, and what differs from another version.

Each is a function of a scorer (or of two versions) and names the model, its definitions and its day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from leap.errors import UsageError
from leap.icp import ICPProfile
from leap.icp.figures import NAMES
from leap.icp.resampling import LEVEL
from leap.scoring.company_retention import company_retention
from leap.scoring.figure import NOT_ESTIMATED, figure
from leap.scoring.icp_versions import Named, compare
from leap.scoring.targets import Asked, Entries, Override, TargetList, target_list_of

if TYPE_CHECKING:
    from leap.scoring.scorer import Scorer
    from leap.tables import AccountTables

NO_LONGER_SECONDS: Final = 5.0
"""How long an integer program may be worked on while somebody waits for the answer."""
_WITHOUT_INTERVAL = frozenset({"payback_months_survival"})
_OF_THE_MAKING = frozenset({"leaks", "libraries", "problems", "seed", "tables", "trials", "tuning"})
_OF_QUARTER = ("win_rate", "sales_cycle_days", "deal_size", "cac", "nrr_later", "churn_later")
_COUNTS_OF_QUARTER = (
    "quarter", "new_customers", "bookings", "deals_decided", "deals_won", "customers_with_cac", "accounts_later",
)  # fmt: skip


class NoTables(UsageError):
    """What is asked for comes from tables, and there are none here."""

    code = "no_tables"


def header(scorer: Scorer) -> dict[str, Any]:
    """Which model says it, by which definitions, as of which day, and in which money."""
    company = scorer.bundle.settings.company
    return {
        "model": scorer.model_header(),
        "definition_hash": scorer.definition_hash,
        "as_of": scorer.as_of.isoformat(),
        "company": scorer.bundle.company,
        "currency": company.currency,
        "money_note": company.money_note,
    }


def icp_document(scorer: Scorer) -> dict[str, Any]:
    """As `leap icp --json`, with the model that says it and what people rejected."""
    return {**header(scorer), **scorer.icp_document()}


def model_document(scorer: Scorer) -> dict[str, Any]:
    """The card of the model, without what only says how it was made on the machine that made it.

    Problems of tables quote their cells, and are for those who have the tables.
    """
    document = {name: part for name, part in scorer.model_document().items() if name not in _OF_THE_MAKING}
    return {**header(scorer), **document}


def kpis_document(scorer: Scorer) -> dict[str, Any]:
    """Key figures: retention of the company, then every profile, criterion, quarter, bookings and market."""
    found = scorer.bundle.icp
    return {
        **header(scorer),
        "level": LEVEL,
        "retention": company_retention(scorer.tables),
        "profiles": [_profile(profile, profile.id in found.rejected) for profile in found.profiles],
        "criteria": [
            {
                "words": criterion.rule.words,
                "conditions": [condition.to_json() for condition in criterion.rule.conditions],
                **comparison(criterion.kpis),
            }
            for criterion in found.criteria
        ],
        "quarters": None if found.quarters is None else _quarters(found.quarters.to_json()),
        "bookings": None if found.bookings is None else _bookings_by(found.bookings.to_json()),
        "funnel": None if found.funnel is None else found.funnel.to_json(),
        "none_because": found.none_because,
    }


def _profile(profile: ICPProfile, rejected: bool) -> dict[str, Any]:
    return {
        "id": profile.id,
        "kind": profile.kind,
        "rejected": rejected,
        "words": profile.rule.words,
        "statement": profile.statement,
        "size": dict(profile.size),
        "penetration": profile.penetration,
        **comparison(profile.kpis),
    }


def comparison(kpis: Mapping[str, Any]) -> dict[str, Any]:
    """`kpis` of a profile with every figure in one form: `inside` the group, `outside` of it, and the difference."""
    if not kpis:
        return {"window": None, "inside": None, "outside": None, "difference": {}}
    return {
        "window": dict(kpis["window"]),
        **{side: _side(kpis, side) for side in ("inside", "outside")},
        "difference": {
            name: _difference(kpis, name, kpis["difference"][name]) for name in NAMES if name in kpis["difference"]
        },
    }


def _side(kpis: Mapping[str, Any], side: str) -> dict[str, Any]:
    values, ends, why = kpis[side], kpis["intervals"][side], kpis["why_null"][side]
    return {
        "accounts": values["accounts"],
        "counts": dict(kpis["counts"][side]),
        "figures": {
            name: figure(values[name], ends.get(name), why.get(name), **_no_interval(name))
            for name in NAMES
            if name in values
        },
    }


def _difference(kpis: Mapping[str, Any], name: str, found: Mapping[str, float | None] | None) -> dict[str, Any]:
    """Inside less outside; where one of the two is undefined, the reason is its own."""
    if found is None:
        why = kpis["why_null"]
        return figure(None, None, why["inside"].get(name) or why["outside"].get(name))
    low, high = found["low"], found["high"]
    ends = None if low is None or high is None else (low, high)
    return figure(found["value"], ends, None, **_no_interval(name))


def _no_interval(name: str) -> dict[str, str]:
    return {"no_interval": NOT_ESTIMATED} if name in _WITHOUT_INTERVAL else {}


def _quarters(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **document,
        "groups": {name: [_quarter(one) for one in quarters] for name, quarters in document["groups"].items()},
    }


def _quarter(one: Mapping[str, Any]) -> dict[str, Any]:
    counts = {name: one[name] for name in _COUNTS_OF_QUARTER}
    return {**counts, "figures": {name: _told(one, name, one["reasons"].get(name)) for name in _OF_QUARTER}}


def _told(one: Mapping[str, Any], name: str, reason: str | None = None) -> dict[str, Any]:
    """A figure whose interval, if it may have one, stands beside it."""
    key = f"{name}_interval"
    return figure(one[name], one.get(key), reason, **({} if key in one else {"no_interval": NOT_ESTIMATED}))


def _bookings_by(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "fewest_customers": document["fewest_customers"],
        "everyone": _bookings(document["everyone"]),
        "by": {name: [_bookings(row) for row in rows] for name, rows in document["by"].items()},
    }


def _bookings(row: Mapping[str, Any]) -> dict[str, Any]:
    none = "no_bookings"
    return {
        "name": row["name"],
        **{side: _booked(row[side]) for side in ("inside", "outside")},
        "outside_share": _told(row, "outside_share", none),
        "outside_share_last_year": _told(row, "outside_share_last_year", none),
        "bookings_last_year": row["bookings_last_year"],
    }


def _booked(part: Mapping[str, Any]) -> dict[str, Any]:
    counts = {name: part[name] for name in ("customers", "bookings", "accounts_later")}
    return {**counts, "nrr_later": _told(part, "nrr_later", "fewer_than_5_customers")}


def targets_of(
    scorer: Scorer, given: Mapping[str, Any], overrides: Mapping[str, Override], seed: int = 0
) -> TargetList:
    """The list under `[policy]` and what was given instead, as `leap targets`; worked on for at most five seconds."""
    return list_asked_for(scorer, Asked.of(tables_of(scorer).settings.policy, **given), overrides, seed=seed)


def list_asked_for(
    scorer: Scorer,
    asked: Asked,
    overrides: Mapping[str, Override],
    months: Literal[12, 36] | None = None,
    seed: int = 0,
) -> TargetList:
    """The list under these limits and no others; worked on for at most five seconds."""
    tables_of(scorer)
    if asked.per_segment is not None and asked.segment is None:
        asked = replace(asked, segment=_usual_segment(scorer))
    seconds = min(asked.seconds, NO_LONGER_SECONDS)
    return target_list_of(scorer, replace(asked, seconds=seconds), overrides, seed, months)


def tables_of(scorer: Scorer) -> AccountTables:
    """The tables of a workspace; NoTables where there are none."""
    if scorer.tables is None:
        raise NoTables("There are no tables here, so there are no prospects to choose from.")
    return scorer.tables


def segments_of(scorer: Scorer) -> list[str]:
    """What may tell segments apart: fit categories by name, and the columns that they come from."""
    features = [f for f in scorer.bundle.fit.encoder.catalog.features if f.kind == "category"]
    named = [name for feature in features for name in (feature.name, feature.recipe.column)]
    return list(dict.fromkeys(name for name in named if name))


def _usual_segment(scorer: Scorer) -> str | None:
    """By what acquisition costs are known, else the first fit category; None where there is none."""
    usual = scorer.bundle.economics.get("cac_segment")
    return str(usual) if usual else next(iter(segments_of(scorer)), None)


def targets_document(scorer: Scorer, made: TargetList, limit: int | None = None) -> dict[str, Any]:
    """As `leap targets --json`, with the model that says it."""
    return {**header(scorer), **Entries(made).to_json(limit)}


def icp_diff_document(scorer: Scorer, old: Named, new: Named) -> dict[str, Any]:
    """As `leap icp diff --profiles-only --json`, with the live model; a version differs in nothing from itself."""
    if old.bundle.company != new.bundle.company:
        raise UsageError(
            f"Version {old.version} and version {new.version} are models of two companies: their profiles are of "
            "different customers.",
            remedy="Give two versions of one company.",
        )
    return {**header(scorer), **compare(old, new, None, itself=True)}
