"""Every event as rows of Sentinel's tables: WindowsEvent for all, SecurityEvent for the Security log, Event for the others.

Sources: the table references of Azure Monitor Logs; how Log Analytics writes `EventData` is in queries that are published for
it (`parse_xml(EventData).DataItem.EventData.Data`, each with `@Name` and `#text`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lurcher.collect.events.mapping import values, xml_text
from lurcher.collect.events.mapping.activities import ACTIVITIES
from lurcher.collect.events.mapping.assemble import array, column_of
from lurcher.collect.events.mapping.columns import Column
from lurcher.collect.events.mapping.declare import SECURITY
from lurcher.collect.events.mapping.frame import Batch, Frame
from lurcher.collect.events.mapping.json_text import bags
from lurcher.kql.types import ScalarType
from lurcher.schema import known_table

if TYPE_CHECKING:
    import pyarrow as pa

_LEVELS = {0: "LogAlways", 1: "Critical", 2: "Error", 3: "Warning", 4: "Information", 5: "Verbose"}
#: The accounts whose name is the same on every machine; another SID's name is not in the event.
_ACCOUNTS = {
    "S-1-5-18": "NT AUTHORITY\\SYSTEM",
    "S-1-5-19": "NT AUTHORITY\\LOCAL SERVICE",
    "S-1-5-20": "NT AUTHORITY\\NETWORK SERVICE",
}


def is_security(provider: str | None, channel: str | None) -> bool:
    """Whether an event is of the Security log, which has a table of its own."""
    if channel:
        return channel.strip().lower() == "security"
    return (provider or "").strip().lower() == "microsoft-windows-security-auditing"


class Place:
    """The rows of some frames, which follow each other in their batch: what is made frame by frame, and what the batch has."""

    def __init__(self, batch: Batch, frames: Sequence[Frame]) -> None:
        self.batch, self.frames = batch, frames
        self._start = frames[0].start
        self.count = sum(frame.count for frame in frames)
        self._whole = self.count == batch.count

    def of_batch(self, array: pa.Array) -> pa.Array:
        return array if self._whole else array.slice(self._start, self.count)

    def of_list(self, column: Sequence[Any]) -> Sequence[Any]:
        return column if self._whole else column[self._start : self._start + self.count]

    def of_frames(self, parts: Iterable[Sequence[Any] | None], kind: ScalarType = ScalarType.STRING) -> pa.Array:
        """One column of a part for each frame."""
        return column_of(
            [(frame.count, part) for frame, part in zip(self.frames, parts, strict=True)],
            kind,
        )


def _numbers(place: Place, part: str, kind: ScalarType = ScalarType.INT) -> pa.Array:
    return place.of_batch(place.batch.integers(part, kind))


def _texts(place: Place, part: str) -> pa.Array:
    return place.of_batch(place.batch.texts(part))


def _by_number(place: Place, part: str, words: Callable[[int], str | None]) -> pa.Array:
    """A text for each distinct number."""
    import pyarrow as pa

    def make() -> pa.Array:
        encoded = place.batch.integers(part, ScalarType.INT).dictionary_encode()
        made = pa.array([None if n is None else words(n) for n in encoded.dictionary.to_pylist()], pa.string())
        return made.take(encoded.indices)

    return place.of_batch(place.batch.made(("words", (part, words)), make))


def _level_name(level: int) -> str | None:
    return _LEVELS.get(level)


def _columns(place: Place, table: str) -> dict[str, pa.Array]:
    """What SecurityEvent and WindowsEvent share, of the System part."""
    import pyarrow as pa

    return {
        "TimeGenerated": place.of_batch(place.batch.times),
        "Computer": _texts(place, "computer"),
        "Channel": _texts(place, "channel"),
        "EventID": _numbers(place, "event_id"),
        "Task": _numbers(place, "task"),
        "EventLevelName": _by_number(place, "level", _level_name),
        "Version": _numbers(place, "version"),
        "Opcode": _by_number(place, "opcode", str),
        "Keywords": _texts(place, "keywords"),
        "Correlation": _texts(place, "activity_id"),
        "SystemUserId": _texts(place, "user_sid"),
        "SystemProcessId": _numbers(place, "process_id"),
        "SystemThreadId": _numbers(place, "thread_id"),
        "EventRecordId": place.of_batch(place.batch.integers("record_id", ScalarType.LONG)).cast(pa.string()),
        "Type": pa.repeat(table, place.count),
    }


def windows_event(place: Place) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_pydict(
        {
            **_columns(place, "WindowsEvent"),
            "Provider": _texts(place, "provider"),
            "EventLevel": _numbers(place, "level"),
            "EventData": place.of_frames([bags(frame) for frame in place.frames]),
        }
    )


# --- Event ---


def event_rows(place: Place) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_pydict(
        {
            "TimeGenerated": place.of_batch(place.batch.times),
            "Source": _texts(place, "provider"),
            "EventLog": _texts(place, "channel"),
            "Computer": _texts(place, "computer"),
            "EventLevel": _numbers(place, "level"),
            "EventLevelName": _by_number(place, "level", _level_name),
            "ParameterXml": place.of_frames([xml_text.parameters(frame) for frame in place.frames]),
            "EventData": place.of_frames([xml_text.data_item(frame) for frame in place.frames]),
            "EventID": _numbers(place, "event_id"),
            "RenderedDescription": array(place.of_list(place.batch.column("message")), ScalarType.STRING),
            "EventCategory": _numbers(place, "task"),
            "UserName": array(place.of_list(place.batch.distinct("user_sid", _ACCOUNTS.get)), ScalarType.STRING),
            "Type": pa.repeat("Event", place.count),
        }
    )


# --- SecurityEvent ---

#: Columns that are not the data field of the same name: the System part's, the service's own, and what is made here.
_NOT_BY_NAME = frozenset(
    {
        "TenantId",
        "TimeGenerated",
        "SourceSystem",
        "Account",
        "AccountType",
        "Computer",
        "EventSourceName",
        "Channel",
        "Task",
        "Level",
        "EventData",
        "EventID",
        "Activity",
        "StorageAccount",
        "AzureDeploymentID",
        "LogonTypeName",
        "Process",
        "SubjectAccount",
        "TargetAccount",
        "EventLevelName",
        "SourceComputerId",
        "ManagementGroupName",
        "SystemUserId",
        "Version",
        "Opcode",
        "Keywords",
        "Correlation",
        "SystemProcessId",
        "SystemThreadId",
        "EventRecordId",
        "Type",
        "_IsBillable",
        "_BilledSize",
        "_ResourceId",
        "_SubscriptionId",
    }
)
_GUIDS = frozenset({"LogonGuid", "TargetLogonGuid", "SubcategoryGuid", "InterfaceUuid"})
_SECURITY_EVENT = known_table("SecurityEvent")
assert _SECURITY_EVENT is not None
#: Field without case -> column.
_BY_NAME = {c.name.lower(): c for c in _SECURITY_EVENT.columns if c.name not in _NOT_BY_NAME}
#: Events about the account that is their target, not about who did something to it.
_OF_TARGET = frozenset({4624, 4625, 4626, 4627, 4634, 4647, 4768, 4769, 4770, 4771, 4772, 4773, 4776, 4777, 4778, 4779})


def security_event(place: Place) -> pa.RecordBatch:
    import pyarrow as pa

    frames = place.frames
    parts = [_security_columns(frame) for frame in frames]
    data = {name: None for part in parts for name in part}
    made = {}
    for name in data:
        column = _SECURITY_EVENT.column(name) if _SECURITY_EVENT else None
        assert column is not None
        made[name] = place.of_frames([part.get(name) for part in parts], column.type)
    return pa.RecordBatch.from_pydict(
        {
            **_columns(place, "SecurityEvent"),
            "EventData": place.of_frames([xml_text.event_data(frame) for frame in frames]),
            "EventSourceName": _texts(place, "provider"),
            "Level": _by_number(place, "level", str),
            "Activity": place.of_frames([[_activity(frame)] * frame.count for frame in frames]),
            **made,
        }
    )


def _security_columns(frame: Frame) -> dict[str, Any]:
    """The columns of one kind of event that come of its data."""
    columns: dict[str, Any] = {}
    for name in frame.names:
        column = _BY_NAME.get(name.lower())
        if column is None or column.name in columns:
            continue
        if column.type is ScalarType.INT:
            columns[column.name] = frame.convert(name, values.small_integer)
        elif column.name in _GUIDS:
            columns[column.name] = frame.convert(name, _bare_guid)
        else:
            columns[column.name] = frame.raw(name)
    for side in ("Subject", "Target"):
        columns[f"{side}Account"] = _account(frame, side)
    first, second = ("Target", "Subject") if frame.event_id in _OF_TARGET else ("Subject", "Target")
    side = first if frame.has(f"{first}UserName") else second
    columns["Account"] = columns[f"{side}Account"]
    columns["AccountType"] = frame.convert(f"{side}UserName", _account_type)
    image = "NewProcessName" if frame.has("NewProcessName") else "ProcessName"
    columns["Process"] = frame.convert(image, values.file_name)
    columns["LogonTypeName"] = frame.convert("LogonType", _logon_type_name)
    return {name: part for name, part in columns.items() if part is not None}


def _activity(frame: Frame) -> str | None:
    """Other programs write into the log as well, with numbers of their own."""
    return ACTIVITIES.get(frame.event_id) if SECURITY.wrote(frame.provider, frame.channel) else None


def _account(frame: Frame, side: str) -> Column | None:
    users, domains = frame.raw(f"{side}UserName"), frame.raw(f"{side}DomainName")
    if users is None or domains is None:
        return users
    pairs = list(zip(domains, users, strict=True))
    known = {pair: None if pair[1] is None else "\\".join((pair[0] or "", pair[1])) for pair in set(pairs)}
    return [known[pair] for pair in pairs]


def _bare_guid(text: str) -> str:
    return values.guid(text) or text


def _account_type(name: str) -> str:
    return "Machine" if name.endswith("$") else "User"


def _logon_type_name(text: str) -> str | None:
    number = values.integer(text)
    return f"{number} - {values.LOGON_TYPES[number]}" if number in values.LOGON_TYPES else None
