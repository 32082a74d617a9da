"""Ideal customer profiles: conditions on what is true of a company before it buys, with evidence from later
accounts.
"""

from leap.icp.attributes import Attribute
from leap.icp.concluding import find_icps
from leap.icp.evidence import Evidence, Measured
from leap.icp.matching import Match, match
from leap.icp.notes import Note
from leap.icp.population import Population
from leap.icp.profiles import ICPProfile, ICPSearch
from leap.icp.rules import Condition, Rule

__all__ = [
    "Attribute", "Condition", "Evidence", "ICPProfile", "ICPSearch", "Match", "Measured", "Note", "Population", "Rule",
    "find_icps", "match",
]  # fmt: skip
