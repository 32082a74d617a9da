"""The profiles of a company as a whole: kinds, order, what each describes, and what to work on first and next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from leap.config import Settings
from leap.explanation.groups import Groups
from leap.features import FeatureCatalog, FeatureFrame
from leap.icp.attributes import Attribute
from leap.icp.book import Book
from leap.icp.choosing import MOST_OF_A_KIND, distinct, is_small_and_growing, kind_of
from leap.icp.pooling import Pooled, Pooling
from leap.icp.population import Population
from leap.icp.profiles import ICPProfile
from leap.icp.ranking import Contender, OrderOfWork, Rank, Shares, in_order, ranks
from leap.icp.rules import Rule
from leap.icp.saturation import saturation_of
from leap.icp.segments import Described, Segments, Space, best_of, fits
from leap.icp.statements import statement
from leap.models.composition import ScopeModel
from leap.models.frames import ScopeFrame

LEAST_MET = 0.5
"""Share of a segment's accounts that meet the rule which is said to describe it."""
LEAST_FIT = 0.5
"""F1 from which on a rule is said to describe its segments."""


@dataclass(frozen=True)
class Ground:
    """What profiles are arranged by: the book of the company, rows with what followed, segments if any, and pooling."""

    book: Book
    population: Population
    segments: Segments | None
    parts: tuple[np.ndarray, ...]
    """The accounts with an outcome of each segment, masks of shape (n_accounts,)."""
    pooling: Pooling

    @classmethod
    def of(cls, book: Book, frame: ScopeFrame, model: ScopeModel) -> Ground:
        """Outcomes are those of all rows of an account, summed up; segments are of what a fit model adds."""
        rows, outcomes, n = frame.rows, frame.outcomes, len(book)
        population = Population(frame.features, rows.accounts, rows.as_of, outcomes.starting, outcomes.ending)
        starting = np.bincount(rows.accounts, outcomes.starting, minlength=n)
        ending = np.bincount(rows.accounts, outcomes.ending, minlength=n)
        everyone = _at_purchase(book, frame.features.catalog)
        space = Space.of(model, everyone, Groups.of(everyone.where(starting > 0)))
        segments = None if space is None else Segments.of(space, starting > 0)
        parts = () if segments is None else tuple(part & (starting > 0) for part in segments.parts)
        return cls(book, population, segments, parts, Pooling.of(starting, ending, parts))

    @property
    def measurable(self) -> np.ndarray:
        """Accounts with an outcome, shape (n_accounts,)."""
        return np.asarray(self.pooling.starting > 0)

    def pooled(self, bought: np.ndarray) -> Pooled:
        """What is expected of who met a rule at the purchase, drawn towards the whole."""
        if self.pooling.between > 0:
            return self.pooling.pooled(bought & self.measurable)
        # Where no segments differ, the rule itself parts the accounts.
        parts = [bought & self.measurable, ~bought & self.measurable]
        return Pooling.of(self.pooling.starting, self.pooling.ending, parts).pooled(parts[0])


def _at_purchase(book: Book, catalog: FeatureCatalog) -> FeatureFrame:
    """Every account as it was when it bought, a prospect as it is; nobody has been a customer for a month yet."""
    new = np.zeros(len(book))
    columns = {name: book.bought.get(name, new) for name in catalog.names}
    return FeatureFrame(pd.DataFrame(columns), catalog, np.zeros(len(book), dtype=bool))


@dataclass(frozen=True)
class _Candidate:
    attribute: Attribute
    bought: np.ndarray
    now: np.ndarray
    shares: Shares
    pooled: Pooled

    @property
    def tables(self) -> set[str]:
        """Where its conditions come from."""
        return {condition.feature.recipe.table for condition in self.attribute.rule.conditions}

    @classmethod
    def of(cls, attribute: Attribute, ground: Ground) -> _Candidate:
        bought, now = attribute.rule.matches(ground.book.bought), attribute.rule.matches(ground.book.now)
        return cls(attribute, bought, now, Shares.of(bought, now, ground.book), ground.pooled(bought))


def arranged(attributes: Sequence[Attribute], ground: Ground, settings: Settings) -> tuple[ICPProfile, ...]:
    """The profiles in the order of work: established by rank, emerging by rank, then the negative ones.

    An account that meets several belongs to the first. Every held attribute that is not near-equal to another, nor
    inside one without going further, is one of them, at most six of a kind.
    """
    horizon, opens_at = settings.outcome.horizon_months, settings.policy.icp_opens_next_at
    stays = [a for a in attributes if a.verdict == "stays"]
    leaves = [a for a in attributes if a.verdict == "leaves"]
    good = [_Candidate.of(a, ground) for a in distinct(stays, ground.population)]
    bad = [_Candidate.of(a, ground) for a in distinct(leaves, ground.population)][:MOST_OF_A_KIND]
    described = _described([c.attribute.rule for c in good], ground, better=True)
    described |= _described([c.attribute.rule for c in bad], ground, better=False)
    ranked = _ranked(good, ground, settings)
    kinds = _kinds(good, ranked)
    profiles: list[ICPProfile] = []
    for kind in ("established", "emerging"):
        own = [c for c in good if kinds[c.attribute.rule][0] == kind]
        own.sort(key=lambda c: list(ranked).index(c.attribute.rule))
        for place, c in enumerate(own[:MOST_OF_A_KIND], start=1):
            rank = replace(ranked[c.attribute.rule], place=place)
            profile = _profile(kind, place, kinds[c.attribute.rule][1], c, described, horizon)
            saturation = saturation_of(c.bought, c.now, ground.book, opens_at)
            profiles.append(replace(profile, rank=rank, saturation=saturation))
    profiles = _with_own(profiles, ground.book)
    said = "Those that meet it left more, or kept less of their revenue, than the others."
    profiles += [_profile("negative", i, said, c, described, horizon) for i, c in enumerate(bad, start=1)]
    return tuple(profiles)


