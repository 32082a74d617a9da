"""Which workspaces are of a flat table; light, since commands ask before they import anything heavy."""

from __future__ import annotations

from leap.config import Settings
from leap.errors import SettingsError, UsageError


def flat_tables(settings: Settings) -> list[str]:
    """Names of the flat tables of a workspace without a table of revenue; none where there is one."""
    if settings.with_role("revenue"):
        return []
    return [name for name, table in settings.tables.items() if table.shape == "snapshot"]


def flat_table(settings: Settings) -> str | None:
    """The flat table that a workspace is of; None where it is of something else. Two of them are refused."""
    names = flat_tables(settings)
    if len(names) > 1:
        raise SettingsError(
            f"{len(names)} flat tables (shape snapshot): {', '.join(names)}; expected one, whose outcome is learned.",
            details=names,
            remedy="Keep one of them in leap.toml, and the others in workspaces of their own.",
        )
    return names[0] if names else None


def refuse_flat(settings: Settings, command: str, needs: str) -> None:
    """UsageError for a command that means nothing for a flat table."""
    names = flat_tables(settings)
    if names:
        raise UsageError(
            f"{command} is not defined for a workspace of a flat table ({', '.join(names)}, shape snapshot): "
            f"it needs {needs}.",
            remedy="What there is for it: leap check, features, train, score, explain, models, promote and rollback. "
            "For the rest give a table of subscriptions or orders with role 'revenue'.",
        )
