"""`make demo`: the whole main job on the real example, told in findings; a second run reuses the model that is
there.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
EXAMPLE = CHECKOUT / "examples" / "cncf_members"
REPORT = CHECKOUT / "mlruns" / "reports" / "cncf_members_icp.html"
_READY_SECONDS = 60.0


def main() -> int:
    """Retention, models, drivers, ICPs, and three scores from the running service."""
    began = time.monotonic()
    retention = leap("retention", str(EXAMPLE))
    if retention is None:
        return 2
    print_retention(retention)
    version = champion()
    if version is None:
        say("Training on the real example (about a minute) ...")
        if leap_shown("train", str(EXAMPLE), "--promote") != 0:
            return 2
    else:
        say(f"Version {version} is there from an earlier run and is used again; `make train` trains anew.")
        if leap_shown("icp", str(EXAMPLE)) != 0:
            return 2
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    if leap("icp", str(EXAMPLE), "--out", str(REPORT)) is None:
        return 2
    say("\nThree accounts with most money at risk and what speaks against them, fetched over HTTP from the service")
    with service() as url:
        if url is None:
            return 2
        print_accounts(url)
    say(f"\nICP report: {REPORT}")
    print_next(time.monotonic() - began)
    return 0


def leap(*arguments: str) -> dict[str, Any] | None:
    """The JSON of a command, or None after its error was shown."""
    done = subprocess.run(
        [sys.executable, "-m", "training", *arguments, "--json"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    document: dict[str, Any] = json.loads(done.stdout)
    if "error" in document:
        say(f"leap {arguments[0]}: {document['error']['message']}")
        return None
    return document


def leap_shown(*arguments: str) -> int:
    """A command whose text goes to the screen; its exit code."""
    return subprocess.run([sys.executable, "-m", "training", *arguments], cwd=CHECKOUT, check=False).returncode


def champion() -> str | None:
    """The champion's version if it is of this example."""
    document = leap("models")
    if document is None or document["champion"] is None:
        return None
    found = next(v for v in document["versions"] if v["version"] == document["champion"])
    return str(document["champion"]) if found["company"] == "CNCF members" else None


@contextmanager
def service() -> Iterator[str | None]:
    """The address of a service of our own, stopped again at the end; None if it does not become ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = CHECKOUT / "mlruns" / "service.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LEAP_TOKEN")}
    with log.open("w", encoding="utf-8") as output:
        command = [sys.executable, "-m", "training", "serve", str(EXAMPLE), "--port", str(port)]
        process = subprocess.Popen(command, cwd=CHECKOUT, stdout=output, stderr=output, env=environment)
        try:
            if ready(url, process):
                yield url
            else:
                say(f"The service did not become ready; its log: {log}")
                yield None
        finally:
            process.terminate()
            process.wait(timeout=30)


def ready(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Wait until the service answers that it is ready."""
    from leap.client import Client, ServiceError

    until = time.monotonic() + _READY_SECONDS
    client = Client(url, token="", retries=0, timeout=5)
    while time.monotonic() < until and process.poll() is None:
        try:
            if client.ready().get("ready"):
                return True
        except (ServiceError, OSError):
            pass  # not listening yet
        time.sleep(0.3)
    return False


def print_retention(figures: Mapping[str, Any]) -> None:
    """Retention of the last year, exact."""
    say(
        f"CNCF members, a real example: {figures['from']} to {figures['to']}\n"
        f"  {figures['accounts']} paying members; NRR {figures['nrr']:.1%}, GRR {figures['grr']:.1%}, "
        f"logo churn {figures['logo_churn']:.1%}\n"
        f"  (money is by assumed fees, logo churn is counted)\n"
    )


def print_accounts(url: str) -> None:
    """Three scores with reasons."""
    from leap.client import Client

    client = Client(url, token="")
    document = leap("score", str(EXAMPLE), "--out", str(REPORT.with_name("cncf_members_scores.csv")))
    at_risk = document["most_at_risk"][:3] if document else []
    answer = client.score(at_risk, top=0)
    for score in answer["scores"]:
        nrr = score["nrr"]
        say(
            f"  {score['name']}: churn {score['churn']['p']:.0%}, NRR {nrr['point']:.0%} "
            f"({nrr['level']:.0%} interval {nrr['low']:.0%} to {nrr['high']:.0%}), model version "
            f"{answer['model']['version']}"
        )
        lowering = [reason for reason in score["reasons"] if reason["direction"] == "lowers"]
        for reason in (lowering or score["reasons"])[:3]:
            say(f"    - {reason['phrase']}")


def print_next(seconds: float) -> None:
    """What to do next."""
    say(
        f"Done in {seconds:.0f} s. Next:\n"
        "  make serve                               the service and its pages on http://127.0.0.1:3000\n"
        "  .venv/bin/leap demo my-company           a made-up company with usage, deals, costs and prospects\n"
        "  .venv/bin/leap init DIR                  begin with tables of your own\n"
        "  make mlflow-ui                           runs, plots and versions"
    )


def say(text: str) -> None:
    """A line on the screen."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
