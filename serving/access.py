"""Who may ask: whoever has a token or, where none is set, this machine itself."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import os
import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path

from starlette.types import Scope

log = logging.getLogger("bentoml.leap")  # below "bentoml": see guard.py


class Tokens:
    """Bearer tokens from `LEAP_TOKEN` and `LEAP_TOKEN_FILE` (one a line, so that an old and a new one overlap).

    The file is read again when it changes. Only hashes are kept. A file that cannot be read, or is empty, lets nobody
    in: it never opens the service.

    >>> Tokens({"LEAP_TOKEN": "sesame"}).accepts("sesame"), Tokens({"LEAP_TOKEN": "sesame"}).accepts("simsim")
    (True, False)
    >>> Tokens({}).required
    False
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        self._fixed = _hashes([environment.get("LEAP_TOKEN", "")])
        named = environment.get("LEAP_TOKEN_FILE", "").strip()
        self._file = Path(named) if named else None
        self._from_file: tuple[bytes, ...] = ()
        self._read_at: tuple[int, int, int] | None = None

    @property
    def required(self) -> bool:
        """Whether anything but the health routes needs a token."""
        return bool(self._fixed) or self._file is not None

    def accepts(self, given: str) -> bool:
        """Compared in constant time with each token, all of them every time."""
        digest = hashlib.sha256(given.encode("utf-8", "surrogateescape")).digest()
        known = (*self._fixed, *self._current_file())
        return bool(sum(hmac.compare_digest(digest, one) for one in known))

    def _current_file(self) -> tuple[bytes, ...]:
        if self._file is None:
            return ()
        try:
            status = self._file.stat()
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
            if seen != self._read_at:
                self._from_file = _hashes(self._file.read_text(encoding="utf-8").splitlines())
                self._read_at = seen
        except (OSError, UnicodeDecodeError) as error:
            log.warning("LEAP_TOKEN_FILE cannot be read (%s): nobody gets in by it", type(error).__name__)
            self._from_file, self._read_at = (), None
        return self._from_file


def _hashes(tokens: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(hashlib.sha256(token.strip().encode()).digest() for token in tokens if token.strip())


def credential(header: str) -> str:
    """The token of a Bearer header, or the password of a Basic one, which is what a browser can send."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        return _basic_password(value.strip())
    return ""


def _basic_password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def challenge(path: str) -> str:
    """How to ask for a token: pages are read in a browser, which can ask for a password but not for a token."""
    programs_only = path.startswith("/v1/") or path in ("/metrics", "/docs.json")
    return 'Bearer realm="Leap"' if programs_only else 'Basic realm="Leap: any name, the token as password"'


def is_loopback(scope: Scope) -> bool:
    """Whether the request comes from this machine."""
    client = scope.get("client")
    if client is None:  # a Unix socket
        return True
    try:
        address = ip_address(client[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def names_loopback(host: str) -> bool:
    """Whether a Host header names this machine.

    >>> [names_loopback(host) for host in ("localhost:3000", "127.0.0.1", "[::1]:3000", "evil.example:3000", "")]
    [True, True, True, False, False]
    """
    name = re.sub(r":\d+$", "", host.strip().lower()).strip("[]")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
