"""What of the evidence is kept with a verdict, and whether that of a later version is another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HYPOTHESIS = "hypothesis"
_FINDINGS = {
    "stays": "did better",
    "leaves": "did worse",
    "not shown": "no difference shown",
    _HYPOTHESIS: "not measured yet",
}
_FIGURES = ("nrr", "churn", "expansion_rate", "contraction_rate")


def of_rule(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What a version says of a profile or attribute of the JSON of `icp`: finding, figures with intervals, and id.

    A hypothesis has no figures.
    """
    evidence = entry.get("evidence", {})
    return {
        "id": entry.get("id"),
        "finding": finding(entry),
        "metric": evidence.get("metric"),
        "figures": {
            name: {end: evidence[name][end] for end in ("lift", "low", "high")}
            for name in _FIGURES
            if isinstance(evidence.get(name), Mapping)
        },
        "q_value": evidence.get("q_value"),
    }


def finding(entry: Mapping[str, Any]) -> str:
    """stays, leaves or not shown, of a profile or an attribute; hypothesis of what is none yet."""
    if entry.get("status") == _HYPOTHESIS:
        return _HYPOTHESIS
    if "verdict" in entry:
        return str(entry["verdict"])
    return "leaves" if entry.get("kind") == "negative" else "stays"


def of_driver(driver: Mapping[str, Any]) -> dict[str, Any]:
    """What a version says of a group of drivers."""
    return {name: driver[name] for name in ("id", "direction", "share", "share_low", "share_high", "stable")}


def rule_changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """In which way the evidence of a rule is another: its finding, or its lift outside the interval of then.

    >>> then = {"finding": "stays", "metric": "nrr", "figures": {"nrr": {"lift": 0.1, "low": 0.05, "high": 0.2}}}
    >>> rule_changed(then, {**then, "figures": {"nrr": {"lift": 0.15, "low": 0.1, "high": 0.2}}})
    >>> rule_changed(then, {**then, "figures": {"nrr": {"lift": 0.02, "low": -0.1, "high": 0.1}}})
    'NRR +2.0 points, then +10.0 [+5.0, +20.0]'
    """
    if not then:
        return None
    if then["finding"] != now["finding"]:
        return f"{_said(now)}, then {_said(then)}"
    metric = then["metric"]
    before, after = then["figures"].get(metric), now["figures"].get(metric)
    if before is None or after is None or before["low"] <= after["lift"] <= before["high"]:
        return None
    low, high = _points(before["low"]), _points(before["high"])
    return f"{_name(metric)} {_points(after['lift'])} points, then {_points(before['lift'])} [{low}, {high}]"


def in_words(entry: Mapping[str, Any]) -> str:
    """The figure that decided, of a profile or attribute, with its interval."""
    found = of_rule(entry)
    own = found["figures"][found["metric"]]
    low, high = _points(own["low"]), _points(own["high"])
    return f"{_said(found)}: {_name(found['metric'])} {_points(own['lift'])} points [{low}, {high}]"


def opposite(then: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether what did better then does worse now, or the other way round."""
    return bool(then) and {then.get("finding"), now.get("finding")} == {"stays", "leaves"}


def driver_changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """In which way a group of drivers is another: its direction, whether it holds, or a share outside the range."""
    if not then:
        return None
    if then["direction"] != now["direction"]:
        return f"{now['direction']} NRR, then {then['direction']}"
    if then["stable"] != now["stable"]:
        return "it holds now, then it did not" if now["stable"] else "do not act yet, then it held"
    if then["share_low"] <= now["share"] <= then["share_high"]:
        return None
    return f"{now['share']:.0%} of the movement, then {then['share']:.0%}"


def _said(evidence: Mapping[str, Any]) -> str:
    return _FINDINGS.get(evidence["finding"], str(evidence["finding"]))


def _points(share: float) -> str:
    return f"{share * 100:+z.1f}"


def _name(metric: str) -> str:
    names = {"nrr": "NRR", "churn": "churn", "expansion_rate": "expansion", "contraction_rate": "contraction"}
    return names.get(metric, metric)
