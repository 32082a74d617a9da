"""What was said 180, 90, 60 and 30 days before accounts churned, contracted or expanded, by models of that time.

A worked example: an account churned on 2024-06-20. 90 days before is 2024-03-22; of the weeks' Mondays the last one not
after it is 2024-03-18. The model is the one of the latest cutoff not after 2024-03-18, the features are those known
before that day, and the rank is among all accounts that paid on it: 1.0 is the one most at risk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from leap.evaluation.backtest import known_columns
from leap.evaluation.dated_events import dated_events, last_events
from leap.evaluation.out_of_time import OutOfTime
from leap.evaluation.ranks import in_top, rank_percentile
from leap.features import FeatureFrame, build_features
from leap.models.composition import COMPONENTS, ScopeModel
from leap.models.frames import ScopeFrame
from leap.revenue import Revenue, add_months
from leap.snapshots import Snapshots, customer_snapshots, known_as
from leap.tables import AccountTables

LEADS = (180, 90, 60, 30)
"""Days before the event at which what was said is looked up."""

MOST_ACCOUNTS = 300
"""Accounts of one outcome that are looked up at most: of more, those with the smallest hash of their id."""

TOPS = (0.10, 0.20)
_MOST_ROWS = 150_000
"""Rows that may be scored week by week; of larger books the first of each month is looked up instead."""
_SOURCE = {"churn": "p", "contraction": "q_contraction", "expansion": "q"}


@dataclass(frozen=True)
class SaidBefore:
    """`rows` as in the JSON of `backtest`, with `top_10`, `top_20` and the same of those that stayed (`stayed_*`).

    `counts` says by outcome how many accounts had one, were looked up, and why others are absent. `every` is the grid
    of dates: week or month.
    """

    rows: pd.DataFrame
    counts: Mapping[str, Mapping[str, int]]
    every: str
    note: str | None = None
    """What to mind about the dates of events."""

    def to_json(self) -> list[dict[str, Any]]:
        """The rows, without the columns that only the summary needs."""
        hidden = [f"{who}top_{round(100 * top)}" for who in ("", "stayed_") for top in TOPS]
        rows = self.rows.drop(columns=hidden, errors="ignore").astype(object)
        return [dict(zip(rows.columns, row, strict=True)) for row in rows.itertuples(index=False)]


def said_before(tables: AccountTables, frame: ScopeFrame, found: OutOfTime) -> SaidBefore:
    """The events that a model of `found` could have spoken of, looked up at every lead.

    Of one account the first, and each that is 180 days after the last one taken: what comes later replaces none.
    """
    events = dated_events(tables)
    every = _grid(frame, found)
    chosen, counts = _chosen(tables, events, found.cutoffs[0], every)
    wanted = _leads(chosen, every)
    wanted["model"] = (
        np.searchsorted(np.array(found.cutoffs, dtype="datetime64[us]"), _us(wanted["as_of"]), "right") - 1
    )
    last = last_events(events, len(tables.accounts))
    parts = [
        _by_model(tables, frame, found, number, wanted[wanted["model"] == number], last)
        for number in sorted(int(model) for model in set(wanted["model"]) if model >= 0)
    ]
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_COLUMNS)
    for outcome in COMPONENTS:
        own = wanted[wanted["outcome"] == outcome]
        counts[outcome]["rows"] = int((rows["outcome"] == outcome).sum())
        counts[outcome]["absent_without_model"] = int((own["model"] < 0).sum())
        counts[outcome]["absent_not_a_customer"] = int((own["model"] >= 0).sum()) - counts[outcome]["rows"]
    order = rows["outcome"].map({name: i for i, name in enumerate(COMPONENTS)})
    rows = rows.assign(order=order).sort_values(["order", "event_date", "account_id", "at_days"], kind="stable")
    note = None if Revenue(tables).by_periods else _OF_ORDERS
    return SaidBefore(rows.drop(columns="order").reset_index(drop=True), counts, every, note)


_OF_ORDERS = (
    "Of orders only churn has a date: the first month that begins without any order in the trailing months. Near it "
    "the account had already stopped ordering, so that only the longest leads foretell anything."
)
_COLUMNS = (
    "account_id", "name", "outcome", "event_date", "at_days", "as_of", "days_before", "model_cutoff", "model",
    "probability", "base_rate", "rank_percentile", "ranked_accounts", "already_leaving", "within_horizon",
    "top_10", "top_20", "stayed_top_10", "stayed_top_20",
)  # fmt: skip


def said_by_predictions(tables: AccountTables, frame: ScopeFrame, found: OutOfTime) -> SaidBefore:
    """What `found` said before accounts churned, read off the predictions that judge a model: nothing is scored for it.

    A lead is looked up at the last date of judged rows that is not after it, and at most a month before it; an account
    that was not judged there is left out. So it takes no time in a training; `said_before` looks up more.
    """
    events = dated_events(tables)
    churned = events[events["outcome"] == "churn"]
    wanted = _on_judged_dates(churned[_far_apart(churned)], np.unique(found.as_of))
    last = last_events(events, len(tables.accounts))
    rows = [
        {"model_cutoff": _day(found.cutoffs[number]), **row}
        for as_of in sorted(wanted["as_of"].unique())
        for number in [int(found.fold[found.as_of == as_of][0])]
        for book in [_Book.of_predictions(tables, frame, found, (found.as_of == as_of) & (found.fold == number), last)]
        for row in _on_one_day(tables, book, pd.Timestamp(as_of), "churn", wanted[wanted["as_of"] == as_of])
    ]
    counts = {"accounts": int(churned["code"].nunique()), "looked_up": len({row["account_id"] for row in rows})}
    note = None if Revenue(tables).by_periods else _OF_ORDERS
    return SaidBefore(pd.DataFrame(rows, columns=list(_COLUMNS)), {"churn": counts}, "judged", note)


def _on_judged_dates(events: pd.DataFrame, dates: np.ndarray) -> pd.DataFrame:
    """One row an event and lead with the date that is looked up; none where no date is near."""
    parts = []
    for days in LEADS:
        moments = _us(events["at"] - pd.Timedelta(days=days))
        place = np.searchsorted(dates, moments, "right") - 1
        as_of = dates[np.maximum(place, 0)]
        near = (place >= 0) & (moments - as_of <= np.timedelta64(31, "D"))
        parts.append(events.assign(at_days=days, as_of=as_of)[near])
    together: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return together


def _grid(frame: ScopeFrame, found: OutOfTime) -> str:
    """Weeks, or months where so many accounts pay that every week's scores would be too many."""
    weeks = (frame.rows.known_at.max() - np.datetime64(found.cutoffs[0], "us")) / np.timedelta64(7, "D")
    per_date = len(frame.rows.as_of) / max(len(np.unique(frame.rows.as_of)), 1)
    return "week" if weeks * per_date <= _MOST_ROWS else "month"


