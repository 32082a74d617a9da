"""Who may ask: whoever has a token or, where none is set, this machine itself."""

from __future__ import annotations

import base64
import binascii
import errno
import hashlib
import hmac
import logging
import os
import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from starlette.types import Scope

from serving.logs import event

SCORE, READ, REVIEW, ADMIN = "score", "read", "review", "admin"
EVERYTHING = frozenset({SCORE, READ, REVIEW, ADMIN})
"""`score` asks for scores, `read` for documents, pages and metrics, `review` decides on pages too, `admin` does all
that and is told what is wrong inside."""
MAX_FILE_BYTES = 64 * 1024
"""Of tokens in a file: it is read, and each compared, while requests wait."""


@dataclass(frozen=True)
class Token:
    """One token: its hash alone, and what its holder may do."""

    digest: bytes
    scopes: frozenset[str]


class Tokens:
    """Bearer tokens from `LEAP_TOKEN` and `LEAP_TOKEN_FILE`, so many that an old and a new one overlap.

    Entries stand between commas or line ends: a token, then its scopes, if it is not for everything; lines that begin
    with # are left out. The file is read again when it changes. Only hashes are kept. A file that cannot be read, is
    empty or has more than 64 KiB lets nobody in: it never opens the service.

    >>> tokens = Tokens({"LEAP_TOKEN": "sesame, simsim read"})
    >>> sorted(tokens.scopes_of("sesame")), sorted(tokens.scopes_of("simsim")), sorted(tokens.scopes_of("read"))
    (['admin', 'read', 'review', 'score'], ['read'], [])
    >>> Tokens({}).required
    False
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        environment = os.environ if environment is None else environment
        given = environment.get("LEAP_TOKEN", "").strip()
        self._fixed = tokens_in(given, "LEAP_TOKEN")
        self._set = bool(given)
        named = environment.get("LEAP_TOKEN_FILE", "").strip()
        self._file = Path(named) if named else None
        self._from_file: tuple[Token, ...] = ()
        self._read_at: tuple[int, int, int] | None = None

    @property
    def required(self) -> bool:
        """Whether anything but the health routes needs a token."""
        return self._set or self._file is not None

    def scopes_of(self, given: str) -> frozenset[str]:
        """What the holder may do, nothing if it is none; compared in constant time with each token, every time."""
        digest = _digest(given.encode("utf-8", "surrogateescape"))
        found: frozenset[str] = frozenset()
        for token in (*self._fixed, *self._current_file()):
            if hmac.compare_digest(digest, token.digest):
                found |= token.scopes
        return found

    def _current_file(self) -> tuple[Token, ...]:
        if self._file is None:
            return ()
        try:
            status = self._file.stat()
            require_small_file(status)
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
            if seen != self._read_at:
                self._from_file = tokens_in(self._file.read_text(encoding="utf-8-sig"), "LEAP_TOKEN_FILE")
                self._read_at = seen
        except (OSError, UnicodeDecodeError) as error:
            if self._read_at is not None or not self._from_file:
                # Nobody gets in by it.
                event("token_file_unreadable", logging.WARNING, error=type(error).__name__)
            self._from_file, self._read_at = (), None
        return self._from_file


def require_small_file(status: os.stat_result) -> None:
    """OSError for what would be read without end, or for long."""
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
        raise OSError(errno.EFBIG, f"expected a file of at most {MAX_FILE_BYTES} bytes")


def tokens_in(text: str, source: str) -> tuple[Token, ...]:
    """The tokens in a text. One with a scope that is unknown lets nobody in, and the log says so without the token."""
    found = []
    for line in text.splitlines():
        for entry in [] if line.lstrip().startswith("#") else line.split(","):
            words = entry.split()
            unknown = sorted(set(words[1:]) - EVERYTHING)
            if unknown:
                event(
                    "token_ignored",
                    logging.WARNING,
                    source=source,
                    unknown_scopes=len(unknown),
                    expected=sorted(EVERYTHING),
                )
            elif words:
                found.append(Token(_digest(words[0].encode()), _implied(frozenset(words[1:]) or EVERYTHING)))
    return tuple(found)


def _implied(scopes: frozenset[str]) -> frozenset[str]:
    if ADMIN in scopes:
        return EVERYTHING
    return scopes | {READ} if REVIEW in scopes else scopes


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def form_secret() -> bytes:
    """What seals forms; the processes that this one starts have it in common with it."""
    return os.environ.setdefault("LEAP_FORM_SECRET", secrets.token_hex(32)).encode()


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
    return 'Bearer realm="Leap"' if for_programs(path) else 'Basic realm="Leap: any name, the token as password"'


def for_programs(path: str) -> bool:
    """Whether an address is none of a page.

    >>> [for_programs(path) for path in ("/v1/icp", "/readyz", "/accounts/a1", "/nowhere")]
    [True, True, False, False]
    """
    return path.startswith("/v1/") or path in ("/metrics", "/docs.json", "/livez", "/readyz")


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
