"""Ideal customer profiles: conditions on what is true of a company before it buys, with evidence from later
accounts.
"""

from leap.icp.attributes import Attribute
from leap.icp.concluding import find_icps
from leap.icp.evidence import Evidence, Measured
from leap.icp.matching import Fit, Match, match
from leap.icp.notes import Note
from leap.icp.population import Population
from leap.icp.profiles import ICPProfile, ICPSearch
from leap.icp.rules import Condition, Rule
from leap.icp.tiers import TIERS, TierPolicy, Tiers, steady

__all__ = [
    "TIERS", "Attribute", "Condition", "Evidence", "Fit", "ICPProfile", "ICPSearch", "Match", "Measured", "Note",
    "Population", "Rule", "TierPolicy", "Tiers", "find_icps", "match", "steady",
]  # fmt: skip
