"""Figures as people read them. Undefined is a dash, a minus is a real minus, and no figure says more than it knows.

>>> amount(12345.6), percent(0.0834), points(-0.0362), signed_amount(-43.2)
('12,346', '8.3 %', '−3.6', '−43')
>>> amount(None), percent(float("nan"))
('–', '–')
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from serving.live import ListedAccount

DASH = "–"
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
MINUS = "−"
_DAY = re.compile(r"(?<![\w-])\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?![\w-])")
_NEGATIVE = re.compile(r"(?<![\w.)-])-(?=\d)")
_PERCENT_DRAWN = re.compile(r"(?<=\d)%(?=[^<>]*</)")
_PERCENT = re.compile(r"(?<=\d)%(?!\w)")

# KPIs that are fractions; others are counts, months or money, and are written as numbers.
FRACTIONS = ("rate", "nrr", "grr", "churn", "margin", "share", "support", "lift")


def _figure(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _written(figure: float, form: str, *, plus: bool = False) -> str:
    text = format(abs(figure), form)
    if not any(digit in "123456789" for digit in text):
        return text
    return (MINUS if figure < 0 else "+" if plus else "") + text


def amount(value: object) -> str:
    """Money, in whole units; small amounts keep their cents."""
    figure = _figure(value)
    if figure is None:
        return DASH
    return _written(figure, ",.2f" if 0 < abs(figure) < 10 else ",.0f")


def signed_amount(value: object) -> str:
    """Money that is added to or taken from something."""
    figure = _figure(value)
    return DASH if figure is None else _written(figure, ",.2f" if 0 < abs(figure) < 10 else ",.0f", plus=True)


def percent(value: object) -> str:
    """A fraction, in percent."""
    figure = _figure(value)
    return DASH if figure is None else f"{_written(100 * figure, '.1f')} %"


def whole(value: object) -> str:
    """A fraction that was chosen, as the level of an interval is: in percent without digits that say nothing.

    >>> whole(0.9), whole(0.025), whole(None)
    ('90 %', '2.5 %', '–')
    """
    figure = _figure(value)
    return DASH if figure is None else f"{_written(100 * figure, '.3g')} %"


def typeset(text: object) -> str:
    """A sentence that files and commands have too, with its figures and days written as pages write them.

    >>> typeset("of 58 won since 2024-10-02 29% left (-30 to +1 points, -1,927 USD); A-12 to 7-8")
    'of 58 won since 2 Oct 2024 29 % left (−30 to +1 points, −1,927 USD); A-12 to 7-8'
    """
    said = _DAY.sub(lambda found: day(found[0]), "" if text is None else str(text))
    return _PERCENT.sub(" %", _NEGATIVE.sub(MINUS, said))


def together(text: str) -> str:
    """With every figure in percent on one line with its sign.

    >>> together("8.3 % of 20 %") == "8.3\u00a0% of 20\u00a0%"
    True
    """
    return text.replace(" %", "\u00a0%")


def share(value: object, digits: int = 1) -> str:
    """A part of a whole, in percent: only none is 0 and only all is 100, however many there are.

    >>> share(0.5), share(0), share(1.0), share(0.0000376), share(0.99999), share(0.996, 0)
    ('50.0 %', '0.0 %', '100.0 %', 'under 0.1 %', 'over 99.9 %', 'over 99 %')
    """
    figure = _figure(value)
    if figure is None:
        return DASH
    least = 10.0**-digits
    written = round(100 * figure, digits)
    if written <= 0 < figure:
        return f"under {least:.{digits}f} %"
    if written >= 100 > 100 * figure:
        return f"over {100 - least:.{digits}f} %"
    return f"{_written(written, f'.{digits}f')} %"


def in_picture(drawn: Markup) -> Markup:
    """A drawing whose texts write figures in percent as pages do.

    >>> in_picture(Markup('<rect width="50%"/><text>5% of 20%</text>')).replace("\u00a0", "_")
    Markup('<rect width="50%"/><text>5_% of 20_%</text>')
    """
    return Markup(_PERCENT_DRAWN.sub("\u00a0%", drawn))  # noqa: S704 (a drawing of ours as it was)


def points(value: object) -> str:
    """A difference of fractions, in points of a hundred."""
    figure = _figure(value)
    return DASH if figure is None else _written(100 * figure, ".1f", plus=True)


def number(value: object) -> str:
    """A count or measure; text stays text.

    >>> number(1234567), number(15247.5), number(123.4)
    ('1,234,567', '15,248', '123.4')
    >>> number(1234567), number(0.125), number("Tech"), number(None), number(True)
    ('1,234,567', '0.125', 'Tech', '–', 'yes')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    figure = _figure(value)
    if figure is None:
        return str(value) if isinstance(value, str) and value else DASH
    if figure == int(figure):
        return _written(figure, ",.0f")
    if abs(figure) >= 1000:
        return _written(figure, ",.0f")
    return _written(figure, ",.1f" if abs(figure) >= 100 else ".3g")


