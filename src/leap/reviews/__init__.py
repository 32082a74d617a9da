"""What people decided about findings: verdicts on profiles, conditions and drivers, and overrides of the target list.

They stand beside the evidence and never change it. Nothing is ever overwritten: a later verdict supersedes an earlier
one, which stays readable with who gave it, when, why and on which version.
"""

from leap.reviews.book import ReviewBook
from leap.reviews.due import Due, due
from leap.reviews.giving import Desk
from leap.reviews.keys import key_of
from leap.reviews.overriding import Override, overrides
from leap.reviews.records import DecidedMeanwhile, Review, Subject, new_review
from leap.reviews.standing import Standing
from leap.reviews.verdicts import Verdicts, verdicts_on, with_rejections, with_verdicts, without_rejected

__all__ = [
    "DecidedMeanwhile", "Desk", "Due", "Override", "Review", "ReviewBook", "Standing", "Subject", "Verdicts", "due",
    "key_of", "new_review", "overrides", "verdicts_on", "with_rejections", "with_verdicts", "without_rejected",
]  # fmt: skip
