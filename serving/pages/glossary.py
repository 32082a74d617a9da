"""Terms explained where they stand: on hover, on focus, and on a page of their own."""

from __future__ import annotations

import re
from functools import cache

from markupsafe import Markup

_ONE = Markup(
    '<span class="term" tabindex="0" role="note" aria-label="{said}: {means}" data-term>{said}'
    '<span class="tip" aria-hidden="true">{means}</span></span>'
)


def term(name: str, said: str = "") -> Markup:
    """A term, said otherwise where `said` is given, with what it means; KeyError if the glossary does not have it."""
    means = meanings()[name]
    return _ONE.format(said=said or name, means=means)


@cache
def meanings() -> dict[str, str]:
    """What each term means, in the words of the reports."""
    from leap.reports.glossary import TERMS

    return dict(TERMS)


def anchor(name: str) -> str:
    """The place of a term on its page.

    >>> anchor("LTV : CAC")
    'ltv-cac'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
