"""What people have to decide, from the agenda of `leap review`: each with its key and the command that keeps it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leap.reports.pack.texts import SENTENCE, cut

_KINDS = {
    "established": "established profile",
    "emerging": "emerging profile",
    "negative": "negative profile",
    "driver": "driver",
    "account": "account of the target list",
}
_RULE = re.compile(r"r[0-9a-f]{10}\Z")
_TEXT = "--reason TEXT"


@dataclass(frozen=True)
class Decision:
    """An open question, or a verdict that has to be looked at again; `standing` says what was decided before.

    `command` keeps a yes; `otherwise` are the words that stand in place of its option for a no.
    """

    number: int
    name: str
    key: str
    kind: str
    text: str
    standing: str
    command: str
    otherwise: str


@dataclass(frozen=True)
class Decided:
    """A verdict that stands."""

    name: str
    key: str
    text: str
    standing: str
    given_on: str


@dataclass(frozen=True)
class Decisions:
    """Those to take; those taken since a day, and how many stand from before; when the next review is due."""

    due: str
    is_due: bool
    to_take: tuple[Decision, ...]
    again: int
    since: str
    taken: tuple[Decided, ...]
    before: int

    @property
    def open(self) -> int:
        """Questions nobody has decided yet."""
        return len(self.to_take) - self.again


def decisions(agenda: Mapping[str, Any], called: Mapping[str, str], due_words: str, since: str) -> Decisions:
    """From the JSON of `leap review`; `called` says by key what a finding without a statement is called."""
    asked = [(one, False) for one in agenda["open"]] + [(one, True) for one in agenda["again"]]
    asked += [({**_of_account(one), "kind": "account"}, True) for one in agenda["overrides_expired"]]
    taken = sorted((_decided(one, called) for one in agenda["decided"]), key=lambda one: one.given_on, reverse=True)
    recent = tuple(one for one in taken if one.given_on >= since)
    return Decisions(
        due=due_words,
        is_due=bool(agenda["due"]["is_due"]),
        to_take=tuple(
            _decision(number, one, called, again=again) for number, (one, again) in enumerate(asked, start=1)
        ),
        again=sum(again for _, again in asked),
        since=since,
        taken=recent,
        before=len(taken) - len(recent),
    )


def _of_account(one: Mapping[str, Any]) -> dict[str, Any]:
    latest = one["history"][0]["verdict"] if one["history"] else "include"
    words = f"{'Keep it on' if latest == 'include' else 'Leave it off'} the target list"
    return {**one, "key": one["account_id"], "subject": one["account_id"], "statement": words, "verdict": latest}


def _decision(number: int, one: Mapping[str, Any], called: Mapping[str, str], *, again: bool) -> Decision:
    kind = one.get("kind")
    key = str(one["key"])
    if kind is None and not _RULE.match(key):
        kind = "driver"
    text = one.get("statement") or called.get(key, key)
    option, otherwise = ("--accept", f"--reject with {_TEXT}")
    more = ""
    if kind == "account":
        option, otherwise, more = f"--{one['verdict']}", f"--withdraw with {_TEXT}", f" {_TEXT}"
    typed = shlex.quote(f"driver:{key}" if kind == "driver" else cut(key, 200))
    return Decision(
        number=number,
        name=cut(one["subject"]),
        key=cut(key),
        kind=_KINDS.get(str(kind), "condition"),
        text=cut(text, SENTENCE),
        standing=cut(one["words"], SENTENCE) if again or one["history"] else "",
        command=f"leap review DIR {option} {typed} --owner NAME{more}",
        otherwise=otherwise,
    )


def _decided(one: Mapping[str, Any], called: Mapping[str, str]) -> Decided:
    effect = f" {one['effect']}" if one["effect"] else ""
    return Decided(
        name=cut(one["subject"]),
        key=cut(one["key"]),
        text=cut(one["statement"] or called.get(str(one["key"]), ""), SENTENCE),
        standing=cut(f"{one['words'].rstrip('.')}.{effect}", SENTENCE),
        given_on=str(one["given_on"]),
    )
