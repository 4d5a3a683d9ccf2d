"""Which table a Sigma log source is in, and what its fields are called there.

Defender's tables where the Kusto backend knows the category; `SecurityEvent` for the Security log where it has a column for
every field; `WindowsEvent`, which holds every event whole, for all other Windows logs. Sources: "Sigma Rules Specification",
appendix "Taxonomy"; "Sysmon", its event ids; "DeviceRegistryEvents table", "DeviceNetworkEvents table" (Defender XDR).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lurcher.kql.formatter.words import string
from lurcher.kql.types import ScalarType
from lurcher.schema import known_table

SYSMON = "Microsoft-Windows-Sysmon/Operational"
_POWERSHELL = ("Microsoft-Windows-PowerShell/Operational", "PowerShellCore/Operational")
_CLASSIC = ("Windows PowerShell",)

#: Sigma's Windows categories -> channels and event ids. The comment of each is in Sigma's taxonomy.
CATEGORIES: Mapping[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "process_creation": ((SYSMON,), (1,)),
    "file_change": ((SYSMON,), (2,)),
    "network_connection": ((SYSMON,), (3,)),
    "sysmon_status": ((SYSMON,), (4, 16)),
    "process_termination": ((SYSMON,), (5,)),
    "driver_load": ((SYSMON,), (6,)),
    "image_load": ((SYSMON,), (7,)),
    "create_remote_thread": ((SYSMON,), (8,)),
    "raw_access_thread": ((SYSMON,), (9,)),
    "process_access": ((SYSMON,), (10,)),
    "file_event": ((SYSMON,), (11,)),
    "registry_add": ((SYSMON,), (12,)),
    "registry_delete": ((SYSMON,), (12,)),
    "registry_set": ((SYSMON,), (13,)),
    "registry_rename": ((SYSMON,), (14,)),
    "registry_event": ((SYSMON,), (12, 13, 14)),
    "create_stream_hash": ((SYSMON,), (15,)),
    "pipe_created": ((SYSMON,), (17, 18)),
    "wmi_event": ((SYSMON,), (19, 20, 21)),
    "dns_query": ((SYSMON,), (22,)),
    "file_delete": ((SYSMON,), (23, 26)),
    "clipboard_capture": ((SYSMON,), (24,)),
    "process_tampering": ((SYSMON,), (25,)),
    "file_block": ((SYSMON,), (27, 28)),
    "file_executable_detected": ((SYSMON,), (29,)),
    "sysmon_error": ((SYSMON,), (255,)),
    "ps_module": (_POWERSHELL, (4103,)),
    "ps_script": (_POWERSHELL, (4104,)),
    "ps_classic_start": (_CLASSIC, (400,)),
    "ps_classic_provider_start": (_CLASSIC, (600,)),
    "ps_classic_script": (_CLASSIC, (800,)),
}

#: Categories that Defender's tables hold -> the table and the ActionTypes that are meant. A table holds several kinds of events,
#: and a category is one of them.
DEFENDER: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "process_creation": ("DeviceProcessEvents", ()),
    "image_load": ("DeviceImageLoadEvents", ()),
    "network_connection": ("DeviceNetworkEvents", ()),
    "file_event": ("DeviceFileEvents", ("FileCreated", "FileModified")),
    "file_delete": ("DeviceFileEvents", ("FileDeleted",)),
    "file_rename": ("DeviceFileEvents", ("FileRenamed",)),
    "registry_add": ("DeviceRegistryEvents", ("RegistryKeyCreated",)),
    "registry_delete": ("DeviceRegistryEvents", ("RegistryKeyDeleted", "RegistryValueDeleted")),
    "registry_set": ("DeviceRegistryEvents", ("RegistryValueSet",)),
    "registry_event": ("DeviceRegistryEvents", ()),
}
#: Log sources of these products are in Defender's tables.
PRODUCTS = frozenset({"windows", "linux", "macos", ""})

#: Fields of an event's head -> columns of WindowsEvent. All others are in EventData.
_HEAD = {
    "EventID": ("EventID", ScalarType.INT),
    "EventCode": ("EventID", ScalarType.INT),
    "Channel": ("Channel", ScalarType.STRING),
    "Computer": ("Computer", ScalarType.STRING),
    "ComputerName": ("Computer", ScalarType.STRING),
    "Provider_Name": ("Provider", ScalarType.STRING),
    "ProviderName": ("Provider", ScalarType.STRING),
    "Source": ("Provider", ScalarType.STRING),
    "Level": ("EventLevel", ScalarType.INT),
    "EventRecordID": ("EventRecordId", ScalarType.STRING),
    "Keywords": ("Keywords", ScalarType.STRING),
}
_PLAIN = re.compile(r"[A-Za-z_]\w*")

_INBOUND = 'ActionType == "InboundConnectionAccepted"'
_REGISTRY_PATH = (
    'iff(isempty(RegistryValueName), RegistryKey, strcat(RegistryKey, "\\\\", RegistryValueName))',
    ScalarType.STRING,
)
_REGISTRY: Mapping[str, Literal["path", "data"]] = {"TargetObject": "path", "Details": "data"}
#: Sysmon tells of a connection by its source and destination, Defender by the device and the other end; the registry in one
#: path, Defender in key and value.
_OWN: Mapping[str, Mapping[str, tuple[str, ScalarType]]] = {
    "DeviceNetworkEvents": {
        "Initiated": (f"(not({_INBOUND}))", ScalarType.BOOL),
        "DestinationIp": (f"iff({_INBOUND}, LocalIP, RemoteIP)", ScalarType.STRING),
        "DestinationPort": (f"iff({_INBOUND}, LocalPort, RemotePort)", ScalarType.INT),
        "SourceIp": (f"iff({_INBOUND}, RemoteIP, LocalIP)", ScalarType.STRING),
        "SourcePort": (f"iff({_INBOUND}, RemotePort, LocalPort)", ScalarType.INT),
    },
    "DeviceRegistryEvents": {"TargetObject": _REGISTRY_PATH, "Details": ("RegistryValueData", ScalarType.STRING)},
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field in KQL: an expression and its type. `registry`: a path in the registry, or what a value there holds, which Sysmon
    writes in its own way."""

    text: str
    type: ScalarType
    registry: Literal["", "path", "data"] = ""


