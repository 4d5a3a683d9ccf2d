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
#: Rows of those tables that are none of the category, where the ActionTypes that are cannot be listed: to wait for connections is
#: to have none.
_OTHERS: Mapping[str, str] = {"DeviceNetworkEvents": "ListeningConnectionCreated"}
#: Log sources of these products are in Defender's tables.
PRODUCTS = frozenset({"windows", "linux", "macos", ""})

_PLAIN_TYPES = frozenset({ScalarType.BOOL, ScalarType.INT, ScalarType.LONG, ScalarType.REAL})
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
_SELF = "ProcessGuid ProcessId Image User"
_FILE = f"{_SELF} TargetFilename"
_LOADED = "ImageLoaded Hashes Signed Signature SignatureStatus"
_VERSION = "FileVersion Description Product Company OriginalFileName"
_TWO = "SourceProcessId SourceImage TargetProcessId TargetImage SourceUser TargetUser"
_KEY = f"{_SELF} EventType TargetObject"
#: What Sysmon writes with each of its events, `RuleName` and `UtcTime` besides.
_SYSMON_FIELDS: Mapping[int, str] = {
    1: f"{_SELF} {_VERSION} CommandLine CurrentDirectory LogonGuid LogonId TerminalSessionId IntegrityLevel Hashes "
    "ParentProcessGuid ParentProcessId ParentImage ParentCommandLine ParentUser",
    2: f"{_FILE} CreationUtcTime PreviousCreationUtcTime",
    3: f"{_SELF} Protocol Initiated SourceIsIpv6 SourceIp SourceHostname SourcePort SourcePortName DestinationIsIpv6 "
    "DestinationIp DestinationHostname DestinationPort DestinationPortName",
    4: "State Version SchemaVersion",
    5: _SELF,
    6: _LOADED,
    7: f"{_SELF} {_VERSION} {_LOADED}",
    8: f"{_TWO} SourceProcessGuid TargetProcessGuid NewThreadId StartAddress StartModule StartFunction",
    9: f"{_SELF} Device",
    10: f"{_TWO} SourceProcessGUID TargetProcessGUID SourceThreadId GrantedAccess CallTrace",
    11: f"{_FILE} CreationUtcTime",
    12: _KEY,
    13: f"{_KEY} Details",
    14: f"{_KEY} NewName",
    15: f"{_FILE} CreationUtcTime Hash Contents",
    16: "Configuration ConfigurationFileHash",
    17: f"{_SELF} EventType PipeName",
    18: f"{_SELF} EventType PipeName",
    19: "EventType Operation User EventNamespace Name Query",
    20: "EventType Operation User Name Type Destination",
    21: "EventType Operation User Consumer Filter",
    22: f"{_SELF} QueryName QueryStatus QueryResults",
    23: f"{_FILE} Hashes IsExecutable Archived",
    24: f"{_SELF} Session ClientInfo Hashes Archived",
    25: f"{_SELF} Type",
    26: f"{_FILE} Hashes IsExecutable",
    27: f"{_FILE} Hashes",
    28: f"{_FILE} Hashes IsExecutable",
    29: f"{_FILE} Hashes",
    255: "ID Description",
}
_PLAIN = re.compile(r"[A-Za-z_]\w*")

