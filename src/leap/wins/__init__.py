"""Deals: who is won (the win model), and the practice to beat, scoring accounts by past win rates (the Climb stage).

`deals` reads one entry a deal and says from when its result counts as known, `frame` gives it the account's features as
of its creation, `judging` the folds and figures out of time, `model` the fitted model for prospects, `scorecard` the
win rates by attribute, `comparison` how well those and Leap's fit models rank the NRR that followed.
"""

from leap.wins.learning import Wins, learn
from leap.wins.model import WinModel

__all__ = ["WinModel", "Wins", "learn"]
