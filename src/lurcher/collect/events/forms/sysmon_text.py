"""The fields of a Sysmon event in the text that Windows makes of it.

Sysmon's messages are `Title:` and then a line `Name: value` for each field, in order: the text holds the event's own fields
and nothing else. It is read where a form has lost fields, and for Sysmon alone: messages of other providers are prose.
Source: the message table of Sysmon's manifest (`sysmon -s`, `wevtutil gp Microsoft-Windows-Sysmon /gm`).
"""

from __future__ import annotations

import re

SYSMON = "Microsoft-Windows-Sysmon"
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9]*: ?")


def fields(message: str) -> dict[str, str] | None:
    """Name -> value of each line; None where the text is not of that form throughout, or a name comes twice."""
    found: dict[str, str] = {}
    lines = message.replace("\r\n", "\n").rstrip("\n").split("\n")
    for line in lines[1:]:
        match = _FIELD.match(line)
        if match is None:
            return None  # a value of more than one line: where it ends cannot be told
        name = line[: line.index(":")]
        if name in found:
            return None
        found[name] = line[match.end() :].rstrip("\r")
    return found or None
