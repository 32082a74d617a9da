"""A scorer with the manners of `leap.scoring.Scorer`, on a company made up by arithmetic."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from leap.config import Company
from leap.errors import CatalogError, TableError, UnknownVersion, UsageError
from leap.registry.versions import RegistryAway
from leap.scoring.answers import Answers, Check, RefusedAccount, chunks, never
from leap.scoring.inputs import tables_schema
from leap.scoring.row_forms import CELL
from serving.live import Served
from tests.serving.found import FoundBundle

ANSWERS = Path(__file__).parents[2] / "docs" / "api" / "answers"
FIT = {"employees": 120, "industry": "Software", "country": "DE"}
HEALTH = {"active_days_28d": 3, "seats_used_share": 0.41, "tickets_open_91d": 6}
LABELS = {
    "employees": "Employees",
    "industry": "Industry",
    "country": "Country",
    "active_days_28d": "Days with activity, last 28 days",
    "seats_used_share": "Share of seats in use",
    "tickets_open_91d": "Open tickets, last 91 days",
}
PHRASES = {
    "employees": "120 employees, more than most",
    "industry": "Industry is Software",
    "country": "Country is DE",
    "active_days_28d": "Active on 3 of the last 28 days, far below its usual 17",
    "seats_used_share": "41 % of the seats are in use",
    "tickets_open_91d": "6 tickets opened in the last 91 days, twice as many as usual",
}
FIRST = ["Alder", "Birch", "Cedar", "Dune", "Ember", "Fjord", "Grove", "Harbour", "Isle", "Juniper", "Kestrel", "Larch"]
SECOND = ["Analytics", "Bikes", "Clinics", "Digital", "Energy", "Foods", "GmbH", "Holding", "Insurance", "Labs"]

ICPS = {
    "icps": [
        {
            "id": "established-1",
            "kind": "established",
            "statement": "Software companies with 50 to 500 employees in Germany, Austria or Switzerland.",
            "conditions": [
                {"feature": "industry", "op": "==", "value": "Software", "label": "Industry", "words": "Industry is Software"},
                {"feature": "employees", "op": "between", "value": [50, 500], "label": "Employees", "words": "Employees: at least 50, below 500"},
                {"feature": "country", "op": "in", "value": ["DE", "AT", "CH"], "label": "Country", "words": "Country is DE, AT or CH"},
            ],
            "evidence": {
                "accounts": 214, "support": 0.28, "inside": 1.083, "outside": 0.934, "lift": 0.149, "low": 0.071, "high": 0.228,
                "ratio": 1.16, "found_on": ["2023-01-01", "2024-12-31"], "measured_on": ["2025-01-01", "2026-10-31"],
                "tried": 819, "q_value": 0.012,
            },
            "size": {"customers": 61, "prospects": 1240, "share": 0.17},
            "kpis": {
                "nrr": {"inside": 1.083, "outside": 0.934}, "grr": {"inside": 0.951, "outside": 0.862},
                "churn": {"inside": 0.043, "outside": 0.121}, "win_rate": {"inside": 0.31, "outside": 0.22},
                "cycle_days": {"inside": 41, "outside": 66}, "payback_months": {"inside": 9.4, "outside": 15.8},
            },
        },
        {
            "id": "emerging-1",
            "kind": "emerging",
            "statement": "Energy suppliers that opened a site in the last year.",
            "conditions": [
                {"feature": "industry", "op": "==", "value": "Energy", "label": "Industry", "words": "Industry is Energy"},
                {"feature": "sites_opened_365d", "op": ">=", "value": 1, "label": "Sites", "words": "Sites opened in the last 365 days: at least 1"},
            ],
            "evidence": {
                "accounts": 214, "support": 0.07, "inside": 1.21, "outside": 0.962, "lift": 0.248, "low": -0.012, "high": 0.41,
                "ratio": 1.26, "found_on": ["2023-01-01", "2024-12-31"], "measured_on": ["2025-01-01", "2026-10-31"],
                "tried": 819, "q_value": 0.081,
            },
            "size": {"customers": 15, "prospects": 310, "share": 0.04},
            "kpis": {"nrr": {"inside": 1.21, "outside": 0.962}, "churn": {"inside": 0.02, "outside": 0.101}},
        },
        {
            "id": "negative-1",
            "kind": "negative",
            "statement": "Agencies below 20 employees: leave them, they cost USD 18,400 a year more than they bring.",
            "conditions": [
                {"feature": "industry", "op": "==", "value": "Agency", "label": "Industry", "words": "Industry is Agency"},
                {"feature": "employees", "op": "<", "value": 20, "label": "Employees", "words": "Employees: below 20"},
            ],
            "evidence": {
                "accounts": 214, "support": 0.15, "inside": 0.71, "outside": 0.998, "lift": -0.288, "low": -0.392, "high": -0.171,
                "ratio": 0.71, "found_on": ["2023-01-01", "2024-12-31"], "measured_on": ["2025-01-01", "2026-10-31"],
                "tried": 819, "q_value": 0.001,
            },
            "size": {"customers": 32, "prospects": 2210, "share": 0.31},
            "kpis": {"nrr": {"inside": 0.71, "outside": 0.998}, "churn": {"inside": 0.24, "outside": 0.07}},
        },
    ],
    "none_because": None,
}  # fmt: skip


class FakeScorer:
    """Scores by arithmetic on the account's number; `version` is the only thing in which two of them differ."""

    def __init__(self, version: str = "7", accounts: int = 230, icps: Mapping[str, Any] = ICPS) -> None:
        self.version = version
        self.as_of = date(2026, 11, 1)
        self.bundle = FoundBundle()
        self.tables: object | None = SimpleNamespace(settings=self.bundle.settings, accounts=["a1", "a2"])
        self.customers = None
        self.definition_hash = "d41f0c9e"
        self.offers_lost_money = False
        self._customers = [f"a{number}" for number in range(1, accounts + 1)]
        self._icps = icps

    @property
    def latest_day(self) -> date:
        return self.as_of

    def require_day(self, as_of: date) -> None:
        if as_of > self.latest_day:
            raise UsageError(f"`as_of` {as_of} is later than tomorrow.")

    def model_header(self) -> dict[str, Any]:
        return {"name": "leap", "version": self.version, "trained_on": "2026-10-01"}

    def icp_document(self) -> dict[str, Any]:
        return dict(self._icps)

    def drivers_document(self) -> dict[str, Any]:
        part = {"accounts": 20, "points": 0.03, "low": 0.01, "high": 0.05}
        driver = {
            "group": "activity", "features": ["active_days_28d"], "label": LABELS["active_days_28d"], "share": 0.42,
            "share_low": 0.31, "share_high": 0.5, "direction": "raises", "stable": True, "scope": "health",
            "actionable": True, "why_not": None,
        }  # fmt: skip
        unsure = {
            **driver, "group": "tickets", "features": ["tickets_open_91d"], "label": LABELS["tickets_open_91d"],
            "share": 0.08, "share_low": 0.01, "share_high": 0.2, "direction": "lowers", "stable": False,
            "actionable": False, "why_not": "its direction changed between periods",
        }  # fmt: skip
        dependence = {
            "feature": "active_days_28d", "label": LABELS["active_days_28d"], "unit": "days", "kind": "number",
            "features": ["active_days_28d"], "missing": None, "missing_words": "no usage", "axis": "linear",
            "span": [0.0, 28.0], "counts": [20, 0, 20],
            "parts": [{**part, "value": 2.0, "points": -0.03, "low": -0.05, "high": -0.01}, {**part, "value": 26.0}],
        }  # fmt: skip
        found = {"drivers": [driver, unsure], "dependence": [dependence], "labels": LABELS}
        return {"health": found, "fit": {"drivers": [], "dependence": [], "labels": LABELS}}

    def input_schema(self) -> dict[str, Any]:
        def of(known: Mapping[str, Any]) -> dict[str, Any]:
            types = {str: "string", int: "number", float: "number"}
            properties = {name: {**CELL, "type": [types[type(value)], "null"]} for name, value in known.items()}
            return {"type": "object", "properties": properties, "additionalProperties": False}

        tables = tables_schema({"usage": ["day", "users"]}, {})
        return {"features": of({**FIT, **HEALTH}), "attributes": of(FIT), "tables": tables}

    def model_document(self) -> dict[str, Any]:
        catalog = [{"feature": name, "scope": "fit" if name in FIT else "health"} for name in {**FIT, **HEALTH}]
        return {"version": self.version, "card": {"company": "Nordlicht"}, "catalog": catalog}

    def by_id(self, ids: Sequence[str], top: int = 5) -> tuple[list[dict[str, Any]], list[str]]:
        known = set(self._customers)
        return [self._score(one, top) for one in ids if one in known], [one for one in ids if one not in known]

    def by_features(self, accounts: Sequence[tuple[str, Mapping[str, object]]], top: int = 5) -> list[dict[str, Any]]:
        for _, features in accounts:
            self._known(features, {**FIT, **HEALTH})
        return [self._score(name, top) for name, _ in accounts]

    def by_rows(self, accounts: Sequence[Any], as_of: date | None = None, top: int = 5) -> list[dict[str, Any]]:
        for name, tables in accounts:
            if set(tables) - {"usage"}:
                raise TableError(
                    f"{name}: unknown table(s) {sorted(set(tables) - {'usage'})}; expected some of ['usage']."
                )
        return [self._score(name, top) for name, _ in accounts]

    def prospects(self, prospects: Sequence[tuple[str, Mapping[str, object]]], top: int = 5) -> list[dict[str, Any]]:
        for _, attributes in prospects:
            self._known(attributes, FIT)
        return [{**self._score(name, top), "mrr": None, "scope": "fit"} for name, _ in prospects]

    def answers_by_id(self, ids: Sequence[str], top: int = 5, check: Check = never) -> Answers:
        return Answers.of(*self.by_id(ids, top))

    def why_not_found(self, account_id: str) -> str:
        return "no table holds it"

    def answers_by_features(self, accounts: Sequence[Any], top: int = 5, check: Check = never) -> Answers:
        return Answers.of(one for part in chunks(accounts, check) for one in self.by_features(part, top))

    def answers_by_rows(
        self, accounts: Sequence[Any], as_of: str | None = None, top: int = 5, check: Check = never
    ) -> Answers:
        refused = [
            RefusedAccount(i, name, "table", f"{name}: usage, row 1: negative.", [_bad_row(name)])
            for i, (name, tables) in enumerate(accounts)
            if any(row.get("users") == -1 for row in tables.get("usage", ()))
        ]
        without = {one.place for one in refused}
        left = [one for i, one in enumerate(accounts) if i not in without]
        found = [one for part in chunks(left, check) for one in self.by_rows(part, top=top)]
        values = {i: {"employees": i} for i in range(len(accounts)) if i not in without}
        return replace(Answers.of(found).without(refused), values=values.__getitem__)

    def answers_of_prospects(self, prospects: Sequence[Any], top: int = 5, check: Check = never) -> Answers:
        return Answers.of(one for part in chunks(prospects, check) for one in self.prospects(part, top))

    def listing(self) -> list[dict[str, Any]]:
        return [self._listed(name) for name in self._customers]

    def _known(self, given: Mapping[str, object], known: Mapping[str, object]) -> None:
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise CatalogError(
                f"Unknown feature(s) {unknown}.", details=unknown, remedy=f"Expected some of {sorted(known)}."
            )
        for name, value in given.items():
            if (value is not None and isinstance(value, str) != isinstance(known[name], str)) or isinstance(
                value, bool
            ):
                raise CatalogError(f"{name}: expected a value such as {known[name]!r}.", details=[name])

    def _listed(self, name: str) -> dict[str, Any]:
        score, number = self._score(name, 1), _number(name)
        return {
            "account_id": name,
            "name": f"{FIRST[number % 12]} {SECOND[number // 12 % 10]}" if number % 9 else None,
            "mrr": score["mrr"],
            "churn_probability": score["churn"]["p"],
            "nrr": score["nrr"]["point"],
            "value_12m": score["value_12m"]["point"],
            "icp_id": score["icp"]["id"],
            "icp_tier": score["icp"]["tier"],
            "reason_1": score["reasons"][0]["phrase"] if score["reasons"] else None,
        }

    def _score(self, name: str, top: int) -> dict[str, Any]:
        number = _number(name)
        mrr = float(300 + (number * 7919) % 9000)
        if number % 50 == 49:
            return _abstained(name, mrr)
        p, d, u = (number * 37 % 60) / 100, (number * 13 % 20) / 100, (number * 17 % 30) / 100
        nrr, base = (1 - p) * (1 - d + u), 0.97
        reasons = _reasons(nrr - base, mrr)
        listed = reasons if top == 0 else reasons[:top]
        return {
            "account_id": name,
            "mrr": mrr,
            "churn": {"p": p, "margin": 4 * (base - nrr) - 2},
            "contraction": {"rate": d},
            "expansion": {"rate": u, "p": 0.34},
            "grr": (1 - p) * (1 - d),
            "nrr": {"point": nrr, "low": 0.0, "high": nrr + 0.2, "level": 0.9, "coverage": 0.91, "direct": nrr + 0.01},
            "value_12m": {"point": 9.1 * mrr * nrr, "low": 0.0, "high": 11 * mrr},
            "value_36m": {"point": 20 * mrr * nrr, "reason": None},
            "action": {"contact": p > 0.15, "expected_gain": mrr * (p - 0.15), "threshold_p": 0.15, "reason": None},
            "survival": [{"months": m, "survival": (1 - p) ** (m / 12), "observed": m <= 12} for m in (1, 3, 12, 36)],
            "cac": 4000.0,
            "payback_months_survival": 9,
            "ltv_to_cac": 3.2,
            "icp": {
                "id": "established-1" if number % 3 else None,
                "tier": "ABC"[number % 3],
                "matched": ["Industry is Software"],
                "missed": ["Employees: at least 50, below 500"],
                "disqualified_by": [],
            },
            "reasons": listed,
            "base": {"nrr": base, "churn_probability": p - (base - nrr) / 2, "margin": -2.0, "money": base * mrr},
            "residual": sum(reason["nrr_points"] for reason in reasons[len(listed) :]),
            "residuals": {
                unit: sum(reason[unit] for reason in reasons[len(listed) :])
                for unit in ("probability_points", "margin", "money")
            },
            "abstained": None,
            "scope": "health",
        }


