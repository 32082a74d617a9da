"""A compiled loop as Python calls it: compiled, or read from disk, at its first call."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from functools import cached_property, update_wrapper
from pathlib import Path
from typing import Any, TypeVar

from leap.compiled import files, running
from leap.compiled.signature import ArrayOf, Parameter, parameters_of

_F = TypeVar("_F", bound=Callable[..., Any])
_lock = threading.Lock()


def called(function: _F) -> _F:
    """A function that compiled loops call, compiled with them; from Python it is what it was."""
    function.__dict__["called_by_loops"] = True
    return function


def compiled(function: Callable[..., None], types: Mapping[str, ArrayOf] | None = None) -> Loop:
    """A loop over what its annotations say; `types` says of some arrays, `name` or `name.field`, what they are instead.

    With NUMBA_DISABLE_JIT=1 in the environment it is run by Python, slowly.
    """
    return Loop(function, types or {})


def folder_of(loop: Loop) -> str | None:
    """Where the code of a loop that has run is kept; None where it is only in memory."""
    return None if loop.folder is None else str(loop.folder)


class Loop:
    """A function of arrays and whole numbers that runs without Python's lock and writes what it finds into arrays.

    Arguments are checked for element type, dimensions and order, never for lengths: these are the caller's to know.
    """

    folder: Path | None = None
    is_from_disk = False

    def __init__(self, function: Callable[..., None], types: Mapping[str, ArrayOf]) -> None:
        update_wrapper(self, function)
        self.function, self._types = function, types

    def __call__(self, *arguments: Any) -> None:
        """Run on arguments by position."""
        self.given()(*arguments)

    def given(self, *last: Any) -> Callable[..., None]:
        """A function of the first arguments, with the last ones checked and handed over once for all."""
        if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
            return lambda *first: self.function(*first, *last)
        return _Given(self.parameters, self.ready(), last)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """What it takes."""
        return parameters_of(self.function, self._types)

    def ready(self) -> running.Run:
        """Its machine code as a function of one block, read from disk or compiled at the first call."""
        if self._run is None:
            with _lock:
                if self._run is None:
                    self._run = self._made()
        return self._run

    _run: running.Run | None = None

    def _made(self) -> running.Run:
        signature = "; ".join(map(str, self.parameters))
        source = Path(self.function.__code__.co_filename)
        key = files.key_of(source, f"{self.function.__module__}.{self.function.__qualname__}", signature)
        for folder, code in files.found(source, key):
            self.folder, self.is_from_disk = folder, True
            return running.loaded(code)
        from leap.compiled import making

        code = making.made(self.function, self.parameters)
        run = running.loaded(code)
        self.folder = files.keep(source, key, code)
        return run


class _Given:
    """A loop whose last arguments are handed over already; those of a call are looked at and put before them."""

    def __init__(self, parameters: tuple[Parameter, ...], run: running.Run, last: tuple[Any, ...]) -> None:
        n_first = len(parameters) - len(last)
        self._run, self._last = run, last  # which must live as long as their addresses are used
        self._first = parameters[:n_first]
        self._readers = [one.reader for one in self._first]
        self._blank = running.block(sum(one.n_slots for one in self._first) * [0] + _read(parameters[n_first:], last))

    def __call__(self, *first: Any) -> None:
        slots: list[int] = []
        try:
            for read, value in zip(self._readers, first, strict=True):
                slots += read(value)
        except (TypeError, ValueError):
            _read(self._first, first)
            raise
        self._run(self._blank, slots)


def _read(parameters: tuple[Parameter, ...], values: tuple[Any, ...]) -> list[int]:
    """The numbers that stand for values; TypeError says which is of another kind, or that one is missing."""
    if len(values) != len(parameters):
        raise TypeError(f"expected {len(parameters)} arguments, found {len(values)}.")
    slots: list[int] = []
    for one, value in zip(parameters, values, strict=True):
        try:
            slots += one.reader(value)
        except TypeError as error:
            raise TypeError(f"{one.name}: {error}") from None
    return slots
