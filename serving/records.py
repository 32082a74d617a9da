"""Keeps a random sample of what was scored, for monitoring: lines of JSON in files that stay small.

Not BentoML's prediction log (`bentoml.monitor`): that one writes within the request (0.28 ms for a record of 40 values,
and as long as the disk takes), prints the whole record on stderr where the disk is full, leaves its files open to all
users, and takes its request id from middleware that our routes do not pass. How a line looks and how it is read stands
in `leap.scoring.records`.
"""

from __future__ import annotations

import logging
import math
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from serving.bounded_file import FILE_BYTES, BoundedFile
from serving.lines import Allowance, Lines
from serving.logs import event
from serving.metrics import Metrics

if TYPE_CHECKING:
    from leap.scoring.answers import Answers

SHARE = 0.05
MOST_A_SECOND = 50
MOST_WAITING = 500
Values = Callable[[int], Mapping[str, Any] | None]
"""The feature values of account i of a request, by their name in the catalog."""


def no_values(_: int) -> None:
    """Accounts asked for by id: their values are those of the workspace's tables."""


@dataclass(frozen=True)
class Asked:
    """What the accounts of one request have in common in the record."""

    request_id: str
    route: str
    version: str
    definition_hash: str
    as_of: date


@dataclass(frozen=True)
class Drawn:
    """One account of the sample."""

    at: float
    asked: Asked
    score: bytes
    features: Mapping[str, Any] | None

    def line(self) -> bytes:
        """Its line in the file."""
        from leap.scoring.records import record_of  # takes seconds to import, and by now a model is loaded

        score = from_json(self.score)
        moment = datetime.fromtimestamp(self.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record = record_of(score, self.features, time=moment, **vars(self.asked))
        return to_json(record, inf_nan_mode="null", serialize_unknown=True) + b"\n"


class InputRecords:
    """Draws accounts of requests with probability `share`, at most so many a second, and has a thread write them.

    Nothing here makes a request wait or fail: what the queue or the disk does not take is counted in the metrics.
    """

    def __init__(
        self,
        folder: Callable[[], Path],
        metrics: Metrics | None = None,
        *,
        share: float = SHARE,
        a_second: int = MOST_A_SECOND,
        file_bytes: int = FILE_BYTES,
        draw: random.Random | None = None,
    ) -> None:
        self._share = share
        self._metrics = metrics or Metrics()
        self._allowance = Allowance(a_second)
        self._random = draw or random.Random()  # noqa: S311 - a sample, no secret
        self._file = BoundedFile(folder, file_bytes)
        self._failing = False
        self._lines: Lines[Drawn] = Lines(self._write, most=MOST_WAITING, pause=0.2, name="input-records")

    def scored(self, asked: Asked, answers: Answers, values: Values = no_values) -> None:
        """Draw from the accounts of a request that was answered."""
        dropped = 0
        for i in drawn(len(answers.fragments), self._share, self._random):
            if not self._allowance.take() or not self._lines.put(
                Drawn(time.time(), asked, answers.fragments[i], values(i))
            ):
                dropped += 1
        if dropped:
            self._metrics.recorded("dropped", dropped)

    def flush(self) -> None:
        """Write what waits, now."""
        self._lines.flush()

    def stop(self) -> None:
        """Write what waits, and let another process take this one's files over."""
        self._lines.stop()
        self._file.close()

    def _write(self, batch: Sequence[Drawn]) -> None:
        faults = [fault for one in batch if (fault := self._fault(one)) is not None]
        if faults:
            self._metrics.recorded("failed", len(faults))
        if len(faults) < len(batch):
            self._metrics.recorded("written", len(batch) - len(faults))
        self._tell(faults)

    def _fault(self, one: Drawn) -> Exception | None:
        """What kept a record from being written."""
        try:
            self._file.append(one.line())
        except Exception as error:
            return error
        return None

    def _tell(self, faults: Sequence[Exception]) -> None:
        """Once when it begins to fail, and once when it is over."""
        if faults and not self._failing:
            reason = faults[0].strerror if isinstance(faults[0], OSError) else None
            event("input_records_failing", logging.WARNING, error=type(faults[0]).__name__, reason=reason)
        elif not faults and self._failing:
            event("input_records_written_again")
        self._failing = bool(faults)


def drawn(count: int, share: float, draw: random.Random) -> Iterator[int]:
    """Which of `count` accounts are in the sample, each with probability `share` and on its own.

    The gaps between them are drawn, which costs little for a small share of many.

    >>> list(drawn(3, 1.0, random.Random(1))), list(drawn(3, 0.0, random.Random(1)))
    ([0, 1, 2], [])
    """
    if share <= 0 or count == 0:
        return
    if share >= 1:
        yield from range(count)
        return
    missed = math.log1p(-share)
    i = int(math.log(1.0 - draw.random()) / missed)
    while i < count:
        yield i
        i += 1 + int(math.log(1.0 - draw.random()) / missed)


def share_from(environment: Mapping[str, str] | None = None) -> float:
    """`LEAP_SAMPLE_SHARE`, from 0 (nothing is kept) to 1; what is no such number keeps nothing, and is told.

    >>> share_from({}), share_from({"LEAP_SAMPLE_SHARE": "0.5"})
    (0.05, 0.5)
    """
    given = (os.environ if environment is None else environment).get("LEAP_SAMPLE_SHARE", "").strip()
    if not given:
        return SHARE
    try:
        share = float(given)
    except ValueError:
        share = -1.0
    if 0 <= share <= 1:
        return share
    event("setting_ignored", logging.WARNING, setting="LEAP_SAMPLE_SHARE", expected="a number from 0 to 1", used=0)
    return 0.0
