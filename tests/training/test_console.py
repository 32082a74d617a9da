"""The edge of every command: exit codes, one JSON object, errors that say what to do, quick help."""

import argparse
import io
import json
import subprocess
import sys
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leap.errors import LeapError, NoModel, TableError
from training.__main__ import COMMANDS
from training.__main__ import main as leap
from training.console import Body, Console, Result, command_parser, day, plain, run

CHECKOUT = Path(__file__).parents[2]
HEAVY = [
    "pandas",
    "numpy",
    "lightgbm",
    "mlflow",
    "shap",
    "duckdb",
    "psycopg",
    "pyarrow",
    "bentoml",
    "optuna",
    "pydantic",
]


def command(argv: list[str], body: Body) -> int:
    """A command ``leap probe ACCOUNT DIR`` with two options of its own."""
    parser = command_parser("probe", "Probe an account.", data_until=True)
    parser.add_argument("account")
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--as-of", type=day, required=False)
    return run(parser, argv, body)


def seen(args: argparse.Namespace, console: Console) -> Result:
    """Answers with the arguments it was given."""
    return Result(vars(args), f"account {args.account}")


def raising(error: BaseException) -> Body:
    def body(args: argparse.Namespace, console: Console) -> Result:
        raise error

    return body


def test_the_text_is_printed_and_the_exit_code_returned(capsys):
    assert command(["a1"], lambda args, console: Result({}, "no", exit_code=1)) == 1
    assert capsys.readouterr() == ("no\n", "")


@pytest.mark.parametrize(
    "argv",
    [
        ["a1", "here", "--json", "--trials", "5"],
        ["--trials", "5", "a1", "--json", "here"],
        ["--json", "a1", "--trials=5", "here"],
    ],
)
def test_options_stand_before_between_and_after_the_arguments(argv, capsys):
    assert command(argv, seen) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["account"], found["workspace"], found["trials"]) == ("a1", "here", 5)


@pytest.mark.parametrize("text", ["2026-01-31T00:00:00+02:00", "0001-01-01", "2026-02-30", "today", ""])
def test_a_day_is_one_without_an_offset_that_is_in_the_calendar(text: str):
    with pytest.raises(argparse.ArgumentTypeError, match="expected a day like 2026-01-31"):
        day(text)


def test_every_iso_form_of_a_day_is_read():
    assert {day("20240101"), day("2024-W01-1"), day("2024-01-01T00:00")} == {"2024-01-01"}
    assert day("2024-01-01T18:00") == "2024-01-01T18:00:00"


def test_the_workspace_is_the_current_folder_unless_named(capsys):
    command(["a1", "--json"], seen)
    assert json.loads(capsys.readouterr().out) == {
        "account": "a1",
        "workspace": ".",
        "trials": 3,
        "as_of": None,
        "json": True,
        "quiet": False,
        "store": None,
        "seed": 0,
        "data_until": None,
    }


def test_an_account_may_look_like_an_option(capsys):
    assert command(["--", "--json"], seen) == 0
    assert capsys.readouterr().out == "account --json\n"


@pytest.mark.parametrize(
    ("argv", "about"),
    [
        (["--json"], "account"),
        (["a1", "--json", "--trails", "5"], "'--trials'"),
        (["a1", "--json", "--trials", "many"], "'many'"),
        (["a1", "--json", "--as-of", "2026-02-30"], "2026-02-30"),
        (["a1", "--json", "--data-until", "soon"], "2026-01-31"),
        (["a1", "--json", "--seed", "-1"], "--seed"),
        (["a1", "--json", "--seed", str(2**31)], "2147483647"),
        (["a1", "here", "there", "--json"], "'there'"),
        (["a1", "--js", "--json"], "'--js'"),
    ],
)
def test_wrong_usage_is_told_in_the_json_form(argv, about, capsys):
    assert command(argv, seen) == 2
    out, err = capsys.readouterr()
    error = json.loads(out)["error"]
    assert error["code"] == "usage"
    assert about in error["message"]
    assert error["message"].endswith("See: leap probe --help")
    assert err == ""


def test_wrong_usage_is_told_plainly_without_json(capsys):
    assert command([], seen) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("leap: the following arguments are required: account")


