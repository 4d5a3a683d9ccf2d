"""Text for a terminal, out of data that an intruder wrote."""

from __future__ import annotations


def visible(text: str) -> str:
    r"""The text with control characters and direction overrides written out (`\x1b`), so that data cannot steer a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def counted(number: int, what: str, plural: str = "") -> str:
    """`1 rule`, `1,203 rules`."""
    return f"{number:,} {what if number == 1 else plural or what + 's'}"
