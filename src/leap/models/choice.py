"""The choice among candidates of a model by their losses in the inner folds: the best of each kind, then the simplest.

Settings of one kind compete by mean loss; kinds by one standard error (`selection.choose`), the simpler preferred.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from leap.models.selection import Candidate, choose


def choose_kind(losses: Mapping[Candidate, np.ndarray], accounts: np.ndarray) -> tuple[Candidate, dict[str, float]]:
    """The chosen candidate, and the least mean loss of each kind.

    >>> loss = np.array([1.0, 1.1, 0.9, 1.0])
    >>> found = {Candidate("base_rate", 0): loss, Candidate("linear", 1, penalty=0.1): loss - 0.01}
    >>> choose_kind({**found, Candidate("linear", 1, penalty=0.3): loss + 0.5}, np.arange(4))[0].penalty
    0.1
    """
    best: dict[str, Candidate] = {}
    for candidate, loss in losses.items():
        if candidate.name not in best or loss.mean() < losses[best[candidate.name]].mean():
            best[candidate.name] = candidate
    chosen = choose({c: losses[c] for c in best.values()}, accounts)
    return chosen, {name: float(losses[c].mean()) for name, c in best.items()}
