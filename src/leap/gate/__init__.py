"""The gate: what a new model is asked before it may go live, as a table of checks with their numbers.

`accounts` and `flat` put the table together: the claim, the champion on the same rows (`comparison` says which, and
what "the same later rows" means; `champion` what counts as worse), the plain regression and calibration (`baselines`),
slices, and whether the registered version runs (`running`). `paired` gives every difference its interval over accounts.
"""

from leap.gate.accounts import Challenger, gate_of_accounts
from leap.gate.check import PASSED, Check, Gate
from leap.gate.flat import FlatChallenger, gate_of_flat
from leap.gate.incumbent import Incumbent

__all__ = ["PASSED", "Challenger", "Check", "FlatChallenger", "Gate", "Incumbent", "gate_of_accounts", "gate_of_flat"]
