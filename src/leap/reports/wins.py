"""What is said of deals: how well the win model tells them apart, and how past win rates rank later NRR beside Leap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def win_line(win: Mapping[str, Any]) -> str:
    """The win model's figures in a line, or why nothing is claimed; with the deals it learned from and left out."""
    if not win["claimed"]:
        return f"Won deals: no model. {win['reason']}{_of_deals(win['deals'])}"
    auc, skill = win["metrics"]["auc"], win["metrics"]["brier_skill"]
    observed, predicted = win["calibration"]["mean_observed"], win["calibration"]["mean_predicted"]
    return (
        f"Won deals: AUC {_interval(auc)} (chance 0.50, plain logistic {win['linear_baseline']['auc']:.2f}); "
        f"Brier skill {_interval(skill)}; predicted {predicted:.1%}, observed {observed:.1%} ({win['n_events']} of "
        f"{win['n_accounts']} accounts; {win['learner']}){_of_deals(win['deals'])}"
    )


def climb_line(climb: Mapping[str, Any]) -> str:
    """Win-rate scoring beside Leap in a sentence, and what may be said of their difference."""
    if climb["spearman"] is None:
        return f"Win-rate scoring (Climb) is not compared: {climb['reason']}"
    halves, difference = climb["top_half_nrr"], climb["difference"]
    return (
        f"Win-rate scoring (Climb) ranks later NRR with {_interval(climb['spearman'])}; Leap with "
        f"{_interval(climb['leap'])} (rank correlation out of time, {climb['n_accounts']} accounts). "
        f"{_verdict(difference)}: {_interval(difference)}. The better half by win rates has "
        f"{_points(halves['climb'])} of NRR more than the other, by Leap {_points(halves['leap'])}."
    )


def lines(quality: Mapping[str, Any]) -> list[str]:
    """Both sentences of a bundle; none where it was trained without looking at deals, or has none."""
    win, climb = quality.get("win"), quality.get("climb")
    return [] if win is None or climb is None or win["deals"] is None else [win_line(win), climb_line(climb)]


def _verdict(difference: Mapping[str, float]) -> str:
    if difference["low"] > 0:
        return "Leap ranks better"
    return "Win rates rank better" if difference["high"] < 0 else "No difference can be told"


def _of_deals(deals: Mapping[str, int] | None) -> str:
    if deals is None:
        return ""
    words = {
        "open": "open",
        "open_overdue": f"of these older than the {deals['cycle_days']} days within which nine of ten close",
        "closed_too_lately": "closed too lately for others of their age to have closed",
        "of_customers": "of accounts that paid already",
        "closed_before_created": "closed before they were created",
        "without_result": "closed without a result",
    }
    counted = [f"{deals[name]:,} {said}" for name, said in words.items() if deals[name]]
    return f" Learned from {deals['used']:,} deals{'; not from ' + ', '.join(counted) if counted else ''}."


def _interval(figure: Mapping[str, float]) -> str:
    return f"{figure['value']:z.2f} [{figure['low']:z.2f}, {figure['high']:z.2f}]"


def _points(figure: Mapping[str, float]) -> str:
    return f"{100 * figure['value']:z.1f} points [{100 * figure['low']:z.1f}, {100 * figure['high']:z.1f}]"
