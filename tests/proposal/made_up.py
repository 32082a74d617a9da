"""Small folders of made-up companies: how each lays out and names its tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from leap.config import Settings, load_settings
from leap.proposal import Proposal, propose


@dataclass(frozen=True)
class Proposed:
    """What `init` proposes for a folder, and the settings that it makes."""

    proposal: Proposal
    settings: Settings

    def shapes(self) -> dict[str, tuple[str, str | None, str]]:
        """Shape, role and key by table."""
        return {name: (t.shape, t.role, t.key) for name, t in self.settings.tables.items()}

    def features(self, table: str) -> list[str]:
        """The columns declared."""
        return list(self.settings.tables[table].columns)

    def why(self, name: str) -> str:
        """Why a file or `table.column` was left out."""
        found = {f"{one.table}.{one.column}" if one.column else one.table: one.why for one in self.proposal.left_out}
        assert name in found, f"{name} is not among {sorted(found)}"
        return found[name]

    @property
    def text(self) -> str:
        """The file as one line, so that comments broken into lines are found."""
        return " ".join(self.proposal.toml.replace("\n# ", " ").split())

    def comment(self, line: str) -> str:
        """The reason on the line that begins so."""
        return next(text for text in self.proposal.toml.splitlines() if text.startswith(line)).partition("#")[2]


def proposed(folder: Path) -> Proposed:
    """The proposal for the files of a folder, written and read back."""
    proposal = propose(folder)
    (folder / "leap.toml").write_text(proposal.toml, encoding="utf-8")
    return Proposed(proposal, load_settings(folder))


def table(
    path: Path, header: str, row: Callable[[int], object], n: int = 60, separator: str = ",", encoding: str = "utf-8"
) -> None:
    """A CSV file whose rows are made of their numbers; a row is its cells, or None for none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = [cells for i in range(n) if (cells := row(i)) is not None]
    lines = [separator.join("" if cell is None else str(cell) for cell in cells) for cells in made]  # type: ignore[attr-defined]
    path.write_text("\n".join([header, *lines]) + "\n", encoding=encoding)


def day(i: int, year: int = 2022) -> str:
    """A day of a year by a number, in ISO form."""
    return f"{year + i // 336 % 3}-{i // 28 % 12 + 1:02d}-{i % 28 + 1:02d}"
