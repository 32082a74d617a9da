"""What the accounts ranked highest hold of all that was lost: gain and lift, list by list as in use.

Rows that are ranked together (those of one date) form a list. Of each list the top is looked at, down to a share of it
or to a number of accounts, and what the tops hold together is compared with all that the lists hold. Equal scores count
by their expected value over all orders, and a top that ends inside an account takes that part of it: so neither the
order of rows nor repeated rows change anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Depth:
    """How far down each list one looks: a share of it, or a number of accounts (the whole list where it is shorter)."""

    share: float | None = None
    count: float | None = None

    @property
    def name(self) -> str:
        """As in the JSON.

        >>> Depth(0.05).name, Depth(count=25).name
        ('5%', 'capacity')
        """
        return "capacity" if self.share is None else f"{self.share:.0%}"

    def places(self, size: np.ndarray) -> np.ndarray:
        """How many accounts of lists of these sizes are looked at."""
        return np.asarray(np.minimum(float(self.count or 0), size) if self.share is None else self.share * size)


def once_per_list(accounts: np.ndarray, lists: np.ndarray) -> np.ndarray:
    """Weights with which every account counts once in each list, however many rows it has there, shape (n,).

    >>> once_per_list(np.array([7, 7, 8]), np.array([0, 0, 0])).tolist()
    [0.5, 0.5, 1.0]
    """
    if not len(accounts):
        return np.ones(0)
    _, code, count = np.unique(
        np.column_stack([np.unique(lists, return_inverse=True)[1], np.unique(accounts, return_inverse=True)[1]]),
        axis=0, return_inverse=True, return_counts=True,
    )  # fmt: skip
    return np.asarray(1 / count[code.reshape(-1)])


@dataclass(frozen=True)
class Lists:
    """Rows sorted by list and falling score, so that each resample of accounts costs one pass.

    `tie` numbers the distinct scores of all lists, `list_of_tie` their lists.
    """

    order: np.ndarray
    tie: np.ndarray
    list_of_tie: np.ndarray

    @classmethod
    def of(cls, lists: np.ndarray, score: np.ndarray) -> Lists:
        """From the list of every row and the score that ranks it there, shape (n,) each, n at least 1."""
        order = np.lexsort((-score, lists))
        own, ranked = lists[order], score[order]
        new_list = np.append(True, own[1:] != own[:-1])
        new_tie = new_list | np.append(True, ranked[1:] != ranked[:-1])
        return cls(order, np.cumsum(new_tie) - 1, (np.cumsum(new_list) - 1)[new_tie])

    def gain(self, amount: np.ndarray, weight: np.ndarray, depths: tuple[Depth, ...]) -> np.ndarray:
        """Share of the amount that the tops hold and what a random order would hold, shape (n_depths, 2).

        NaN where there is no amount at all.
        """
        ranked, n_lists = weight[self.order], int(self.list_of_tie[-1]) + 1
        sizes = np.bincount(self.tie, weights=ranked)
        held = np.bincount(self.tie, weights=ranked * amount[self.order])
        size = np.bincount(self.list_of_tie, weights=sizes, minlength=n_lists)
        of_list = np.bincount(self.list_of_tie, weights=held, minlength=n_lists)
        before = np.cumsum(sizes) - sizes - (np.cumsum(size) - size)[self.list_of_tie]
        total = held.sum()
        if not total > 0:
            return np.full((len(depths), 2), np.nan)
        found = []
        for depth in depths:
            places = depth.places(size)
            taken = np.clip((places[self.list_of_tie] - before) / np.where(sizes > 0, sizes, 1.0), 0.0, 1.0)
            at_random = places / np.where(size > 0, size, 1.0)
            found.append((float(taken @ held) / total, float(at_random @ of_list) / total))
        return np.array(found)
