"""Five minutes of mixed requests while another version goes live every twenty seconds: what failed, and what grew.

Nothing is timed: how quick answers are is for `benchmarks/http.py --soak`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.contributions import Report
from benchmarks.http import TINY, make_world
from benchmarks.parts.soak import soak

MINUTES = 5.0


@pytest.mark.slow
def test_minutes_of_requests_and_promotions_fail_nothing_and_keep_nothing(tmp_path: Path) -> None:
    make_world(tmp_path, TINY)
    report = Report()
    # Far from what it gets done: other tests, and each promotion, load the machine too.
    soak(tmp_path, report, MINUTES, share=0.3)
    said = report.ratios
    for name in ("soak_failed", "soak_failed_switches", "soak_strange_versions", "soak_versions", "soak_open_files"):
        assert said[name]["ok"], (name, said[name])
    assert report.seconds["soak"]["versions_made_live"] >= 5
    assert said["soak_memory"]["value"] < 1.1, (said["soak_memory"], report.seconds["soak_memory"])