def _bad_row(name: str) -> dict[str, Any]:
    return {
        "account_id": name, "table": "usage", "row": 1, "column": "users", "rule": "negative", "found": "-1",
        "expected": "Users are counted.",
    }  # fmt: skip


def _abstained(name: str, mrr: float) -> dict[str, Any]:
    return {
        "account_id": name, "mrr": mrr, "churn": {"p": None}, "contraction": {"rate": None}, "expansion": {"rate": None, "p": None},
        "grr": None, "nrr": {"point": None, "low": None, "high": None}, "value_12m": {"point": None, "low": None, "high": None},
        "icp": {"id": None, "tier": None, "matched": [], "missed": [], "disqualified_by": []}, "reasons": [],
        "base": dict.fromkeys(("nrr", "churn_probability", "margin", "money")), "residual": None,
        "residuals": dict.fromkeys(("probability_points", "margin", "money")), "abstained": "already_leaving", "scope": "health",
    }  # fmt: skip


def _reasons(total: float, mrr: float) -> list[dict[str, Any]]:
    shares = dict(zip([*HEALTH, *FIT], (1.1, -0.35, 0.4, -0.2, 0.05, 0.0), strict=True))
    return [
        {
            "feature": name,
            "label": LABELS[name],
            "value": {**FIT, **HEALTH}[name],
            "phrase": PHRASES[name],
            "scope": "fit" if name in FIT else "health",
            "probability_points": -share * total / 2,
            "margin": -share * total * 4,
            "nrr_points": share * total,
            "money": share * total * mrr,
            "parts": {"churn": share * total / 2, "contraction": 0.0, "expansion": share * total / 2},
            "direction": "lowers" if share * total < 0 else "raises",
            "actionable": name in HEALTH,
            "nature": "actionable" if name in HEALTH else "fixed",
            "group": name,
            "members": [],
        }
        for name, share in shares.items()
    ]


