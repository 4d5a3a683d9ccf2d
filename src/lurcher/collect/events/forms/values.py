"""Values of an event's System part, as programs write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: Names of levels and opcodes that Windows itself gives. Source: winmeta.xml of the Windows SDK.
LEVELS = {"critical": 1, "error": 2, "warning": 3, "information": 4, "verbose": 5}
OPCODES = {
    "info": 0, "start": 1, "stop": 2, "dcstart": 3, "dcstop": 4, "extension": 5, "reply": 6, "resume": 7, "suspend": 8,
    "send": 9, "receive": 240,
}  # fmt: skip
_MILLISECONDS = 100_000_000_000
_EPOCH_TEXT = re.compile(r"[0-9]{10}(?:\.[0-9]{1,9})?|[0-9]{13}")
#: What most numbers that are texts are.
_DIGITS = {str(n): n for n in range(65_536)}
_AUDITING = "Microsoft-Windows-Security-Auditing"


def names(text: str) -> frozenset[str]:
    """A set of names, as a declaration lists them."""
    return frozenset(text.split())


def integer(value: Any) -> int | None:
    """A number as a number, as text (decimal or `0x..`), or as what XML leaves of it: `{"#text": 1}`, `{"Value": 1}`."""
    kind = type(value)
    if kind is int:
        return value  # type: ignore[no-any-return]
    if kind is str:
        if value in _DIGITS:
            return _DIGITS[value]
        text = value.strip()
        digits = text[2:] if text[:2] in ("0x", "0X") else text
        if len(digits) > 20 or not digits.isascii():
            return None
        if digits is not text:
            return int(digits, 16) if digits.isalnum() and not digits.strip("0123456789abcdefABCDEF") else None
        if digits.isdecimal() or (digits[:1] == "-" and digits[1:].isdecimal()):
            return int(digits)
        return None
    if kind is float and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if kind is dict:
        for name in ("#text", "Value", "value", "_value_1"):
            if name in value:
                return integer(value[name])
    return None


def event_id(value: Any) -> int:
    """The number of an event. Raises `ValueError` where it is none."""
    number = integer(value)
    if number is None or not 0 <= number < 1 << 32:
        raise ValueError(
            "it has no EventID that is a number" if value is None else f"EventID is {value!r:.60}, no number"
        )
    return number


def text(value: Any) -> str | None:
    """Text, or the text of a number or of an element; None where there is none."""
    if type(value) is str:
        return value or None
    if type(value) is dict:
        return text(value.get("#text"))
    if type(value) is bool or value is None or type(value) is list:
        return None
    return str(value)


def count(value: Any) -> int | None:
    """A number that is not negative (a level, a version, a process): anything else is as good as none."""
    number = value if type(value) is int else integer(value)
    return number if number is not None and 0 <= number < 1 << 63 else None


def keywords(value: Any) -> str | None:
    """The mask in hexadecimal, as XML has it; names as they are."""
    if type(value) is str and value[:2] == "0x":
        return value
    if type(value) is int:
        return f"{value & 0xFFFF_FFFF_FFFF_FFFF:#x}" if -(1 << 63) <= value < 1 << 64 else None
    if type(value) is str and value:
        number = integer(value) if value[:1] in "-0123456789" and value[:2].lower() != "0x" else None
        return value if number is None else keywords(number)
    if type(value) is list:
        return ", ".join(v for v in value if type(v) is str) or None
    return text(value)


def level(value: Any, provider: str | None) -> int | None:
    """A level as a number or by its name. Auditing's `Information` is level 0: Windows gives both the same name."""
    number = count(value)
    if number is not None or type(value) is not str:
        return number
    found = LEVELS.get(value.lower())
    return 0 if found == 4 and provider == _AUDITING else found


def opcode(value: Any) -> int | None:
    number = count(value)
    return OPCODES.get(value.lower()) if number is None and type(value) is str else number


def time(value: Any) -> str | None:
    """A time as text; numbers are seconds since 1970, as Velociraptor writes them, or milliseconds, as Elasticsearch does: which,
    their size tells (100 gigaseconds are the year 5138, as milliseconds 1973)."""
    if type(value) is str:
        if value.startswith("/Date("):
            return _dotnet(value)
        if value[:1].isdigit() and _EPOCH_TEXT.fullmatch(value):
            return time(float(value) if "." in value else int(value))
        return value or None
    if type(value) is int or type(value) is float:
        return _since(value, 1_000 if abs(value) >= _MILLISECONDS else 1_000_000)
    if type(value) is dict:  # PowerShell's datetime, told apart
        return time(value.get("value", value.get("DateTime", value.get("#text"))))
    return None


def _since(number: float, factor: int) -> str:
    try:
        return (_EPOCH + timedelta(microseconds=round(number * factor))).isoformat()
    except (OverflowError, ValueError):
        raise ValueError(f"{number!r:.40} is no time") from None


def _dotnet(value: str) -> str:
    """`/Date(1600000000000)/`: milliseconds since 1970, as PowerShell 5 writes them."""
    number = integer(value[6:].rstrip(")/").partition("+")[0])
    if number is None:
        raise ValueError(f"{value[:40]} is no time")
    return _since(number, 1_000)


def texts(value: Any) -> list[Any]:
    """Unnamed data: what was one, many or none."""
    if value is None:
        return []
    if type(value) is dict and "#text" in value:
        return texts(value["#text"])
    return value if type(value) is list else [value]
