"""What to do on Monday: three to five lines made of what was found, or of what is missing if nothing was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leap.icp import Attribute, Rule
from leap.icp.concluding import accounts_needed
from leap.icp.phrases import who
from leap.reports.icp_profile import Price, ProfileSummary
from leap.reports.rendering import count, listed, money, sentence, share

_LAYERS = {
    "firmographic": "what they are (industry, size, age, country)",
    "technographic": "what they use (technologies, tools)",
    "behavioural": "what they do (hiring, funding, news)",
    "environmental": "how their market does (demand, insolvencies)",
}
_SEEN_TOGETHER = "they are what was seen together, not what a change brings"


@dataclass(frozen=True)
class Todo:
    """A line of what to do: a word that says what kind of thing, a text, and the command that does it, if there is."""

    lead: str
    text: str
    command: str = ""


def with_profiles(
    profiles: Sequence[ProfileSummary], *, next_words: str, unshown: int, unmeasured: int, shaky_drivers: int
) -> tuple[Todo, ...]:
    """Whom to work on, whom to leave, who gets which list, what comes next, and what is not to be acted on yet."""
    counted = [profile for profile in profiles if not profile.rejected]
    good = [profile for profile in counted if profile.kind != "negative"]
    bad = [profile for profile in counted if profile.kind == "negative"]
    lines = [_target(good)] if good else [_no_preference(bad)] if bad else [_all_rejected()]
    lines += [_stop(bad)] if bad else []
    lines += [_hand_over(good, bad)] if counted else []
    lines += [Todo("Open next", next_words)] if next_words else []
    rejected = [profile.id for profile in profiles if profile.rejected]
    return (*lines, _not_yet(unshown, unmeasured, shaky_drivers, rejected))


def _target(good: Sequence[ProfileSummary]) -> Todo:
    first, *rest = good
    text = f"{first.who[:1].upper()}{first.who[1:]} first{_how_many(first)}: {first.seen}."
    if rest:
        others = f"; {len(rest) - 1} more below" if rest[1:] else ""
        text += f" Then {rest[0].who}{_how_many(rest[0])}{others}."
    if first.size and first.size.too_broad:
        among = f"choose among them by {rest[0].id}" if rest else "choose among them by the list's order"
        text += f" {first.id} is {share(first.size.share, 0)} of all accounts and prospects: {among}."
    if any(profile.to_work_on and profile.to_work_on.prospects for profile in good):
        return Todo("Target", text, "leap targets DIR --out targets.csv")
    nobody = (
        " No prospect of the tables meets a profile: look for such companies elsewhere, and keep those that you have."
    )
    return Todo("Target", text + nobody, "leap score DIR --out scores.csv")


def _how_many(profile: ProfileSummary) -> str:
    if profile.size is None:
        return ""
    size = profile.to_work_on or profile.size
    parts = [(size.prospects, "prospect", "to win"), (size.customers, "customer", "to keep")]
    said = [f"{_counted(number, what)} {todo}" for number, what, todo in parts if number]
    without = ", without those that meet a negative profile too" if profile.opposed else ""
    return f" ({', '.join(said)}{without})" if said else ""


def _no_preference(bad: Sequence[ProfileSummary]) -> Todo:
    whom = "those below" if bad[1:] else bad[0].who
    return Todo("Target", f"Keep the target list that you have, less {whom}: no kind of company did clearly better.")


def _all_rejected() -> Todo:
    return Todo("Target", "Keep the target list that you have: people rejected every profile that was found.")


def _stop(bad: Sequence[ProfileSummary]) -> Todo:
    priced = [(p, p.price, p.price.lost) for p in bad if p.price and p.price.lost is not None and p.costs]
    if not priced:
        first = bad[0]
        behind = (
            f"About {first.who}: {first.seen}. In money no difference is shown: put them behind all others, but refuse "
            "nobody."
        )
        return Todo("Think twice", behind + _and_more(bad))
    return Todo("Stop", _priced(*priced[0]) + _and_more(bad))


def _priced(profile: ProfileSummary, price: Price, lost: float) -> str:
    won = price.won_last_year
    together = f", together {money(lost * won, price.currency)} a year" if won > 1 else ""
    were = "was" if won == 1 else "were"
    return (
        f"Selling to {profile.who}: later, each pays {money(lost, price.currency)} a year less than others "
        f"that paid as much before (19 times in 20 between {money(price.low, price.currency)} and "
        f"{money(price.high, price.currency)}); {count(won)} {were} won in the last year{together}."
    )


def _and_more(bad: Sequence[ProfileSummary]) -> str:
    more = len(bad) - 1
    return f" {more} more negative profile{'s' if more > 1 else ''} below." if more else ""


def _hand_over(good: Sequence[ProfileSummary], bad: Sequence[ProfileSummary]) -> Todo:
    costly = [profile for profile in bad if profile.costs]
    sales = f"to sales the accounts of {_ids(good)}" if good else ""
    marketing = f"to marketing those of {_ids(costly)}, to be left out of campaigns" if costly else ""
    crm = f"to whoever runs the CRM the filters of {'all of them' if good and costly else _ids([*good, *bad])}"
    parts = [part for part in (sales, marketing, crm) if part]
    return Todo("Hand over", sentence("; ".join(parts)), "leap icp DIR --out icp.sql")


def _ids(profiles: Sequence[ProfileSummary]) -> str:
    return listed([profile.id for profile in profiles])


def _not_yet(unshown: int, unmeasured: int, shaky: int, rejected: Sequence[str]) -> Todo:
    parts = []
    if unshown:
        parts.append(f"{_counted(unshown, 'condition')} that showed no difference (what was seen may be luck)")
    if unmeasured:
        parts.append(f"{_counted(unmeasured, 'hypothesis', 'hypotheses')} that no measurement has shown")
    if shaky:
        parts.append(f"{_counted(shaky, 'driver')} known before the purchase and marked “do not act yet”")
    if rejected:
        parts.append(f"{listed(rejected)}, which people rejected")
    if not parts:
        return Todo("Not yet", f"Promise nobody these figures: {_SEEN_TOGETHER}.")
    return Todo("Not yet", f"Do not act on {listed(parts)}.")


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


# --- nothing found


def without_profiles(
    because: str, attributes: Sequence[Attribute], layers: frozenset[str] | None, left: tuple[int, int] | None,
    has_model: bool,
) -> tuple[Todo, ...]:  # fmt: skip
    """What to do instead: change nothing, what more it takes, what to collect, and what can be used meanwhile.

    `layers` are those that the features known before a purchase have (None: not known), `left` how many accounts left
    of how many that were judged.
    """
    held = f"{_counted(len(attributes), 'condition')} measured on later accounts, and none held." if attributes else ""
    lines = [Todo("Keep", f"Change no target list on the strength of this report: {held or _sentence(because)}")]
    lines.append(Todo("Wait for", _needed(attributes, left)))
    lines.append(Todo("Collect", _missing(layers), "leap check DIR"))
    if has_model:
        text = "Work on the customers that are likely to leave: their scores do not need a profile."
        lines.append(Todo("Meanwhile", text, "leap score DIR --out scores.csv"))
    return tuple(lines)


def to_try(rule: Rule) -> Todo:
    """A hypothesis, where there is nothing that was measured."""
    return Todo(
        "Try", f"On a few accounts, {who(rule)}: a hypothesis that no measurement has shown, so use it in no list."
    )


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _needed(attributes: Sequence[Attribute], left: tuple[int, int] | None) -> str:
    so_far = f" So far {count(left[0])} of {count(left[1])} accounts that could be judged left." if left else ""
    if not attributes:
        return (
            "More history or other attributes, as the reason says: rules are found on earlier accounts and measured on "
            f"later, other ones, which takes at least two complete horizons and accounts that left in both.{so_far}"
        )
    lead = min(attributes, key=lambda a: a.evidence.q_value)
    needed = accounts_needed(lead)
    if needed is None:
        return f"Other attributes rather than more accounts: none that was measured came near to a difference.{so_far}"
    return (
        f"About {count(needed)} accounts to measure on instead of {count(lead.evidence.accounts)}: so many show the "
        f"strongest lead, {who(lead.rule)}, four times in five, if the difference is as large as it looks.{so_far}"
    )


def _missing(layers: frozenset[str] | None) -> str:
    wanted = [words for layer, words in _LAYERS.items() if layers is None or layer not in layers]
    how = "each with the day from which you knew it"
    if not wanted:
        return f"All four kinds of attributes are there; record more of what sales hears before a deal, {how}."
    known_now = "Of companies before they buy, nothing is recorded of" if layers is not None else "Record of companies"
    return f"{known_now} {listed(wanted)}: collect it from a data vendor or in the first call, {how}."
