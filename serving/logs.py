"""What the service says on stderr: one JSON object a line, or words for a terminal (`LEAP_LOG=json|plain`).

A line holds when, how grave, which event, and fields of ours: request id, route template, status, milliseconds, rows,
version. It never holds what a request held: no path, header, id of an account or value, and of an exception only its
class and the places in the code, since its message may quote a value. Lines are short and escaped, so that nothing can
pass for another line; requests beyond so many a second are counted instead of written.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TextIO

from serving.lines import Allowance, Lines
from serving.metrics import Metrics

if TYPE_CHECKING:
    from serving.calls import Call

log = logging.getLogger("leap.serving")

MOST_TEXT = 300
MOST_LINE = 4000
MOST_LISTED = 12
ANSWERED_A_SECOND = 50
REFUSED_A_SECOND = 10
FAILED_A_SECOND = 20
SAID_A_SECOND = 20

QUIET = frozenset({"/livez", "/readyz", "/metrics", "/static/{name}"})
"""Asked every few seconds, or with every page: told only where it fails."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
LIFECYCLE = ("bentoml.serve", "bentoml.cli", "circus")
"""Loggers that speak of starting and stopping: their words may be completed by their arguments."""

Entry = tuple[float, int, str, Mapping[str, Any]]
Render = Callable[[float, int, str, Mapping[str, Any]], str]


@dataclass(frozen=True)
class Told:
    """What is handed to Python's logging: whichever handler takes it can print it."""

    name: str
    fields: Mapping[str, Any]

    def __str__(self) -> str:
        return _words(self.name, self.fields)


def event(name: str, level: int = logging.INFO, **fields: Any) -> None:
    """Say that something happened; fields are ours, not a request's."""
    log.log(level, Told(name, fields))


def failure(name: str, error: BaseException, level: int = logging.ERROR, **fields: Any) -> None:
    """Say that something failed: classes of the exception and its causes, and places in the code."""
    event(name, level, **fields, **described(error))


def request_failed(call: Call, error: BaseException) -> None:
    """A fault of ours in a request: where it is, but not what the request held."""
    failure("request_failed", error, request_id=call.request_id, route=call.template or "none")


def described(error: BaseException) -> dict[str, Any]:
    """An exception without its message.

    >>> described(ValueError("4711"))
    {'error': 'ValueError', 'at': []}
    """
    causes: list[str] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(causes) < MOST_LISTED:
        causes.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    at = [f"{'/'.join(PurePath(one.filename).parts[-2:])}:{one.lineno} in {one.name}" for one in frames]
    return {"error": type(error).__name__, **({"caused_by": causes} if causes else {}), "at": at}


class Log:
    """Lines on a stream, written by a thread of its own: a stream that blocks holds up no request."""

    def __init__(self, stream: TextIO, render: Render, metrics: Metrics | None = None) -> None:
        self._stream, self._render = stream, render
        self._metrics = metrics or Metrics()
        self._answered = Allowance(ANSWERED_A_SECOND)
        self._refused = Allowance(REFUSED_A_SECOND)
        self._failed = Allowance(FAILED_A_SECOND)
        self._said: dict[str, Allowance] = {}
        self._lines: Lines[Entry] = Lines(self._write, tick=self._tell_left_out, name="log")

    def say(self, level: int, name: str, fields: Mapping[str, Any], at: float | None = None) -> None:
        """One event."""
        if not self._lines.put((time.time() if at is None else at, level, name, fields)):
            self._metrics.log_lines_left_out(1)

    def said(self, level: int, name: str, fields: Mapping[str, Any], at: float) -> None:
        """One event that came through Python's logging, unless there were too many of its name in this second."""
        if self._said.setdefault(name, Allowance(SAID_A_SECOND)).take():
            self.say(level, name, fields, at)
        else:
            self._metrics.log_lines_left_out(1)

    def request(
        self, request_id: str, method: str, route: str, status: int, seconds: float, rows: int | None, version: str
    ) -> None:
        """One request that was answered, unless there were too many of its kind in this second."""
        failed, refused = status >= 500, 400 <= status < 500
        if route in QUIET and status < 400:
            return
        if not (self._failed if failed else self._refused if refused else self._answered).take():
            self._metrics.log_lines_left_out(1)
            return
        level = logging.INFO if status < 400 else logging.ERROR if failed and route not in QUIET else logging.WARNING
        fields = {
            "request_id": request_id,
            "method": method if method in METHODS else "other",
            "route": route or "none",
            "status": status,
            "ms": round(seconds * 1000, 2),
            "rows": rows,
            "version": version or None,
        }
        self.say(level, "request", fields)

    def flush(self) -> None:
        """Write what waits, now."""
        self._lines.flush()

    def stop(self) -> None:
        """Write what waits; nothing is lost at an orderly end."""
        self._lines.stop()

    def _write(self, entries: Sequence[Entry]) -> None:
        try:
            self._stream.write("".join(self._render(*entry) for entry in entries))
            self._stream.flush()
        except (OSError, ValueError):  # a full disk, or nobody reads any more
            self._metrics.log_lines_left_out(len(entries))

    def _tell_left_out(self) -> None:
        kinds = {"answered": self._answered, "refused": self._refused, "failed": self._failed, **self._said}
        left_out = {kind: count for kind, allowance in kinds.items() if (count := allowance.left_out())}
        if left_out:
            self.say(logging.WARNING, "lines_left_out", left_out)


