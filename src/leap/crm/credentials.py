"""Secrets of a CRM, from the environment or from a file that it names; never from settings, never shown."""

from __future__ import annotations

import logging
import stat
from collections.abc import Mapping
from pathlib import Path

from leap.crm.target import CrmError

log = logging.getLogger(__name__)

_MOST_BYTES = 65_536


def credential(environment: Mapping[str, str], name: str) -> str | None:
    """The variable `name`, or what the file says that `name`_FILE names; None where neither is set.

    >>> credential({"LEAP_HUBSPOT_ACCESS_TOKEN": " pat-1 "}, "LEAP_HUBSPOT_ACCESS_TOKEN")
    'pat-1'
    """
    value, file = environment.get(name, "").strip(), environment.get(f"{name}_FILE", "").strip()
    if value and file:
        raise CrmError(f"{name} and {name}_FILE are both set; expected one of them.")
    if file:
        value = _read(Path(file), f"{name}_FILE")
    return value or None


def token(environment: Mapping[str, str], name: str) -> str | None:
    """A credential that travels in a header or a form: one line of ASCII without spaces."""
    value = credential(environment, name)
    if value is not None and not (value.isascii() and value.isprintable() and " " not in value):
        raise CrmError(f"{name} (or the file of {name}_FILE) is not one word of ASCII letters, digits and signs.")
    return value


def missing(crm: str, expected: str, names: Mapping[str, str | None]) -> CrmError:
    """The error of a CRM that is not set up, with the variables by name that are lacking."""
    lacking = ", ".join(name for name, value in names.items() if value is None)
    return CrmError(
        f"{crm} is not set up: expected {expected} in the environment, lacking {lacking}.",
        remedy="Each may also be the path of a file with the value, as NAME_FILE; settings never hold a secret.",
    )


def _read(path: Path, variable: str) -> str:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            content = file.read(_MOST_BYTES + 1)
        text = content.decode("utf-8-sig").strip()
    except OSError as error:
        raise CrmError(f"{variable}: {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CrmError(f"{variable}: {path} is not a text in UTF-8.") from None
    if len(content) > _MOST_BYTES or not text:
        found = "nothing" if not text else f"more than {_MOST_BYTES:,} bytes"
        raise CrmError(f"{variable}: {path}: expected a credential, found {found}.")
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        log.warning("%s: anyone on this machine may open %s (mode %o); chmod 600 keeps it secret", variable, path, mode)
    return text