def day(value: object) -> str:
    """A date as in 1 Nov 2026.

    >>> day("2026-11-01"), day(None)
    ('1 Nov 2026', '–')
    """
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value[:10])
        except ValueError:
            return str(value)
    return f"{value.day} {value:%b %Y}" if isinstance(value, date) else DASH


def plain(value: object) -> str:
    """One condition, match or size, in the words it brings along.

    >>> plain({"words": "Employees: at least 50"}), plain({"accounts": 1200, "share": 0.25}), plain(7)
    ('Employees: at least 50', 'accounts 1,200, share 25.0 %', '7')
    """
    if isinstance(value, Mapping):
        for key in ("words", "phrase", "label"):
            if value.get(key):
                return str(value[key])
        parts = (f"{spaced(name)} {figure(name, part)}" for name, part in value.items() if part is not None)
        return ", ".join(parts)
    if isinstance(value, list | tuple):
        return ", ".join(plain(part) for part in value)
    return number(value)


def figure(name: str, value: object) -> str:
    """A named figure: a fraction in percent if its name says that it is one."""
    if isinstance(value, Mapping):
        return plain(value)
    is_fraction = any(word in name for word in FRACTIONS)
    return percent(value) if is_fraction and _figure(value) is not None else number(value)


def spaced(name: str) -> str:
    """A key as words; what is an abbreviation stays one.

    >>> spaced("win_rate"), spaced("nrr"), spaced("value_12m")
    ('win rate', 'NRR', 'value 12m')
    """
    known = {"nrr", "grr", "cac", "ltv", "mrr", "icp"}
    return " ".join(word.upper() if word in known else word for word in name.split("_"))


def name(value: object, most: int = 120) -> Markup:
    """A name from data as text that cannot run, turn the line around it or push everything else off the page.

    It is isolated from the direction of what stands beside it; marks that would turn more than itself around, and other
    characters that only steer, are shown as a mark of their own; what is longer than `most` characters is cut.

    >>> name("A <b>B</b>"), name("N" * 500, 4), name(None)
    (Markup('<bdi>A &lt;b&gt;B&lt;/b&gt;</bdi>'), Markup('<bdi>NNNN…</bdi>'), Markup('–'))
    >>> name("abc\u202ecod.exe") == Markup("<bdi>abc\ufffdcod.exe</bdi>")
    True
    """
    if value is None or value == "":
        return Markup("–")
    text = _STEERING.sub("\ufffd", " ".join(str(value).split()))
    return Markup("<bdi>{}</bdi>").format(text if len(text) <= most else f"{text[:most]}…")


_DOTS = re.compile(r"~*\.{1,2}")


def path(value: object) -> str:
    """An id as the last part of an address; one of dots alone, which browsers take for a folder, behind a mark.

    >>> path("a/b ü"), path(".."), path("~.."), path("...")
    ('a%2Fb%20%C3%BC', '~..', '~~..', '...')
    """
    text = str(value)
    return quote(f"~{text}" if _DOTS.fullmatch(text) else text, safe="")


