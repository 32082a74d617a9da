"""The log: a line an event, nothing of what requests hold, nothing forged, and no flood."""

from __future__ import annotations

import io
import json
import logging
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import logs
from serving.logs import MOST_LINE, Handler, Log, Told, as_json, as_words, described, failure, words_of

SECRET = "ann@customer.example"


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(stream: io.StringIO) -> Iterator[Log]:
    made = Log(stream, as_json)
    yield made
    made.stop()


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """Python's logging as it was before, afterwards."""
    names = [
        "",
        "bentoml",
        "uvicorn",
        "uvicorn.error",
        "uvicorn.access",
        "circus",
        "leap",
        "py.warnings",
        "bentoml.access",
    ]
    loggers = [logging.getLogger(name) for name in names]
    before = [(one, one.handlers, one.level, one.propagate) for one in loggers]
    hook, raising = threading.excepthook, logging.raiseExceptions
    logging.captureWarnings(False)
    yield loggers[0]
    for one, handlers, level, propagate in before:
        one.handlers, one.level, one.propagate = handlers, level, propagate
    logging.captureWarnings(False)
    threading.excepthook, logging.raiseExceptions = hook, raising


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def asked(log: Log, status: int = 200, route: str = "/v1/score", method: str = "POST") -> None:
    log.request("r1", method, route, status, 0.0031, 2, "7")


def test_a_request_is_one_line_with_ids_and_timings(log: Log, stream: io.StringIO) -> None:
    asked(log)
    log.flush()
    (line,) = lines(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info", "event": "request", "request_id": "r1", "method": "POST", "route": "/v1/score", "status": 200,
        "ms": 3.1, "rows": 2, "version": "7",
    }  # fmt: skip


def test_an_invented_method_is_no_word_of_ours(log: Log, stream: io.StringIO) -> None:
    asked(log, 405, "", f"GET\n{SECRET}")
    log.flush()
    assert lines(stream)[0]["method"] == "other" and lines(stream)[0]["route"] == "none"


def test_a_flood_of_refusals_is_counted_instead_of_written(log: Log, stream: io.StringIO, monkeypatch: Any) -> None:
    monkeypatch.setattr(log._refused, "_clock", lambda: 5.0)
    for _ in range(1000):
        asked(log, 401, "")
    asked(log, 200)
    log.stop()
    found = lines(stream)
    assert sum(line.get("status") == 401 for line in found) == logs.REFUSED_A_SECOND
    assert sum(line.get("status") == 200 for line in found) == 1
    (told,) = [line for line in found if line["event"] == "lines_left_out"]
    assert told["refused"] == 1000 - logs.REFUSED_A_SECOND


def test_a_flood_of_one_event_keeps_no_other_from_being_told(log: Log, stream: io.StringIO) -> None:
    for _ in range(200):
        log.said(logging.INFO, "connection_closed", {}, 0.0)
    log.said(logging.INFO, "stopping", {}, 0.0)
    log.stop()
    told = [line["event"] for line in lines(stream)]
    assert told.count("connection_closed") <= 3 * logs.SAID_A_SECOND and told.count("stopping") == 1
    assert any(line["event"] == "lines_left_out" and line["connection_closed"] >= 100 for line in lines(stream))


def test_probes_are_told_only_where_they_fail(log: Log, stream: io.StringIO) -> None:
    asked(log, 200, "/livez")
    asked(log, 503, "/readyz")
    log.flush()
    assert [line["route"] for line in lines(stream)] == ["/readyz"]


TEXTS = st.text(st.characters(codec=None, categories=("L", "N", "P", "Z", "C")), max_size=600)


@settings(max_examples=60, deadline=None)
@given(name=TEXTS, value=TEXTS, values=st.lists(TEXTS, max_size=30))
def test_whatever_a_line_is_told_it_is_one_short_line_of_printable_ascii(
    name: str, value: str, values: list[str]
) -> None:
    for render in (as_json, as_words):
        line = render(0.0, logging.INFO, name, {"value": value, "values": values})
        assert line.endswith("\n") and len(line) <= MOST_LINE + 1
        assert all(" " <= character <= "~" for character in line[:-1])
    json.loads(as_json(0.0, logging.INFO, name, {"value": value, "nan": float("nan")}))


def broken() -> None:
    try:
        {}[SECRET]
    except KeyError as error:
        raise ValueError(f"cannot score {SECRET}") from error


def test_of_an_exception_only_classes_and_places_are_told() -> None:
    with pytest.raises(ValueError, match="cannot") as caught:
        broken()
    told = described(caught.value)
    assert told["error"] == "ValueError" and told["caused_by"] == ["KeyError"]
    assert told["at"][-1].startswith("serving/test_logs.py:") and told["at"][-1].endswith(" in broken")
    assert SECRET not in str(told)


def test_other_loggers_are_told_without_what_they_quote(root: logging.Logger, stream: io.StringIO) -> None:
    log = logs.configured({"LEAP_LOG": "json"}, stream)
    try:
        broken()
    except ValueError:
        logging.getLogger("bentoml._internal.server").exception("Exception on %s [%s]", f"/accounts/{SECRET}", "GET")
        logging.getLogger("asyncio").exception(f"Task exception was never retrieved\nfuture: {SECRET}")
        logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=True)
    logging.getLogger("bentoml.access").info("127.0.0.1 path=/accounts/%s", SECRET)
    logging.getLogger("bentoml.serve").info("Starting %s", "BentoServer")
    warnings.warn(SECRET, RuntimeWarning, stacklevel=1)
    thread = threading.Thread(target=broken, name="watcher")
    thread.start()
    thread.join()
    log.stop()
    assert SECRET not in stream.getvalue()
    found = lines(stream)
    assert [line.get("message") for line in found[:4]] == [
        "Exception on %s [%s]", "Task exception was never retrieved", "Exception in ASGI application", "Starting BentoServer",
    ]  # fmt: skip
    assert all(line["error"] == "ValueError" for line in found[:3])
    assert found[4]["logger"] == "py.warnings" and found[4]["message"].endswith(": RuntimeWarning")
    assert found[5]["event"] == "thread_failed" and found[5]["thread"] == "watcher"
    assert len(found) == 6


def test_an_unknown_form_is_told_and_not_used(root: logging.Logger, stream: io.StringIO) -> None:
    log = logs.configured({"LEAP_LOG": "xml"}, stream)
    log.stop()
    (line,) = lines(stream)
    assert line["event"] == "setting_ignored" and line["used"] == "json" and line["level"] == "warning"


def test_a_stream_that_blocks_or_breaks_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    log = Log(Broken(), as_json)
    asked(log)
    log.flush()
    asked(log)
    log.stop()


def test_events_can_be_read_under_any_configuration_of_logging(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="leap"):
        logs.event("live", version="7", why=None)
        failure("request_failed", ValueError(SECRET), request_id="r1")
    assert "live version=7" in caplog.text and "error=ValueError" in caplog.text
    assert SECRET not in caplog.text
    assert isinstance(caplog.records[0].msg, Told)
    assert words_of(logging.LogRecord("x", 20, "", 0, "a %s", ("b",), None)) == "a %s"
    assert Handler(Log(io.StringIO(), as_json)).level == logging.NOTSET
