"""What is installed beside what serving needs, kept from being imported.

As `sitecustomize` on the path it holds in every process of a service: `blocking(folder)` writes it.
"""

from __future__ import annotations

import re
from importlib.metadata import packages_distributions
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]

_BLOCK = """
import sys

class Blocked:
    names = {names!r}
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"{{name}} is blocked: serving has to do without it", name=name)

sys.meta_path.insert(0, Blocked())
"""


def left_out() -> set[str]:
    """Top-level modules of all installed distributions that serving/requirements.lock does not name."""
    lock = (CHECKOUT / "serving" / "requirements.lock").read_text()
    kept = {_plain(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)}
    own = {"leap"}
    return {
        module
        for module, distributions in packages_distributions().items()
        if not {_plain(name) for name in distributions} & (kept | own) and not module.startswith("_")
    }


def blocking(folder: Path) -> str:
    """A folder to put first in PYTHONPATH."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_BLOCK.format(names=left_out()))
    return str(folder)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
