"""How a training ends: the gate judges the version, and then it is named challenger or made champion."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from leap.errors import ChampionMoved, LeapError
from training.console import Console

if TYPE_CHECKING:
    from leap.gate import Gate, Incumbent
    from leap.registry import GateRecord, Store

    Judge = Callable[[Incumbent | None, Path], Gate]
    Tell = Callable[[Gate], Sequence[Path]]

_TRIES = 3


@dataclass(frozen=True)
class Decision:
    """What became of a version; `reason` says why one that was to be promoted was not.

    `replaces` is the other company whose model is (or would be) replaced.
    """

    gate: "Gate"
    promoted: bool
    reason: str | None
    replaces: str | None

    def exit_code(self, asked_to_promote: bool) -> int:
        """1 if the gate, or a champion promoted meanwhile, said no."""
        return 1 if asked_to_promote and not self.promoted else 0


def decide(
    console: Console,
    store: "Store",
    version: str,
    company: str,
    judge: "Judge",
    *,
    tell: "Tell",
    began_with: str | None,
    promote: bool,
) -> Decision:
    """Judge beside the champion of the moment and, if asked and the gate passed, promote in its place.

    Was another one promoted since (`began_with` is the champion when the training began), the gate judges again beside
    that one, until none comes between judging and promoting. `tell` writes what is kept of each gate beside its table.
    """
    with console.stage("reading the version back"):
        folder = store.fetch(version)
    moved = ""
    for _ in range(_TRIES):
        with console.stage("gate"):
            incumbent = champion_of(store, company, began_with)
            gate = judge(incumbent, folder)
            store.keep_gate(version, _record(gate, tell(gate)))
        replaces = incumbent.company if incumbent and incumbent.company != company else None
        if not promote or not gate.passed:
            break
        try:
            with console.stage("promoting"):
                expected = incumbent.version if incumbent else None
                store.promote(version, by_hand=False, gate=gate.verdict, expected_champion=expected)
            return Decision(gate, True, None, replaces)
        except ChampionMoved as error:
            moved = error.message
    with console.stage("naming the challenger"):
        # A version that makes no claim, or cannot be loaded again, stands ready for nothing.
        if gate.passed_check("claim") and gate.passed_check("golden_rows"):
            store.set_challenger(version)
    return Decision(gate, False, _reason(gate, incumbent, moved) if promote else None, replaces)


def champion_of(store: "Store", company: str, began_with: str | None) -> "Incumbent | None":
    """The champion as it stands now; another company's is not even loaded."""
    from leap.bundle.loading import load_bundle
    from leap.gate import Incumbent

    version = store.champion()
    if version is None:
        return None
    meanwhile = version != began_with
    known = {info.version: info.company for info in store.glance()}
    if known.get(version, company) != company:
        return Incumbent(version, known[version], None, "it was not loaded", meanwhile)
    try:
        bundle = load_bundle(store.fetch(version))
    except LeapError as error:
        return Incumbent(version, known.get(version, company), None, error.message, meanwhile)
    return Incumbent(version, bundle.company, bundle, "", meanwhile)


def _record(gate: "Gate", files: Sequence[Path]) -> "GateRecord":
    from leap.registry import GateRecord

    return GateRecord(gate.verdict, gate.to_json(), gate.compared_with, gate.metrics(), files)


def _reason(gate: "Gate", incumbent: "Incumbent | None", moved: str) -> str:
    found = gate.reason or moved
    if incumbent is not None and incumbent.meanwhile:
        return f"Version {incumbent.version} was promoted meanwhile; compared with it: {found}"
    return found
