"""Source -> machine code, by numba.

The function is put behind an entry that reads its arguments out of one block of int64. It is compiled without numba's
runtime, so it can neither allocate nor call Python, and its code needs nothing but the C library when it is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import llvmlite.binding as llvm
import numba
from numba import types
from numba.extending import intrinsic
from numba.np import arrayobj
from numba.np.numpy_support import from_dtype

from leap.compiled.running import ENTRY, machine
from leap.compiled.signature import ArrayOf, Parameter

_WITHOUT_PYTHON = {"_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_HOW: dict[str, Any] = {"nogil": True, "error_model": "numpy", **_WITHOUT_PYTHON}
_new: Any = arrayobj.make_array
_fill: Any = arrayobj.populate_array
_KNOWN = re.compile(r"llvm\.[\w.]+|mem(set|cpy|move)|trunc")
"""What code may call that is not its own: LLVM's own words, and functions of C that every process holds."""


def made(function: Callable[..., Any], parameters: Sequence[Parameter]) -> bytes:
    """The code of a loop for this very machine;
    RuntimeError if it would need anything that not every process has.
    """
    loop = _entry(_jitted(function, {}), parameters)
    loop.compile((types.int64,))
    (compiled,) = loop.overloads.values()
    module = llvm.parse_assembly(_wrapped(compiled.library.get_llvm_str(), compiled.fndesc.llvm_func_name))
    module.verify()
    foreign = [one.name for one in module.functions if one.is_declaration and not _KNOWN.fullmatch(one.name)]
    if foreign:
        raise RuntimeError(f"{function.__qualname__}: expected code that stands alone, found calls of {foreign}.")
    code: bytes = machine().emit_object(module)
    return code


def _jitted(function: Any, done: dict[Any, Any]) -> Any:
    """A function as numba compiles it, with the functions that it calls."""
    if function not in done:
        names = dict(function.__globals__)
        copy = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
        done[function] = numba.njit(**_HOW)(copy)
        for name in function.__code__.co_names:
            if getattr(names.get(name), "called_by_loops", False):
                names[name] = _jitted(names[name], done)
    return done[function]


def _entry(loop: Any, parameters: Sequence[Parameter]) -> Any:
    """`loop` behind a function of the address of a block."""
    names: dict[str, Any] = {"loop": loop}
    arguments, slot = [], 0
    for parameter in parameters:
        parts = []
        for kind in parameter.arrays.values() or [None]:
            names[f"read_{slot}"] = _array(kind, slot) if kind else _whole(slot)
            parts.append(f"read_{slot}(block)")
            slot += 1 + (kind.ndim if kind else 0)
        if parameter.tuple_of:
            names[parameter.tuple_of.__name__] = parameter.tuple_of
            parts = [f"{parameter.tuple_of.__name__}({', '.join(parts)})"]
        arguments += parts
    exec(f"def entry(block):\n    loop({', '.join(arguments)})\n", names)  # noqa: S102
    return numba.njit(**_HOW)(names["entry"])


def _array(kind: ArrayOf, slot: int) -> Any:
    """A word of numba's language: the array whose address and lengths stand in a block from a slot on."""
    of = types.Array(from_dtype(kind.dtype), kind.ndim, "C")

    @intrinsic
    def array(_: Any, block: Any) -> Any:
        def read(context: Any, builder: Any, _: Any, values: Any) -> Any:
            address, *lengths = (_slot(context, builder, values[0], slot + i) for i in range(1 + kind.ndim))
            size = context.get_constant(types.intp, kind.dtype.itemsize)
            strides = [size]
            for length in reversed(lengths[1:]):
                strides.insert(0, builder.mul(strides[0], length))
            found = _new(of)(context, builder)
            data = builder.inttoptr(address, context.get_data_type(of.dtype).as_pointer())
            _fill(found, data=data, shape=lengths, strides=strides, itemsize=size, meminfo=None)
            return found._getvalue()

        return of(block), read

    return array


def _whole(slot: int) -> Any:
    """A word of numba's language: the number that stands in a block."""

    @intrinsic
    def whole(_: Any, block: Any) -> Any:
        return types.int64(block), lambda context, builder, _, values: _slot(context, builder, values[0], slot)

    return whole


def _slot(context: Any, builder: Any, block: Any, slot: int) -> Any:
    number = context.get_value_type(types.int64)
    first = builder.inttoptr(block, number.as_pointer())
    return builder.load(builder.gep(first, [context.get_constant(types.intp, slot)]))


def _wrapped(text: str, name: str) -> str:
    """LLVM's text with a function of C's form beside numba's, which has places for an answer and for an error."""
    return f"""{text}
define i32 @{ENTRY}(ptr %block) {{
  %answer = alloca ptr
  %error = alloca ptr
  %address = ptrtoint ptr %block to i64
  %status = call i32 @"{name}"(ptr %answer, ptr %error, i64 %address)
  ret i32 %status
}}
"""
