"""Values as files write them, read as what Sentinel means: durations, operators, dates."""

from __future__ import annotations

import datetime as dt
import re

_ISO = re.compile(r"P(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?", re.IGNORECASE)
_SHORT = re.compile(r"(\d{1,9})\s*([dhms])", re.IGNORECASE)
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def duration(text: str) -> dt.timedelta | None:
    """`PT1H`, `P1DT12H`, `1d`, `30m`; None where it is no duration."""
    text = text.strip()
    short = _SHORT.fullmatch(text)
    try:
        if short:
            return dt.timedelta(**{_UNITS[short[2].lower()]: int(short[1])})
        iso = _ISO.fullmatch(text)
        if iso and any(iso.groups()):
            days, hours, minutes, seconds = (int(g or 0) for g in iso.groups())
            return dt.timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        return None
    return None


def written(value: dt.timedelta) -> str:
    """A duration in Sentinel's spelling (`PT5M`, `P14D`), for messages."""
    days, rest = value.days, value.seconds
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    time = "".join(f"{n}{u}" for n, u in ((hours, "H"), (minutes, "M"), (seconds, "S")) if n)
    return "P" + (f"{days}D" if days or not time else "") + (f"T{time}" if time else "")


def date(text: str) -> dt.date | None:
    """`2027-03-31`; None where it is no day of the calendar."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text.strip()):
        return None
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError:
        return None


def slug(text: str, limit: int = 60) -> str:
    """An id out of a scenario's words, in any script: `Admin's script` -> `admin-s-script`."""
    words = re.findall(r"\w+", text.lower().replace("_", " "))
    kept = ""
    for word in words:
        if kept and len(kept) + len(word) >= limit:
            break
        kept = f"{kept}-{word}" if kept else word[:limit]
    return kept or "exclusion"
