"""Ideal customer profiles: conditions on what is true of a company before it buys, with evidence from later
accounts.
"""

from leap.icp.profiles import ICPProfile, ICPSearch, find_icps
from leap.icp.rules import Condition, Evidence, Rule

__all__ = ["Condition", "Evidence", "ICPProfile", "ICPSearch", "Rule", "find_icps"]