_INBOUND = 'ActionType == "InboundConnectionAccepted"'
_REGISTRY_PATH = (
    # Sysmon writes `(Default)` for the value that has no name.
    'strcat(RegistryKey, case(isnotempty(RegistryValueName), strcat("\\\\", RegistryValueName), '
    'ActionType in ("RegistryValueSet", "RegistryValueDeleted"), "\\\\(Default)", ""))',
    ScalarType.STRING,
)
_REGISTRY: Mapping[str, Literal["path", "data", "event"]] = {
    "TargetObject": "path",
    "Details": "data",
    "EventType": "event",
}
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
    "DeviceRegistryEvents": {
        "TargetObject": _REGISTRY_PATH,
        "Details": ("RegistryValueData", ScalarType.STRING),
        "EventType": ("ActionType", ScalarType.STRING),
    },
}
#: Sysmon writes a user as `DOMAIN\\name`, Defender keeps the two apart. A process's own user is that of the event in the table of
#: processes, and of the initiating process in all others.
_PROCESS_USERS: Mapping[str, str] = {"User": "Account", "ParentUser": "InitiatingProcessAccount"}
_USERS: Mapping[str, str] = {"User": "InitiatingProcessAccount"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field in KQL: an expression and its type. `registry`: a path in the registry, what a value there holds, or what was done to
    it, which Sysmon writes in its own way."""

    text: str
    type: ScalarType
    registry: Literal["", "path", "data", "event"] = ""
    #: Of a user: the columns of the domain and of the name, which `text` puts together.
    user: tuple[str, str] | None = None


@dataclass(frozen=True)
class Target:
    """Where a rule looks: `table`, what narrows it to the log source, and its fields. `field` gives None for one that the table
    does not have."""

    table: str
    conditions: tuple[str, ...]
    field: Callable[[str], Field | None]
    defender: bool = False
    #: Of Sysmon's events: the fields that they have. Empty where that is not known.
    known: frozenset[str] = frozenset()


def _user(prefix: str, product: str) -> Field:
    domain, name = f"{prefix}Domain", f"{prefix}Name"
    if product in ("linux", "macos"):
        return Field(name, ScalarType.STRING)
    return Field(f'strcat({domain}, "\\\\", {name})', ScalarType.STRING, user=(domain, name))


def _defender(table: str, actions: tuple[str, ...], product: str) -> Target:
    schema = known_table(table)
    assert schema is not None
    own = _OWN.get(table, {})
    conditions = (_among("ActionType", actions),) if actions else ()
    if table in _OTHERS:
        conditions = (f"ActionType != {string(_OTHERS[table])}",)

    users = _PROCESS_USERS if table == "DeviceProcessEvents" else _USERS

    def field(name: str) -> Field | None:
        if name in users:
            return _user(users[name], product)
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
    known = set(_HEAD) | {"RuleName", "UtcTime"} if channels == (SYSMON,) and ids else set()
    if known:
        known.update(*(_SYSMON_FIELDS[i].split() for i in ids))
    return Target("WindowsEvent", tuple(conditions), _event_field, known=frozenset(known))


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


#: Logs of Entra ID whose table in Sentinel has the names of their fields for its columns.
ENTRA = {"signinlogs": "SigninLogs", "auditlogs": "AuditLogs", "riskdetection": "AADUserRiskEvents"}


def _entra(table: str) -> Target | None:
    """Fields that are columns of text or numbers, in whatever case. What lies within a column of another sort is not compared."""
    schema = known_table(table)
    if schema is None:
        return None
    columns = {c.name.lower(): c for c in schema.columns}

    def field(name: str) -> Field | None:
        column = columns.get(name.lower())
        plain = column is not None and (column.type is ScalarType.STRING or column.type in _PLAIN_TYPES)
        return Field(column.name, column.type) if column is not None and plain else None

    return Target(table, (), field)


def targets(product: str, category: str, service: str, channels: Mapping[str, str | Sequence[str]]) -> list[Target]:
    """The tables that may hold a log source, best first; [] for one that is in none. `channels` are pySigma's: service -> log."""
    found: list[Target] = []
    if product == "azure" and not category and service in ENTRA and (entra := _entra(ENTRA[service])) is not None:
        found.append(entra)
    if category in DEFENDER and product in PRODUCTS and not service:
        found.append(_defender(*DEFENDER[category], product))
    own = channels.get(service, ()) if service else ()
    logs = (own,) if isinstance(own, str) else tuple(own)
    if product == "windows" and category in CATEGORIES and (not service or set(logs) & set(CATEGORIES[category][0])):
        found.append(_events(*CATEGORIES[category]))
    elif product == "windows" and service:
        # Of a category whose events are in another log, the rule's own event ids say which are meant.
        if service == "security":
            found.append(_security())
        if logs:
            found.append(_events(logs, ()))
    if product == "windows" and not category and not service:
        found.append(_events((), ()))
    return found
