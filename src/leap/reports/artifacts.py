"""Files that a training leaves for engineers beside its bundle: pictures, each drawn for itself, and tables.

A picture that cannot be drawn stops no training: it is left out, and `not_drawn.txt` says which and why.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leap.explanation import shap_pictures
from leap.explanation.drivers import Driver
from leap.exports import write_frame
from leap.features import FeatureFrame

NOT_DRAWN = "not_drawn.txt"
MOST_DEPENDENCE = 6


@dataclass
class Artifacts:
    """Files in a folder, in the order in which they were made."""

    folder: Path
    paths: list[Path] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def draw(self, name: str, picture: Callable[..., Any], *given: Any) -> None:
        """A picture: a function of what is given and, last, of the path to write."""
        path = self.folder / name
        try:
            picture(*given, path)
        except Exception as error:
            # Whatever goes wrong inside a plotting library, hours of training are worth more than a picture.
            path.unlink(missing_ok=True)
            self.failed.append(f"{name}: not drawn: {type(error).__name__}: {' '.join(str(error).split())[:300]}")
            return
        if path.exists():
            self.paths.append(path)

    def draw_contributions(self, end: str, contributions: np.ndarray, frame: FeatureFrame, axis: str) -> None:
        """shap's summary of contributions by feature, shape (n, n_features), and a plot of each of the largest.

        `end` tells the files of one scope from those of another.
        """
        self.draw(f"shap_summary{end}.png", shap_pictures.summary_picture, contributions, frame, axis)
        for rank, place in enumerate(shap_pictures.largest(contributions, MOST_DEPENDENCE), start=1):
            feature = frame.catalog.features[place]
            name = re.sub(r"[^A-Za-z0-9_]+", "_", feature.name)[:60]
            self.draw(
                f"shap_dependence{end}_{rank}_{name}.png", shap_pictures.dependence_picture,
                contributions[:, place], feature, frame.frame[feature.name], axis,
            )  # fmt: skip

    def write_drivers(self, drivers: Sequence[tuple[str, Sequence[Driver]]]) -> None:
        """A row for each driver of each scope, as JSON and as CSV in which no cell is a formula."""
        rows = [
            {"model": scope, "rank": rank, **driver.to_json()}
            for scope, found in drivers
            for rank, driver in enumerate(found, start=1)
        ]
        document, table = self.folder / "drivers.json", self.folder / "drivers.csv"
        document.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        cells = [{name: _cell(value) for name, value in row.items()} for row in rows]
        columns = ["model", "rank", "label", "share", "direction", "stable"]
        frame = pd.DataFrame(cells)
        write_frame(frame.reindex(columns=[*columns, *(name for name in frame if name not in columns)]), table)
        self.paths += [document, table]

    def close(self) -> list[Path]:
        """All files, with the list of those that could not be drawn if there are any."""
        if self.failed:
            noted = self.folder / NOT_DRAWN
            noted.write_text("\n".join(self.failed) + "\n", encoding="utf-8")
            self.paths.append(noted)
        return self.paths


def not_drawn(files: Sequence[Path]) -> list[str]:
    """What could not be drawn, from the files of a training: nothing where all was."""
    noted = next((path for path in files if path.name == NOT_DRAWN), None)
    return [] if noted is None else [f"A picture is missing: {line}" for line in noted.read_text("utf-8").splitlines()]


def _cell(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return "; ".join(str(part) for part in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
