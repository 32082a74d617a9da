"""Where work is done: in turn or on threads, what is refused when too much waits, and what a deadline ends."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time

import pytest

from serving.errors import Refused
from serving.lanes import DOWNLOADS_AT_ONCE, Check, Lanes, TooLate
from serving.metrics import Metrics


class Counted(Metrics):
    """How often a deadline passed."""

    late = 0

    def expired(self) -> None:
        self.late += 1


def test_small_work_is_done_one_at_a_time_with_a_look_at_the_loop_in_between() -> None:
    seen: list[str] = []

    async def ticking() -> None:
        for number in range(6):
            seen.append(f"tick {number}")
            await asyncio.sleep(0)

    async def main() -> None:
        lanes = Lanes()
        small = [lanes.small(lambda _, name=name: seen.append(name)) for name in "abc"]
        await asyncio.gather(*small, ticking())

    asyncio.run(main())
    assert [one for one in seen if len(one) == 1] == ["a", "b", "c"]
    assert "tick" in " ".join(seen[seen.index("a") : seen.index("c")])


def test_large_work_runs_beside_the_loop_and_too_much_of_it_is_refused_at_once() -> None:
    go_on = threading.Event()

    async def main() -> tuple[list[int], list[int]]:
        lanes = Lanes(at_once=1, waiting=1)
        first = [asyncio.create_task(lanes.big(lambda _: int(go_on.wait(5)))) for _ in range(2)]
        await asyncio.sleep(0.01)
        assert lanes.large == 2
        refused = []
        for _ in range(3):
            with pytest.raises(Refused) as raised:
                await lanes.big(lambda _: 0)
            refused.append(raised.value.status)
        go_on.set()
        done = await asyncio.gather(*first)
        assert lanes.large == 0
        return done, refused

    assert asyncio.run(main()) == ([1, 1], [429, 429, 429])


def test_nothing_large_is_made_while_too_much_is_yet_to_be_read() -> None:
    go_on = threading.Event()

    async def main() -> list[int]:
        lanes = Lanes(at_once=1, most_unread=10)
        first = asyncio.create_task(lanes.big(lambda _: int(go_on.wait(5))))
        waiting = asyncio.create_task(lanes.big(lambda _: 2))
        await asyncio.sleep(0.01)
        with lanes.unread(11):
            go_on.set()
            with pytest.raises(Refused, match="as many requests"):
                await waiting
            with pytest.raises(Refused, match="as many requests"):
                await lanes.big(lambda _: 3)
        return [await first, await lanes.big(lambda _: 4)]

    assert asyncio.run(main()) == [1, 4]


def test_who_is_late_is_told_and_the_work_ends_at_its_next_look_at_the_deadline() -> None:
    ended, counted = threading.Event(), Counted()

    def without_end(check: Check) -> None:
        try:
            while True:
                time.sleep(0.005)
                check()
        except TooLate:
            ended.set()
            raise

    async def main() -> Lanes:
        lanes = Lanes(seconds=0.05, at_once=1, metrics=counted)
        with pytest.raises(Refused) as raised:
            await lanes.big(without_end)
        assert raised.value.status == 503
        assert await lanes.big(lambda _: "next") == "next"
        return lanes

    lanes = asyncio.run(main())
    assert ended.is_set() and (lanes.large, counted.late) == (0, 1)


def test_work_that_waited_past_its_deadline_is_not_begun() -> None:
    begun: list[int] = []
    go_on = threading.Event()

    async def main() -> None:
        lanes = Lanes(seconds=0.05, at_once=1)
        first = asyncio.create_task(lanes.big(lambda _: go_on.wait(5)))
        await asyncio.sleep(0)
        with pytest.raises(Refused):
            await lanes.big(lambda _: begun.append(1))
        with pytest.raises(Refused):
            await first
        go_on.set()
        while lanes.large:
            await asyncio.sleep(0.005)

    asyncio.run(main())
    assert begun == []


def test_a_fault_of_work_is_the_callers_to_handle() -> None:
    def broken(_: Check) -> None:
        raise ValueError("x")

    async def main() -> None:
        lanes = Lanes()
        for lane in (lanes.small, lanes.big):
            with pytest.raises(ValueError, match="x"):
                await lane(broken)

    asyncio.run(main())


def test_files_that_are_taken_along_leave_room_for_all_others() -> None:
    lanes = Lanes()
    with contextlib.ExitStack() as files:
        for _ in range(DOWNLOADS_AT_ONCE):
            files.enter_context(lanes.download())
        with pytest.raises(Refused) as refused, lanes.download():
            pass
        assert refused.value.status == 429
        assert asyncio.run(lanes.big(lambda _: "a page")) == "a page"
    with lanes.download():
        assert lanes.downloads == 1
