"""Rows of DeviceInfo for devices that only their own events tell of: when each was seen first and last (decision 0106)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lurcher.collect.entities import device_id
from lurcher.collect.exports import TableBatch
from lurcher.schema import known_table

if TYPE_CHECKING:
    import pyarrow as pa

    from lurcher.lake import SourceWriter

TABLE = "DeviceInfo"
#: Devices of one source: what collects the events of a whole organisation has fewer. More are no devices.
MAX_DEVICES = 200_000


@dataclass
class _Device:
    name: str
    id: str
    first: datetime
    last: datetime
    os_build: int | None = None
    os_version: str = ""


class Devices:
    """The devices of one source's rows whose id was made here, of the name (`entities.device_id`). Those of Defender's exports
    have ids of the service, and rows of DeviceInfo there."""

    def __init__(self, events: bool) -> None:
        #: Whether the source is one of events: then each has a row in WindowsEvent.
        self._events = events
        self._found: dict[tuple[str, str], _Device] = {}
        self._ids: dict[str, str] = {}
        self._too_many = False

    def see(self, part: TableBatch) -> None:
        names = part.batch.schema.names
        time = part.schema.time_column
        if time is None or time not in names or part.schema.name == TABLE:
            return
        if "DeviceName" in names and "DeviceId" in names:
            self._see(part.batch, "DeviceName", "DeviceId", time)
        elif self._events and part.schema.name == "WindowsEvent" and "Computer" in names:
            self._see(part.batch, "Computer", None, time)
            self._see_starts(part.batch)

    def _see(self, batch: pa.RecordBatch, name: str, id_: str | None, time: str) -> None:
        import pyarrow as pa

        keys = [name, id_] if id_ else [name]
        table = pa.table({key: batch.column(key) for key in (*keys, time)})
        for row in table.group_by(keys).aggregate([(time, "min"), (time, "max")]).to_pylist():
            first, last = row[f"{time}_min"], row[f"{time}_max"]
            own = self._id(row[name])
            if first is None or not own or (id_ and row[id_] != own):
                continue
            key = (own, row[name].lower())
            known = self._found.get(key)
            if known is not None:
                known.first, known.last = min(known.first, first), max(known.last, last)
            elif len(self._found) < MAX_DEVICES:
                self._found[key] = _Device(row[name], own, first, last)
            else:
                self._too_many = True

    def _id(self, name: str | None) -> str:
        if not name:
            return ""
        if name not in self._ids:
            if len(self._ids) > 2 * MAX_DEVICES:
                return ""
            self._ids[name] = device_id(name)
        return self._ids[name]

    def _see_starts(self, batch: pa.RecordBatch) -> None:
        """6009 of EventLog, at every start: version and build of Windows (`10.00.`, `19041`), not which product it is."""
        import pyarrow.compute as pc

        if not {"EventID", "Provider", "EventData"} <= set(batch.schema.names):
            return
        starts = batch.filter(pc.fill_null(pc.equal(batch.column("EventID"), 6009), False))
        for row in starts.select(["Computer", "Provider", "EventData"]).to_pylist():
            device = self._found.get((self._id(row["Computer"]), (row["Computer"] or "").lower()))
            said = _unnamed(row["EventData"])
            if device is None or (row["Provider"] or "").lower() != "eventlog" or len(said) < 2:
                continue
            version, build = said[0].strip(". "), said[1].strip()
            major, point, minor = version.partition(".")
            if point and major.isdecimal() and minor.isdecimal() and build.isdecimal() and len(build) < 10:
                device.os_version, device.os_build = f"{int(major)}.{int(minor)}", int(build)

    def rows(self) -> tuple[pa.RecordBatch, pa.Array] | None:
        """The rows, and what tells of each whether the lake has it; None where there are none."""
        import pyarrow as pa

        if not self._found or self._too_many:
            return None
        lines: list[dict[str, Any]] = []
        hashes = []
        for device in sorted(self._found.values(), key=lambda d: (d.id, d.name.lower())):
            seen = {"Source": "derived", "FirstSeen": _iso(device.first), "LastSeen": _iso(device.last)}
            for when in dict.fromkeys((device.first, device.last)):
                lines.append(
                    {
                        "Timestamp": when,
                        "DeviceId": device.id,
                        "DeviceName": device.name,
                        "OSBuild": device.os_build,
                        "OSVersion": device.os_version,
                        "AdditionalFields": json.dumps(seen),
                    }
                )
                said = json.dumps(lines[-1], default=_iso, sort_keys=True)
                hashes.append(hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()[:16])
        schema = pa.schema(
            [
                ("Timestamp", pa.timestamp("us", "UTC")),
                *((name, pa.string()) for name in ("DeviceId", "DeviceName")),
                ("OSBuild", pa.int64()),
                *((name, pa.string()) for name in ("OSVersion", "AdditionalFields")),
            ]
        )
        return pa.RecordBatch.from_pylist(lines, schema), pa.array(hashes, pa.binary())


def write(writer: SourceWriter, seen: Devices, tables: Collection[str]) -> frozenset[str]:
    """Stage the rows with the source's own, so that they are one with it: the tables that hold nothing else of it. `tables` are
    those of its own rows."""
    schema, found = known_table(TABLE), seen.rows()
    if schema is None or found is None or TABLE in tables:
        return frozenset()
    writer.write(schema, found[0], row_hash=found[1])
    return frozenset({TABLE})


def _unnamed(data: Any) -> list[str]:
    """The texts of an event's data that has no names."""
    try:
        bag = json.loads(data) if isinstance(data, str) else data
    except ValueError:
        return []
    texts = bag.get("Data") if isinstance(bag, dict) else None
    return [str(t) for t in texts] if isinstance(texts, list) else []


def _iso(time: datetime) -> str:
    return time.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
