"""Finished scores are made once, kept within a bound, and are what the table they come from says."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from leap.scoring.fragments import Fragments


def said(rows: Sequence[int]) -> list[bytes]:
    return [b"%010d" % i for i in rows]


@given(st.lists(st.lists(st.integers(0, 30), max_size=12), max_size=8), st.integers(0, 200))
def test_every_row_is_answered_in_the_order_asked_whatever_is_kept(asked: list[list[int]], most: int):
    fragments = Fragments(said, most_bytes=most)
    for rows in asked:
        assert fragments.of(rows) == said(rows)
    assert fragments.bytes == 10 * len(fragments) <= most


def test_a_row_is_made_once_while_there_is_room():
    made: Counter[int] = Counter()

    def counted(rows: Sequence[int]) -> list[bytes]:
        made.update(rows)
        return said(rows)

    fragments = Fragments(counted, most_bytes=20)
    for rows in ([1, 2, 1], [2, 3], [3, 1]):
        fragments.of(rows)
    assert made == {1: 1, 2: 1, 3: 2}


def test_the_first_rows_are_made_ahead_and_no_longer_than_the_time_given():
    fragments = Fragments(said)
    assert fragments.make_ahead(range(50), seconds=0.0) == 0
    assert fragments.make_ahead(range(50), seconds=30.0) == 50
    assert Fragments(said, most_bytes=25).make_ahead(range(1000), seconds=30.0) == 2


def test_threads_that_ask_for_the_same_rows_get_the_same_and_count_them_once():
    fragments, found = Fragments(said), list[list[bytes]]()
    together = threading.Barrier(4)

    def ask() -> None:
        together.wait()
        found.extend(fragments.of(range(start, start + 40)) for start in range(100))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 400
    assert {b"".join(one) for one in found} == {b"".join(said(range(start, start + 40))) for start in range(100)}
    assert fragments.bytes == 10 * len(fragments) == 10 * 139
