"""What accounts are worth and what they cost: value along a survival curve, CAC, payback, LTV : CAC.

As in the definitions, and null with a reason where undefined. `worth` turns expected MRR into value, `costs` says what
was spent to win and to serve, `payback` when that has come back.
"""

from leap.value.costs import Acquisition, acquisition_cost, acquisition_of, own_acquisition, service_cost_a_year
from leap.value.payback import (
    Returns,
    payback_along,
    payback_months,
    payback_months_survival,
    pays_back_along,
    returns_after,
    returns_of,
)
from leap.value.worth import (
    ValueTerms,
    account_value,
    growth_share,
    margins,
    served,
    value_along,
    value_of_ratio,
)

__all__ = [
    "Acquisition",
    "Returns",
    "ValueTerms",
    "account_value",
    "acquisition_cost",
    "acquisition_of",
    "growth_share",
    "margins",
    "own_acquisition",
    "payback_along",
    "payback_months",
    "payback_months_survival",
    "pays_back_along",
    "returns_after",
    "returns_of",
    "served",
    "service_cost_a_year",
    "value_along",
    "value_of_ratio",
]
