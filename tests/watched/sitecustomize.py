"""Watch for pickles in a whole process and in all that it starts: a copy's folder goes first on PYTHONPATH.

Python imports `sitecustomize` before anything of ours. From then on each unpickled name (the audit event
`pickle.find_class`) and each call that unpickles at all, of plain data too, adds a line to the file `seen` beside this
one: process, what was called, and the innermost places of the stack that are not pickle's own. A line `watching` says
that a process was watched, and its command.
"""

import os
import pickle  # noqa: TID253 (what is watched)
import sys
import traceback
from pathlib import Path
from typing import Any

_TO = Path(__file__).resolve().with_name("seen")
_PLACES = 6


def tell(what: str) -> None:
    """Add a line; one write, so that processes do not mix theirs."""
    with _TO.open("a", encoding="utf-8", buffering=1) as file:
        file.write(f"{os.getpid()}\t{what}\n")


def _place() -> str:
    frames = traceback.extract_stack(sys._getframe(2))
    own = [f"{one.filename.split('site-packages/')[-1]}:{one.lineno} {one.name}" for one in frames]
    return " < ".join([one for one in reversed(own) if "pickle.py" not in one][:_PLACES])


def _audited(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "pickle.find_class":
        tell(f"find_class {'.'.join(map(str, arguments))}\t{_place()}")


class _Unpickler(pickle.Unpickler):
    def load(self) -> Any:
        tell(f"Unpickler.load\t{_place()}")
        return super().load()


class _PythonUnpickler(pickle._Unpickler):  # type: ignore[name-defined, misc]
    def load(self) -> Any:
        tell(f"_Unpickler.load\t{_place()}")
        return super().load()


def _counted(name: str) -> Any:
    plain = getattr(pickle, name)

    def call(*arguments: Any, **named: Any) -> Any:
        tell(f"{name}\t{_place()}")
        return plain(*arguments, **named)

    return call


sys.addaudithook(_audited)
pickle.load, pickle.loads = _counted("load"), _counted("loads")
pickle.Unpickler, pickle._Unpickler = _Unpickler, _PythonUnpickler  # type: ignore[attr-defined, misc]
tell(f"watching\t{' '.join(' '.join(sys.orig_argv[:6]).split())}")
