"""What features are called in a CRM: fields of Salesforce accounts and properties of HubSpot companies."""

from __future__ import annotations

import difflib
import re
import unicodedata
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from leap.errors import CatalogError, SettingsError
from leap.features import Feature, FeatureCatalog
from leap.icp import Condition, Rule

LONGEST_SALESFORCE = 40
LONGEST_HUBSPOT = 50
_LONGEST_LABEL = 40


@dataclass(frozen=True)
class Field:
    """The place of a feature in a CRM; `exists` if leap.toml names one that is there already.

    `decimals` are those that the bounds on it need.
    """

    feature: Feature
    name: str
    exists: bool
    decimals: int = 0

    @property
    def label(self) -> str:
        """What people read, at most 40 characters."""
        words = " ".join("".join(c if c.isprintable() else " " for c in self.feature.label).split())
        return words[:_LONGEST_LABEL].strip() or self.name

    @property
    def source(self) -> str:
        """Where its values come from."""
        values = " (1 is yes, 0 is no)" if self.feature.kind == "boolean" else ""
        return f"column {self.feature.name} of leap features{values}"


def salesforce_name(feature: str) -> str:
    """The API name of a custom field: letters, digits and single underscores, at most 40 characters with its ending.

    >>> salesforce_name("employees"), salesforce_name("usage of «seats» (28d)"), salesforce_name("業種")
    ('Leap_Employees__c', 'Leap_Usage_Of_Seats_28d__c', 'Leap_F8d04f629__c')
    """
    parts = [part[:1].upper() + part[1:] for part in _parts(feature)] or [f"F{_checksum(feature)}"]
    return "Leap_" + _cut("_".join(parts), feature, LONGEST_SALESFORCE - len("Leap___c")) + "__c"


def hubspot_name(feature: str) -> str:
    """The internal name of a property: lower-case letters, digits and underscores.

    >>> hubspot_name("Employees (latest)")
    'leap_employees_latest'
    """
    joined = "_".join(_parts(feature)).lower() or f"f{_checksum(feature)}"
    return "leap_" + _cut(joined, feature, LONGEST_HUBSPOT - len("leap_"))


def fields_of(rules: Iterable[Rule], crm: str, mapped: Mapping[str, str], catalog: FeatureCatalog) -> list[Field]:
    """A field for every feature of some rules, in the order they are first used; SettingsError for a strange name."""
    require_known(crm, mapped, catalog)
    conditions: dict[str, list[Condition]] = {}
    for rule in rules:
        for condition in rule.conditions:
            conditions.setdefault(condition.feature.name, []).append(condition)
    taken = {name.casefold() for name in mapped.values()}
    found = []
    for feature_name, own in conditions.items():
        exists = feature_name in mapped
        name = mapped[feature_name] if exists else _free(feature_name, crm, taken)
        found.append(Field(own[0].feature, name, exists, max(map(_decimals, own))))
    return found


def require_known(crm: str, mapped: Mapping[str, str], catalog: FeatureCatalog) -> None:
    """SettingsError with the nearest feature for a name that the model does not know."""
    for name in mapped:
        if name not in catalog.by_name:
            near = difflib.get_close_matches(name, catalog.names, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else "`leap features` lists the names."
            raise SettingsError(f"leap.toml: crm.fields.{crm}: unknown feature {name!r}; {hint}", details=[name])


def truth(condition: Condition) -> tuple[bool, bool, bool]:
    """Whether yes, no and unknown meet a condition on a yes or no."""
    found = condition.matches({condition.feature.name: [1.0, 0.0, float("nan")]})
    return bool(found[0]), bool(found[1]), bool(found[2])


def plain(value: object) -> str:
    """A number without an exponent that reads back as the same double.

    >>> plain(50.0), plain(-0.04), plain(1e-07), plain(1e15)
    ('50', '-0.04', '0.0000001', '1000000000000000')
    """
    written = format(Decimal(repr(finite(value))), "f")
    written = written.rstrip("0").rstrip(".") if "." in written else written
    return "0" if written == "-0" else written


def finite(value: object) -> float:
    """A bound of a condition; CatalogError if no CRM could hold it."""
    found = float(value)  # type: ignore[arg-type]
    if not abs(found) < float("inf"):
        raise CatalogError(f"Expected a finite number in a condition, found {found}.")
    return found


def bounds(condition: Condition) -> Sequence[tuple[str, float]]:
    """The comparisons with numbers that a condition is made of."""
    if isinstance(condition.value, tuple):
        low, high = condition.value
        return ((">=", finite(low)), ("<", finite(high)))
    return ((condition.op, finite(condition.value)),)


def _decimals(condition: Condition) -> int:
    if condition.feature.kind != "number":
        return 0
    written = [plain(bound) for _, bound in bounds(condition)]
    return max(len(text.partition(".")[2]) for text in written)


def _free(feature: str, crm: str, taken: set[str]) -> str:
    """The feature's own name, told apart from those that are taken without regard to case; it is then taken too."""
    make, longest = (salesforce_name, LONGEST_SALESFORCE) if crm == "salesforce" else (hubspot_name, LONGEST_HUBSPOT)
    name = make(feature)
    number = 0
    while name.casefold() in taken:
        ending = "__c" if crm == "salesforce" else ""
        told = f"_{_checksum(f'{feature}{number or str()}')}"
        name = name.removesuffix("__c")[: longest - len(told) - len(ending)].rstrip("_") + told + ending
        number += 1
    taken.add(name.casefold())
    return name


def _parts(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.findall(r"[A-Za-z0-9]+", folded)


def _cut(name: str, feature: str, longest: int) -> str:
    if len(name) <= longest:
        return name
    told = f"_{_checksum(feature)}"
    return name[: longest - len(told)].rstrip("_") + told


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode('utf-8', 'surrogatepass')):08x}"
