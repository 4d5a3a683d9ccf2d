"""The declarations as a page of the manual: `docs/windows-events.md`."""

from __future__ import annotations

from lurcher.collect.events.mapping.declare import DECLARATIONS, SOURCES, ByNumber, Declaration

_HEAD = """# Windows events as rows

<!-- Written from the declarations of `collect/events/mapping/families`: `make docs`. Do not edit. -->

Every event is a row of Sentinel's tables: `SecurityEvent` (the Security log) or `Event` (all others), and `WindowsEvent`.
The events below are rows of Defender's tables as well. Where Defender has no ActionType of that meaning, there is no such
row.

- `Timestamp` is the event's time, `ReportId` its record number, `DeviceName` the computer as the event has it. `DeviceId`
  stands for the host name without its domain, in lower case: not the id that Defender's service gave the device.
- `AdditionalFields` has `Source`, `EventID`, the names below, and all fields of the event that no column holds, under their
  own names. The tables of registry, library and certificate rows have no such column; there the rest is in Sentinel's tables
  alone.
- Names of fields are compared without case. `-`, and `?` in version information, are empty. A number or address that is none
  is null; its text stays in `AdditionalFields`.
- What an event does not say of the process that did it comes from the last earlier event of the same file that told of that
  process: hashes, command line, account, parent, times. Sysmon: by ProcessGuid. Security log: by process number, until 4689
  or the next 4688 with that number, and only where the image that the event names is the same.
- 4688 and Sysmon 1 tell of the same process, 4697 and 7045 of the same service. Both rows are kept;
  `AdditionalFields.Source` tells them apart.

Columns that are empty for an event are not listed. `<-` stands for: made of.
"""


def page() -> str:
    parts = [_HEAD]
    for source in SOURCES:
        parts.append(f"\n## {source.name}\n\n| event | table | ActionType | columns |\n|---|---|---|---|\n")
        mine = sorted((number, found) for (name, number), found in DECLARATIONS.items() if name == source.name)
        parts += [_row(declaration) for _, found in mine for declaration in found]
    return "".join(parts)


def _row(declaration: Declaration) -> str:
    action = declaration.columns.get("ActionType")
    columns = [_column(name, expr.words) for name, expr in declaration.columns.items() if name != "ActionType"]
    columns += [_column(f"AdditionalFields.{name}", expr.words) for name, expr in declaration.fields.items()]
    if declaration.initiating is not None:
        process = declaration.initiating
        by = f"number {process.field}" if isinstance(process, ByNumber) else process.field
        columns.append(f"InitiatingProcess\\* (earlier events, by {by})")
    if declaration.target is not None:
        columns.append(
            f"ProcessCommandLine, ProcessCreationTime, hashes (earlier events, by {declaration.target.field})"
        )
    cells = (
        str(declaration.event_id),
        declaration.table,
        action.words.replace("`", "") if action else "",
        "; ".join(columns),
    )
    return f"| {' | '.join(cells)} |\n"


def _column(name: str, words: str) -> str:
    return name if name == words else f"{name} <- {words}"
