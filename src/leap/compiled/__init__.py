"""Loops compiled by numba, kept on disk as machine code beside a line of JSON: nothing is unpickled, ever.

    signature.py  what a loop takes: arrays of one element type, whole numbers, named tuples of arrays
    loops.py      a loop as Python calls it
    making.py     source -> machine code, by numba: the only module that imports it
    running.py    machine code -> a function, by LLVM alone
    files.py      where code is kept, and when what lies there is believed

A process that finds its code on disk never imports numba. A loop allocates nothing and raises nothing: what it works in
and what it writes are arrays of its caller.
"""

from leap.compiled.files import fingerprint
from leap.compiled.loops import Loop, called, compiled, folder_of
from leap.compiled.signature import ArrayOf

__all__ = ["ArrayOf", "Loop", "called", "compiled", "fingerprint", "folder_of"]