def floor_to(every: str, moments: pd.Series) -> pd.Series:
    """The last Monday, or first of a month, that is not after each moment.

    >>> floor_to("week", pd.Series([pd.Timestamp("2024-03-22 13:00")]))[0].date()
    datetime.date(2024, 3, 18)
    """
    days = moments.dt.normalize()
    back = days.dt.day_of_week if every == "week" else days.dt.day - 1
    floored: pd.Series = days - pd.to_timedelta(back, unit="D")
    return floored


def _chosen(
    tables: AccountTables, events: pd.DataFrame, since: pd.Timestamp, every: str
) -> tuple[pd.DataFrame, dict[str, dict[str, int]]]:
    """Events with a model at the shortest lead, of so many accounts; and what was counted."""
    reached = events[(floor_to(every, events["at"] - pd.Timedelta(days=min(LEADS))) >= since).to_numpy()]
    spaced = reached[_far_apart(reached)]
    parts, counts = [], {}
    for outcome in COMPONENTS:
        own = spaced[spaced["outcome"] == outcome]
        codes = own["code"].unique()
        order = np.argsort([_hash(account) for account in tables.accounts[codes]], kind="stable")
        kept = own[own["code"].isin(codes[order[:MOST_ACCOUNTS]])]
        parts.append(kept)
        everyone = int(events.loc[events["outcome"] == outcome, "code"].nunique())
        counts[outcome] = {
            "accounts": everyone,
            "before_the_first_model": everyone - len(codes),
            "looked_up": min(len(codes), MOST_ACCOUNTS),
            "events": len(kept),
        }
    return pd.concat(parts, ignore_index=True), counts


