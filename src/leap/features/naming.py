"""Names of features, which code relies on, and the words that people read in their place."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, replace
from functools import lru_cache

from leap.features.spec import Feature

_INITIALS = frozenset(
    {
        "api", "arr", "cpi", "crm", "csat", "erp", "eu", "gdp", "hr", "id", "ip", "mrr", "nps", "pmi", "qbr", "roi",
        "saas", "sku", "sla", "smb", "sms", "sso", "tv", "uk", "url", "vat", "vix",
    }
)  # fmt: skip
_ONE_THING = frozenset({"access", "analytics", "business", "news", "sales", "sms", "success"})
_HUMP_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def slug(text: str) -> str:
    """A name of letters, digits and underscores; what has none of them is named by a hash of itself.

    >>> slug("Observability & Analysis"), slug("é") == slug("ü")
    ('observability_analysis', False)
    """
    return re.sub(r"[^0-9a-zA-Z]+", "_", text).strip("_").lower() or f"x_{_short_hash(text)}"


def slugs(texts: Iterable[str]) -> dict[str, str]:
    """The slug of each text, no two alike; of those that meet, one that is its own slug keeps it.

    Which it is depends on the texts only, never on their order or number of rows.

    >>> slugs(["seats", "Seats!", "seats?"])
    {'seats': 'seats', 'Seats!': 'seats_a34477', 'seats?': 'seats_b936c5'}
    """
    distinct = list(dict.fromkeys(texts))
    times = Counter(slug(text) for text in distinct)
    return {
        text: name if times[name := slug(text)] == 1 or text == name else f"{name}_{_short_hash(text)}"
        for text in distinct
    }


def words(text: str) -> str:
    """A column name as people would write it.

    >>> [words(name) for name in ("end_user", "AnnualRevenue", "Health_Score__c", "mrr_before", "NPS", "AcmeGmbH")]
    ['End user', 'Annual Revenue', 'Health Score', 'MRR before', 'NPS', 'AcmeGmbH']
    """
    parts = re.sub(r"__[a-z]$", "", text.strip()).replace("_", " ").split()
    spaced = " ".join(_word(piece) for part in parts for piece in _humps(part))
    return spaced[:1].upper() + spaced[1:]


@lru_cache(maxsize=4096)
def value_words(value: str) -> str:
    """A value such as a kind, as people would write it: only what looks like code is touched.

    >>> [value_words(value) for value in ("api_calls", "crm", "App Definition and Development", "GitHub")]
    ['API calls', 'CRM', 'App Definition and Development', 'GitHub']
    """
    return " ".join(_word(part) for part in value.replace("_", " ").split()) or value


def within(text: str) -> str:
    """Words as they stand inside a sentence: without the capital of its beginning, unless they are initials.

    >>> within("Subscriptions"), within("MRR a seat")
    ('subscriptions', 'MRR a seat')
    """
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def is_plural(text: str) -> bool:
    """Whether words name several things, as far as their last one shows it.

    >>> [is_plural(text) for text in ("support tickets", "usage", "news", "API access", "NPS")]
    [True, False, False, False, False]
    """
    last = text.split()[-1] if text.split() else ""
    return last.endswith("s") and not last.endswith("ss") and last.islower() and last not in _ONE_THING


def since(text: str) -> str:
    """What a date says, as it stands after "since".

    >>> [since(text) for text in ("Founded on", "Last login at", "Contract date", "NPS answered")]
    ['founded', 'last login', 'contract', 'NPS answered']
    """
    return within(re.sub(r"(?i)(?<=\w) (on|at|date|time)$", "", text))


def distinct(features: Iterable[Feature]) -> list[Feature]:
    """The same features with no two names alike: one made of the very column or kind of that name keeps it.

    The others get a hash of their recipe, which does not change with the order of columns or rows.
    """
    features = list(features)
    times = Counter(feature.name for feature in features)
    claims = Counter(feature.name for feature in features if _is_named_as_made(feature))
    return [
        feature
        if times[feature.name] == 1 or (_is_named_as_made(feature) and claims[feature.name] == 1)
        else replace(feature, name=f"{feature.name}_{_short_hash(json.dumps(asdict(feature.recipe), sort_keys=True))}")
        for feature in features
    ]


def _is_named_as_made(feature: Feature) -> bool:
    return feature.name in (feature.recipe.column, feature.recipe.kind)


def _word(part: str) -> str:
    return part.upper() if part.lower() in _INITIALS else part


def _humps(part: str) -> list[str]:
    """The words of a name in camel case; one with humps of a single letter is left as it is."""
    pieces = _HUMP_BEGINS.split(part)
    return pieces if all(len(piece) > 1 for piece in pieces) else [part]


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]
