"""Rules as SQL over a table that has the features as columns, such as the file that `leap features` writes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from leap.errors import CatalogError
from leap.icp import Condition, Rule
from leap.icp.shortfalls import whole_of
from leap.icp.tiers import AS_USUAL

ABOUT = (
    "Standard SQL over a table with a row an account and the feature columns, as this writes it (give one day):",
    "  leap features DIR --as-of DAY --prospects --out features.parquet",
    "In DuckDB, before the rest: CREATE VIEW features AS SELECT * FROM 'features.parquet';",
    "BigQuery, MySQL and Databricks quote names with backticks instead of double quotes.",
    "A missing value (NULL or NaN) meets no condition but one that says “not”.",
)
_OF_TEXTS = "Texts are compared letter by letter; where a database ignores case (SQL Server, MySQL) it finds more."
_NOTHING = "CAST(NULL AS VARCHAR(255))"
_OF_BACKSLASHES = "A text below holds a backslash: write it twice for BigQuery, MySQL, Snowflake and Databricks."


def about(rules: Sequence[Rule]) -> tuple[str, ...]:
    """What a person must know who runs these rules elsewhere than in DuckDB or PostgreSQL, a line each."""
    levels = [v for rule in rules for c in rule.conditions if c.feature.kind == "category" for v in c.levels]
    of_texts = (_OF_TEXTS,) if levels else ()
    return (*ABOUT, *of_texts, *((_OF_BACKSLASHES,) if any("\\" in level for level in levels) else ()))


def select(rule: Rule, table: str) -> str:
    """A query for the accounts of a table that meet a rule."""
    return f'SELECT "account_id" FROM {identifier(table)}\nWHERE {where(rule)};'  # noqa: S608 (quoted below)


class Named(Protocol):
    """A profile: what it is called, its kind and its rule."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def rule(self) -> Rule: ...


def tiers(profiles: Sequence[Named], table: str, band: float = AS_USUAL.band) -> str:
    """A query for the profile and tier of every account of a table, as `leap.icp.match` says them.

    `icp_id` is the first profile met that is not negative, `against` the first negative one. D goes before A, and A
    before B, which misses one condition: a number by no more than the band, or any one of several.
    """
    good = [profile for profile in profiles if profile.kind != "negative"]
    bad = [profile for profile in profiles if profile.kind == "negative"]
    all_of = {p.id: where(p.rule, " AND ") for p in profiles}
    near = [found for p in good if (found := _one_missed(p.rule, band))]
    letters = [(all_of[p.id], "D") for p in bad] + [(all_of[p.id], "A") for p in good] + [(one, "B") for one in near]
    columns = (
        ("icp_id", _case([(all_of[p.id], p.id) for p in good])),
        ("against", _case([(all_of[p.id], p.id) for p in bad])),
        ("icp_tier", _case(letters, "C")),
    )
    chosen = "".join(f",\n  {value} AS {identifier(name)}" for name, value in columns)
    return f'SELECT "account_id"{chosen}\nFROM {identifier(table)};'


def _one_missed(rule: Rule, band: float) -> str | None:
    """Whether one condition is missed: any of several, or narrowly the only one; None if it cannot be narrowly."""
    if len(rule.conditions) == 1:
        return _narrowly(rule.conditions[0], band)
    missed = (f"CASE WHEN {_condition(condition)} THEN 0 ELSE 1 END" for condition in rule.conditions)
    return f"{' + '.join(missed)} = 1"


def _narrowly(condition: Condition, band: float) -> str | None:
    """Whether a number is no further from its nearest bound than the band, a share of it."""
    if condition.feature.kind != "number" or condition.op in ("==", "!=") or band <= 0:
        return None
    column = identifier(condition.feature.name)
    bounds = [float(b) for b in (condition.value if isinstance(condition.value, tuple) else (condition.value,))]
    wholes = whole_of(condition, np.array(bounds)).tolist()
    far = [f"ABS({column} - {_signed(bound)})" for bound in bounds]
    shares = [f"{d} / {number(whole)}" if whole else "NULL" for d, whole in zip(far, wholes, strict=True)]
    if not any(wholes):
        return None
    nearest = shares[0] if len(far) == 1 else f"CASE WHEN {far[0]} <= {far[1]} THEN {shares[0]} ELSE {shares[1]} END"
    return f"{nearest} <= {number(band)}"


def _signed(bound: float) -> str:
    return f"({number(bound)})" if bound < 0 else number(bound)


def _case(branches: Sequence[tuple[str, str]], otherwise: str | None = None) -> str:
    if not branches:
        return _NOTHING  # no profile, no tier
    lines = [f"    WHEN {condition} THEN {text(value)}" for condition, value in branches]
    last = "NULL" if otherwise is None else text(otherwise)
    return "\n".join(["CASE", *lines, f"    ELSE {last}", "  END"])


def where(rule: Rule, joint: str = "\n  AND ") -> str:
    """The condition of a WHERE: exactly the rows that `Rule.matches` finds, whether missing is NULL or NaN.

    >>> from leap.features import Feature, Recipe, Scope, Signal
    >>> plan = Feature("plan", Recipe("t", "a", "b"), "Plan", "", Scope.FIT, Signal.FIT, "third", "category", "", "")
    >>> print(where(Rule((Condition(plan, "==", "it's"),))))
    "plan" = 'it''s'
    """
    return joint.join(_condition(condition) for condition in rule.conditions)


def _condition(condition: Condition) -> str:
    column, value = identifier(condition.feature.name), condition.value
    if condition.op in ("in", "not in"):
        among = f"{column} IN ({', '.join(text(level) for level in condition.levels)})"
        return among if condition.op == "in" else f"({column} IS NULL OR NOT {among})"
    if isinstance(value, tuple):
        low, high = value
        return f"{column} >= {number(low)} AND {column} < {number(high)}"
    literal = text(str(value)) if condition.feature.kind == "category" else number(value)
    match condition.op:
        case "==":
            return f"{column} = {literal}"
        case "!=":  # a missing value is different from any; not every database knows IS DISTINCT FROM
            return f"({column} IS NULL OR {column} <> {literal})"
        case "<":
            return f"{column} < {literal}"
        case "<=":
            return f"{column} <= {literal}"
        case ">=" | ">":  # many databases sort NaN above every number
            return f"{column} {condition.op} {literal} AND {column} < 1e308"
    raise CatalogError(f"{condition.feature.name}: expected a known operator, found {condition.op!r}.")


def identifier(name: str) -> str:
    """A quoted column or table name.

    >>> print(identifier('an "odd" name'))
    "an ""odd"" name"
    """
    return '"' + _without_null(name).replace('"', '""') + '"'


def text(value: str) -> str:
    """A quoted text literal, standard SQL: a backslash is a backslash."""
    return "'" + _without_null(value).replace("'", "''") + "'"


def number(value: object) -> str:
    """A literal that reads back as the same double.

    >>> number(True), number(-0.04), number(30)
    ('1.0', '-0.04', '30.0')
    """
    found = float(value)  # type: ignore[arg-type]
    if not math.isfinite(found):
        raise CatalogError(f"Expected a finite number in a condition, found {found}.")
    return repr(found)


def _without_null(value: str) -> str:
    if "\0" in value:
        raise CatalogError(f"{value!r} has a NUL character, which no SQL text can hold.")
    return value
