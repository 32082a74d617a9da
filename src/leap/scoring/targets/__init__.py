"""Whom to sell to next, and when: prospects with two scores kept apart, chosen under limits, all others counted."""

from leap.scoring.targets.asked import Asked, Override
from leap.scoring.targets.candidates import Candidates
from leap.scoring.targets.entries import Entries
from leap.scoring.targets.target_list import LEFT_OUT, PARTS, TargetList, listed, target_list, target_list_of

__all__ = [
    "LEFT_OUT",
    "PARTS",
    "Asked",
    "Candidates",
    "Entries",
    "Override",
    "TargetList",
    "listed",
    "target_list",
    "target_list_of",
]
