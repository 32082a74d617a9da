"""How good a model is, in sentences that need no statistics: what of two accounts, how far from what came, how wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leap.reports.quality import FigureSummary, OutcomeSummary, PortfolioSummary
from leap.reports.rendering import decimals, known, share

_WITH = {"churn": "left", "contraction": "came to pay less", "expansion": "grew"}
_WITHOUT = {"churn": "stayed", "contraction": "did not", "expansion": "did not"}
_EVENTS = {"churn": "leaves", "contraction": "will pay less", "expansion": "will grow"}
_EXPECTED = {"churn": "to leave", "contraction": "to pay less", "expansion": "to grow"}


def sentences(outcome: OutcomeSummary, months: int) -> tuple[str, ...]:
    """What is to be said of one outcome's model: its order, its gain over the base rate, and its level."""
    return tuple(sentence for sentence in _said(outcome, months) if sentence)


def _said(outcome: OutcomeSummary, months: int) -> tuple[str, ...]:
    if outcome.name == "nrr":
        return _order_of_nrr(outcome), _nearer_nrr(outcome)
    if outcome.is_base_rate:
        return _nothing_learned(outcome), _level(outcome)
    return of_two_accounts(outcome, months), _nearer(outcome), _level(outcome)


def of_two_accounts(outcome: OutcomeSummary, months: int) -> str:
    """AUC as what it is: how often the right one of two is ranked higher."""
    auc = outcome.figure("auc")
    if auc is None or auc.value is None or outcome.name not in _WITH:
        return ""
    event = _WITH[outcome.name]
    return (
        f"Of two accounts, one that {event} within {months} months and one that {_WITHOUT[outcome.name]}, it ranks the "
        f"one that {event} higher {_times(auc.value)} times in 100{_between(auc)}. By chance it would be 50"
        f"{_beside(outcome)}."
    )


def held_words(portfolio: PortfolioSummary, who: str) -> str:
    """How many accounts came to lie in the intervals that were given for them."""
    if portfolio.coverage is None:
        return ""
    return (
        f"The intervals given for {who} held what followed {_times(portfolio.coverage)} times in 100; "
        f"{portfolio.level:.0%} was wanted."
    )


def portfolio_words(portfolio: PortfolioSummary, who: str) -> str:
    """NRR of everyone together, predicted and observed."""
    if portfolio.predicted is None or portfolio.observed is None:
        return ""
    return f"NRR of {who} was predicted at {share(portfolio.predicted)}; {share(portfolio.observed)} followed."


def _nothing_learned(outcome: OutcomeSummary) -> str:
    return f"It shows no skill in telling who {_EVENTS[outcome.name]}: everyone is given the base rate."


def without_skill(quality: Mapping[str, Any]) -> tuple[str, ...]:
    """The outcomes of a scope's quality in which no skill was shown, so that all are given the base rate.

    >>> without_skill({"outcomes": {"churn": {"learner": "base_rate"}, "expansion": {"learner": "linear"}}})
    ('churn',)
    """
    found = quality.get("outcomes") or {}
    return tuple(name for name in _EVENTS if (found.get(name) or {}).get("learner") == "base_rate")


def without_skill_words(outcomes: Sequence[str]) -> str:
    """What that means for those who read scores; nothing where every outcome has skill.

    >>> without_skill_words(["churn", "contraction"])
    'No skill was shown in telling who leaves and who will pay less: there everyone is given the base rate.'
    >>> without_skill_words([])
    ''
    """
    if not outcomes:
        return ""
    parts = [f"who {_EVENTS[name]}" for name in outcomes]
    listed = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    return f"No skill was shown in telling {listed}: there everyone is given the base rate."


def _beside(outcome: OutcomeSummary) -> str:
    plain = outcome.plain_auc
    return "" if plain is None else f"; a plain logistic regression gets {_times(plain)}"


def _nearer(outcome: OutcomeSummary) -> str:
    skill = outcome.figure("brier_skill")
    if skill is None or skill.value is None:
        return ""
    way = "nearer to" if skill.value >= 0 else "further from"
    ends = ""
    if skill.low is not None and skill.high is not None:
        ends = f" (95 % interval {share(skill.low)} to {share(skill.high)})"
    unsure = "" if skill.low is not None and skill.low > 0 else ", which is not shown beyond chance"
    return f"Its probabilities are {share(abs(skill.value))} {way} what happened than the base rate{ends}{unsure}."


def _level(outcome: OutcomeSummary) -> str:
    if outcome.predicted is None or outcome.observed is None:
        return ""
    verdict = outcome.verdict
    said = f": {verdict.replace('_', ' ')}" if verdict else ""
    return f"It expected {share(outcome.predicted)} {_EXPECTED[outcome.name]}; {share(outcome.observed)} did{said}."


def _order_of_nrr(outcome: OutcomeSummary) -> str:
    figure = outcome.figure("spearman")
    if figure is None or figure.value is None:
        return ""
    return (
        f"Accounts ordered by predicted and by later NRR agree with a rank correlation of {decimals(figure.value)}"
        f"{_ends(figure)}; 0 is no order, 1 the same order."
    )


def _nearer_nrr(outcome: OutcomeSummary) -> str:
    figure = outcome.figure("mae")
    if figure is None or figure.value is None or figure.baseline is None:
        return ""
    return (
        f"The NRR of an account is missed by {100 * figure.value:.1f} points on average{_points(figure)}; one figure "
        f"for everyone misses it by {100 * figure.baseline:.1f}."
    )


def _times(value: float) -> str:
    return f"{100 * value:.0f}"


def _between(figure: FigureSummary) -> str:
    low, high = known(figure.low), known(figure.high)
    return "" if low is None or high is None else f" (95 % interval {_times(low)} to {_times(high)})"


def _ends(figure: FigureSummary) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f" (95 % interval {decimals(figure.low)} to {decimals(figure.high)})"


def _points(figure: FigureSummary) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f" (95 % interval {100 * figure.low:.1f} to {100 * figure.high:.1f})"
