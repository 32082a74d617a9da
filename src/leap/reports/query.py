"""Rules as SQL over a table that has the features as columns, such as the file that `leap features` writes."""

from __future__ import annotations

import math

from leap.errors import CatalogError
from leap.icp import Condition, Rule


def select(rule: Rule, table: str) -> str:
    """A query for the accounts of a table that meet a rule."""
    return f'SELECT "account_id" FROM {identifier(table)}\nWHERE {where(rule)};'  # noqa: S608 (quoted below)


def where(rule: Rule) -> str:
    """The condition of a WHERE: exactly the rows that `Rule.matches` finds, whether missing is NULL or NaN.

    >>> from leap.features import Feature, Recipe, Scope, Signal
    >>> plan = Feature("plan", Recipe("t", "a", "b"), "Plan", "", Scope.FIT, Signal.FIT, "third", "category", "", "")
    >>> print(where(Rule((Condition(plan, "==", "it's"),))))
    "plan" = 'it''s'
    """
    return "\n  AND ".join(_condition(condition) for condition in rule.conditions)


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
        case "!=":  # a missing value is different from any
            return f"{column} IS DISTINCT FROM {literal}"
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
