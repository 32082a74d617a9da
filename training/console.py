"""What every command shares: its options, progress, one answer on stdout, and errors that say what to do.

A command module states its options, names its body and leaves the rest to ``run``:

    def main(argv: list[str] | None = None) -> int:
        parser = command_parser("promote", "Make a version the champion.", workspace=False)
        parser.add_argument("version")
        return run(parser, argv, promote)

    def promote(args: argparse.Namespace, console: Console) -> Result: ...

Only the standard library is imported here, and a command imports what it needs in its body: help is quick.
"""

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from typing import NoReturn, TextIO

from leap.errors import LeapError, UsageError

# One thread a computation, whatever the environment says: two that wait for each other on a busy machine take many
# times as long as one, and sums in another order give a model whose last digits differ. The libraries read this when
# they are first imported, which no command does before this line.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_threads] = "1"

# Terminal escapes, and marks that reverse the order of reading: text from data must not steer a terminal.
UNPRINTABLE = dict.fromkeys(
    [c for c in range(0x20) if chr(c) not in "\n\t"]
    + list(range(0x7F, 0xA0))
    + list(range(0x202A, 0x202F))
    + list(range(0x2066, 0x206A))
)
_FIRST_YEAR = 1900


@dataclass(frozen=True)
class Result:
    """What a command answers: ``document`` with ``--json``, else ``text``; exit code 1 if a gate said no."""

    document: Mapping[str, object]
    text: str
    exit_code: int = 0


@dataclass
class Console:
    """Progress and remarks on stderr while a command works; ``seconds`` keeps how long each stage took."""

    quiet: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    _unfinished: bool = False
    _width: int = 0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block under ``name`` and show it while it runs, if a person is watching."""
        visible = not self.quiet and sys.stderr.isatty()
        began = time.perf_counter()
        if visible:
            self._finish_line()
            self._overwrite(f"{name} ...")
            self._unfinished = True
        try:
            yield
        finally:
            took = time.perf_counter() - began
            self.seconds[name] = self.seconds.get(name, 0.0) + took
            if visible:
                self._overwrite(f"{name} {took:.1f} s")
                write(sys.stderr, "\n")
                self._unfinished = False

    def progress(self, text: str) -> None:
        """How far the stage is, in place of what was said of it before, if a person is watching."""
        if not self.quiet and sys.stderr.isatty():
            self._overwrite(f"{text} ...")
            self._unfinished = True

    def note(self, text: str) -> None:
        """One line on stderr, unless ``--quiet``."""
        if not self.quiet:
            # Where notes cannot be written, as on a full disk, the work goes on all the same.
            with suppress(OSError):
                self._finish_line()
                write(sys.stderr, text + "\n")

    def _overwrite(self, text: str) -> None:
        """Write in place of what stands on the unfinished line."""
        sys.stderr.write("\r" if self._unfinished else "")
        write(sys.stderr, text.ljust(self._width if self._unfinished else 0))
        self._width = len(text)

    def _finish_line(self) -> None:
        if self._unfinished:
            write(sys.stderr, "\n")
            self._unfinished = False


Body = Callable[[argparse.Namespace, Console], Result]


class CommandParser(argparse.ArgumentParser):
    """Raises ``UsageError``; DIR comes after the command's own arguments (``leap explain ACCOUNT DIR``)."""

    takes_workspace = False

    def error(self, message: str) -> NoReturn:
        raise UsageError(message if message.endswith("?") else f"{message}.", remedy=f"See: {self.prog} --help")

    def complete(self) -> None:
        """Add DIR, once the command has added its own arguments."""
        if self.takes_workspace:
            self.takes_workspace = False
            self.add_argument(
                "workspace",
                nargs="?",
                default=Path(),
                type=Path,
                metavar="DIR",
                help="the workspace, a folder with leap.toml (default: this one)",
            )

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Options may stand before, between and after the positional arguments."""
        # Intermixed reading loses what ``--`` means.
        parse = self.parse_known_args if "--" in arguments else self.parse_known_intermixed_args
        args, extra = parse(arguments)
        if extra:
            unknown = extra[0].split("=")[0]
            self.error(f"unknown argument {unknown!r}{nearest(unknown, self._option_string_actions)}")
        return args


def command_parser(name: str, description: str, *, workspace: bool = True, data_until: bool = False) -> CommandParser:
    """The options all commands share; DIR if ``workspace``, ``--data-until`` if ``data_until``."""
    parser = CommandParser(prog=f"leap {name}", description=description, allow_abbrev=False)
    parser.takes_workspace = workspace
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress and no remarks on stderr")
    parser.add_argument("--store", metavar="PATH", help="the model store (default: MLFLOW_TRACKING_URI, else mlruns)")
    parser.add_argument("--seed", metavar="N", type=seed, default=0, help="seed of all chance (default: 0)")
    if data_until:
        parser.add_argument("--data-until", metavar="D", type=day, help="rows known at or after this day do not exist")
    return parser


def day(text: str) -> str:
    """An argument that is a day or moment in ISO 8601 without an offset, as year, month and day.

    >>> day("2026-02-28"), day("2026-W09-6")
    ('2026-02-28', '2026-02-28')
    >>> day("2026-02-30")
    Traceback (most recent call last):
    argparse.ArgumentTypeError: expected a day like 2026-01-31, found '2026-02-30'
    """
    wrong = argparse.ArgumentTypeError(f"expected a day like 2026-01-31, found {text!r}")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise wrong from None
    if found.tzinfo is not None or found.year < _FIRST_YEAR:
        raise wrong
    return found.isoformat().removesuffix("T00:00:00")


def seed(text: str) -> int:
    """An argument that seeds every generator: LightGBM takes 0 to 2**31 - 1."""
    if not (text.isascii() and text.isdigit() and int(text) < 2**31):
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to {2**31 - 1}, found {text!r}")
    return int(text)


def whole(text: str) -> int:
    """An argument that counts: 0 or more."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"expected a whole number, 0 or more, found {text!r}")
    return int(text)


