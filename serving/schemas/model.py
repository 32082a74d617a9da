"""The live model, and whether there is one."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from serving.schemas.answers import Answer, ModelHeader, OfCompany


class Metric(Answer):
    """How well predictions were, out of time, beside a baseline that knows no account."""

    value: float | None
    """Of the model."""
    low: float | None = None
    """Lower end of its 95 % interval over accounts."""
    high: float | None = None
    """Upper end of it."""
    baseline: float | None = None
    """Of the baseline."""


class Outcome(Answer):
    """One thing that is predicted, and how well, out of time."""

    learner: str
    """What predicts it: `boosted`, `linear`, `blend`, `base_rate`, `composition`."""
    n_rows: int
    """Snapshots that it was judged on."""
    n_accounts: int
    """Accounts of these."""
    n_events: int
    """Those in which it happened."""
    base_rate: float | None
    """The share in which it happened; of `nrr` the mean ratio."""
    metrics: dict[str, Metric]
    """By name: `auc`, `brier`, `brier_skill`, `log_loss`, `mae`, `spearman`, .."""
    linear_baseline: dict[str, Any]
    """The same figures of a linear model."""
    calibration: dict[str, Any]
    """Predicted beside observed: `ratio`, `slope`, `deciles`, each with intervals, and a `verdict` in words."""
    inner_fold_losses: dict[str, Any]
    """Losses of all learners inside the training folds, by which one was chosen."""
    lift: dict[str, Any] | None = None
    """Of churn: how many of those who left are among the first of the list."""
    money: dict[str, Any] | None = None
    """Of churn: what contacting by this model would have earned out of time."""
    claimed: bool | None = None
    """Of `win`: whether a win probability may be claimed."""
    reason: str | None = None
    """Of `win`: why not."""
    deals: dict[str, Any] | None = None
    """Of `win`: the deals it was learnt from."""
    folds: list[Any] | None = None
    """Of `win`: by fold."""


class KnownFeature(Answer):
    """One feature of the catalog."""

    name: str
    """As `features` and `attributes` of a request name it."""
    label: str
    """In words."""
    unit: str
    """Of a number; empty for others."""
    scope: Literal["fit", "health"]
    """`fit` is true of a company before it buys, `health` exists only for customers."""
    kind: Literal["number", "category", "boolean"]
    """What its value is: a number, text, or true and false."""
    missing: str
    """What it means where it is missing."""


class ModelAnswer(OfCompany):
    """The live model: its card with metrics and intervals, definitions and the catalog of features."""

    name: str
    """Of the registered model."""
    version: str
    """In the registry."""
    trained_on: str
    """End of the data that it was trained on (exclusive)."""
    model_hash: str
    """SHA-256 of what answers are made of: the same data and settings give the same."""
    catalog_fingerprint: str
    """Of the features' definitions."""
    accounts: int
    """Accounts that it was trained on."""
    rows: int
    """Snapshots of these."""
    as_of_range: list[str]
    """The first and the last day of the snapshots."""
    outcome: dict[str, Any]
    """What is predicted: `horizon_months`, `grace_days`, `max_gap_days`, `as_of_every`, `min_uplift`."""
    outcomes: dict[str, Outcome]
    """Of customers: `churn`, `contraction`, `expansion`, `nrr`."""
    fit_outcomes: dict[str, Outcome]
    """Of companies before they buy: the same, and `win`."""
    climb: dict[str, Any] | None
    """How much of what customers do could be told before they bought."""
    portfolio: dict[str, Any]
    """Predicted beside observed, of all accounts together."""
    survival: dict[str, Any] | None
    """How good the survival curves are; null where there are none."""
    economics: dict[str, Any]
    """What a new customer usually pays (`new_mrr`) and costs (`cac`)."""
    intervals: dict[str, Any]
    """How wide intervals are: `level` and `coverage` beside their shape."""
    drivers: list[dict[str, Any]]
    """What moves scores, largest first: `label`, `share` with interval, `direction`, whether it is `stable`."""
    features: list[KnownFeature]
    """The catalog."""
    notes: list[str]
    """What is to be known of it."""


class Ready(Answer):
    """Whether scores can be had, and of which model."""

    ready: bool
    """Whether a model is live."""
    model: ModelHeader | None = None
    """The live one; null if there is none."""
    as_of: dt.date | None = None
    """The day that scores are of."""
    age_days: int | None = None
    """How many days ago that is."""
    features_stale: bool = False
    """That is longer than `serving.stale_after_days` of the settings: newer data should have come."""
    by_id: bool = False
    """Customers can be scored by their id; else only accounts that bring their features or rows, and prospects."""
    stale: bool = False
    """A newer champion, tables or reviews could not be brought in; the last good ones stay in use."""
    explained_by: str | None = None
    """What computes contributions: the exact kernel, or LightGBM, slower, where the kernel is not to be trusted."""
    problem: str | None = None
    """What keeps the newest from being live, if anything does."""
