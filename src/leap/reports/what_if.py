"""What the model says of an account with other values, in words for the terminal."""

from __future__ import annotations

from leap.explanation.wording import money
from leap.scoring.supposed import LEAVING, SAYS, Figures, Supposed, WhatIf

_MOST = 5
_MOST_PAIRS = 3
_UNSTABLE = "marked among the drivers: do not act on it yet"


def what_if_lines(found: WhatIf, currency: str) -> list[str]:
    """The changes that say most, one at a time and then two together."""
    lines = ["What if", f"  {SAYS}"]
    if found.note is not None or found.before is None:
        return [*lines, f"  {found.note}", *_left_out(found)]
    alone = [one for one in found.proposals if len(one.leading) == 1]
    pairs = [one for one in found.proposals if len(one.leading) > 1]
    for proposals, most, head in ((alone, _MOST, None), (pairs, _MOST_PAIRS, "  Two together, where they say more:")):
        lines += [head] if head and proposals else []
        # What is not to be acted on yet comes last, however much it gains.
        for proposal in sorted(proposals, key=lambda one: one.stable is False)[:most]:
            lines += supposed_lines(proposal, currency)
        if len(proposals) > most:
            lines.append(f"    ({len(proposals) - most} more in --json)")
    return lines + _left_out(found)


def asked_lines(found: Supposed | None, currency: str) -> list[str]:
    """The answer to values that somebody gave."""
    head = ["With the values given", f"  {SAYS}"]
    if found is None:
        return [*head, f"  {LEAVING}"]
    return [*head, *supposed_lines(found, currency), *[f"    Note: {warning}" for warning in found.warnings]]


def supposed_lines(found: Supposed, currency: str) -> list[str]:
    """One changed account: the phrase, the figures before and after, and what moves with it."""
    lines = [f"  - {found.phrase}", f"    {figures(found.before, found.after, currency)}"]
    others = len(found.changes) - len(found.leading)
    if others:
        labels = [change.feature.label for change in found.changes if change not in found.leading]
        more = f" and {others - 2} more" if others > 2 else ""
        lines.append(f"    moves together with {'; '.join(labels[:2])}{more}")
    return lines if found.stable is not False else [*lines, f"    {_UNSTABLE}"]


def figures(before: Figures, after: Figures, currency: str) -> str:
    """What differs beside the NRR that the phrase tells, in one line."""
    parts = [f"{100 * (after.nrr - before.nrr):+z.1f} points of NRR"]
    parts.append(f"churn {before.churn:.1%} to {after.churn:.1%}")
    for label, was, would in (
        ("MRR expected after the horizon", before.money, after.money),
        ("value of 12 months", before.value_12m, after.value_12m),
    ):
        if was is not None and would is not None:
            # What it was and the difference are rounded, and add up to what it would be: a reader adds them up.
            more = round(would - was)
            parts.append(f"{label} {was:,.0f} to {money(round(was) + more, currency)} ({more:+,})")
    return "; ".join(parts)


def _left_out(found: WhatIf) -> list[str]:
    return [f"  Note: {text}" for text in found.left_out]


def asked_document(found: Supposed | None) -> dict[str, object]:
    """`supposed` of the JSON of `explain`."""
    return {"says": SAYS, **(found.to_json() if found is not None else {"note": LEAVING})}
