"""The record of scored inputs: a sample, bounded on disk, readable while it is written, and never in a request's way."""

from __future__ import annotations

import errno
import json
import os
import random
import stat
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import to_json

from leap.scoring.answers import Answers
from leap.scoring.records import Records
from serving import bounded_file
from serving.bounded_file import BoundedFile
from serving.metrics import Metrics
from serving.records import Asked, InputRecords, drawn, share_from

ROOT = Path(__file__).parents[2]
ASKED = Asked("r1", "/v1/score", "7", "d41f0c9e", date(2026, 11, 1))


class Counted(Metrics):
    def __init__(self) -> None:
        self.records: Counter[str] = Counter()

    def recorded(self, result: str, count: int = 1) -> None:
        self.records[result] += count


def answers(count: int, first: int = 0) -> Answers:
    scores = [
        {"account_id": f"a{i}", "churn": {"p": 0.25}, "nrr": {"point": 0.9}, "abstained": None, "scope": "health"}
        for i in range(first, first + count)
    ]
    return Answers([to_json(score) for score in scores])


@pytest.fixture
def metrics() -> Counted:
    return Counted()


def keeper(folder: Path, metrics: Metrics, **options: Any) -> InputRecords:
    return InputRecords(lambda: folder / "inputs", metrics, **{"share": 1.0, "a_second": 10_000, **options})


def test_a_record_says_who_was_scored_by_which_model_from_which_values(tmp_path: Path, metrics: Counted) -> None:
    records = keeper(tmp_path, metrics)
    records.scored(ASKED, answers(2), lambda i: {"seats": i, "industry": None})
    records.scored(ASKED, answers(1, first=2))
    records.stop()
    found = list(Records(tmp_path / "inputs"))
    assert found[0].pop("time").endswith("Z")
    assert found[0] == {
        "request_id": "r1", "route": "/v1/score", "version": "7", "definition_hash": "d41f0c9e", "as_of": "2026-11-01",
        "scope": "health", "account_id": "a0", "churn": 0.25, "nrr": 0.9, "abstained": None,
        "features": {"seats": 0, "industry": None},
    }  # fmt: skip
    assert found[2]["account_id"] == "a2" and found[2]["features"] is None
    assert metrics.records == {"written": 3}


def test_only_the_owner_may_read_records(tmp_path: Path, metrics: Counted) -> None:
    before = os.umask(0)
    try:
        records = keeper(tmp_path, metrics)
        records.scored(ASKED, answers(1))
        records.stop()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "inputs").stat().st_mode) == 0o700
    for file in (tmp_path / "inputs").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_every_account_has_the_same_chance_whatever_it_comes_with() -> None:
    draw = random.Random(1)
    times = Counter(i for _ in range(4000) for i in drawn(20, 0.05, draw))
    assert sum(times.values()) == pytest.approx(4000, rel=0.06)
    assert max(times.values()) < 2 * min(times.values())
    assert sum(len(list(drawn(1, 0.05, draw))) for _ in range(20_000)) == pytest.approx(1000, rel=0.15)


def test_no_more_than_so_many_a_second_and_the_others_are_counted(tmp_path: Path, metrics: Counted) -> None:
    records = keeper(tmp_path, metrics, a_second=5)
    records._allowance._clock = lambda: 3.0
    records.scored(ASKED, answers(100))
    records.stop()
    assert metrics.records == {"written": 5, "dropped": 95}


def test_files_move_on_and_the_whole_stays_bounded(tmp_path: Path, metrics: Counted) -> None:
    records = keeper(tmp_path, metrics, file_bytes=2000)
    for number in range(60):
        records.scored(ASKED, answers(1, first=number))
        records.flush()
    records.stop()
    files = {file.name: file.stat().st_size for file in (tmp_path / "inputs").glob("*.jsonl*")}
    assert set(files) == {"inputs-0.jsonl", *(f"inputs-0.jsonl.{n}" for n in range(1, 5))}
    assert max(files.values()) <= 2000
    found = [record["account_id"] for record in Records(tmp_path / "inputs")]
    assert found == [f"a{n}" for n in range(60 - len(found), 60)] and len(found) >= 25


