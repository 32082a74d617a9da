"""Which rule, driver or account a person means by what they type."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from leap.errors import UsageError
from leap.reviews import on_evidence
from leap.reviews.records import Subject
from leap.reviews.verdicts import Verdicts


@dataclass(frozen=True)
class Named:
    """A subject, how it is called, and what the version says of it."""

    subject: Subject
    words: str
    evidence: dict[str, Any] = field(default_factory=dict)


def named(text: str, verdicts: Verdicts, accounts: Callable[[], Sequence[str]]) -> Named:
    """The profile (by id or key), attribute (by key), driver group (by id) or account that a text names.

    A rule that only an earlier version measured is known by its key. `driver:` or `account:` before an id says which
    is meant; `accounts` is asked only where nothing else is called so. UsageError with the nearest name.
    """
    kind, colon, rest = text.partition(":")
    if colon and kind in ("driver", "account"):
        return account(rest, accounts()) if kind == "account" else _driver(rest, verdicts)
    for judged in verdicts.profiles + verdicts.attributes + verdicts.hypotheses:
        if text in (judged.name, judged.standing.subject.key):
            return Named(judged.standing.subject, judged.words, on_evidence.of_rule(judged.entry))
    for standing in verdicts.elsewhere:
        if standing.subject.key == text:
            return Named(standing.subject, standing.history[-1].words)
    if any(text == judged.name for judged in verdicts.drivers):
        return _driver(text, verdicts)
    found = accounts()
    if text in found:
        return account(text, found)
    known = [judged.name for judged in verdicts.findings]
    known += [judged.standing.subject.key for judged in verdicts.profiles]
    raise _unknown(f"No profile, attribute, driver or account is called {text!r}", text, [*known, *found])


def account(text: str, known: Sequence[str]) -> Named:
    """An account by its id; UsageError with the nearest one."""
    if text not in known:
        raise _unknown(f"No account has the id {text!r}", text, known)
    return Named(Subject("account", text), text)


def _driver(text: str, verdicts: Verdicts) -> Named:
    for judged in verdicts.drivers:
        if judged.name == text:
            return Named(judged.standing.subject, judged.words, on_evidence.of_driver(judged.entry))
    raise _unknown(f"No group of drivers is called {text!r}", text, [judged.name for judged in verdicts.drivers])


def _unknown(message: str, text: str, known: Sequence[str]) -> UsageError:
    near = difflib.get_close_matches(text, known, n=1, cutoff=0.5)
    guess = f"{message}; did you mean {near[0]!r}?" if near else f"{message}."
    return UsageError(guess, details=[text], remedy="`leap review DIR` lists what can be named.")
