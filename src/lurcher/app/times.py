"""Times as a user writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from lurcher.errors import LurcherError

#: 100 ns ticks from 0001-01-01 to the Unix epoch.
EPOCH_TICKS = 621_355_968_000_000_000


def parse_time(text: str) -> datetime:
    """An ISO time, taken as UTC where it names no zone; a date alone is its midnight.

    Raises LurcherError for anything else.
    """
    cleaned = re.sub(r"(\.\d{6})\d+", r"\1", text.strip())
    try:
        value = datetime.fromisoformat(cleaned)
    except ValueError:
        raise LurcherError(f"{text!r} is no time", "write it as 2026-03-31 or 2026-03-31T14:05:00Z (UTC)") from None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def ticks(value: datetime) -> int:
    """100 ns ticks since 0001-01-01, UTC, as KQL counts."""
    delta = value.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return EPOCH_TICKS + (delta.days * 86_400 + delta.seconds) * 10_000_000 + delta.microseconds * 10
