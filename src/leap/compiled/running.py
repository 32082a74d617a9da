"""Machine code -> a function, by LLVM's linker alone: numba is not needed for what is compiled already."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import llvmlite.binding as llvm

ENTRY = "leap_loop"
"""The name of the function that a piece of code holds: of one block, as int64's address; 0 says that it ended well."""

Run: TypeAlias = Callable[["ctypes.Array[ctypes.c_int64]", Sequence[int]], None]
"""Run on a copy of a block, of which the first numbers are those given."""

_ENTRY = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)


def block(slots: Sequence[int]) -> ctypes.Array[ctypes.c_int64]:
    """Numbers as a loop is given them."""
    return (ctypes.c_int64 * len(slots))(*slots)


def loaded(code: bytes) -> Run:
    """What code made for this very machine does. The engine that holds it and the code live as long as the function."""
    target, nothing = machine(), llvm.parse_assembly("")
    nothing.triple, nothing.data_layout = target.triple, str(target.target_data)  # which say how names are spelt
    engine = llvm.create_mcjit_compiler(nothing, target)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    entry = _ENTRY(engine.get_function_address(ENTRY))

    def run(blank: ctypes.Array[ctypes.c_int64], first: Sequence[int], _kept: Any = (engine, code)) -> None:
        own = type(blank).from_buffer_copy(blank)
        own[: len(first)] = list(first)
        if status := entry(own):
            raise RuntimeError(f"A compiled loop ended with status {status}; expected 0.")

    return run


def machine() -> llvm.TargetMachine:
    """This machine as LLVM makes code for it: static, for it runs where it is loaded."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    processor, features = host()
    target: llvm.Target = llvm.Target.from_default_triple()
    static = "static" if target.name.startswith("x86") else "default"
    return target.create_target_machine(
        cpu=processor, features=features, opt=3, reloc=static, codemodel="jitdefault", jit=True
    )


def host() -> tuple[str, str]:
    """The name of this processor and what it can do, as LLVM has them; empty where LLVM does not know."""
    try:
        return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    except RuntimeError:
        return llvm.get_host_cpu_name(), ""


def system() -> str:
    """Processor family, system and binary interface, as LLVM names them."""
    return str(llvm.get_process_triple())
