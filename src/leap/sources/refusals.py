"""What PostgreSQL refuses, in words with a remedy; what the server says is not passed on, for it may hold secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from leap.errors import SourceError

if TYPE_CHECKING:
    import psycopg

_ENVIRONMENT = "PGUSER, PGPASSWORD, PGPASSFILE or PGSERVICE"

_CONNECTING: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("password authentication failed", "28p01"),
        "refuses the user or the password",
        f"Correct what the environment gives: {_ENVIRONMENT}.",
    ),
    (
        ("no password supplied", "fe_sendauth"),
        "asks for a password and none is given",
        "Give it by PGPASSWORD, or better by a password file (PGPASSFILE).",
    ),
    (("peer authentication failed", "ident authentication failed"), "refuses this user", "Give the user by PGUSER."),
    (("no pg_hba.conf entry",), "admits no connection of this user from this machine", "Ask its administrator."),
    (("database", "does not exist"), "has no such database", "Correct the database in the address."),
    (("role", "does not exist"), "knows no such user", "Give the user by PGUSER."),
    (("too many c",), "has no connection left", "Try again later."),
    (("starting up", "shutting down"), "is starting up or shutting down", "Try again in a minute."),
    (
        ("could not translate host name", "name or service not known", "failed to resolve", "nodename nor servname",
         "temporary failure in name resolution", "no address associated", "getaddrinfo"),
        "cannot be found: no machine of that name is known",
        "Correct the host in the address.",
    ),
    (("timeout expired", "connection timeout", "timed out"), "does not answer", "Check host, port and firewall."),
    (
        ("connection refused", "no such file or directory", "is the server running"),
        "does not answer: no server listens there",
        "Start the server, or correct host and port.",
    ),
    (("ssl", "certificate"), "and this machine do not agree on encryption", "Set sslmode in the address or PGSSLMODE."),
    (("invalid port", "invalid integer", "invalid connection option", "service"), "is no address libpq accepts",
     "Write postgresql://host:port/database#schema.table; check PGSERVICE and PGPORT."),
    (("server closed the connection", "connection reset", "consuming input failed"), "broke the connection off",
     "Check that PostgreSQL listens there, and try again."),
)  # fmt: skip
_ALL_OF = (("database", "does not exist"), ("role", "does not exist"))
"""Words that mean it only together; of the others one is enough."""


def of_connecting(error: Exception, where: str, settings: Mapping[str, str]) -> SourceError:
    """Why no connection came about, by what libpq or the server says; `where` is the address without credentials."""
    said = " ".join(str(error).lower().split())
    for words, what, remedy in _CONNECTING:
        if all(word in said for word in words) if words in _ALL_OF else any(word in said for word in words):
            return SourceError(f"{where} {what}.", remedy=remedy)
    return SourceError(
        f"{where} cannot be opened ({_code(error)}).",
        remedy=f"Try psql with the same address; credentials come from {_ENVIRONMENT}.",
    )


def of_reading(error: psycopg.Error, what: str) -> SourceError:
    """Why a table could not be read to its end."""
    from psycopg import errors

    match error:
        case errors.InsufficientPrivilege():
            return SourceError(f"{what}: this user may not read it.", remedy="Grant SELECT to the user.")
        case errors.QueryCanceled():
            return SourceError(
                f"{what}: reading took longer than the server allows.",
                remedy="Read a smaller view, or raise statement_timeout for the user.",
            )
        case errors.LockNotAvailable():
            return SourceError(f"{what} is locked by another session.", remedy="Try again when its change is done.")
        case errors.CharacterNotInRepertoire() | errors.UntranslatableCharacter():
            return SourceError(
                f"{what} holds bytes that are no text in the encoding of its database.",
                remedy="Correct them, or cast the column in a view (convert_from with its true encoding).",
            )
        case errors.SerializationFailure():
            return SourceError(f"{what}: the server had to end the reading for others.", remedy="Try again.")
        case errors.AdminShutdown() | errors.CrashShutdown() | errors.IdleInTransactionSessionTimeout():
            return _broken_off(what)
    if error.sqlstate is None or error.sqlstate.startswith("08"):
        return _broken_off(what)
    return SourceError(f"{what} cannot be read ({_code(error)}).", remedy="Try SELECT * of it with psql as this user.")


def _broken_off(what: str) -> SourceError:
    return SourceError(
        f"{what}: the connection broke off while it was read; nothing of it is used.",
        remedy="Try again; tables of one database are read as of one moment, so all of it is read anew.",
    )


def _code(error: Exception) -> str:
    """The kind of error and its SQLSTATE; its text may name values or users."""
    state = getattr(error, "sqlstate", None)
    return f"{type(error).__name__}, SQLSTATE {state}" if state else type(error).__name__
