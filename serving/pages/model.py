"""How far the live model can be trusted: in plain words, in figures, in pictures, and what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from markupsafe import Markup

from leap.errors import LeapError
from serving.direct import Body, large
from serving.pages import words
from serving.pages.route import OfPage
from serving.pages.waiting import Waiting

if TYPE_CHECKING:
    from leap.registry import VersionInfo
    from leap.reports.model_summary import ModelSummary
    from serving.live import Served

router = APIRouter(route_class=Waiting)

MOST_VERSIONS = 12
_CHECKS = {
    "claim": "the model may be claimed to tell who leaves",
    "champion": "it is not worse than the champion on the same rows",
    "plain_logistic": "it is not worse than a plain logistic regression",
    "calibration": "what it expected came, as far as chance allows",
    "slices": "no part of the accounts is much worse off",
    "slice": "this part of the accounts is not worse off",
    "golden_rows": "it gives the same scores wherever it is loaded",
    "latency": "one score takes no longer than it may",
}
_EVENTS = {"churn": "left", "contraction": "came to pay less", "expansion": "grew"}

_WITH_FIGURES = ("claim", "plain_logistic", "calibration", "latency")


@dataclass(frozen=True)
class ListedVersion:
    """A version of the store: when it was made, as what it stands, and how it was judged."""

    version: str
    created: str
    stands_as: str
    gate: str
    skill: str
    here: bool


@dataclass(frozen=True)
class Shown:
    """The summary of a model with its pictures; made once for a model."""

    model: ModelSummary
    calibration: tuple[tuple[str, str, Markup], ...]
    """Title, verdict and picture of each outcome of customers that has one."""


@router.get("/model")
@large(True)
def model(view: OfPage) -> Body:
    """The model, its figures and its versions."""
    from leap.reports.rendering import decimals

    served = view.served
    shown = served.once("model", lambda: shown_of(served))
    listed, trouble = versions_of(served)
    own = next((one for one in listed if one.version == served.version), None)
    return view.show(
        "model.html",
        r=shown.model,
        decimals=decimals,
        calibration=shown.calibration,
        checks=told(checks_of(own)),
        passed=None if own is None else _verdict(own.gate)[0],
        versions=[_listed(one, served.version) for one in listed[:MOST_VERSIONS]],
        older=max(0, len(listed) - MOST_VERSIONS),
        trouble=trouble,
    )


@router.get("/model/card.md")
@large(True)
def card(view: OfPage) -> Body:
    """The model card as Markdown, to be kept or forwarded."""
    from leap.reports import model_card

    served = view.served
    listed, _ = versions_of(served)
    own = next((one for one in listed if one.version == served.version), None)
    checks = [{**one, "words": _check(str(one["check"]))} for one in checks_of(own)]
    text = model_card.render(served.scorer.bundle, gate=checks or None)
    headers = {"content-disposition": f'attachment; filename="model_card_{_plain(served.version)}.md"'}
    return Body(text.encode(errors="replace"), 200, "text/markdown; charset=utf-8", headers)


def shown_of(served: Served) -> Shown:
    """What the page shows of a model, with its pictures."""
    from leap.reports import charts
    from leap.reports.model_summary import summarise
    from leap.reports.quality import verdict_shown

    summary = summarise(served.scorer.bundle)
    drawn = []
    for outcome in summary.scopes[0].outcomes:
        title = f"{outcome.label}: predicted and observed"
        picture = charts.reliability(
            outcome.calibration.get("deciles") or (), name=f"calibration-{outcome.name}", title=title
        )
        if picture and outcome.name in _EVENTS and not outcome.is_base_rate:
            drawn.append((outcome.label, verdict_shown(outcome.learner, outcome.calibration) or "", picture))
    return Shown(summary, tuple(drawn))


def versions_of(served: Served) -> tuple[Sequence[VersionInfo], str]:
    """All versions, the latest first, or why they cannot be listed here."""
    try:
        return served.documents.listed_versions(), ""
    except LeapError as error:
        return (), error.message


def checks_of(own: VersionInfo | None) -> list[Mapping[str, Any]]:
    """The checks of the gate that a version was put to."""
    from leap.registry import gate_checks

    return [] if own is None else list(gate_checks(own.tags))


def told(checks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The checks as people read them, those not passed first; parts of the accounts that passed are counted together.

    >>> told([{"check": "slice.a = b", "passed": True}, {"check": "latency", "passed": False}])[0]["words"]
    'one score takes no longer than it may'
    """
    parts = [one for one in checks if str(one["check"]).startswith("slice.") and one["passed"]]
    shown = [
        {"passed": bool(one["passed"]), "words": _check(str(one["check"])), "figures": _figures(one)}
        for one in checks
        if one not in parts
    ]
    if parts:
        counted = f"{len(parts)} parts of the accounts are judged no worse than they may be"
        shown.append({"passed": True, "words": counted, "figures": ""})
    return sorted(shown, key=lambda one: one["passed"])


def _check(name: str) -> str:
    start, _, rest = name.partition(".")
    said = _CHECKS.get(start, words.spaced(name))
    return f"{said} ({rest.replace('.', ', ')})" if rest and start in _CHECKS else said


def _figures(one: Mapping[str, Any]) -> str:
    """Ours and what it is compared with, where both are figures of one kind that people know."""
    ours, theirs = one.get("ours"), one.get("theirs")
    if str(one["check"]).partition(".")[0] not in _WITH_FIGURES:
        return ""
    if not isinstance(ours, int | float) or not isinstance(theirs, int | float):
        return ""
    return f"{ours:.3g} against {theirs:.3g}"


def _listed(info: VersionInfo, live: str) -> ListedVersion:
    _, gate = _verdict(info.gate)
    return ListedVersion(
        version=info.version,
        created=words.day(info.created.date().isoformat()),
        stands_as=", ".join(info.aliases),
        gate=gate,
        skill=_skill(info.metrics),
        here=info.version == live,
    )


def _verdict(gate: str) -> tuple[bool | None, str]:
    """Whether the gate passed (None: not judged), and what it did not pass, in words.

    >>> _verdict("passed"), _verdict("failed: champion"), _verdict("")
    ((True, 'passed'), (False, 'not passed: champion'), (None, 'not judged'))
    """
    verdict, _, failed = gate.partition(": ")
    if verdict == "passed":
        return True, "passed"
    if not verdict:
        return None, "not judged"
    return False, f"not passed{f': {failed}' if failed else ''}"


def _skill(metrics: Mapping[str, float]) -> str:
    """AUC of churn with its interval."""
    value, low, high = (metrics.get(f"health.churn.auc{end}") for end in ("", ".low", ".high"))
    if value is None:
        return ""
    return f"{value:.2f}" if low is None or high is None else f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _plain(text: str) -> str:
    return "".join(c for c in text if c.isascii() and c.isalnum()) or "live"
