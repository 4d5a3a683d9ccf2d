"""Declarations: which event becomes which row.

    event(SYSMON, 1, to="DeviceProcessEvents", action="ProcessCreated", FileName=name("Image"), ...)

The modules of `families` fill the registry when they are imported. A column that its table does not have, or has with
another type, raises then, as does a second declaration of the same event for the same table.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from typing import Any, Literal

from lurcher.collect.events.mapping.columns import Expr, constant
from lurcher.collect.events.mapping.memory import FACTS
from lurcher.schema import known_table


@dataclass(frozen=True)
class Source:
    """Where events come from: an event is of a source where its channel and its provider are, as far as it names them."""

    name: str
    providers: frozenset[str]
    channels: frozenset[str]

    def wrote(self, provider: str | None, channel: str | None) -> bool:
        known = [
            given.strip().lower() in names
            for given, names in ((provider, self.providers), (channel, self.channels))
            if given
        ]
        return bool(known) and all(known)


SYSMON = Source(
    "Sysmon",
    frozenset({"microsoft-windows-sysmon", "linux-sysmon"}),
    frozenset({"microsoft-windows-sysmon/operational", "linux-sysmon/operational", "linux-sysmon"}),
)
SECURITY = Source(
    "Security",
    frozenset({"microsoft-windows-security-auditing", "microsoft-windows-eventlog"}),
    frozenset({"security"}),
)
SYSTEM = Source("System", frozenset({"service control manager"}), frozenset({"system"}))
POWERSHELL = Source(
    "PowerShell",
    frozenset({"microsoft-windows-powershell", "powershellcore"}),
    frozenset({"microsoft-windows-powershell/operational", "powershellcore/operational"}),
)
SOURCES = (SYSMON, SECURITY, SYSTEM, POWERSHELL)


def source_of(provider: str | None, channel: str | None) -> Source | None:
    return next((source for source in SOURCES if source.wrote(provider, channel)), None)


@dataclass(frozen=True)
class ByGuid:
    """The process is the one with this ProcessGuid."""

    field: str


@dataclass(frozen=True)
class ByNumber:
    """The process is the one that has this number now. Where the event names its image, that must agree."""

    field: str
    image: str | None = None


Process = ByGuid | ByNumber


@dataclass(frozen=True)
class Declaration:
    """How one event becomes a row of one table. `fields` are more names of AdditionalFields; `own` the fields of the event
    that are not in it, because a column holds them."""

    source: Source
    event_id: int
    table: str
    columns: MappingOf[str, Expr]
    fields: MappingOf[str, Expr]
    own: frozenset[str]
    initiating: Process | None
    target: ByGuid | None
    remembers: Literal["guid", "number"] | None

    @property
    def has_bag(self) -> bool:
        table = known_table(self.table)
        return table is not None and table.column("AdditionalFields") is not None


#: (source's name, event id) -> its declarations, in order.
DECLARATIONS: dict[tuple[str, int], list[Declaration]] = {}

#: Columns that every row has, whatever the event: made by `rows`.
COMMON = ("Timestamp", "DeviceId", "DeviceName", "ReportId", "TimeGenerated", "Type", "AdditionalFields")

#: What a remembered target process is in DeviceEvents.
TARGET_FACTS = {
    "ProcessCommandLine": "CommandLine",
    "ProcessCreationTime": "CreationTime",
    "SHA1": "SHA1",
    "SHA256": "SHA256",
    "MD5": "MD5",
}


def event(
    source: Source,
    *ids: int,
    to: str,
    action: str | Expr | None,
    fields: Any = None,
    initiating: Any = None,
    target: Any = None,
    remembers: Any = None,
    **columns: Any,
) -> None:
    """Declare that these events become rows of the table `to`.

    `action` is the ActionType, or what gives it; an event for which it gives none becomes no row of this table. `fields` are
    what AdditionalFields holds beside the event's own fields (name -> `Expr`). `initiating` (`ByGuid`, `ByNumber`) says which
    process did it, `target` (`ByGuid`) to which it was done: their columns are filled from earlier events. `remembers`
    (`guid`, `number`): the event tells of a new process. All others are columns, each an `Expr`.
    """
    table = known_table(to)
    if table is None:
        raise ValueError(f"there is no table {to}")
    if action is not None:
        columns = {"ActionType": constant(action) if isinstance(action, str) else action, **columns}
    types = {c.name: c.type for c in table.columns}
    if not (isinstance(initiating, Process | None) and isinstance(target, ByGuid | None)):
        raise TypeError(f"{source.name} {ids}: a process is ByGuid or ByNumber")
    for column, expr in columns.items():
        if not isinstance(expr, Expr):
            raise TypeError(f"{source.name} {ids}: {column} is no expression")
        if column in COMMON or types.get(column) is not expr.kind:
            raise ValueError(f"{source.name} {ids}: {to} has no column {column} of {expr.kind} to be declared")
    if fields and "AdditionalFields" not in types:
        raise ValueError(f"{source.name} {ids}: {to} has no AdditionalFields")
    for fact, kind in FACTS.items():
        if types.get(f"InitiatingProcess{fact}", kind) is not kind:
            raise ValueError(f"{to}.InitiatingProcess{fact} is not of {kind}")
    own = frozenset[str]().union(*(expr.holds for expr in columns.values()))
    for number in ids:
        known = DECLARATIONS.setdefault((source.name, number), [])
        if any(d.table == to for d in known):
            raise ValueError(f"{source.name} {number} is declared twice for {to}")
        known.append(Declaration(source, number, to, columns, dict(fields or {}), own, initiating, target, remembers))
