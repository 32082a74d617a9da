"""`leap bento`: one file or folder that serves the champion from its own copy, on a machine without the store."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leap.errors import LeapError, UsageError
from training.console import Console, Result, command_parser, dumps, run

if TYPE_CHECKING:
    from leap.config import Settings
    from leap.registry import Store
    from leap.registry.records import Fetched

SERVICE = "serving.service:LeapService"
PACKAGES = ("leap", "serving")
PACKED = "packed"  # beside the code, where serving/packed.py looks for it
SETTINGS_FILE = "leap.toml"
REQUIREMENTS = "requirements.lock"
ENDING = ".bento"
MACHINE_CODE = ".machine-code"
SYSTEM_PACKAGES = ("libgomp1",)
"""What LightGBM needs of an image beside Python, by Debian's names."""
_PASSWORD = re.compile(r"://[^\s/\"'@]*:[^\s/\"'@]+@")

README = """# Leap, version {version} of {company}

A service that scores accounts and prospects with its own copy of the model. It needs no model store and no network.
{data}

Start it: `bentoml serve .` in this folder, or `bentoml import FILE` and `bentoml serve {tag}`. It listens on 127.0.0.1
port 3000; `--host 0.0.0.0` needs LEAP_TOKEN or LEAP_TOKEN_FILE. `/readyz` says whether scores can be had, `/docs.json`
describes every address. `env/python/requirements.txt` has everything it needs, with checksums.
"""
WITH_DATA = "The tables of the workspace are inside: customers are scored by their id."
WITHOUT_DATA = (
    "No table is inside: accounts are scored by the features or rows that a request brings, prospects by their\n"
    "attributes. LEAP_WORKSPACE names a workspace whose customers are then scored by id."
)


class NotBuilt(LeapError):
    """BentoML could not build."""

    code = "bento"


def main(argv: list[str] | None = None) -> int:
    """Pack the champion with the code that serves it."""
    parser = command_parser("bento", "Pack a model with the code that serves it; needs no store then.")
    parser.add_argument("--version", metavar="V", help="a version of the model (default: the champion)")
    parser.add_argument("--with-data", action="store_true", help="pack the tables too, so that customers have scores")
    parser.add_argument("--out", type=Path, metavar="F", help=f"NAME{ENDING}, or a folder (default: leap-V{ENDING})")
    return run(parser, argv, bento)


def bento(args: argparse.Namespace, console: Console) -> Result:
    """Fetch and verify the model, stage what belongs to it, and have BentoML build."""
    from leap.config import load_settings
    from leap.flat.workspace import refuse_flat
    from leap.registry import Store

    settings = load_settings(args.workspace)
    refuse_flat(settings, "leap bento", "accounts with revenue, which the service answers for")
    store = Store(args.store, args.workspace)
    with console.stage("loading the model"):
        fetched = store.load(args.version or "champion")
    out = target(args.out or Path(f"leap-{fetched.version}{ENDING}"))
    with tempfile.TemporaryDirectory(prefix="leap-bento-") as temporary:
        stage, home = Path(temporary) / "stage", Path(temporary) / "home"
        with console.stage("copying"):
            digest = staged(stage, settings, store, fetched, with_data=args.with_data)
        with console.stage("building"):
            tag = build(stage, home, tag_version(fetched.version, digest))
            place(home, tag, stage / REQUIREMENTS, out)
    document = {
        "bento": tag,
        "version": fetched.version,
        "with_data": args.with_data,
        "bytes": sum(path.stat().st_size for path in [out, *out.rglob("*")] if path.is_file()),
        "out": str(out),
    }
    where = out if out.is_dir() else tag
    first = "" if out.is_dir() else f"bentoml import {out} && "
    return Result(document, f"{tag} with version {fetched.version} -> {out}\nServe it: {first}bentoml serve {where}")


def target(out: Path) -> Path:
    """Where to write to; a file is replaced, a folder has to be new or empty."""
    if out.suffix == ENDING:
        if out.is_dir():
            raise UsageError(f"--out {out} is a folder; expected a file, or a folder without the ending {ENDING}.")
        return out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out {out}: expected a name that ends in {ENDING}, or a folder that is new or empty.")
    return out