@dataclass(frozen=True)
class Target:
    """Where a rule looks: `table`, what narrows it to the log source, and its fields. `field` gives None for one that the table
    does not have."""

    table: str
    conditions: tuple[str, ...]
    field: Callable[[str], Field | None]
    defender: bool = False


def _defender(table: str, actions: tuple[str, ...]) -> Target:
    schema = known_table(table)
    assert schema is not None
    own = _OWN.get(table, {})
    conditions = (_among("ActionType", actions),) if actions else ()

    def field(name: str) -> Field | None:
        if name in own:
            return Field(*own[name], registry=_REGISTRY.get(name, ""))
        column = schema.column(name)
        return Field(name, column.type) if column is not None else None

    return Target(table, conditions, field, defender=True)


def _among(column: str, values: tuple[str, ...] | tuple[int, ...]) -> str:
    texts = [string(v) if isinstance(v, str) else str(v) for v in values]
    return f"{column} == {texts[0]}" if len(texts) == 1 else f"{column} in ({', '.join(texts)})"


def _events(channels: tuple[str, ...], ids: tuple[int, ...]) -> Target:
    conditions = [_among("Channel", channels)] if channels else []
    if ids:
        conditions.append(_among("EventID", ids))
    return Target("WindowsEvent", tuple(conditions), _event_field)


def _event_field(name: str) -> Field:
    if name in _HEAD:
        return Field(*_HEAD[name])
    if name == "Data":
        # Data without names comes as a list, whose text as JSON doubles backslashes.
        data = 'iff(gettype(EventData.Data) == "array", strcat_array(EventData.Data, "\\n"), tostring(EventData.Data))'
        return Field(data, ScalarType.STRING)
    place = f"EventData.{name}" if _PLAIN.fullmatch(name) else f"EventData[{string(name)}]"
    return Field(f"tostring({place})", ScalarType.STRING)


def _security() -> Target:
    schema = known_table("SecurityEvent")
    assert schema is not None

    def field(name: str) -> Field | None:
        head = {"EventCode": "EventID", "Provider_Name": "EventSourceName", "ComputerName": "Computer"}.get(name, name)
        column = schema.column(head)
        return Field(head, column.type) if column is not None else None

    return Target("SecurityEvent", (), field)


def targets(product: str, category: str, service: str, channels: Mapping[str, str | Sequence[str]]) -> list[Target]:
    """The tables that may hold a log source, best first; [] for one that is in none. `channels` are pySigma's: service -> log."""
    found: list[Target] = []
    if category in DEFENDER and product in PRODUCTS and not service:
        found.append(_defender(*DEFENDER[category]))
    if product == "windows" and category in CATEGORIES:
        found.append(_events(*CATEGORIES[category]))
    if product == "windows" and not category and service:
        if service == "security":
            found.append(_security())
        names = channels.get(service)
        if names is not None:
            found.append(_events((names,) if isinstance(names, str) else tuple(names), ()))
    if product == "windows" and not category and not service:
        found.append(_events((), ()))
    return found