def minutes(text: str) -> float:
    """An argument that is a time in minutes, above zero.

    >>> minutes("0.5")
    0.5
    """
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number of minutes above 0, found {text!r}")
    return found


def run(parser: CommandParser, argv: Sequence[str] | None, body: Body) -> int:
    """Parse, work, answer; the exit code of the command."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    parser.complete()
    # argparse cannot print its help while it reads intermixed arguments.
    if {"-h", "--help"} & set(before_dashes(arguments)):
        return deliver(parser.format_help(), 0)
    return answer(lambda: work(parser, arguments, body), as_json=wants_json(arguments))


def work(parser: CommandParser, arguments: Sequence[str], body: Body) -> Result:
    """The body's result; what libraries print goes to stderr, since stdout holds the answer alone."""
    args = parser.read(arguments)
    with redirect_stdout(sys.stderr):
        return body(args, Console(quiet=args.quiet))


def answer(produce: Callable[[], Result], *, as_json: bool) -> int:
    """Print what ``produce`` returns or, in the form that was asked for, why it could not; the exit code."""
    try:
        result = produce()
        text = dumps(result.document) if as_json else result.text
    except (Exception, KeyboardInterrupt) as error:
        return refuse(error, as_json=as_json)
    return deliver(text, result.exit_code)


def refuse(error: Exception | KeyboardInterrupt, *, as_json: bool) -> int:
    """Print the error form (JSON on stdout, or a plain line on stderr); the exit code."""
    failure = named(error)
    if as_json:
        form = {"code": failure.code, "message": str(failure), "details": failure.details}
        try:
            text = dumps({"error": form})
        except TypeError:  # the failure matters more than the form of its details
            text = dumps({"error": form | {"details": [str(detail) for detail in failure.details]}})
        return deliver(text, failure.exit_code)
    write(sys.stderr, f"leap: {failure}\n")
    return failure.exit_code


