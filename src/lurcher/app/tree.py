"""The tree of a device's processes, for a terminal."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lurcher.app.session import Session
from lurcher.errors import LurcherError

_COLUMNS = (
    "Node", "ParentNode", "Path", "ProcessCreationTime", "Timestamp", "ProcessId", "ProcessUniqueId", "FileName",
    "ProcessCommandLine", "AccountDomain", "AccountName", "Source", "ParentBy",
)  # fmt: skip


@dataclass(frozen=True)
class TreeLine:
    """A process: `lead` are the strokes before it, `above` what is told of those before a root. `asked`: it is the one that was
    asked for."""

    lead: str
    above: str
    name: str
    number: int | None
    started: datetime | None
    account: str
    command_line: str
    unique_id: str
    source: str
    parent_by: str
    asked: bool


def tree(
    session: Session,
    device: str,
    *,
    number: int | None = None,
    guid: str = "",
    at: datetime | None = None,
    source: str = "",
) -> list[TreeLine]:
    """The processes of a device, parents before their children; with `number` or `guid` only those, what they came from and what
    came from them. `at` chooses the process with the number that was started last by then. `source`: only what that log
    tells (Sysmon and Security tell of the same processes).

    Raises `LurcherError` where there is no such device or process.
    """
    text = f"ProcessTree({json.dumps(device, ensure_ascii=False)}) | project {', '.join(_COLUMNS)} | sort by Node asc"
    rows = session.run_table(text).to_pylist()
    if rows and source:
        there = sorted({row["Source"] for row in rows})
        rows = [row for row in rows if row["Source"].lower() == source.lower()]
        if not rows:
            raise LurcherError(f"no start of a process of {device!r} from {source!r}", f"there are: {', '.join(there)}")
    if not rows:
        raise LurcherError(
            f"no start of a process of {device!r}",
            "lurcher query 'DeviceProcessEvents | distinct DeviceName' tells of whom there are",
        )
    nodes = {row["Node"]: row for row in rows}
    wanted = _asked(rows, device, number, guid, at)
    shown = _around(nodes, wanted) if wanted else set(nodes)
    return list(_lines(nodes, shown, wanted))


def _asked(rows: list[dict[str, Any]], device: str, number: int | None, guid: str, at: datetime | None) -> set[int]:
    if number is None and not guid:
        if at is not None:
            raise LurcherError("a time chooses among the processes with one number", "add: --pid NUMBER")
        return set()
    id_ = _digits(guid)
    found = [
        row
        for row in rows
        if (number is None or row["ProcessId"] == number)
        and (not guid or row["ProcessUniqueId"] == guid or (id_ and _digits(row["ProcessUniqueId"]) == id_))
        and (at is None or ((started := _started(row)) is not None and started <= at))
    ]
    if not found:
        what = f"the id {guid}" if guid else f"the number {number}"
        raise LurcherError(
            f"no process of {device!r} with {what}" + (f" was started by {at:%Y-%m-%d %H:%M:%S}" if at else "")
        )
    return {found[-1]["Node"]} if at is not None else {row["Node"] for row in found}


def _digits(guid: str) -> str:
    """A GUID without its ornaments; what is none is nothing."""
    digits = guid.strip("{} ").replace("-", "").lower()
    return digits if len(digits) == 32 and set(digits) <= set("0123456789abcdef") else ""


def _started(row: dict[str, Any]) -> datetime | None:
    time: datetime | None = row["ProcessCreationTime"] or row["Timestamp"]
    return time.replace(tzinfo=UTC) if time is not None else None


def _around(nodes: dict[int, dict[str, Any]], wanted: set[int]) -> set[int]:
    """What is asked for, with what it came from and what came from it. A parent has a lower number than its child."""
    shown = set(wanted)
    for node, row in nodes.items():
        if row["ParentNode"] in shown:
            shown.add(node)
    for node in wanted:
        parent = nodes[node]["ParentNode"]
        while parent is not None and parent not in shown:
            shown.add(parent)
            parent = nodes[parent]["ParentNode"]
    return shown


def _lines(nodes: dict[int, dict[str, Any]], shown: set[int], wanted: set[int]) -> Iterator[TreeLine]:
    children: dict[int | None, list[int]] = defaultdict(list)
    for node, row in nodes.items():
        if node in shown:
            children[row["ParentNode"]].append(node)
    # (node, its own strokes, those of its children's lines)
    stack = [(node, "", "") for node in reversed(children[None])]
    while stack:
        node, lead, below = stack.pop()
        row = nodes[node]
        above = row["Path"][: -len(row["FileName"])].removesuffix(" > ") if row["ParentNode"] is None else ""
        account = "\\".join(filter(None, (row["AccountDomain"], row["AccountName"])))
        yield TreeLine(
            lead, above, row["FileName"], row["ProcessId"], _started(row), account, row["ProcessCommandLine"],
            row["ProcessUniqueId"], row["Source"], row["ParentBy"], node in wanted,
        )  # fmt: skip
        below_children = children[node]
        for place in range(len(below_children) - 1, -1, -1):
            last = place == len(below_children) - 1
            stack.append(
                (below_children[place], below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "))
            )