def id_of(part: str) -> str:
    """The id that stands in an address; the inverse of `path`, decoded already.

    >>> id_of("~.."), id_of("~~."), id_of("~a"), id_of("..")
    ('..', '~.', '~a', '..')
    """
    return part[1:] if part.startswith("~") and _DOTS.fullmatch(part) else part


@dataclass(frozen=True)
class Totals:
    """Sums over the listed accounts; those without a score have MRR but nothing at risk."""

    accounts: int
    mrr: float
    losing: float
    """MRR expected to be lost, summed over accounts expected to shrink."""
    growing: float
    """MRR expected to be won, summed over accounts expected to grow."""
    unscored: int


def totals(accounts: Iterable[ListedAccount]) -> Totals:
    """Sums of a list of accounts."""
    everyone = list(accounts)
    at_risk = [one.at_risk for one in everyone if one.at_risk is not None]
    return Totals(
        accounts=len(everyone),
        mrr=math.fsum(one.mrr or 0.0 for one in everyone),
        losing=math.fsum(value for value in at_risk if value > 0),
        growing=-math.fsum(value for value in at_risk if value < 0),
        unscored=len(everyone) - len(at_risk),
    )


def reach(values: Iterable[object], least: float) -> float:
    """The largest absolute figure, for a scale that several drawings share."""
    return max([least, *(abs(figure) for value in values if (figure := _figure(value)) is not None)])


def bar(value: object, longest: float) -> Markup:
    """A bar to the left for what lowers, to the right for what raises; drawn without any style of its own."""
    figure = _figure(value)
    if figure is None:
        return Markup("")
    length = 48 * min(1.0, abs(figure) / longest)
    start, kind = (50 - length, "lowers") if figure < 0 else (50.0, "raises")
    return Markup(
        '<svg class="bar" viewBox="0 0 100 12" width="100" height="12" aria-hidden="true">'
        '<line class="axis" x1="50" y1="0" x2="50" y2="12"/>'
        '<rect class="{}" x="{}" y="2" width="{}" height="8" rx="1"/></svg>'
    ).format(kind, f"{start:.1f}", f"{length:.1f}")


def offer(action: object, churn: object, currency: str, doubted: bool = False, unshown: bool = False) -> str:
    """Whether an offer to stay is worth it, and from which churn on; nothing where that is not known.

    `doubted` where such offers would have lost money out of time, `unshown` where chance may explain what they earned.

    >>> offer({"contact": True, "expected_gain": 932.4, "threshold_p": 0.15}, 0.2, "USD")
    'Worth an offer to stay: expected to gain 932 USD after its costs. Here an offer pays from a churn of 15.0 % on.'
    >>> offer({"contact": True, "expected_gain": 932.4, "threshold_p": 0.15}, 0.2, "USD", doubted=True)
    'No offer to stay can be advised: offers by this model would have lost money out of time.'
    >>> offer({"contact": True, "expected_gain": 932.4, "threshold_p": 0.15}, 0.2, "USD", unshown=True).split(". ")[1]
    'Past tests do not show that such offers gain'
    >>> offer({"contact": False, "expected_gain": -43.0, "threshold_p": 0.15}, 0.08, "USD")
    'Not worth an offer to stay at a churn of 8.0 %. Here an offer pays from a churn of 15.0 % on.'
    >>> offer({"contact": False, "expected_gain": 12.0, "threshold_p": 0.15, "reason": "beyond_capacity"}, 0.2, "USD")
    'Worth an offer to stay (12 USD expected gain), but others gain more and the capacity ends before it.'
    >>> offer({"contact": False, "expected_gain": -9.0, "threshold_p": None}, 0.2, "USD")
    'Not worth an offer to stay, however likely it is to leave.'
    >>> offer({"contact": None, "reason": "already_leaving"}, None, "USD"), offer(None, None, "USD")
    ('', '')
    """
    if not isinstance(action, Mapping) or action.get("contact") is None:
        return ""
    if doubted:
        return "No offer to stay can be advised: offers by this model would have lost money out of time."
    gain = f"{amount(action.get('expected_gain'))} {currency}"
    if action.get("reason") == "beyond_capacity":
        return f"Worth an offer to stay ({gain} expected gain), but others gain more and the capacity ends before it."
    if _figure(action.get("threshold_p")) is None:
        return "Not worth an offer to stay, however likely it is to leave."
    pays = f"Here an offer pays from a churn of {percent(action['threshold_p'])} on."
    if action["contact"]:
        proof = " Past tests do not show that such offers gain." if unshown else ""
        return f"Worth an offer to stay: expected to gain {gain} after its costs.{proof} {pays}"
    return f"Not worth an offer to stay at a churn of {percent(churn)}. {pays}"