@pytest.mark.parametrize(
    ("error", "code", "exit_code"),
    [
        (NoModel("There is no champion.", remedy="Run: leap train --promote"), "no_model", 1),
        (TableError("usage: 3 rows without a key.", details=["row 4"]), "table", 2),
        (KeyboardInterrupt(), "interrupted", 130),
        (ZeroDivisionError("division by zero"), "internal", 2),
    ],
)
def test_every_failure_has_one_form_on_every_exit_code(error, code, exit_code, capsys):
    assert command(["a1", "--json"], raising(error)) == exit_code
    found = json.loads(capsys.readouterr().out)["error"]
    assert set(found) == {"code", "message", "details"}
    assert found["code"] == code
    assert command(["a1"], raising(error)) == exit_code
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"leap: {found['message']}\n")


def test_details_and_remedy_reach_the_reader(capsys):
    command(
        ["a1", "--json"],
        raising(TableError("Two days.", details=[pd.Timestamp("2026-01-02")], remedy="Mend.")),
    )
    assert json.loads(capsys.readouterr().out)["error"] == {
        "code": "table",
        "message": "Two days. Mend.",
        "details": ["2026-01-02"],
    }


def test_details_that_are_no_json_do_not_hide_the_failure(capsys):
    assert command(["a1", "--json"], raising(TableError("Bad.", details=[1 + 2j]))) == 2
    assert json.loads(capsys.readouterr().out)["error"]["details"] == ["(1+2j)"]


def test_an_unexpected_error_is_one_line_unless_its_traceback_is_asked_for(monkeypatch, capsys):
    command(["a1"], raising(ValueError("two\nlines")))
    err = capsys.readouterr().err
    assert err == "leap: Unexpected ValueError: two lines. LEAP_DEBUG=1 shows where.\n"
    monkeypatch.setenv("LEAP_DEBUG", "1")
    assert command(["a1", "--json"], raising(ValueError("two\nlines"))) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == "internal"
    assert "Traceback" in err


def test_what_a_library_prints_does_not_mix_with_the_answer(capsys):
    def chatty(args: argparse.Namespace, console: Console) -> Result:
        sys.stdout.write("[LightGBM] [Warning]\n")
        console.note("a remark")
        return Result({"rows": 3}, "3 rows")

    assert command(["a1", "--json"], chatty) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"rows": 3}
    assert err == "[LightGBM] [Warning]\na remark\n"


def test_quiet_silences_remarks(capsys):
    def remarking(args: argparse.Namespace, console: Console) -> Result:
        console.note("a remark")
        return Result({}, "done")

    command(["a1", "--quiet"], remarking)
    assert capsys.readouterr() == ("done\n", "")


def test_where_remarks_cannot_be_written_the_work_goes_on(monkeypatch, capsys):
    full = io.TextIOWrapper(io.FileIO("/dev/full", "w"), write_through=True)
    monkeypatch.setattr(sys, "stderr", full)

    def remarking(args: argparse.Namespace, console: Console) -> Result:
        console.note("a remark")
        return Result({}, "done")

    assert command(["a1"], remarking) == 0
    assert capsys.readouterr().out == "done\n"


def test_text_from_data_cannot_steer_the_terminal(capsys):
    command(["a1"], lambda args, console: Result({}, "Acme\x1b[2J\x9b1m\u202e\x00 AG\r\n\tnext"))
    assert capsys.readouterr().out == "Acme[2J1m AG\n\tnext\n"