def test_what_was_torn_is_one_line_that_is_counted_and_passed_over(tmp_path: Path, metrics: Counted) -> None:
    first = keeper(tmp_path, metrics)
    first.scored(ASKED, answers(1))
    first.stop()
    file = tmp_path / "inputs" / "inputs-0.jsonl"
    file.write_bytes(file.read_bytes() + b'{"account_id": "a1", "chu')
    records = Records(tmp_path / "inputs")
    assert [record["account_id"] for record in records] == ["a0"] and records.torn == 1
    second = keeper(tmp_path, metrics)
    second.scored(ASKED, answers(1, first=2))
    second.stop()
    assert [record["account_id"] for record in records] == ["a0", "a2"] and records.torn == 1


def test_reading_while_files_move_on_gives_every_line_once(tmp_path: Path, metrics: Counted) -> None:
    records = keeper(tmp_path, metrics, file_bytes=100_000)
    records.scored(ASKED, answers(300))
    records.flush()
    reading = iter(Records(tmp_path / "inputs"))
    seen = [next(reading)["account_id"]]
    records._file._move_on()
    records.scored(ASKED, answers(1, first=300))
    records.stop()
    seen += [record["account_id"] for record in reading]
    assert seen == [f"a{n}" for n in range(300)]
    assert len(list(Records(tmp_path / "inputs"))) == 301


def test_two_processes_write_to_sets_of_their_own_and_an_ended_ones_is_taken_over(tmp_path: Path) -> None:
    folder = tmp_path / "inputs"
    first, second = BoundedFile(lambda: folder), BoundedFile(lambda: folder)
    first.append(b'{"by": 1}\n')
    second.append(b'{"by": 2}\n')
    killed = f"import os\nfrom pathlib import Path\nfrom serving.bounded_file import BoundedFile\n" \
        f"BoundedFile(lambda: Path({str(folder)!r})).append(b'{{}}\\n')\nos._exit(9)"  # fmt: skip
    assert subprocess.run([sys.executable, "-c", killed], cwd=ROOT, check=False).returncode == 9
    third = BoundedFile(lambda: folder)
    third.append(b'{"by": 3}\n')
    assert sorted(file.name for file in folder.glob("*.jsonl")) == [f"inputs-{n}.jsonl" for n in range(3)]
    assert [json.dumps(record) for record in Records(folder)] == ['{"by": 1}', '{"by": 2}', "{}", '{"by": 3}']
    for one in (first, second, third):
        one.close()


def test_a_full_disk_is_counted_and_told_once_and_leaves_no_torn_line(
    tmp_path: Path, metrics: Counted, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    records = keeper(tmp_path, metrics)
    records.scored(ASKED, answers(1))
    records.flush()
    write = os.write
    with monkeypatch.context() as full:
        full.setattr(bounded_file.os, "write", lambda out, line: write(out, line[:20]))
        for _ in range(3):
            records.scored(ASKED, answers(2))
            records.flush()
    assert metrics.records == {"written": 1, "failed": 6}
    assert [record.getMessage() for record in caplog.records] == [
        f'input_records_failing error=OSError reason="{os.strerror(errno.ENOSPC)}"'
    ]
    records._file._retry_at = 0.0  # the seconds until the next attempt have passed
    records.scored(ASKED, answers(1, first=9))
    records.stop()
    found = Records(tmp_path / "inputs")
    assert [record["account_id"] for record in found] == ["a0", "a9"] and found.torn == 0
    assert metrics.records["written"] == 2


def test_a_store_that_was_moved_away_is_not_begun_again(tmp_path: Path, metrics: Counted) -> None:
    store = tmp_path / "store"
    store.mkdir()
    records = keeper(store, metrics)
    records.scored(ASKED, answers(1))
    records.flush()
    store.rename(tmp_path / "moved")
    records.scored(ASKED, answers(1))
    records.stop()
    assert not store.exists()
    assert metrics.records == {"written": 1, "failed": 1}
    assert len(list(Records(tmp_path / "moved" / "inputs"))) == 1
    assert list(Records(store / "inputs")) == []


def test_a_queue_that_nobody_empties_drops_and_never_blocks(tmp_path: Path, metrics: Counted) -> None:
    records = keeper(tmp_path, metrics)
    with records._lines._writing:  # as if the disk did not answer
        records.scored(ASKED, answers(2000))
    records.stop()
    assert metrics.records["dropped"] >= 400
    assert metrics.records.total() == 2000


@pytest.mark.parametrize("given", ["-0.1", "1.01", "five", "nan", "inf"])
def test_a_share_that_is_none_keeps_nothing_and_is_told(given: str, caplog: pytest.LogCaptureFixture) -> None:
    assert share_from({"LEAP_SAMPLE_SHARE": given}) == 0.0
    assert "LEAP_SAMPLE_SHARE" in caplog.text
