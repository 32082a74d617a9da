"""Every exception that Leap raises on purpose.

    LeapError                what was expected, what was found, what to do
    ├── UsageError           a command or call was given the wrong arguments
    ├── SettingsError        leap.toml is missing, unreadable or says something it cannot mean
    ├── SourceError          a file, folder or database could not be read
    ├── TableError           a table breaks a rule of its shape
    ├── CatalogError         features or attributes differ from those the model knows
    ├── RevenueError         money that cannot be added up: currencies, negative MRR, overlapping terms
    ├── BundleError          a model bundle is damaged, incomplete or would score differently
    ├── RegistryError        the model store could not be read or written
    │   ├── ChampionMoved    another version was promoted since the champion was looked at
    │   └── UnknownVersion   the store has no such version
    ├── NoModel              there is no champion and no version was named        (exit 1)
    ├── NotEnoughData        too few events to learn or to judge anything from    (exit 1)
    └── UnknownAccount       no such account in these tables

Commands end with ``exit_code``: 1 when a check or gate said no, 2 for wrong usage or bad input. Commands and
HTTP name the kind of failure by the same ``code``. Anything else that is raised is a fault of Leap.
"""

from collections.abc import Sequence


class LeapError(Exception):
    """A failure a person can act on: ``message``, examples or rows in ``details``, and the ``remedy``.

    >>> print(TableError("usage: missing column(s) ['day'].", remedy="Name it in leap.toml."))
    usage: missing column(s) ['day']. Name it in leap.toml.
    """

    code = "leap"
    exit_code = 2

    def __init__(self, message: str, *, details: Sequence[object] = (), remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.details = tuple(details)
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}" if self.remedy else self.message


class UsageError(LeapError):
    """A command or call was given the wrong arguments."""

    code = "usage"


class SettingsError(LeapError):
    """leap.toml is missing, unreadable or says something it cannot mean."""

    code = "settings"


class SourceError(LeapError):
    """A file, folder or database could not be read."""

    code = "source"


class TableError(LeapError):
    """A table breaks a rule of its shape."""

    code = "table"


class CatalogError(LeapError):
    """Features or attributes differ from those the model knows."""

    code = "catalog"


class RevenueError(LeapError):
    """Money that cannot be added up: currencies, negative MRR, overlapping terms."""

    code = "revenue"


class BundleError(LeapError):
    """A model bundle is damaged, incomplete or would score differently."""

    code = "bundle"


class RegistryError(LeapError):
    """The model store could not be read or written."""

    code = "registry"


class ChampionMoved(RegistryError):
    """Another version was promoted since the champion was looked at."""

    code = "champion_moved"


class UnknownVersion(RegistryError):
    """The store has no such version, or no version with this alias."""

    code = "unknown_version"


class NoModel(LeapError):
    """There is no champion and no version was named."""

    code = "no_model"
    exit_code = 1


class NotEnoughData(LeapError):
    """Too few events to learn or to judge anything from."""

    code = "not_enough_data"
    exit_code = 1


class UnknownAccount(LeapError):
    """No such account in these tables."""

    code = "unknown_account"
