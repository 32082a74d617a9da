"""The book of verdicts: two writers, a killed one, history that cannot be changed, files of others."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from leap.errors import RegistryError
from leap.reviews import ReviewBook, Subject, new_review

WRITER = """
import sys
from pathlib import Path
from leap.reviews import ReviewBook, Subject, new_review
book, name, most = ReviewBook(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
for i in range(most):
    review = new_review(Subject("account", f"{name}{i}"), "include", owner=name, reason="why " * 100)
    print(book.add("Acme", review).number, flush=True)
"""


def review(key: str = "a1", **more: Any):
    return new_review(Subject("account", key), "include", **{"owner": "Ann", "reason": "why", **more})


def writer(folder: Path, name: str, most: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(folder), name, str(most)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_what_was_kept_comes_back_as_it_was(tmp_path: Path):
    book = ReviewBook(tmp_path / "store")
    assert book.of("Acme") == () and not book.path.exists()
    kept = [book.add("Acme", review(expires="2999-01-01", version="3")), book.add("Acme", review("a2"))]
    book.add("Other", review("b1"))
    assert list(book.of("Acme")) == kept and [one.number for one in kept] == [1, 2]
    assert book.path.stat().st_mode & 0o077 == 0


def test_two_writers_of_a_new_book_lose_nothing(tmp_path: Path):
    both = [writer(tmp_path, name, 25) for name in ("x", "y")]
    said = [int(line) for one in both for line in one.communicate(timeout=60)[0].split()]
    assert [one.returncode for one in both] == [0, 0]
    found = ReviewBook(tmp_path).of("Acme")
    assert sorted(said) == list(range(1, 51)) == [one.number for one in found]
    assert sum(one.owner == "x" for one in found) == 25


def test_a_writer_that_is_killed_leaves_a_sound_book_with_all_it_confirmed(tmp_path: Path):
    one = writer(tmp_path, "x", 100_000)
    assert one.stdout is not None
    confirmed = [int(one.stdout.readline()) for _ in range(25)]
    os.kill(one.pid, signal.SIGKILL)
    confirmed += [int(line) for line in one.stdout.read().split("\n")[:-1]]
    one.wait(timeout=30)
    book = ReviewBook(tmp_path)
    numbers = [review.number for review in book.of("Acme")]
    assert set(confirmed) <= set(numbers) and len(numbers) <= len(confirmed) + 1
    with sqlite3.connect(book.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert book.add("Acme", review()).number == numbers[-1] + 1


def test_a_write_that_was_not_finished_is_undone(tmp_path: Path):
    ReviewBook(tmp_path).add("Acme", review())
    code = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('BEGIN IMMEDIATE')\n"
        'c.execute("INSERT INTO reviews (company, subject_kind, subject_key, verdict, owner, reason, given_at, words, '
        "evidence) VALUES ('Acme', 'account', 'a2', 'include', 'x', 'y', 'z', '', '{}')\")\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "reviews.db")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [one.subject.key for one in ReviewBook(tmp_path).of("Acme")] == ["a1"]


@pytest.mark.parametrize("change", ["DELETE FROM reviews", "UPDATE reviews SET reason = 'another'"])
def test_nothing_that_was_said_can_be_changed_or_removed(tmp_path: Path, change: str):
    book = ReviewBook(tmp_path)
    kept = book.add("Acme", review())
    with sqlite3.connect(book.path) as connection, pytest.raises(sqlite3.IntegrityError, match="reviews are"):
        connection.execute(change)
    assert book.of("Acme") == (kept,)


def test_a_reader_of_a_book_that_somebody_writes_sees_what_was_confirmed(tmp_path: Path):
    book = ReviewBook(tmp_path)
    book.add("Acme", review())
    with sqlite3.connect(book.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert len(book.of("Acme")) == 1
        with pytest.raises(RegistryError, match="locked by another process"):
            ReviewBook(tmp_path, wait_seconds=0.1).add("Acme", review("a2"))
        other.execute("ROLLBACK")


def test_a_book_that_cannot_be_read_is_told_with_a_remedy(tmp_path: Path):
    (tmp_path / "reviews.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(RegistryError, match=r"cannot be used: .*backup"):
        ReviewBook(tmp_path).of("Acme")


def test_evidence_that_is_nested_without_end_is_told_as_damage(tmp_path: Path):
    book = ReviewBook(tmp_path)
    book.add("Acme", review(evidence={"finding": "stays"}))
    with sqlite3.connect(book.path) as connection:
        connection.execute("DROP TRIGGER reviews_stand")
        connection.execute("UPDATE reviews SET evidence = ?", ("[" * 50_000,))
    with pytest.raises(RegistryError, match=r"review 1 is damaged: its evidence is nested too deeply.*backup"):
        book.of("Acme")


@pytest.mark.parametrize(
    ("kept", "damaged"),
    [
        (b'{"finding"', b'x"finding"'),
        (b'{"finding": "stays"}', b'["finding", "stays"]'),
        (b'{"finding": "stays"', b"[" * 19),
        (b"2999-01-01", b"2999-01-99"),
        (b"T09:00", b"\xff09:00"),
        (b"T09:00", b"T99:00"),
        (b"2026-01-05T09:00:00Z", b"20260105T090000.0000"),
    ],
)
def test_a_review_whose_bytes_are_damaged_is_told_with_a_remedy(tmp_path: Path, kept: bytes, damaged: bytes):
    book = ReviewBook(tmp_path)
    at = datetime(2026, 1, 5, 9, tzinfo=UTC)
    book.add("Acme", review(expires="2999-01-01", evidence={"finding": "stays"}, at=at))
    content = book.path.read_bytes()
    assert kept in content
    book.path.write_bytes(content.replace(kept, damaged))
    with pytest.raises(RegistryError, match=r"(?s)reviews\.db: .*backup"):
        book.of("Acme")


def test_a_book_of_a_later_schema_is_left_alone(tmp_path: Path):
    book = ReviewBook(tmp_path)
    book.add("Acme", review())
    with sqlite3.connect(book.path) as connection:
        connection.execute("PRAGMA user_version = 9")
    for use in (lambda: book.of("Acme"), lambda: book.add("Acme", review())):
        with pytest.raises(RegistryError, match="expected reviews of schema 1, found 9"):
            use()


def test_a_file_without_tables_holds_nothing(tmp_path: Path):
    (tmp_path / "reviews.db").touch()
    assert ReviewBook(tmp_path).of("Acme") == ()
