"""PowerShell: a command that a pipeline ran (4103). The text of a script block (4104) has no ActionType."""

from __future__ import annotations

import re

from lurcher.collect.events.mapping.columns import constant, converted, only_if, system_integer, system_text
from lurcher.collect.events.mapping.declare import POWERSHELL, event

_COMMAND = re.compile(r"CommandInvocation\(([^()\r\n]+)\): ")
_HOST = re.compile(r"Host Application = ([^\r\n]+)")


def _command(payload: str) -> str | None:
    """The first command of the pipeline. This line is the same in every language."""
    found = _COMMAND.search(payload)
    return found[1] if found else None


def _host(context: str) -> str | None:
    found = _HOST.search(context)
    return found[1] if found else None


# The event is written by the process that runs the command, under its account.
event(
    POWERSHELL,
    4103,
    to="DeviceEvents",
    action=only_if(
        "Payload",
        lambda payload: _command(payload) is not None,
        constant("PowerShellCommand"),
        "with a CommandInvocation",
    ),
    fields={"Command": converted(_command, "Payload", "first command of Payload")},
    InitiatingProcessId=system_integer("process_id", "Execution/ProcessID"),
    InitiatingProcessAccountSid=system_text("user_sid", "Security/UserID"),
    InitiatingProcessCommandLine=converted(_host, "ContextInfo", "Host Application of ContextInfo"),
)