def _listed(several: list[str]) -> str:
    return " and ".join([", ".join(several[:-1]), several[-1]] if len(several) > 1 else several)


def ahead(survival: object) -> str:
    """How likely it is still a customer after some months, and for which of them nobody was followed so far.

    >>> months = [(1, 0.99, True), (6, 0.951, True), (24, 0.7, False), (36, 0.62, False)]
    >>> said = ahead([{"months": m, "survival": s, "observed": o} for m, s, o in months])
    >>> said.split(". ")[0]
    'Still a customer: 95.1 % after 6 months, 70.0 % after 24, 62.0 % after 36'
    >>> said.split(". ")[1]
    'For 24 and 36 months the latest observed rate goes on.'
    >>> ahead([{"months": m, "survival": 0.5, "observed": m < 9} for m in (3, 12, 24, 36)]).split(". ")[1]
    'For 12, 24 and 36 months the latest observed rate goes on.'
    >>> ahead(None)
    ''
    """
    curve = [one for one in survival if one["months"] >= 3] if isinstance(survival, list) else []
    if not curve:
        return ""
    said = [f"{percent(one['survival'])} after {one['months']}" for one in curve]
    beyond = [str(one["months"]) for one in curve if not one["observed"]]
    guessed = f" For {_listed(beyond)} months the latest observed rate goes on." if beyond else ""
    return f"Still a customer: {', '.join([f'{said[0]} months', *said[1:]])}.{guessed}"


def won(score: Mapping[str, Any], currency: str) -> str:
    """What winning the account cost, and when that has come back; nothing where the cost is not known.

    >>> won({"cac": 1040.0, "payback_months_survival": 15, "ltv_to_cac": 2.04}, "USD")
    'Winning it cost 1,040 USD, expected back in month 15; 36 months are worth 2.04 times that.'
    >>> won({"cac": None}, "USD")
    ''
    """
    if _figure(score.get("cac")) is None:
        return ""
    months, ratio = score.get("payback_months_survival"), score.get("ltv_to_cac")
    back = "" if months is None else f", expected back in month {number(months)}"
    worth = "" if ratio is None else f"; 36 months are worth {number(ratio)} times that"
    return f"Winning it cost {amount(score['cac'])} {currency}{back}{worth}."


def interval(point: object, low: object, high: object, widest: float, less_is_better: bool = False) -> Markup:
    """A point with its interval against a line at zero; of churn less is better."""
    middle, left, right = _figure(point), _figure(low), _figure(high)
    if middle is None or left is None or right is None:
        return Markup("")

    def place(value: float) -> str:
        return f"{60 + 55 * max(-1.0, min(1.0, value / widest)):.1f}"

    kind = "raises" if left > 0 else "lowers" if right < 0 else "open"
    if less_is_better:
        kind = {"raises": "lowers", "lowers": "raises"}.get(kind, kind)
    return Markup(
        '<svg class="interval {kind}" viewBox="0 0 120 16" width="96" height="13" aria-hidden="true">'
        '<line class="axis" x1="60" y1="0" x2="60" y2="16"/>'
        '<line class="range" x1="{left}" y1="8" x2="{right}" y2="8"/><circle cx="{middle}" cy="8" r="3.5"/></svg>'
    ).format(kind=kind, left=place(left), right=place(right), middle=place(middle))
