"""Ideal customer profiles with their evidence."""

from __future__ import annotations

from typing import Any, Literal

from serving.schemas.answers import Answer


class Evidence(Answer):
    """What a profile did on other accounts, later, than it was found on."""

    accounts: int | None = None
    support: float | None = None
    inside: float | None = None
    outside: float | None = None
    lift: float | None = None
    low: float | None = None
    high: float | None = None
    tried: int | None = None
    q_value: float | None = None


class Condition(Answer):
    """One condition on a feature of scope `fit`."""

    feature: str
    op: str
    value: Any = None
    label: str | None = None
    words: str | None = None


class Icp(Answer):
    """One ideal customer profile, or (negative) one to leave."""

    id: str
    kind: Literal["established", "emerging", "negative"]
    statement: str
    conditions: list[Condition]
    evidence: Evidence
    size: Any = None
    kpis: dict[str, Any] | None = None
    rejected: bool = False
    """People rejected it: it is shown, gives no tier and chooses nobody."""


class IcpAnswer(Answer):
    """All profiles of the live model; without any, why there is none."""

    icps: list[Icp]
    none_because: str | None = None
