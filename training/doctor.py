"""`leap doctor`: what is wrong with this installation and its store, and how to put it right."""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from typing import TYPE_CHECKING

from leap.errors import LeapError
from leap.registry import Store
from training.console import Console, Result, command_parser, run

if TYPE_CHECKING:
    from packaging.requirements import Requirement

PORT = 3000
ENOUGH_MB = 500
IMPORT_SECONDS = 180
IMPORT_NAMES = {"pyjwt": "jwt", "scikit-learn": "sklearn"}

KINDS = {
    "database": "database",
    "paths": "paths in the database",
    "champion": "champion",
    "run": "unfinished runs",
    "version": "files of versions",
}

# In a process of its own: a broken library may end the process that imports it.
IMPORTER = """
import importlib, json, sys
failed = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = f"{type(error).__name__}: {error}"
print("\\n" + json.dumps(failed))
"""


@dataclass(frozen=True)
class Check:
    """One thing looked at: `fix` says what to do if it is not `ok`, `found` what there is."""

    name: str
    ok: bool
    found: str
    fix: str = ""


def main(argv: list[str] | None = None) -> int:
    """Look at everything."""
    parser = command_parser("doctor", "Say what is wrong with this installation, and the fix.", workspace=False)
    parser.add_argument(
        "--fix-paths", action="store_true", help="rewrite the paths in MLflow's database after the store was moved"
    )
    return run(parser, argv, doctor)


def doctor(args: argparse.Namespace, console: Console) -> Result:
    """Exit 1 if anything is wrong."""
    with console.stage("looking at the installation"):
        checks = [python_version(), *packages(), contributions_kernel(), port()]
    with console.stage("looking at the store"):
        checks += store_checks(args.store, fix_paths=args.fix_paths)
    return Result(
        {"ok": all(check.ok for check in checks), "checks": [asdict(check) for check in checks]},
        "\n".join(line(check) for check in checks),
        exit_code=0 if all(check.ok for check in checks) else 1,
    )


def line(check: Check) -> str:
    """A check as a person reads it."""
    mark = "ok   " if check.ok else "WRONG"
    return f"{mark}  {check.name}: {check.found}" + (f"\n       fix: {check.fix}" if check.fix else "")


def python_version() -> Check:
    """The range that the project states."""
    from packaging.specifiers import SpecifierSet

    running = ".".join(map(str, sys.version_info[:3]))
    wanted = str(metadata("leap").json.get("requires_python", "")) if installed("leap") else ""
    ok = running in SpecifierSet(wanted)
    return Check("python", ok, f"{running} (expected {wanted or 'any'})", "" if ok else "make setup")


def packages() -> Iterator[Check]:
    """The versions that the project asks for, and whether they can be imported at all."""
    if not installed("leap"):
        yield Check("packages", False, "leap itself is not installed", "make setup")
        return
    wrong = unfit_packages()
    yield Check("packages", not wrong, "; ".join(wrong) or "all fit", "make setup" if wrong else "")
    failed = failed_imports()
    yield Check("imports", not failed, "; ".join(failed) or "all import", "make setup" if failed else "")


def unfit_packages() -> list[str]:
    """Requirements of the project that the environment does not meet."""
    return [
        f"{requirement.name} {installed(requirement.name) or 'is missing'} (expected {requirement.specifier})"
        for requirement in requirements()
        if (installed(requirement.name) or "") not in requirement.specifier
    ]


def failed_imports() -> list[str]:
    """What does not import, with the reason."""
    names = [IMPORT_NAMES.get(found.name, found.name) for found in requirements() if installed(found.name)]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "BENTOML_DO_NOT_TRACK": "True"}
    try:
        child = subprocess.run(
            [sys.executable, "-c", IMPORTER, *names],
            capture_output=True,
            text=True,
            timeout=IMPORT_SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [f"importing takes longer than {IMPORT_SECONDS} s"]
    if child.returncode:
        return [f"importing ends the process with code {child.returncode}"]
    return [f"{name}: {reason}" for name, reason in json.loads(child.stdout.splitlines()[-1]).items()]


def contributions_kernel() -> Check:
    """Whether the loops that explain scores compile, are kept on disk, and give LightGBM's numbers on small models."""
    name, slower = "contributions kernel", "scores are explained by LightGBM, slower"
    mend = "make setup; to do without it: LEAP_CONTRIBUTIONS=lightgbm"
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", "leap.models.warm"],
            capture_output=True,
            text=True,
            timeout=IMPORT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Check(name, False, f"compiling takes longer than {IMPORT_SECONDS} s; {slower}", mend)
    if child.returncode not in (0, 1):
        last = (child.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return Check(name, False, f"the trial ends with code {child.returncode}: {last[:200]}", mend)
    told = json.loads(child.stdout.splitlines()[-1])
    if told["reason"]:
        return Check(name, told["switched_off"], f"{slower}: {told['reason']}", "" if told["switched_off"] else mend)
    if told["folder"] is None:
        found = f"exact, but every process compiles it anew ({told['seconds']:.0f} s): no folder can be written"
        return Check(name, False, found, "set NUMBA_CACHE_DIR to a folder that can be written")
    return Check(name, True, f"exact, ready in {told['seconds']:.1f} s from {told['folder']}")


def requirements() -> list["Requirement"]:
    """What the project requires here, without extras."""
    from packaging.requirements import Requirement

    found = [Requirement(text) for text in requires("leap") or ()]
    return [requirement for requirement in found if not requirement.marker or requirement.marker.evaluate()]


def installed(name: str) -> str | None:
    """The installed version of a package."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def port() -> Check:
    """Whether `leap serve` could take its usual port; another one will do too."""
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", PORT)) == 0
    return Check("port", True, f"{PORT} is taken: leap serve --port N" if taken else f"{PORT} is free")


def store_checks(store_at: str | None, *, fix_paths: bool) -> Iterator[Check]:
    """Everything about the model store; one that does not exist yet is in order."""
    try:
        store = Store(store_at)
        yield Check("store", True, str(store.folder))
        yield writable(store.folder)
        yield space(store.folder)
        if fix_paths:
            yield Check("fix paths", True, f"{store.repair_paths()} path(s) rewritten")
        problems = store.problems()
    except LeapError as error:
        yield Check("store", False, error.message, error.remedy)
        return
    for kind, title in KINDS.items():
        found = [problem for problem in problems if problem.kind == kind]
        if not found:
            yield Check(title, True, "in order")
        for problem in found:
            yield Check(title, False, problem.message, problem.fix)


def writable(folder: Path) -> Check:
    """Whether files can be made in the store, or where it would be made."""
    nearest = existing(folder)
    ok = os.access(nearest, os.W_OK | os.X_OK)
    return Check(
        "store writable", ok, str(nearest), "" if ok else f"change the permissions of {nearest}, or use --store"
    )


def space(folder: Path) -> Check:
    """Whether some models more would fit."""
    free = shutil.disk_usage(existing(folder)).free // 1_000_000
    ok = free >= ENOUGH_MB
    return Check("disk space", ok, f"{free} MB free", "" if ok else f"free at least {ENOUGH_MB} MB at {folder}")


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.is_dir())


if __name__ == "__main__":
    raise SystemExit(main())
