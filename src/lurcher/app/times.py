"""Times as a user writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lurcher.errors import LurcherError

if TYPE_CHECKING:
    from lurcher.lake import Lake


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


def resolve_as_of(text: str | None, lake: Lake | None, now: datetime) -> datetime:
    """What `now()` is to mean: `now` itself, the time that was written, or for `latest` the newest row of the lake.

    Rows dated later than `now` do not count for `latest`: a clock that was wrong must not move the hunt.
    """
    if text is None:
        return now
    if text != "latest":
        return parse_time(text)
    times = [t.last.astimezone(UTC) for t in lake.tables() if t.last is not None] if lake is not None else []
    times = [t for t in times if t <= now] or times
    if not times:
        raise LurcherError("there is no row to take the time of", "name a time: --as-of 2026-03-31T14:00:00Z")
    return max(times)