def named(error: Exception | KeyboardInterrupt) -> LeapError:
    """Any exception as one with a code; the traceback of a fault of ours is shown only if it is asked for."""
    if isinstance(error, LeapError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("Interrupted.")
    if os.environ.get("LEAP_DEBUG"):
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    about = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if isinstance(error, ImportError):
        return Internal(f"A part of the installation is missing ({about}).", remedy="Run: make setup")
    return Internal(f"Unexpected {about}.", remedy="LEAP_DEBUG=1 shows where.")


class Internal(LeapError):
    """A fault of Leap or of its installation."""

    code = "internal"


class Interrupted(LeapError):
    """Control-C."""

    code = "interrupted"
    exit_code = 130


def deliver(text: str, exit_code: int) -> int:
    """Write the answer to stdout. A reader that has left (``| head``) is no error; a full disk is."""
    try:
        write(sys.stdout, text if text.endswith("\n") or not text else text + "\n")
    except OSError as error:
        discard_stdout()
        if not isinstance(error, BrokenPipeError):
            write(sys.stderr, f"leap: the answer could not be written: {error.strerror}.\n")
            return 2
    return exit_code


def discard_stdout() -> None:
    """Let the interpreter's last flush succeed, or it would complain and change the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write(stream: TextIO, text: str) -> None:
    """Write and flush, without control characters, what the stream's encoding cannot hold as escapes."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.translate(UNPRINTABLE).encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def wants_json(arguments: Sequence[str]) -> bool:
    """Asked before parsing, since a usage error has to be told in the form that was asked for."""
    return "--json" in before_dashes(arguments)


def before_dashes(arguments: Sequence[str]) -> Sequence[str]:
    """The arguments that can be options: what follows ``--`` never is."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, as the end of a sentence, or nothing.

    >>> nearest("trian", ["train", "explain"])
    "; did you mean 'train'?"
    >>> nearest("dance", ["train"])
    ''
    """
    import difflib

    found = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def dumps(document: Mapping[str, object]) -> str:
    """JSON that every reader takes: ASCII only, undefined numbers as null."""
    import json

    return json.dumps(plain(document), indent=2, allow_nan=False)


def plain(value: object) -> object:
    """Numbers, texts, lists and objects as JSON has them; a moment at midnight is written as its day.

    >>> plain({"nrr": float("nan"), "at": [datetime(2026, 11, 1), datetime(2026, 11, 1, 9)], "n": {3, 1}})
    {'nrr': None, 'at': ['2026-11-01', '2026-11-01T09:00:00'], 'n': [1, 3]}
    """
    match value:
        case Enum():
            return plain(value.value)
        case None | bool() | int():
            return value
        case float() | Decimal():
            return float(value) if math.isfinite(value) else None
        case str() | PurePath():
            return str(value)
        case Mapping():
            return {str(plain(key)): plain(part) for key, part in value.items()}
        case list() | tuple():
            return [plain(part) for part in value]
        case set() | frozenset():
            return [plain(part) for part in sorted(value)]
        case date():  # datetime and pandas' Timestamp too
            return plain_moment(value)
        case timedelta():
            return value.total_seconds()
    return plain_of_library(value)


def plain_moment(moment: date) -> str | None:
    """ISO 8601; None for pandas' NaT, which is a date that differs from itself."""
    if moment != moment:
        return None
    if isinstance(moment, datetime) and moment.tzinfo is None and moment == datetime(*moment.timetuple()[:3]):
        return moment.date().isoformat()
    return moment.isoformat()


def plain_of_library(value: object) -> object:
    """numpy's scalars and arrays and pandas' NA, told by their manners, since importing them is slow."""
    if type(value).__name__ == "NAType":
        return None
    if callable(tolist := getattr(value, "tolist", None)):
        return plain(tolist())
    raise TypeError(f"cannot write {type(value).__name__} as JSON: {value!r}")
