"""The age of features: shown at every look, told at load and once a day while they are stale."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from leap.config import parse_settings
from leap.errors import SettingsError
from leap.scoring.freshness import Freshness
from serving.ages import FeatureAge
from serving.metrics import Metrics


class Shown(Metrics):
    def __init__(self) -> None:
        self.found: list[Freshness] = []

    def freshness(self, found: Freshness, now: float | None = None) -> None:
        self.found.append(found)


def test_stale_features_are_told_at_load_and_once_a_day(caplog: pytest.LogCaptureFixture) -> None:
    moment = datetime(2026, 12, 16, 12, tzinfo=UTC)
    shown, now = Shown(), [moment]
    age = FeatureAge(shown, lambda: now[0])
    age.look(date(2026, 11, 1), 45)
    assert not caplog.records
    now[0] = moment + timedelta(days=1)
    for _ in range(3):
        age.look(date(2026, 11, 1), 45)
    age.look(date(2026, 10, 31), 45)
    now[0] = moment + timedelta(days=2)
    age.look(date(2026, 10, 31), 45)
    age.look(date(2026, 12, 1), 45)
    assert [record.getMessage() for record in caplog.records] == [
        "stale_features as_of=2026-11-01 days=46 limit=45",
        "stale_features as_of=2026-10-31 days=47 limit=45",
        "stale_features as_of=2026-10-31 days=48 limit=45",
    ]
    assert [found.stale for found in shown.found] == [False, True, True, True, True, True, False]


def test_the_day_is_that_of_utc() -> None:
    evening_in_honolulu = datetime(2026, 11, 1, 23, tzinfo=timezone(timedelta(hours=-10)))
    assert Freshness.on(date(2026, 11, 1), evening_in_honolulu, 45).days == 1
    assert Freshness.on(date(2026, 11, 5), evening_in_honolulu, 45) == Freshness(date(2026, 11, 5), 0, False, 45)


def test_the_limit_is_a_setting() -> None:
    assert parse_settings({}).serving.stale_after_days == 45
    assert parse_settings({"serving": {"stale_after_days": 10}}).serving.stale_after_days == 10
    with pytest.raises(SettingsError, match="did you mean 'stale_after_days'"):
        parse_settings({"serving": {"stale_days": 10}})
    with pytest.raises(SettingsError, match="stale_after_days"):
        parse_settings({"serving": {"stale_after_days": 0}})
