"""`leap serve`: answer over HTTP, with the champion of the store and the accounts of the workspace."""

import argparse
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from leap.errors import NoModel, UsageError
from training.console import Console, Result, command_parser, run

if TYPE_CHECKING:
    from leap.registry import Store

SERVICE = "serving.service:LeapService"
CHECKOUT = Path(__file__).resolve().parents[1]
MOST_WORKERS = 64
GIVE_UP_SECONDS = 40.0
"""How long the service may take to end once it is told to: requests under way have 25 seconds."""


def main(argv: list[str] | None = None) -> int:
    """Run the service until it is told to stop."""
    parser = command_parser("serve", "Answer over HTTP, with pages for RevOps.")
    parser.add_argument("--host", default="127.0.0.1", metavar="H", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", default=3000, type=port, metavar="P", help="port to listen on (default: 3000)")
    parser.add_argument(
        "--workers", default=1, type=workers, metavar="N",
        help="processes that answer (default: 1; each holds the model and the accounts)",
    )  # fmt: skip
    return run(parser, argv, serve)


def serve(args: argparse.Namespace, console: Console) -> Result:
    """Check what a service needs, then run it as a process of its own and pass signals on."""
    from leap.config import load_settings
    from leap.flat.workspace import refuse_flat
    from leap.registry import Store

    host = address(args.host)
    require_token(host, os.environ)
    refuse_flat(
        load_settings(args.workspace), "leap serve", "accounts with revenue, which its answers and pages are of"
    )
    store = Store(args.store, args.workspace)
    version = store.champion()
    if version is None:
        raise NoModel(
            f"{store.folder}: no champion to serve.",
            remedy=f"`leap train {args.workspace} --promote` trains one, `leap promote VERSION` chooses one.",
        )
    require_free(host, args.port)
    url = f"http://{f'[{host}]' if ':' in host else host}:{args.port}/"
    console.note(f"Serving version {version} of {store.folder} on {url} (Ctrl-C ends it)")
    command = [sys.executable, "-m", "bentoml", "serve", SERVICE, "--host", host, "--port", str(args.port)]
    with bentoml_home(store, args.port) as home:
        told = {**environment(args.workspace, store, home), "LEAP_WORKERS": str(args.workers)}
        code = run_and_pass_signals(command, told)
    ending = "The service has ended." if code == 0 else f"The service ended with exit code {code}; its log says why."
    return Result({"url": url, "version": version, "exit_code": code}, ending, exit_code=2 if code else 0)


def port(text: str) -> int:
    """An argument that is a TCP port."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, found {text!r}")
    return int(text)


def workers(text: str) -> int:
    """An argument that is a number of processes."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= MOST_WORKERS):
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {MOST_WORKERS}, found {text!r}")
    return int(text)


def address(host: str) -> str:
    """An IP address, which is what BentoML takes; `localhost` is one.

    >>> address("localhost"), address("::1")
    ('127.0.0.1', '::1')
    """
    try:
        return str(ipaddress.ip_address("127.0.0.1" if host == "localhost" else host))
    except ValueError:
        raise UsageError(f"--host: expected an IP address such as 127.0.0.1 or 0.0.0.0, found {host!r}.") from None


def require_token(host: str, environment: Mapping[str, str]) -> None:
    """Refuse to answer other machines without a token, and to start with a token file that lets nobody in.

    >>> require_token("127.0.0.1", {})
    >>> require_token("0.0.0.0", {})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    leap.errors.UsageError: --host 0.0.0.0 is open to other machines and no token is set. Set LEAP_TOKEN ...
    """
    token, file = environment.get("LEAP_TOKEN", "").strip(), environment.get("LEAP_TOKEN_FILE", "").strip()
    if file and not readable_text(Path(file)):
        raise UsageError(f"LEAP_TOKEN_FILE: {file}: expected a file with a token in it, found none.")
    if not ipaddress.ip_address(host).is_loopback and not (token or file):
        raise UsageError(
            f"--host {host} is open to other machines and no token is set.",
            remedy="Set LEAP_TOKEN or LEAP_TOKEN_FILE, or leave --host out.",
        )


def readable_text(path: Path) -> str:
    """What the file holds, without space around it; nothing if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig").strip() if path.is_file() else ""
    except (OSError, UnicodeDecodeError):
        return ""


def require_free(host: str, port: int) -> None:
    """Refuse a port that is taken, before BentoML does with a traceback."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"{host} port {port} cannot be listened on: {error.strerror}.", remedy="Choose another with --port."
            ) from None


def environment(workspace: Path, store: "Store", home: Path) -> dict[str, str]:
    """What the service's process is told: its places as absolute paths, no telemetry, one thread a computation."""
    told = {
        "LEAP_WORKSPACE": str(workspace.resolve()),
        "LEAP_STORE": store.uri,
        "BENTOML_HOME": str(home),
        "BENTOML_DO_NOT_TRACK": "True",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "OMP_NUM_THREADS": "1",
    }
    if file := os.environ.get("LEAP_TOKEN_FILE", "").strip():
        told["LEAP_TOKEN_FILE"] = str(Path(file).resolve())
    return {**os.environ, **told}


@contextmanager
def bentoml_home(store: "Store", port: int) -> Iterator[Path]:
    """A folder for BentoML's own files under the store, one a port: a starting BentoML empties what others count in."""
    home = store.folder / "bentoml" / str(port)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:  # a store that may only be read
        with tempfile.TemporaryDirectory(prefix="leap-serve-") as temporary:
            yield Path(temporary)
    else:
        yield home


def run_and_pass_signals(
    command: list[str], environment: Mapping[str, str], give_up_seconds: float = GIVE_UP_SECONDS
) -> int:
    """Run a process in a session of its own until it ends; being told to end is passed on, and is no failure.

    If it has not ended `give_up_seconds` later, it and what it started are killed, which is one.
    """
    stopping: list[threading.Timer] = []

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        if not stopping:
            stopping.append(threading.Timer(give_up_seconds, os.killpg, (process.pid, signal.SIGKILL)))
            stopping[0].daemon = True
            stopping[0].start()
        process.terminate()

    # Its log goes to stderr: stdout is for the command's own answer. What it writes is for its owner alone.
    process = subprocess.Popen(
        command, cwd=CHECKOUT, env=environment, stdout=sys.stderr, start_new_session=True, umask=0o077
    )
    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.signal(number, pass_on) for number in signals}
    try:
        code = process.wait()
    finally:
        for timer in stopping:
            timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0 if stopping and code != -signal.SIGKILL else code


if __name__ == "__main__":
    raise SystemExit(main())
