"""How good the survival curves of customers are, out of time: those that are served, made as of each fold's cutoff."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leap.evaluation.out_of_time import OutOfTime
from leap.models.frames import ScopeFrame
from leap.models.hazard import LONGEST, Followed, Hazard, fit_hazard, reconciled
from leap.models.hazard.company import Customers, customers
from leap.models.hazard.figures import Curves, SurvivalFigures, figures_of, kaplan_meier
from leap.tables import AccountTables


def survival_of(
    tables: AccountTables, frame: ScopeFrame, found: OutOfTime, *, seed: int = 0
) -> tuple[Hazard | None, SurvivalFigures | None]:
    """The hazard of all customers, and how good those of the folds were; None each where too little was followed."""
    everyone = customers(tables, frame)
    until = tables.data_until
    hazard = fit_hazard(everyone.followed(until), everyone.timing, seed=seed)
    horizon = tables.settings.outcome.horizon_months
    folds = []
    for number, cutoff in enumerate(found.cutoffs):
        end = found.cutoffs[number + 1] if number + 1 < len(found.cutoffs) else until
        past, later = everyone.followed(cutoff), _first_rows(everyone, cutoff, end, until)
        own = fit_hazard(past, everyone.timing, seed=seed)
        if own is None or not len(later):
            continue
        p = found.models[number].churn.probability(later.matrix)
        curves = reconciled(own.survival(later.matrix), p, horizon)
        past = past.within(LONGEST)
        baseline = kaplan_meier(past.months, past.gone, LONGEST)
        folds.append(Curves(later.months, later.gone, later.accounts, curves, baseline))
    return hazard, figures_of(folds)


def _first_rows(everyone: Customers, cutoff: pd.Timestamp, end: pd.Timestamp, until: pd.Timestamp) -> Followed:
    """The first row of every account from a cutoff on, with all that is known of it in the end."""
    followed = everyone.followed(until).within(LONGEST)
    inside = (followed.as_of >= np.datetime64(cutoff, "us")) & (followed.as_of < np.datetime64(end, "us"))
    followed = followed.where(inside)
    first = np.append(True, followed.accounts[1:] != followed.accounts[:-1])
    return followed.where(first) if len(followed) else followed
