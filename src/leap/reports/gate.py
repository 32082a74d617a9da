"""What the gate said: the keys it adds to the JSON of `train`, and its table on the screen."""

from __future__ import annotations

from typing import Any

from leap.gate import Check, Gate

_ONLY_IF_FAILED = ("slice.", "slice_champion.")


def fields(gate: Gate, reason: str | None) -> dict[str, Any]:
    """`gate`, `gate_passed`, the champion it was compared with, and why the version was not promoted."""
    return {
        "reason": reason,
        "gate": gate.to_json(),
        "gate_passed": gate.passed,
        "compared_with": gate.compared_with,
    }


def declined_fields(reason: str) -> dict[str, Any]:
    """The same where there is no model to judge: the claim is what failed."""
    return fields(Gate((Check("claim", False, reason),)), reason)


def _short(gate: Gate, reason: str) -> str:
    """The reason without the words of the checks, which the table above has, and what can be done."""
    said = reason.replace(gate.reason, "The gate did not pass: see NO above.") if gate.reason else reason
    return f"{said} The live model stays as it is; `--version V` uses this one all the same."


def text(gate: Gate, reason: str | None) -> str:
    """The table in lines; of slices only those that failed."""
    beside = f", beside version {gate.compared_with}" if gate.compared_with else ""
    n_failed = len(gate.failed)
    verdict = "passed" if gate.passed else f"did not pass: {n_failed} of {len(gate.checks)} checks failed"
    lines = ["", f"Gate {verdict}{beside}"]
    lines += [
        f"  {'ok' if check.passed else 'NO':<3}{check.words}"
        for check in gate.checks
        if not check.passed or not check.check.startswith(_ONLY_IF_FAILED)
    ]
    if reason:
        lines += ["", f"Not promoted. {_short(gate, reason)}"]
    return "\n".join(lines)