def _far_apart(events: pd.DataFrame) -> np.ndarray:
    """Of events sorted by day, each account's first of a kind and those a longest lead after the last one taken."""
    taken: dict[tuple[str, int], pd.Timestamp] = {}
    keep = np.zeros(len(events), dtype=bool)
    for i, (outcome, code, at) in enumerate(zip(events["outcome"], events["code"], events["at"], strict=True)):
        last = taken.get((outcome, code))
        if last is None or at - last >= pd.Timedelta(days=max(LEADS)):
            taken[outcome, code], keep[i] = at, True
    return keep


def _hash(account: str) -> str:
    return hashlib.sha256(account.encode("utf-8", "surrogatepass")).hexdigest()


def _leads(chosen: pd.DataFrame, every: str) -> pd.DataFrame:
    """One row an event and lead: `at_days`, and the date of the grid that is looked up (`as_of`)."""
    parts = [
        chosen.assign(at_days=days, as_of=floor_to(every, chosen["at"] - pd.Timedelta(days=days))) for days in LEADS
    ]
    return pd.concat(parts, ignore_index=True)


def _by_model(
    tables: AccountTables,
    frame: ScopeFrame,
    found: OutOfTime,
    number: int,
    wanted: pd.DataFrame,
    last: Mapping[str, np.ndarray],
) -> pd.DataFrame:
    """What one fold's model said at the dates that are its."""
    dates = sorted(wanted["as_of"].unique())
    snapshots = customer_snapshots(tables, [pd.Timestamp(date) for date in dates])
    features = build_features(tables, snapshots, frame.features.catalog)
    book = _Book.of(tables, snapshots, features, found.models[number], last)
    same = {"model_cutoff": _day(found.cutoffs[number])}
    rows = [
        {**same, **row}
        for as_of in dates
        for outcome in COMPONENTS
        for row in _on_one_day(
            tables,
            book,
            pd.Timestamp(as_of),
            outcome,
            wanted[(wanted["as_of"] == as_of) & (wanted["outcome"] == outcome)],
        )
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _on_one_day(
    tables: AccountTables, book: _Book, as_of: pd.Timestamp, outcome: str, wanted: pd.DataFrame
) -> Iterator[dict[str, Any]]:
    """What was said on one day of the accounts looked up; those that did not pay on it are absent."""
    if not len(wanted):
        return
    here, until = book.at(as_of, outcome), add_months(as_of, tables.settings.outcome.horizon_months)
    for code, at, days in zip(wanted["code"], wanted["at"], wanted["at_days"], strict=True):
        position = here.position.get(int(code))
        if position is None:
            continue
        account = str(tables.accounts[code])
        yield {
            "account_id": account,
            "name": tables.names.get(account, ""),
            "outcome": outcome,
            "event_date": _day(at),
            "at_days": int(days),
            "as_of": _day(as_of),
            "days_before": (pd.Timestamp(at).normalize() - as_of).days,
            "model": book.learner[outcome],
            "within_horizon": bool(at <= until),
            **here.said(position),
        }


@dataclass(frozen=True)
class _Book:
    """All accounts that paid at some dates, with one model's scores; `now` is what they are known as today."""

    as_of: np.ndarray
    now: np.ndarray
    mrr: np.ndarray
    leaving: np.ndarray
    scores: Mapping[str, np.ndarray]
    base_rate: Mapping[str, float]
    learner: Mapping[str, str]
    last: Mapping[str, np.ndarray]

    @classmethod
    def of(
        cls,
        tables: AccountTables,
        snapshots: Snapshots,
        features: FeatureFrame,
        model: ScopeModel,
        last: Mapping[str, np.ndarray],
    ) -> _Book:
        rows = snapshots.rows
        known = known_columns(features, model.encoder.catalog)
        predicted = model.predict(model.encoder.encode(known))
        return cls(
            rows["as_of"].to_numpy(),
            known_as(tables, rows["code"].to_numpy(), tables.data_until),
            rows["mrr"].to_numpy(dtype=float),
            rows["leaving"].to_numpy(dtype=bool),
            {outcome: getattr(predicted, source) for outcome, source in _SOURCE.items()},
            {outcome: model.component(outcome).base_rate for outcome in COMPONENTS},
            {outcome: model.component(outcome).learner_name for outcome in COMPONENTS},
            last,
        )

    @classmethod
    def of_predictions(
        cls,
        tables: AccountTables,
        frame: ScopeFrame,
        found: OutOfTime,
        here: np.ndarray,
        last: Mapping[str, np.ndarray],
    ) -> _Book:
        """Of judged rows of one fold, for churn."""
        rows, churn = found.rows[here], found.models[int(found.fold[here][0])].component("churn")
        return cls(
            found.as_of[here],
            known_as(tables, frame.rows.accounts[rows], tables.data_until),
            frame.snapshots.rows["mrr"].to_numpy(dtype=float)[rows],
            found.leaving[here],
            {"churn": found.prediction.p[here]},
            {"churn": churn.base_rate},
            {"churn": churn.learner_name},
            last,
        )

    def at(self, as_of: pd.Timestamp, outcome: str) -> _Day:
        """Everyone who paid at one date, ranked for one outcome."""
        here = np.flatnonzero(self.as_of == as_of.to_datetime64())
        # Of accounts that have become one since, the one that paid most stands for it.
        here = here[np.argsort(self.mrr[here], kind="stable")]
        score, leaving = self.scores[outcome][here], self.leaving[here]
        later = self.last.get(outcome)
        had = np.zeros(len(here), dtype=bool) if later is None else later[self.now[here]] > as_of.to_datetime64()
        return _Day(
            {int(code): i for i, code in enumerate(self.now[here])}, score, leaving, ~had & ~leaving,
            self.base_rate[outcome],
        )  # fmt: skip


@dataclass(frozen=True)
class _Day:
    """One date's customers; `position` by account, all arrays in the same order."""

    position: Mapping[int, int]
    score: np.ndarray
    leaving: np.ndarray
    stayed: np.ndarray
    base_rate: float

    @cached_property
    def ranks(self) -> np.ndarray:
        """Where each stands, 1.0 for the highest."""
        return rank_percentile(self.score)

    @cached_property
    def tops(self) -> dict[str, np.ndarray]:
        """Whether each is among the highest, by the share asked about."""
        return {f"top_{round(100 * top)}": in_top(self.score, top) for top in TOPS}

    def said(self, i: int) -> dict[str, Any]:
        """What was said of one account, and how many of those that stayed were said to be as likely."""
        row: dict[str, Any] = {
            "probability": float(self.score[i]),
            "base_rate": self.base_rate,
            "rank_percentile": float(self.ranks[i]),
            "ranked_accounts": len(self.score),
            "already_leaving": bool(self.leaving[i]),
        }
        for name, share in self.tops.items():
            stayed = share[self.stayed]
            row[name] = float(share[i])
            row[f"stayed_{name}"] = float(stayed.mean()) if len(stayed) else float("nan")
        return row


def _us(moments: pd.Series) -> np.ndarray:
    return np.asarray(moments.to_numpy().astype("datetime64[us]"))


def _day(moment: object) -> str:
    return f"{pd.Timestamp(str(moment)):%Y-%m-%d}"
