"""A bundle: the folder of JSON and LightGBM text that holds a whole trained model, and the ladder it must
climb.

`files` writes and reads the folder durably, `structure` reads LightGBM's text the way its own parser should,
`ladder` climbs checksum > schema > structure > golden rows in a child process, `model_bundle` turns the
folder into a `ModelBundle` (accounts with revenue), `flat_bundle` into a `FlatBundle` (a flat table), and
`loading` into whichever it holds.
"""

from leap.bundle.files import read_folder, write_folder
from leap.bundle.ladder import verify
from leap.bundle.structure import check_text_model

__all__ = ["check_text_model", "read_folder", "verify", "write_folder"]