def _profile(
    kind: str, place: int, because: str, c: _Candidate, described: Mapping[Rule, Described], horizon: int
) -> ICPProfile:
    rule, evidence = c.attribute.rule, c.attribute.evidence
    said = statement(kind, rule, evidence, horizon)
    return ICPProfile(
        f"{kind}-{place}", kind, rule, evidence, said, because=because, pooled=c.pooled, shares=c.shares,
        segment=described.get(rule),
    )  # fmt: skip


def _ranked(good: Sequence[_Candidate], ground: Ground, settings: Settings) -> dict[Rule, Rank]:
    """The ranks in their order."""
    deals = frozenset(name for name, table in settings.tables.items() if table.role == "deals")
    by_words = {c.attribute.rule.words: c for c in good}
    contenders = {
        words: Contender(c.bought, c.now, c.pooled, not deals.isdisjoint(c.tables)) for words, c in by_words.items()
    }
    found = ranks(contenders, ground.book, settings.policy.icp_max_share)
    return {by_words[words].attribute.rule: found[words] for words in in_order(found)}


def _kinds(good: Sequence[_Candidate], ranked: Mapping[Rule, Rank]) -> dict[Rule, tuple[str, str]]:
    """The kind of each and why; emerging ones are compared with the first that is surely established."""
    by_rule = {c.attribute.rule: c for c in good}
    first = next((by_rule[rule] for rule in ranked if not is_small_and_growing(by_rule[rule].shares)), None)
    least = None if first is None else first.pooled.nrr
    return {rule: kind_of(c.shares, c.pooled, least) for rule, c in by_rule.items()}


def _with_own(profiles: Sequence[ICPProfile], book: Book) -> list[ICPProfile]:
    """With how many customers and prospects belong to each: those that meet none before it."""
    taken = np.zeros(len(book), dtype=bool)
    result = []
    for profile in profiles:
        now = profile.rule.matches(book.now) & (book.customer | book.prospect)
        own = int((now & ~taken).sum())
        taken |= now
        result.append(profile if profile.rank is None else replace(profile, rank=replace(profile.rank, own=own)))
    return result


def _described(rules: Sequence[Rule], ground: Ground, *, better: bool) -> dict[Rule, Described]:
    """For each rule the segments, of those that do better (or worse), that it describes best of all rules."""
    columns, among = ground.book.bought, ground.measurable
    best: dict[Rule, list[int]] = {}
    for number, part in enumerate(ground.parts):
        pooled = ground.pooling.pooled(part)
        if pooled.nrr == pooled.whole or (pooled.nrr > pooled.whole) != better:
            continue
        rule = best_of(rules, columns, part, among)
        if rule is not None and fits(rule, columns, part, among)[2] >= LEAST_MET:
            best.setdefault(rule, []).append(number)
    found = {rule: _description(rule, numbers, ground) for rule, numbers in best.items()}
    return {rule: described for rule, described in found.items() if described.f1 >= LEAST_FIT}


def _description(rule: Rule, numbers: Sequence[int], ground: Ground) -> Described:
    part = np.logical_or.reduce([ground.parts[number] for number in numbers])
    f1, precision, recall = fits(rule, ground.book.bought, part, ground.measurable)
    by = () if ground.segments is None else tuple(feature.label for feature in ground.segments.told_by(part))
    named = tuple(number + 1 for number in numbers)
    return Described(named, int(part.sum()), f1, precision, recall, by, ground.pooling.pooled(part))


def order_of_work(profiles: Sequence[ICPProfile], opens_at: float) -> OrderOfWork | None:
    """Dominate the first before opening the next; None without a profile to sell to.

    The next is the first emerging one that is not won itself yet, else the first such established one.
    """
    good = [profile for profile in profiles if profile.kind != "negative" and profile.saturation is not None]
    if not good:
        return None
    first, later = good[0], good[1:]
    open_still = [profile for profile in later if not _is_won(profile, opens_at)]
    following = min(open_still, key=lambda profile: profile.kind != "emerging", default=None)
    due = first.saturation is not None and first.saturation.verdict == "saturated"
    words = _order_in_words(first, following, opens_at, due, bool(later))
    opens = None if following is None else following.id
    penetration = None if first.saturation is None else first.saturation.penetration
    return OrderOfWork(first.id, opens, due and opens is not None, penetration, opens_at, words)


def _is_won(profile: ICPProfile, opens_at: float) -> bool:
    saturation = profile.saturation
    return saturation is not None and saturation.penetration is not None and saturation.penetration >= opens_at


def _order_in_words(
    first: ICPProfile, following: ICPProfile | None, opens_at: float, due: bool, are_others: bool
) -> str:
    saturation = first.saturation
    penetration = None if saturation is None else saturation.penetration
    share = "" if penetration is None else f"{penetration:.0%} of the companies known to meet {first.id} are customers"
    full = penetration is not None and penetration >= opens_at
    worse = f"the newest customers of {first.id} do clearly worse than its earlier ones"
    if following is None:
        others = f"every other profile is won to {opens_at:.0%} or more" if are_others else "there is no other profile"
        left = f"{share}, and {others}" if share else others
        return f"{'Look for more companies like those of' if full else 'Work on'} {first.id}: {left}."
    if due:
        return f"Open {following.id} now: {f'{share}, {opens_at:.0%} or more' if full else worse}."
    if penetration is None:
        return f"Work on {first.id} first; open {following.id} once {worse} (no prospects that meet it are known)."
    return f"Work on {first.id} first: {share}; open {following.id} once that is {opens_at:.0%}, or once {worse}."