def _number(name: str) -> int:
    digits = "".join(character for character in name if character in "0123456789")
    return int(digits) if digits else 12


def fake_served(version: str = "7", **options: Any) -> Served:
    """A live model of a made-up company."""
    company = Company(name="Nordlicht", currency="EUR", money_note="Fees are assumed.")
    return served_by(FakeScorer(version, **options), company)


def served_by(scorer: Any, company: Company, **more: Any) -> Served:
    """A live model of a fake scorer, with documents as a real service gave them."""
    return Served(scorer, company, documents=FakeDocuments(scorer), **more)  # type: ignore[arg-type]


class FakeDocuments:
    """What real services answered once, in the name of the fake model."""

    def __init__(self, scorer: Any) -> None:
        self._scorer = scorer
        self.asked: list[Any] = []

    def prepare(self) -> None:
        pass

    def icp(self) -> bytes:
        return self._kept("icp", version=self._scorer.version)

    def model(self) -> bytes:
        return self._kept("model", version=self._scorer.version)

    def kpis(self) -> bytes:
        return self._kept("kpis")

    def target_list(self, given: Mapping[str, Any], limit: int, check: Check) -> bytes:
        self.asked.append((dict(given), limit))
        if given.get("segment") not in (None, *self.segments()):
            raise UsageError("Expected a fit category to tell segments apart.", details=self.segments())
        return self._kept("target_list", version=self._scorer.version)

    def segments(self) -> list[str]:
        return ["industry", "country"]

    def icp_diff(self, old: str, new: str, check: Check) -> bytes:
        self.asked.append((old, new))
        if "99" in (old, new):
            raise UnknownVersion("There is no version 99.", details=["99"])
        if "98" in (old, new):
            raise RegistryAway("The registry has not answered within 2 seconds.")
        return self._kept("icp_diff")

    def _kept(self, name: str, **more: Any) -> bytes:
        scorer, document = self._scorer, json.loads((ANSWERS / f"{name}.json").read_text(encoding="utf-8"))
        head = {
            "model": scorer.model_header(), "definition_hash": scorer.definition_hash, "as_of": str(scorer.as_of),
            "company": "Nordlicht", "currency": "EUR", "money_note": "Fees are assumed.",
        }  # fmt: skip
        return json.dumps({**document, **head, **more}).encode()