class Handler(logging.Handler):
    """Takes what is said through Python's logging: by us in full, by others without what their words may quote."""

    def __init__(self, into: Log) -> None:
        super().__init__()
        self._into = into

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.msg, Told):
            self._into.said(record.levelno, record.msg.name, record.msg.fields, record.created)
            return
        told = {"logger": record.name, "message": words_of(record)}
        error = record.exc_info[1] if record.exc_info else None
        self._into.said(record.levelno, "said", {**told, **(described(error) if error else {})}, record.created)


def words_of(record: logging.LogRecord) -> str:
    """The first line of what another library says, its gaps left open unless it only speaks of starting and stopping.

    >>> words_of(logging.LogRecord("uvicorn.error", 40, "", 0, "bad %s\\nTraceback", ("4711",), None))
    'bad %s'
    """
    if record.name == "py.warnings":  # "file:line: Category: text and a line of code"
        place = re.match(r"([^\n]*?:\d+: \w+):", record.getMessage())
        return place[1] if place else "a warning"
    whole = record.name.startswith(LIFECYCLE)
    return str(record.getMessage() if whole else record.msg).partition("\n")[0]


def as_json(at: float, level: int, name: str, fields: Mapping[str, Any]) -> str:
    """A line for machines; everything but printable ASCII is escaped.

    >>> as_json(0, logging.INFO, "live", {"version": "7\\n{}"})
    '{"time": "1970-01-01T00:00:00.000Z", "level": "info", "event": "live", "version": "7\\\\n{}"}\\n'
    """
    head = {"time": _time(at), "level": logging.getLevelName(level).lower(), "event": _short(name)}
    line = json.dumps(head | {key: _short(value) for key, value in fields.items()}, default=str)
    return (line if len(line) <= MOST_LINE else json.dumps({**head, "too_long": len(line)})) + "\n"


def as_words(at: float, level: int, name: str, fields: Mapping[str, Any]) -> str:
    """A line for people.

    >>> as_words(0, logging.INFO, "live", {"version": "7", "why": "a\\tb", "rows": None})
    '1970-01-01T00:00:00.000Z INFO    live version=7 why="a\\\\tb"\\n'
    """
    return f"{_time(at)} {logging.getLevelName(level):<7} {_words(name, fields)}"[:MOST_LINE] + "\n"


def configured(
    environment: Mapping[str, str] | None = None, stream: TextIO | None = None, metrics: Metrics | None = None
) -> Log:
    """Let all loggers of this process write as we do, BentoML's and uvicorn's included, and say faults of threads."""
    environment = os.environ if environment is None else environment
    stream = sys.stderr if stream is None else stream
    asked = environment.get("LEAP_LOG", "").strip().lower()
    form = asked if asked in ("json", "plain") else "plain" if stream.isatty() else "json"
    made = Log(stream, as_json if form == "json" else as_words, metrics)
    _take_over(Handler(made))
    if asked not in ("", "json", "plain"):
        event("setting_ignored", logging.WARNING, setting="LEAP_LOG", expected="json or plain", used=form)
    return made


def _take_over(handler: logging.Handler) -> None:
    root = logging.getLogger()
    root.handlers, root.level = [handler], logging.WARNING
    for name in ("bentoml", "uvicorn", "uvicorn.error", "uvicorn.access", "circus", "leap", "py.warnings"):
        one = logging.getLogger(name)
        one.handlers, one.propagate = [], True
    for name in ("bentoml", "leap"):
        logging.getLogger(name).setLevel(logging.INFO)
    # `connection_closed` says the same as its warnings.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    # `request` says the same and more: with the request id, and without the client's address.
    logging.getLogger("bentoml.access").setLevel(logging.CRITICAL)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # would print the arguments of what could not be written
    threading.excepthook = _thread_failed


def _thread_failed(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        failure("thread_failed", args.exc_value, thread=args.thread.name if args.thread else None)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _short(value: Any) -> Any:
    """Numbers as they are, texts and lists cut; whatever else as text."""
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, list | tuple):
        return [_short(one) for one in value[:MOST_LISTED]]
    text = str(value)
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}..."


def _words(name: str, fields: Mapping[str, Any]) -> str:
    told = "".join(f" {key}={_word(_short(value))}" for key, value in fields.items() if value is not None)
    return f"{_word(_short(name))}{told}"


def _word(value: Any) -> str:
    """As it is where it is one plain word, else quoted and escaped."""
    if isinstance(value, str) and re.fullmatch(r"[!#-~]+", value) and "=" not in value:
        return value
    return json.dumps(value)
