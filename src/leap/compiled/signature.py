"""What a compiled loop takes, read from the annotations of its function, and how that is handed over.

A parameter is an array (`Annotated[np.ndarray, ArrayOf(...)]`), a whole number (`int`), or a named tuple of arrays. All
go into one *block* of int64: of an array its address and its lengths, of a number itself.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, get_args, get_type_hints

import numpy as np

_ANY = ctypes.c_char * 0
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True)
class ArrayOf:
    """Arrays of one element type (as NumPy writes it, such as `f8`) and number of dimensions, in C order, writable."""

    element: str
    ndim: int = 1

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The element type."""
        return np.dtype(self.element)

    def __str__(self) -> str:
        return f"{self.element}[{','.join(':' * self.ndim)}]"

    def slots(self, value: Any) -> tuple[int, ...]:
        """Address and lengths of an array; TypeError unless it is one of these."""
        if type(value) is np.ndarray and value.dtype == self.dtype and value.ndim == self.ndim and value.flags.carray:
            memory: Any = value
            return (ctypes.addressof(_ANY.from_buffer(memory)), *value.shape)
        raise TypeError(f"expected {self}, aligned, in C order and writable; found {_told(value)}")


Floats = Annotated[np.ndarray, ArrayOf("f8")]
FloatTable = Annotated[np.ndarray, ArrayOf("f8", 2)]
Integers = Annotated[np.ndarray, ArrayOf("i8")]
IntegerTable = Annotated[np.ndarray, ArrayOf("i8", 2)]
IntegerCube = Annotated[np.ndarray, ArrayOf("i8", 3)]
Codes = Annotated[np.ndarray, ArrayOf("i4")]
Bytes = Annotated[np.ndarray, ArrayOf("u1")]
ByteTable = Annotated[np.ndarray, ArrayOf("u1", 2)]
Shorts = Annotated[np.ndarray, ArrayOf("u2")]
BitTable = Annotated[np.ndarray, ArrayOf("u8", 2)]
Flags = Annotated[np.ndarray, ArrayOf("?")]


@dataclass(frozen=True)
class Parameter:
    """An array, a whole number (without `arrays`) or a named tuple of the class `tuple_of`, whose fields are arrays."""

    name: str
    arrays: Mapping[str, ArrayOf] = field(default_factory=dict)
    tuple_of: type | None = None

    def __str__(self) -> str:
        kinds = ", ".join(f"{name} {kind}" for name, kind in self.arrays.items())
        return f"{self.name} {self.tuple_of.__name__}({kinds})" if self.tuple_of else kinds or f"{self.name} int"

    @property
    def n_slots(self) -> int:
        """How many numbers of the block are this parameter's."""
        return sum(1 + kind.ndim for kind in self.arrays.values()) if self.arrays else 1

    @property
    def reader(self) -> Callable[[Any], tuple[int, ...]]:
        """Of a value the numbers that stand for it; TypeError if it is of another kind."""
        if self.tuple_of:
            return self._of_tuple
        return self.arrays[self.name].slots if self.arrays else _whole

    def _of_tuple(self, value: Any) -> tuple[int, ...]:
        if not isinstance(value, tuple) or type(value) is not self.tuple_of:
            raise TypeError(f"expected {self.tuple_of}, found {_told(value)}")
        slots: list[int] = []
        for (name, kind), part in zip(self.arrays.items(), value, strict=True):
            try:
                slots += kind.slots(part)
            except TypeError as error:
                raise TypeError(f"{name}: {error}") from None
        return tuple(slots)


def parameters_of(function: Callable[..., Any], types: Mapping[str, ArrayOf]) -> tuple[Parameter, ...]:
    """The parameters of a function; `types` says of some arrays, `name` or `name.field`, what they are instead."""
    hints = get_type_hints(function, include_extras=True)
    if hints.pop("return", None) is not type(None):
        raise TypeError(f"{function.__qualname__}: a compiled loop returns nothing; let it write into an array.")
    return tuple(_parameter(name, hint, types) for name, hint in hints.items())


def _parameter(name: str, hint: Any, types: Mapping[str, ArrayOf]) -> Parameter:
    if hint is int:
        return Parameter(name)
    if isinstance(hint, type) and hasattr(hint, "_fields"):
        fields = get_type_hints(hint, include_extras=True)
        return Parameter(name, {own: _array(f"{name}.{own}", fields[own], types) for own in hint._fields}, hint)
    return Parameter(name, {name: _array(name, hint, types)})


def _array(name: str, hint: Any, types: Mapping[str, ArrayOf]) -> ArrayOf:
    found = [one for one in get_args(hint) if isinstance(one, ArrayOf)]
    if not found:
        raise TypeError(f"{name}: expected an annotation with ArrayOf, int or a named tuple of arrays, found {hint}.")
    return types.get(name, found[0])


def _whole(value: Any) -> tuple[int]:
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) in _INT64:
        return (int(value),)
    raise TypeError(f"expected a whole number of 64 bits, found {_told(value)}")


def _told(value: Any) -> str:
    if not isinstance(value, np.ndarray):
        return f"{type(value).__name__} {value!r:.40}"
    how = "" if value.flags.carray else ", not in C order, not aligned or not writable"
    return f"an array of {value.dtype}, shape {value.shape}{how}"
