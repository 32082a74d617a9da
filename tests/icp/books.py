"""Books written for one test: whatever it does not say is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from leap.features import FeatureCatalog, Scope
from leap.icp.book import Book, Deals
from leap.value import ValueTerms
from tests.worlds import a_feature

UNTIL = pd.Timestamp("2024-01-01")
FLAGS = ("large", "young", "small")
CATALOG = FeatureCatalog(tuple(a_feature(name, "boolean", Scope.FIT) for name in FLAGS))


def a_book(n: int, *, until: pd.Timestamp = UNTIL, **more: Any) -> Book:
    """A book of n accounts that are nobody yet, with no deals and no costs; `more` are its fields."""
    nobody, unknown = np.zeros(n, dtype=bool), np.full(n, np.nan)
    told: dict[str, Any] = {
        "account_ids": np.array([f"a{i:03}" for i in range(n)], dtype=object),
        "until": until,
        "currency": "USD",
        "horizon_months": 12,
        "grace_days": 0,
        "terms": ValueTerms(float("nan"), 0.1, 12),
        "bought": dict.fromkeys(FLAGS, unknown),
        "now": dict.fromkeys(FLAGS, unknown),
        "catalog": CATALOG,
        **{name: nobody for name in ("customer", "prospect", "former", "free")},
        "first_paid": np.full(n, np.datetime64("NaT", "us")),
        "window_from": until - pd.DateOffset(years=1),
        **{name: np.zeros(n, dtype=np.int64) for name in ("starting", "ending")},
        "cac_basis": np.full(n, "", dtype=object),
        "deals": deals(),
        "has_deals": False,
        "has_costs": False,
    }
    return Book(**{name: {**told, **more}.get(name, unknown) for name in Book.__dataclass_fields__})


def deals(account: Sequence[int] = (), won: Sequence[float] = (), *, new_business: bool = True) -> Deals:
    """Decided deals of some accounts."""
    n = len(account)
    told: Mapping[str, Any] = {
        "account": np.array(account, dtype=np.int64),
        "created": np.full(n, np.datetime64("2023-01-01", "us")),
        "closed": np.full(n, np.datetime64("2023-02-01", "us")),
        "won": np.array(won, dtype=float),
        **{name: np.full(n, "", dtype=object) for name in ("team", "origin")},
        "new_business": np.full(n, new_business),
    }
    return Deals(**{name: told.get(name, np.full(n, np.nan)) for name in Deals.__dataclass_fields__})