def test_a_terminal_that_lacks_a_letter_gets_an_escape(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", newline="")
    monkeypatch.setattr(sys, "stdout", stream)
    assert command(["a1"], lambda args, console: Result({}, "Zürich")) == 0
    assert stream.buffer.getvalue() == b"Z\\xfcrich\n"


def test_progress_takes_the_place_of_what_was_said_before(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    console = Console()
    with console.stage("tuning"):
        console.progress("tuning, final: trial 10 of 12")
        console.progress("tuning, short")
    said = [part.rstrip() for part in terminal.getvalue().split("\r")]
    assert said[:3] == ["tuning ...", "tuning, final: trial 10 of 12 ...", "tuning, short ..."]
    assert said[3].startswith("tuning 0.")
    assert len(terminal.getvalue().split("\r")[2]) == len("tuning, final: trial 10 of 12 ...")
    Console(quiet=True).progress("nothing")
    assert "nothing" not in terminal.getvalue()


def test_stages_are_shown_on_a_terminal_and_timed_everywhere(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    console = Console()
    with console.stage("reading tables"):
        pass
    with console.stage("training"):
        console.note("fold 1")
    lines = terminal.getvalue().splitlines()
    assert lines[0] == "reading tables ..."  # overwritten by the next, after a carriage return
    assert lines[1].startswith("reading tables 0.")
    assert lines[2:4] == ["training ...", "fold 1"]
    assert list(console.seconds) == ["reading tables", "training"]
    quiet = Console(quiet=True)
    with quiet.stage("reading tables"):
        pass
    assert quiet.seconds["reading tables"] >= 0
    assert terminal.getvalue().splitlines() == lines


def test_json_holds_what_every_reader_takes():
    document = {
        "nan": np.float64("nan"),
        "inf": float("-inf"),
        "money": Decimal("12.50"),
        "count": np.int64(3),
        "flag": np.bool_(True),
        "array": np.array([1.0, np.nan]),
        "as_of": pd.Timestamp("2026-11-01"),
        "at": pd.Timestamp("2026-11-01 09:30", tz="UTC"),
        "never": pd.NaT,
        "missing": pd.NA,
        "path": Path("a/b"),
        pd.Timestamp("2026-01-01"): (1, None),
    }
    assert plain(document) == {
        "nan": None,
        "inf": None,
        "money": 12.5,
        "count": 3,
        "flag": True,
        "array": [1.0, None],
        "as_of": "2026-11-01",
        "at": "2026-11-01T09:30:00+00:00",
        "never": None,
        "missing": None,
        "path": "a/b",
        "2026-01-01": [1, None],
    }


def test_a_document_that_is_no_json_is_our_fault_and_said_so(capsys):
    assert command(["a1", "--json"], lambda args, console: Result({"x": object()}, "")) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "internal"


def test_a_reader_that_has_left_is_no_error():
    script = "from training.__main__ import main; raise SystemExit(main(['--help']))"
    child = subprocess.Popen(
        [sys.executable, "-c", script], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait() == 0


def test_the_nearest_command_is_named(capsys):
    assert leap(["trian", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["message"] == "no command 'trian'; did you mean 'train'? See: leap --help"
    assert error["details"] == list(COMMANDS)


@pytest.mark.parametrize("argv", [[], ["--json"], ["--quiet", "check"]])
def test_a_command_comes_first(argv, capsys):
    assert leap(argv) == 2
    said = "".join(capsys.readouterr())
    assert "expected a command first. See: leap --help" in said


def test_help_lists_every_command(capsys):
    assert leap(["--help"]) == 0
    out = capsys.readouterr().out
    assert [name for name in COMMANDS if f"\n  {name} " not in out] == []


def test_the_version_is_that_of_the_installation(capsys):
    assert leap(["--version"]) == 0
    text = capsys.readouterr().out
    assert leap(["--version", "--json"]) == 0
    assert text == f"leap {json.loads(capsys.readouterr().out)['version']}\n"


def test_every_command_of_the_table_has_its_module():
    assert [module for module, _ in COMMANDS.values() if find_spec(module) is None] == []


@pytest.mark.parametrize("argv", [[], *([name] for name in COMMANDS)], ids=lambda argv: argv[0] if argv else "leap")
def test_help_is_quick_since_nothing_heavy_is_imported(argv):
    script = (
        "import sys; from training.__main__ import main; code = main(sys.argv[1:]);"
        f"heavy = [name for name in {HEAVY} if name in sys.modules];"
        "raise SystemExit(code or ', '.join(heavy) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *argv, "--help"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: leap")


def test_every_exception_has_its_own_code_and_stands_in_the_tree():
    import leap.errors as errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, LeapError)]
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert [kind.__name__ for kind in kinds if kind.__name__ not in errors.__doc__] == []
    assert {kind.exit_code for kind in kinds} == {1, 2}
