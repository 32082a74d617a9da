"""The ladder that a bundle climbs before any process of ours loads it: files, schema, structure, golden rows.

The last rung loads the bundle and scores its golden rows in a child process of its own, with limits on time
and memory: what the checks before it did not see may still crash LightGBM's native code, and then the child
dies and not the caller.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Final

from leap.bundle.files import read_folder
from leap.bundle.structure import check_text_model
from leap.errors import BundleError

PREFLIGHT: Final = (sys.executable, "-m", "leap.bundle.preflight")
OUT_OF_MEMORY: Final = 3
BAD_SCHEMA: Final = 4
BAD_STRUCTURE: Final = 5

Parse = Callable[[Mapping[str, bytes]], object]

# `exec` keeps the process id, so that the child that is timed is the child that is limited. Memory in kB; no
# core dump of customers' data; a file limit in blocks of 512 bytes, so that a child in a loop cannot fill the
# disk with messages.
_LIMITED = 'ulimit -c 0; ulimit -f 32768; ulimit -v "$1" 2>/dev/null; shift; exec "$@"'
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_PASSED_ON_PREFIXES = ("LC_", "PYTHON", "COV", "NUMBA_")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_SAID_AT_MOST = 4000
_STEPS: Mapping[int | None, str] = {BAD_SCHEMA: "schema", BAD_STRUCTURE: "structure"}


def verify(
    folder: Path,
    *,
    timeout_s: float = 60,
    memory_mb: int = 2048,
    command: Sequence[str] = PREFLIGHT,
    parse: Parse | None = None,
) -> None:
    """Raise BundleError, naming the step and the reason, unless the bundle in `folder` passes every rung.

    `command` gets the folder as its last argument and exits 0 if the golden rows hold, BAD_SCHEMA if `bundle.json` is
    no bundle, BAD_STRUCTURE if its trees do not fit it; `parse` checks the former here instead. By default the child
    does, which imports what a bundle needs anyway: those who only ask, such as `leap rollback`, need not.
    """
    # With pandas, for which those that only ask for a version need not wait.
    from leap.bundle.document import text_of

    folder = Path(folder).absolute()
    with _step("files", folder):
        files = read_folder(folder)
    if parse is not None:
        with _step("schema", folder):
            parse(files)
    with _step("structure", folder):
        for name in text_models(files):
            check_text_model(text_of(files, name), n_features=None, source=name)
    code, reason = _run_child([*command, str(folder)], timeout_s, memory_mb)
    if code != 0:
        with _step(_STEPS.get(code, "golden rows"), folder):
            raise BundleError(reason)


def text_models(files: Mapping[str, bytes]) -> list[str]:
    """The names of the LightGBM models among a bundle's files.

    >>> text_models({"bundle.json": b"", "models/health_churn.txt": b"", "models/notes.md": b""})
    ['models/health_churn.txt']
    """
    return sorted(name for name in files if PurePosixPath(name).match("models/*.txt"))


@contextmanager
def _step(name: str, folder: Path) -> Iterator[None]:
    """Any failure inside is this step's: a server must get an answer, whatever a file holds."""
    try:
        yield
    except BundleError as error:
        message = f"{folder}: refused at the step '{name}': {error.message}"
        raise BundleError(message, details=error.details, remedy=error.remedy) from error
    except (Exception, RecursionError) as error:
        raise BundleError(f"{folder}: refused at the step '{name}': {type(error).__name__}: {error}") from error


def _run_child(command: Sequence[str], timeout_s: float, memory_mb: int) -> tuple[int | None, str]:
    """The child's exit code (None: its time was up) and, unless it is 0, the reason in words."""
    with tempfile.TemporaryFile() as said:
        code = _exit_code(command, timeout_s, memory_mb, said)
        return code, "" if code == 0 else _reason(code, timeout_s, memory_mb, _last_words(said))


def _exit_code(command: Sequence[str], timeout_s: float, memory_mb: int, said: IO[bytes]) -> int | None:
    """The child's exit code, or None if its time was up; nothing of it is left running."""
    child = subprocess.Popen(
        ["/bin/sh", "-c", _LIMITED, "sh", str(memory_mb * 1024), *command],
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=said,
        env=_environment(),
        start_new_session=True,
    )
    try:
        return child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the child if it still runs, and whatever it started (they share its process group)."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _environment() -> dict[str, str]:
    """What the child needs, no secrets, and one thread: a check must not take the cores of what serves."""
    kept = {k: v for k, v in os.environ.items() if k in _PASSED_ON or k.startswith(_PASSED_ON_PREFIXES)}
    source = str(Path(__file__).resolve().parents[2])
    kept["PYTHONPATH"] = os.pathsep.join([source, *filter(None, [os.environ.get("PYTHONPATH")])])
    # Without this, `python -m` would import from the current folder first, which may be anybody's.
    kept["PYTHONSAFEPATH"] = "1"
    return kept | dict.fromkeys(_ONE_THREAD, "1")


def _reason(code: int | None, timeout_s: float, memory_mb: int, said: str) -> str:
    if code is None:
        return f"loading and scoring did not end within {timeout_s:g} s, so it was stopped."
    if code == OUT_OF_MEMORY or "MemoryError" in said or "bad_alloc" in said:
        return f"loading and scoring needs more than {memory_mb} MB of memory."
    if code < 0:
        return f"loading or scoring it crashed the process ({_signal_name(-code)}).{_quoted(said)}"
    if "Traceback (most recent call last)" in said:
        return f"the check failed.{_quoted(said)}"
    return said.strip() or f"the check ended with exit code {code} and said nothing."


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_words(said: IO[bytes]) -> str:
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - _SAID_AT_MOST))
    return said.read().decode(errors="replace")


def _quoted(said: str) -> str:
    lines = said.strip().splitlines()
    return f" It said: {lines[-1][:200]}" if lines else ""
