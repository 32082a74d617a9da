r"""Rules as SOQL and as the rows and logic of a Salesforce list view: exactly the accounts that `Rule.matches` finds.

Salesforce, "SOQL and SOSL Reference": in a text ' and \ are escaped by a backslash; null is a value that = and !=
compare with; texts are compared without regard to case; a text in a WHERE has at most 4,000 characters. Fields of
yes or no are texts or picklists with Yes and No, since a checkbox cannot say unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from leap.errors import CatalogError
from leap.icp import Condition, Rule
from leap.reports.crm_fields import Field, bounds, plain, truth

LONGEST_TEXT = 255
LONGEST_WHERE = 4000
MOST_ROWS = 10
YES, NO = "Yes", "No"
_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\b": r"\b", "\f": r"\f", "'": r"\'", "\\": r"\\"}
_OPERATORS = {
    "=": "equals", "!=": "not equal to", "<": "less than", "<=": "less or equal", ">": "greater than",
    ">=": "greater or equal",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A line of a list view's filter; several values are any of them, or with `not equal to` none; none is blank."""

    field: str
    operator: str
    values: tuple[str, ...]

    @property
    def typed(self) -> str:
        """The value as typed into the filter: several with commas, one with a comma in quotes.

        >>> Row("F__c", "equals", ("a, b", "c")).typed
        '"a, b",c'
        """
        return ",".join(f'"{value}"' if "," in value else value for value in self.values)

    def to_json(self) -> dict[str, str]:
        """As in the export."""
        return {"field": self.field, "operator": self.operator, "value": self.typed}


@dataclass(frozen=True)
class Atom:
    """One comparison of a field: `values` are texts or numbers as written, none of them for null."""

    field: str
    operator: str
    values: tuple[str, ...]
    of_texts: bool

    @property
    def soql(self) -> str:
        """As it stands in a WHERE."""
        if not self.values:
            return f"{self.field} {self.operator} null"
        written = [text(value) if self.of_texts else value for value in self.values]
        if len(written) == 1:
            return f"{self.field} {self.operator} {written[0]}"
        return f"{self.field} {'IN' if self.operator == '=' else 'NOT IN'} ({', '.join(written)})"

    @property
    def row(self) -> Row:
        """As a line of a list view."""
        return Row(self.field, _OPERATORS[self.operator], self.values)


Clause = tuple[Atom, ...]
"""Comparisons one of which must hold."""


def soql(rule: Rule, names: Mapping[str, Field]) -> str:
    """The query for the accounts that meet a rule."""
    return f"SELECT Id FROM Account\nWHERE {where(rule, names)}"  # noqa: S608 (quoted below)


def where(rule: Rule, names: Mapping[str, Field]) -> str:
    """The condition of a WHERE; every comparison is true or false of null too, so that NOT (…) is its opposite."""
    return "\n  AND ".join(_either([atom.soql for atom in clause]) for clause in clauses(rule, names))


def list_view(rule: Rule, names: Mapping[str, Field]) -> tuple[list[Row], str]:
    """The rows of a list view's filter, and the filter logic that joins them by their numbers."""
    rows: list[Row] = []
    logic = []
    for clause in clauses(rule, names):
        first = len(rows) + 1
        rows += [atom.row for atom in clause]
        logic.append(_either([str(first + i) for i in range(len(clause))], " OR "))
    return rows, " AND ".join(logic)


def tier_queries(good: Sequence[Rule], bad: Sequence[Rule], names: Mapping[str, Field]) -> dict[str, str]:
    """By tier the query for its accounts: D meets a negative profile, A another and no negative one."""

    def any_of(rules: Sequence[Rule]) -> str:
        return "(" + "\n  OR ".join(f"({where(rule, names)})" for rule in rules) + ")"

    against = f" AND (NOT {any_of(bad)})" if bad else ""
    found = {"A": any_of(good) + against} if good else {}
    found |= {"D": any_of(bad)} if bad else {}
    return {tier: f"SELECT Id FROM Account\nWHERE {condition}" for tier, condition in found.items()}  # noqa: S608


