"""A key of leap.toml that is not known is refused with the one that was meant, wherever it stands."""

from __future__ import annotations

from typing import Any

import pytest

from leap.config import parse_settings
from leap.errors import SettingsError

TABLE: dict[str, Any] = {"source": "a.csv", "shape": "events"}


@pytest.mark.parametrize(
    ("document", "place", "hint"),
    [
        ({"servin": {}}, "servin", "did you mean 'serving'?"),
        ({"serving": {"stale_days": 3}}, "serving.stale_days", "did you mean 'stale_after_days'?"),
        ({"lineage": {"source": "x", "sorce": "x"}}, "lineage.sorce", "did you mean 'source'?"),
        ({"crm": {"fields": {"salesforc": {}}}}, "crm.fields.salesforc", "did you mean 'salesforce'?"),
        ({"tables": {"u": {**TABLE, "colums": {}}}}, "tables.u.colums", "did you mean 'columns'?"),
        ({"tables": {"u": {**TABLE, "columns": {"s": {"lable": "S"}}}}}, "tables.u.columns.s.lable", "mean 'label'?"),
        ({"scenarios": {"a": {"b": {"change": 0.1, "segments": {"x": {"valu": 1}}}}}}, "segments.x.valu", "'value'?"),
        ({"leaks": {"zzz": 1}}, "leaks.zzz", "expected one of keep_columns."),
        ({"folder": "."}, "folder", "unknown key."),
    ],
)
def test_a_key_that_is_not_known_is_refused_with_what_was_meant(document: Any, place: str, hint: str) -> None:
    with pytest.raises(SettingsError) as raised:
        parse_settings(document)
    assert place in str(raised.value) and "unknown key" in str(raised.value) and hint in str(raised.value)