def staged(stage: Path, settings: "Settings", store: "Store", fetched: "Fetched", *, with_data: bool) -> str:
    """Fill the folder that BentoML packs, and nothing else is in it; the checksum of all of it."""
    from leap.bundle.files import sha256
    from leap.bundle.model_bundle import ModelBundle
    from leap.bundle.packed import CHAMPION, WORKSPACE, Packed, checksums
    from training.loading import as_reviewed

    for name in PACKAGES:
        shutil.copytree(code_of(name), stage / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    (stage / "serving" / REQUIREMENTS).rename(stage / REQUIREMENTS)
    packed = stage / PACKED
    shutil.copytree(fetched.folder, packed / CHAMPION)
    if with_data:
        copy_tables(settings, packed / WORKSPACE)
    reviewed = as_reviewed(ModelBundle.load(packed / CHAMPION), store.folder, settings.company.name)
    Packed.seal(packed, fetched.version, sorted(reviewed.icp.rejected))
    digest = sha256(dumps(checksums(stage)).encode())
    readme = README.format(
        version=fetched.version,
        company=settings.company.name,
        tag=f"leap:{tag_version(fetched.version, digest)}",
        data=WITH_DATA if with_data else WITHOUT_DATA,
    )
    (stage / "bentofile.yaml").write_text(dumps(build_options(stage, readme)), encoding="utf-8")  # JSON is YAML
    return digest


def tag_version(version: str, digest: str) -> str:
    """What BentoML calls it: the model's version, and what tells it from the same model with other tables or code."""
    return f"{version}-{digest[:8]}"


def code_of(package: str) -> Path:
    """The folder of a package, which is not imported for that."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise NotBuilt(f"the package {package} is not installed.", remedy="Run: make setup")
    return Path(found.submodule_search_locations[0])


def copy_tables(settings: "Settings", folder: Path) -> None:
    """leap.toml and the files of its tables, under the same names; UsageError if leap.toml holds a password."""
    from leap.sources.staging import files_of

    text = (settings.folder / SETTINGS_FILE).read_text(encoding="utf-8-sig")
    if held := _PASSWORD.search(text):
        line = text.count("\n", 0, held.start()) + 1
        raise UsageError(
            f"{settings.folder / SETTINGS_FILE} line {line}: an address with a password, which would be packed too.",
            remedy="Remove it; a password belongs in PGPASSWORD or a password file.",
        )
    folder.mkdir(parents=True)
    (folder / SETTINGS_FILE).write_text(text, encoding="utf-8")
    for name, path in files_of(settings).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / name)


def build_options(stage: Path, readme: str) -> dict[str, Any]:
    """What BentoML is told: these files by name, these requirements as they are, and our own text."""
    files = sorted(path.relative_to(stage).as_posix() for path in stage.rglob("*") if path.is_file())
    return {
        "service": SERVICE,
        "name": "leap",
        "description": readme,
        "include": [f"/{_literal(name)}" for name in files],
        "python": {"requirements_txt": REQUIREMENTS, "lock_packages": False},
        "docker": {"python_version": "{}.{}".format(*sys.version_info), "system_packages": [*SYSTEM_PACKAGES]},
    }


def _literal(name: str) -> str:
    """A file's name as a pattern that nothing else matches.

    >>> _literal("usage [old].csv")
    'usage\\\\ \\\\[old\\\\].csv'
    """
    return re.sub(r"([\\*?\[\]!# ])", r"\\\1", name)


def build(stage: Path, home: Path, version: str) -> str:
    """Run `bentoml build` over the stage alone, with a home of its own; the tag."""
    require_uv()
    command = [sys.executable, "-m", "bentoml", "build", str(stage), "--version", version, "--output", "tag"]
    done = run_bentoml(command, stage, home)
    found = re.search(r"__tag__:(\S+)", done)
    if not found:
        raise NotBuilt(f"BentoML did not say what it built: {done.strip()[-300:]}")
    return found[1]


def require_uv() -> None:
    """Refuse before BentoML tries to download it."""
    if shutil.which("uv") is None and find_spec("uv") is None:
        raise UsageError("BentoML needs uv to build, and it is not installed.", remedy="Run: make setup")


def run_bentoml(command: list[str], folder: Path, home: Path) -> str:
    """What a BentoML command prints; NotBuilt with its last words if it fails."""
    done = subprocess.run(command, cwd=folder, env=environment(home), capture_output=True, text=True)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise NotBuilt(f"BentoML could not build: {' '.join(said[-3:])[-500:]}")
    return done.stdout


def environment(home: Path) -> Mapping[str, str]:
    """No telemetry, no code but the stage's own, and a BentoML that knows nothing of the user's."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("BENTOML_", "LEAP_", "PYTHONPATH"))
    }
    return kept | {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True", "PYTHONDONTWRITEBYTECODE": "1"}


def place(home: Path, tag: str, requirements: Path, out: Path) -> None:
    """Bring what was built to where it was asked for."""
    built = home / "bentos" / tag.replace(":", "/")
    # BentoML adds a line for itself without checksums, which pip refuses beside lines that have them.
    shutil.copyfile(requirements, built / "env" / "python" / "requirements.txt")
    copy_machine_code(code_of("leap"), built / "src" / "leap")
    if out.suffix != ENDING:
        shutil.copytree(built, out, dirs_exist_ok=True)
        return
    packed = home / f"packed{ENDING}"
    run_bentoml([sys.executable, "-m", "bentoml", "export", tag, str(packed)], home, home)
    out.parent.mkdir(parents=True, exist_ok=True)
    arriving = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        shutil.copyfile(packed, arriving)
        arriving.replace(out)
    finally:
        arriving.unlink(missing_ok=True)


def copy_machine_code(source: Path, target: Path) -> None:
    """What was compiled here, for the first start on such a processor; BentoML itself leaves these folders out.

    It says what it was made of and for, and is believed only where that fits, else compiled anew.
    """
    for file in source.rglob(f"__pycache__/*{MACHINE_CODE}"):
        place = target / file.relative_to(source)
        place.parent.mkdir(exist_ok=True)
        shutil.copyfile(file, place)


if __name__ == "__main__":
    raise SystemExit(main())
