"""How the values of a CRM read: numbers as numbers, days and moments in ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime

from leap.crm.target import Value

_MILLISECONDS = 1000.0


def iso_moment(text: str) -> str:
    """A moment in UTC, whole seconds without a fraction; what is no moment stays as it is.

    >>> iso_moment("2026-03-01T10:00:00.000+0000"), iso_moment("1772359200000"), iso_moment("soon")
    ('2026-03-01T10:00:00+00:00', '2026-03-01T10:00:00+00:00', 'soon')
    """
    try:
        if text.isascii() and text.lstrip("-").isdigit():
            return datetime.fromtimestamp(int(text) / _MILLISECONDS, UTC).isoformat()
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def iso_day(text: str) -> str:
    """A day, from a day or from its midnight in UTC.

    >>> iso_day("2026-03-01"), iso_day("1772323200000")
    ('2026-03-01', '2026-03-01')
    """
    return text if len(text) == len("2026-03-01") and text.count("-") == 2 else iso_moment(text)[:10]


def number(text: str) -> Value:
    """A number; what is none stays as it is.

    >>> number("12"), number("12.50"), number("many")
    (12, 12.5, 'many')
    """
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
