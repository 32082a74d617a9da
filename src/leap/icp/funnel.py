"""The size of the market, step by step: TAM > ICP > segment > target list, each inside of the one above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leap.config import Policy
from leap.icp.book import Book
from leap.icp.buying import active, buying_features
from leap.icp.membership import in_icp, sold_to

if TYPE_CHECKING:
    from leap.icp.profiles import ICPProfile

NO_PROFILE, NO_SIGNALS = "no_profile", "no_buying_signals"


@dataclass(frozen=True)
class Level:
    """Companies of one step by what they are now; `share` is of all companies known (TAM).

    `estimated` carries the share over to the market the company states, None where it states none. `note` says that
    there may be too few or too many.
    """

    name: str
    accounts: int
    customers: int
    prospects: int
    former: int
    free: int
    share: float | None
    estimated: int | None = None
    note: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Its keys in the JSON of `icp`."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Level:
        """The inverse of `to_json`."""
        return cls(**document)


@dataclass(frozen=True)
class Funnel:
    """From everyone known to those to call now.

    `market_size` and `market_source` are what `[policy]` states, None and empty otherwise. `icp` is None without a
    profile to sell to, `target_list` also without features of signal `buying`; `reasons` says so. Segments are the
    profiles, of which an account may meet several. `targets` counts the target list by segment.
    """

    tam: Level
    icp: Level | None
    segments: tuple[Level, ...]
    target_list: Level | None
    targets: Mapping[str, int]
    signals: tuple[str, ...]
    market_size: int | None
    market_source: str
    reasons: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """`funnel` in the JSON of `icp`."""
        return {
            "tam": self.tam.to_json(),
            "icp": self.icp.to_json() if self.icp else None,
            "segments": [level.to_json() for level in self.segments],
            "target_list": self.target_list.to_json() if self.target_list else None,
            "targets": dict(self.targets),
            "signals": list(self.signals),
            "market_size": self.market_size,
            "market_source": self.market_source,
            "reasons": dict(self.reasons),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Funnel:
        """The inverse of `to_json`."""
        levels = {n: Level.from_json(document[n]) if document[n] else None for n in ("icp", "target_list")}
        lists = {
            "segments": tuple(map(Level.from_json, document["segments"])),
            "signals": tuple(document["signals"]),
            "notes": tuple(document["notes"]),
        }
        return cls(**{**document, **levels, **lists, "tam": Level.from_json(document["tam"])})


def funnel_of(book: Book, profiles: Sequence[ICPProfile], policy: Policy) -> Funnel:
    """Told by what companies are now, since now is when they are sold to."""
    tam = book.known
    chosen, signals = sold_to(profiles), buying_features(book.catalog)
    reasons: dict[str, str] = {}
    icp = target_list = None
    segments: tuple[Level, ...] = ()
    targets: dict[str, int] = {}
    if not chosen:
        reasons["icp"] = reasons["target_list"] = NO_PROFILE
    else:
        fits = tam & in_icp(profiles, book.now, len(book))
        icp = _level("ICP", book, fits, policy)
        within = {profile.id: fits & profile.rule.matches(book.now) for profile in chosen}
        segments = tuple(_level(name, book, mask, policy) for name, mask in within.items())
        if not signals:
            reasons["target_list"] = NO_SIGNALS
        else:
            targeted = fits & book.prospect & active(signals, book.now, len(book))
            target_list = _level("target list", book, targeted, policy, with_note=False)
            targets = {name: int((mask & targeted).sum()) for name, mask in within.items()}
    return Funnel(
        tam=_level("TAM", book, tam, policy, with_note=False),
        icp=icp,
        segments=segments,
        target_list=target_list,
        targets=targets,
        signals=tuple(feature.label for feature in signals),
        market_size=policy.market_size,
        market_source=policy.market_source,
        reasons=reasons,
        notes=tuple(_notes(int(tam.sum()), policy)),
    )


def size_of(book: Book, rule_met: np.ndarray, policy: Policy, *, to_sell_to: bool = True) -> dict[str, Any]:
    """`size` of a profile: customers and prospects that meet it now, of how many, with a word on too few or too many.

    Former customers are counted beside them: they are known to the company and nobody that it serves. A negative
    profile cannot be too narrow.
    """
    customers, prospects = (int((rule_met & kind).sum()) for kind in (book.customer, book.prospect))
    market = int((book.customer | book.prospect).sum())
    say = size_note if to_sell_to else too_broad
    return {
        "customers": customers,
        "prospects": prospects,
        "former": int((rule_met & book.former).sum()),
        "market": market,
        "note": say(customers + prospects, market, policy),
    }


def size_note(matching: int, market: int, policy: Policy) -> str | None:
    """What is said of too many or too few companies, with the threshold and why it stands where it does.

    >>> size_note(120, 1000, Policy())
    'may be too narrow: fewer than 500 accounts and prospects match (icp_min_accounts: too few deals a quarter to work)'
    """
    return too_broad(matching, market, policy) or too_narrow(matching, market, policy)


def too_broad(matching: int, market: int, policy: Policy) -> str | None:
    """Too large a share of the market (`icp_max_share`), or too many companies (`icp_max_accounts`).

    >>> too_broad(700, 1000, Policy())
    'may be too broad: 70.0% of all accounts and prospects match (icp_max_share: near half of a market is no choice)'
    """
    share = matching / market if market else 0.0
    if share > policy.icp_max_share:
        return (
            f"may be too broad: {share:.1%} of all accounts and prospects match "
            "(icp_max_share: near half of a market is no choice)"
        )
    count = max(matching, _estimated(share, policy) or 0)
    if count <= policy.icp_max_accounts:
        return None
    return (
        f"may be too broad: about {count:,} companies match, more than {policy.icp_max_accounts:,} "
        "(icp_max_accounts: no team works through so many)"
    )


def too_narrow(matching: int, market: int, policy: Policy) -> str | None:
    """Too few companies (`icp_min_accounts`) among those known, or in the market where its size is stated."""
    estimated = _estimated(matching / market if market else 0.0, policy)
    if max(matching, estimated or 0) >= policy.icp_min_accounts:
        return None
    of = "companies of the stated market" if estimated is not None else "accounts and prospects"
    return (
        f"may be too narrow: fewer than {policy.icp_min_accounts:,} {of} match "
        "(icp_min_accounts: too few deals a quarter to work)"
    )


def _level(name: str, book: Book, mask: np.ndarray, policy: Policy, *, with_note: bool = True) -> Level:
    kinds = {kind: mask & getattr(book, f) for kind, f in _KINDS.items()}
    known, accounts = int(book.known.sum()), int(mask.sum())
    share = accounts / known if known else None
    return Level(
        name=name,
        accounts=accounts,
        **{kind: int(found.sum()) for kind, found in kinds.items()},
        share=share,
        estimated=None if share is None else _estimated(share, policy),
        note=size_note(accounts, known, policy) if with_note else None,
    )


_KINDS = {"customers": "customer", "prospects": "prospect", "former": "former", "free": "free"}


def _estimated(share: float, policy: Policy) -> int | None:
    return None if policy.market_size is None else round(share * policy.market_size)


def _notes(known: int, policy: Policy) -> list[str]:
    stated = policy.market_size
    if stated is None:
        return [
            "TAM is every company in the tables, so it is what is known and not what there is; [policy] market_size "
            "with market_source states the market."
        ]
    said = [
        f"The stated market of {stated:,} companies is from: {policy.market_source}. Estimates assume that companies "
        "not in the tables are like those that are."
    ]
    if known > stated:
        said.append(f"The tables hold {known:,} companies, more than the stated market of {stated:,}: correct one.")
    return said
