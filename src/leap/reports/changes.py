"""Why an account's score differs from what it was, in words for the terminal."""

from __future__ import annotations

from leap.explanation.changes import LEAST_POINTS
from leap.explanation.wording import money
from leap.scoring.changes import AccountChange, ModelChange
from leap.scoring.standing import Standing


def change_lines(found: AccountChange, top: int = 5) -> list[str]:
    """Both dates, the difference, and what it is made of: the largest `top` changes (0: all), the others summed."""
    before, after = found.before, found.after
    lines = [f"Why it changed between {before.as_of} and {after.as_of}"]
    lines += [f"  {_standing(one, found)}" for one in (before, after)]
    if found.note is not None or found.nrr_points is None:
        return [*lines, f"  {found.note}"]
    told = [change for change in found.changes if change.is_worth_telling()]
    if not told and found.model is None and abs(found.nrr_points) < LEAST_POINTS:
        return [*lines, "  Nothing that the model looks at differs enough to be told.", *_money(found)]
    lines.append(f"  NRR {_points(found.nrr_points)}: what differs, and the points it is associated with")
    shown = told if top == 0 else told[:top]
    lines += [f"    - {change.phrase(found.mean_mrr, found.currency)}" for change in shown]
    rest = [change for change in told if change not in shown]
    if rest:
        lines.append(f"    - {_others(len(rest))} that differ: {_points(sum(c.nrr_points for c in rest))} together")
    unmoved = sum(change.nrr_points for change in found.changes if change not in told)
    if abs(unmoved) >= LEAST_POINTS:
        lines.append(
            f"    - all that is as it was, whose weight differs beside these, or hardly matters: {_points(unmoved)}"
            f"{_monthly(unmoved, found)}"
        )
    if found.model is not None:
        lines.append(f"    - {_model(found.model, found)}")
    return lines + _money(found)


def _standing(one: Standing, found: AccountChange) -> str:
    currency = found.currency
    if one.nrr is None or one.churn is None or one.money is None:
        return f"{one.as_of}: {one.said}" + (f" (MRR {money(one.mrr, currency)})" if one.mrr else "")
    return (
        f"{one.as_of}: NRR {one.nrr:.1%}, churn {one.churn:.1%}, MRR {money(one.mrr, currency)}, of which "
        f"{money(one.money, currency)} are expected after the horizon"
        + (f" (then known as {one.known_as[0]})" if one.known_as != (found.account_id,) else "")
    )


def _model(model: ModelChange, found: AccountChange) -> str:
    """The part that another model is; what it weighs otherwise."""
    most = "; ".join(f"{label} {100 * points:+.1f}" for _, label, points in model.features[:3])
    whole = f"all accounts {100 * model.base:+.1f}" + (f"; {most}" if most else "")
    return (
        f"the model itself: version {model.version} instead of {model.from_version} says "
        f"{_points(model.nrr_points)} of the same account on {found.before.as_of} ({whole})"
    )


def _money(found: AccountChange) -> list[str]:
    """How the MRR expected after the horizon is parted between the MRR that is paid and NRR."""
    by_mrr, by_nrr = found.money_by_mrr, found.money_by_nrr
    if by_mrr is None or by_nrr is None:
        return []
    change = f"{by_mrr + by_nrr:+,.0f} {found.currency} a month"
    if found.before.mrr == found.after.mrr:
        return [f"  MRR expected after the horizon: {change}, all of it by NRR; MRR is as it was"]
    paid = f"{money(found.before.mrr, found.currency)} to {money(found.after.mrr, found.currency)}"
    return [
        f"  MRR expected after the horizon: {change}; of it {by_mrr:+,.0f} by MRR ({paid}) and {by_nrr:+,.0f} by NRR"
    ]


def _monthly(points: float, found: AccountChange) -> str:
    return f" ({points * found.mean_mrr:+z,.0f} {found.currency} a month)"


def _others(count: int) -> str:
    return "1 other" if count == 1 else f"{count} others"


def _points(fraction: float) -> str:
    """Points with their sign; without one for nothing.

    >>> _points(-0.0123), _points(0.00001)
    ('-1.2 points', '0.0 points')
    """
    shown = f"{100 * fraction:+z.1f}"
    return f"{'0.0' if shown in ('+0.0', '-0.0') else shown} points"