def problems(rule: Rule, names: Mapping[str, Field]) -> list[str]:
    """What Salesforce would not take of a rule, or would read otherwise, in words."""
    found = []
    for value in texts_of([rule]):
        if value != value.strip():
            found.append(f"“{value}” begins or ends with a space, which Salesforce takes away: it will find nothing.")
        if len(value) > LONGEST_TEXT:
            found.append(f"A text of {len(value)} characters is longer than the {LONGEST_TEXT} of a text field.")
        if value.startswith('"') or ('"' in value and "," in value):
            found.append(f"“{value}” has a quote that a list view would take for its own: use the SOQL.")
        if any(c in value for c in "\n\r\t"):
            found.append(
                f"“{' '.join(value.split())}” has a line break or tab, which no list view takes: use the SOQL."
            )
    condition, (rows, _) = where(rule, names), list_view(rule, names)
    if len(condition) > LONGEST_WHERE:
        found.append(f"The WHERE has {len(condition):,} characters, more than {LONGEST_WHERE:,}: filter in two steps.")
    if len(rows) > MOST_ROWS:
        found.append(f"The list view has {len(rows)} rows, more than {MOST_ROWS}: use the SOQL.")
    return found


def texts_of(rules: Iterable[Rule]) -> list[str]:
    """The categories that some rules name."""
    named = [level for rule in rules for c in rule.conditions if c.feature.kind == "category" for level in c.levels]
    return list(dict.fromkeys(named))


def clauses(rule: Rule, names: Mapping[str, Field]) -> list[Clause]:
    """A rule as clauses that must all hold, each of comparisons one of which must."""
    return [clause for condition in rule.conditions for clause in _clauses(condition, names[condition.feature.name])]


def _clauses(condition: Condition, field: Field) -> list[Clause]:
    if condition.feature.kind == "boolean":
        return _of_boolean(condition, field.name)
    null, known = Atom(field.name, "=", (), False), Atom(field.name, "!=", (), False)
    if condition.feature.kind == "category":
        levels = condition.levels
        if "" in levels:
            raise CatalogError(
                f"{condition.feature.name}: an empty text is null in Salesforce and cannot be asked for."
            )
        if condition.op in ("!=", "not in"):
            return [(null, Atom(field.name, "!=", levels, True))]
        return [(Atom(field.name, "=", levels, True),)]
    found: list[Clause] = []
    for op, bound in bounds(condition):
        atom = Atom(field.name, "=" if op == "==" else op, (plain(bound),), False)
        found.append((null, atom) if op == "!=" else (atom,))
    # What is less than a number must be known; how null compares is then of no account.
    return found if condition.op in ("==", "!=") else [(known,), *found]


def _of_boolean(condition: Condition, name: str) -> list[Clause]:
    yes, no, unknown = truth(condition)
    values = tuple(value for value, meets in ((YES, yes), (NO, no)) if meets)
    if not (values or unknown):
        return [(Atom("Id", "=", (), False),)]
    among = (Atom(name, "=", values, True),) if values else ()
    return [(*((Atom(name, "=", (), False),) if unknown else ()), *among)]


def text(value: str) -> str:
    r"""A quoted text of SOQL in which nothing ends the text; other control characters by their code.

    >>> print(text("it's a \\ or\n" + chr(0)))
    'it\'s a \\ or\n\u0000'
    """
    return "'" + "".join(_ESCAPES.get(c) or (c if c.isprintable() or c == " " else _code(c)) for c in value) + "'"


def _code(character: str) -> str:
    r"""\uXXXX for each of its UTF-16 units."""
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def _either(parts: list[str], joint: str = " OR ") -> str:
    return parts[0] if len(parts) == 1 else f"({joint.join(parts)})"
