"""What Salesforce and HubSpot document of their filters, evaluated over records; written apart from what makes them.

SOQL: `AND` and `OR` are not mixed without parentheses; `=` and `!=` compare with null, and `!=` is true of null; texts
are compared without regard to case. How `<` or `NOT IN` treat null is left open (`null_low`): a query may not depend on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign><=|>=|!=|<>|[=<>(),+]))""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "'": "'", '"': '"', "\\": "\\"}


class Tokens:
    """A text as tokens, read from the left."""

    def __init__(self, text: str):
        self.found: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            assert match, f"not a token: {text[at : at + 30]!r}"
            self.found.append((str(match.lastgroup), match[match.lastgroup or 0]))
            at = match.end()
        self.at = 0

    def peek(self) -> str:
        return self.found[self.at][1] if self.at < len(self.found) else ""

    def take(self, *expected: str) -> tuple[str, str]:
        kind, value = self.found[self.at]
        assert not expected or value.upper() in expected, f"expected {expected}, found {value!r}"
        self.at += 1
        return kind, value


def literal(tokens: Tokens) -> Any:
    kind, value = tokens.take()
    if kind == "text":
        return unescaped(value[1:-1])
    if kind == "number":
        return float(value)
    assert value == "null", value
    return None


def unescaped(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        return chr(int(match[1][1:], 16)) if match[1].startswith("u") else _ESCAPES[match[1]]

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", one, text, flags=re.DOTALL)


def soql_selects(query: str, record: Record, *, null_low: bool) -> bool:
    """Whether `SELECT Id FROM Account WHERE …` selects a record."""
    head, condition = query.split("WHERE", 1)
    assert head.split() == ["SELECT", "Id", "FROM", "Account"]
    tokens = Tokens(condition)
    found = _logic(tokens, lambda: _comparison(tokens, record, null_low))
    assert tokens.at == len(tokens.found), f"left over: {tokens.found[tokens.at :]}"
    return found


def _logic(tokens: Tokens, atom: Any) -> bool:
    values, joints = [_unary(tokens, atom)], set()
    while tokens.peek().upper() in ("AND", "OR"):
        joints.add(tokens.take()[1].upper())
        values.append(_unary(tokens, atom))
    assert len(joints) <= 1, "AND and OR are mixed without parentheses"
    return any(values) if joints == {"OR"} else all(values)


def _unary(tokens: Tokens, atom: Any) -> bool:
    if tokens.peek().upper() == "NOT":
        tokens.take()
        return not _unary(tokens, atom)
    if tokens.peek() == "(":
        tokens.take("(")
        found = _logic(tokens, atom)
        tokens.take(")")
        return found
    return bool(atom())


def _comparison(tokens: Tokens, record: Record, null_low: bool) -> bool:
    value = {**record, "Id": "001"}[tokens.take()[1]]
    sign = tokens.take()[1].upper()
    if sign in ("NOT", "IN"):
        turned = sign == "NOT"
        if turned:
            tokens.take("IN")
        tokens.take("(")
        among = [literal(tokens)]
        while tokens.peek() == ",":
            tokens.take(",")
            among.append(literal(tokens))
        tokens.take(")")
        if value is None:
            return turned and null_low
        return (_folded(value) in map(_folded, among)) != turned
    return _compared(value, sign, literal(tokens), null_low)


def _compared(value: Any, sign: str, other: Any, null_low: bool) -> bool:
    a, b = _folded(value), _folded(other)
    if sign in ("=", "!="):
        return (a == b) == (sign == "=")
    assert b is not None, "null is compared by = and != only"
    if a is None:
        return null_low and sign.startswith("<")
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign]


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def list_view_selects(rows: Sequence[Mapping[str, str]], logic: str, record: Record, *, null_low: bool) -> bool:
    """Whether a list view with these rows and this filter logic shows a record."""
    found = [_row_holds(row, record, null_low) for row in rows]
    tokens = Tokens(logic)
    held = _logic(tokens, lambda: found[int(tokens.take()[1]) - 1])
    assert tokens.at == len(tokens.found)
    assert sorted(int(v) for kind, v in tokens.found if kind == "number") == list(range(1, len(rows) + 1))
    return held


def _row_holds(row: Mapping[str, str], record: Record, null_low: bool) -> bool:
    value, operator = {**record, "Id": "001"}[row["field"]], row["operator"]
    typed = [one[1] if one[0].startswith('"') else one[0] for one in re.findall(r'("([^"]*)"|[^,]+)', row["value"])]
    others: list[Any] = [float(one) if isinstance(value, float) else one for one in typed] or [None]
    if operator in ("equals", "not equal to"):
        among = any(_compared(value, "=", other, null_low) for other in others)
        return among == (operator == "equals")
    signs = {"less than": "<", "less or equal": "<=", "greater than": ">", "greater or equal": ">="}
    return _compared(value, signs[operator], float(typed[0]), null_low)


def hubspot_selects(branch: Mapping[str, Any], record: Record) -> bool:
    """Whether a dynamic list with this filter branch has a company."""
    if branch["filterBranchType"] == "OR":
        assert branch["filterBranches"] and not branch["filters"], "the root holds AND branches only"
        return any(hubspot_selects(one, record) for one in branch["filterBranches"])
    assert branch["filterBranchType"] == "AND" and not branch["filterBranches"]
    return all(_passes(one, record) for one in branch["filters"])


def _passes(one: Mapping[str, Any], record: Record) -> bool:
    assert one["filterType"] == "PROPERTY"
    value, asked = record[one["property"]], one["operation"]
    kind, operator = asked["operationType"], asked["operator"]
    if kind == "ALL_PROPERTY":
        return (value is None) == (operator == "IS_UNKNOWN")
    if value is None:
        return bool(asked["includeObjectsWithNoValueSet"])
    if kind == "MULTISTRING":
        among = _folded(value) in map(_folded, asked["values"])
        return among == {"IS_EQUAL_TO": True, "IS_NOT_EQUAL_TO": False}[operator]
    if kind == "BOOL":
        assert operator == "IS_EQUAL_TO" and isinstance(asked["value"], bool)
        return bool(value == asked["value"])
    assert kind == "NUMBER"
    other = asked["value"]
    return bool(
        {
            "IS_EQUAL_TO": value == other, "IS_NOT_EQUAL_TO": value != other, "IS_LESS_THAN": value < other,
            "IS_LESS_THAN_OR_EQUAL_TO": value <= other, "IS_GREATER_THAN": value > other,
            "IS_GREATER_THAN_OR_EQUAL_TO": value >= other,
        }[operator]
    )  # fmt: skip


def formula_value(formula: str, record: Record, picklists: frozenset[str]) -> float:
    """What a Salesforce formula gives where blank fields are treated as blanks: a comparison with one is not true."""
    tokens = Tokens(formula)
    total = _expression(tokens, record, picklists)
    while tokens.peek() == "+":
        tokens.take("+")
        total += _expression(tokens, record, picklists)
    assert tokens.at == len(tokens.found), tokens.found[tokens.at :]
    return float(total)


def _expression(tokens: Tokens, record: Record, picklists: frozenset[str]) -> Any:
    kind, value = tokens.take()
    if kind == "text":
        return unescaped(value[1:-1])
    if kind == "number":
        return float(value)
    if value == "FALSE":
        return False
    if tokens.peek() == "(":
        tokens.take("(")
        if value in ("ISPICKVAL", "TEXT"):
            field = tokens.take()[1]
            assert field in picklists, f"{field} is no picklist"
            arguments: list[Any] = [record[field]]
        else:
            arguments = [_expression(tokens, record, picklists)]
        while tokens.peek() == ",":
            tokens.take(",")
            arguments.append(_expression(tokens, record, picklists))
        tokens.take(")")
        return _called(value, arguments)
    assert value not in picklists, f"{value} is a picklist and cannot be compared"
    found = record[value]
    if tokens.peek() in ("=", "<>", "<", "<=", ">", ">="):
        sign = tokens.take()[1]
        other = _expression(tokens, record, picklists)
        if found is None:
            return False
        return (
            {"=": found == other, "<>": found != other}.get(sign)
            if sign in ("=", "<>")
            else _compared(found, sign, other, False)
        )
    return found


def _called(name: str, arguments: list[Any]) -> Any:
    match name:
        case "IF":
            return arguments[1] if arguments[0] else arguments[2]
        case "AND":
            return all(arguments)
        case "OR":
            return any(arguments)
        case "NOT":
            return not arguments[0]
        case "ISBLANK":
            return arguments[0] is None
        case "TEXT":
            return arguments[0]
        case "ISPICKVAL":
            return arguments[0] == arguments[1]
    raise AssertionError(name)
