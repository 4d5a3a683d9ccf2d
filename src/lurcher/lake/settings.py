"""What a lake's `lake.toml` says beside its format and platform: what queries may use that is no table.

    [externaldata]
    allow = ["https://raw.githubusercontent.com/contoso/"]   # URLs that begin so may be fetched
    map = { "https://example.org/list.csv" = "lists/list.csv" }   # a file is read instead (beside lake.toml)

    [watchlists]
    vip = "UserPrincipalName"        # the column that SearchKey stands for

    [geo]
    file = "geo/GeoLite2-City.mmdb"

    [elsewhere]
    here = ["arg", "workspace:contoso"]   # their tables are the lake's own

    [targets]
    prod = "sentinel:00000000-0000-0000-0000-000000000000"   # --on prod

    [tables]   # with --engine spark://...: tables of the cluster's catalogue, under the names that queries use
    DeviceProcessEvents = "prod.defender.device_process_events"
    DeviceInfo = { table = "prod.inv.devices", columns = { Timestamp = "seen" }, without = ["OSBuild"], day = "seen_on" }

A key that is not known is an error: a setting that does nothing is worse than none."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from lurcher.errors import LurcherError
from lurcher.schema import known_table


@dataclass(frozen=True, slots=True)
class ClusterTable:
    """A table of a cluster's catalogue: the parts of its `name`, the `columns` that are called otherwise there (KQL's name -> its
    own), those that it is `without` and that are empty, and the column that holds the `day` (UTC) of a row's time."""

    name: tuple[str, ...]
    columns: dict[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    day: str = ""

    def __str__(self) -> str:
        return ".".join(self.name)


@dataclass(frozen=True, slots=True)
class Settings:
    """Paths are as written: relative ones are beside `lake.toml`."""

    allow: tuple[str, ...] = ()
    map: dict[str, str] = field(default_factory=dict)
    #: alias -> the column that SearchKey stands for
    watchlists: dict[str, str] = field(default_factory=dict)
    geo: str = ""
    here: tuple[str, ...] = ()
    #: name -> a live service that `--on` takes
    targets: dict[str, str] = field(default_factory=dict)
    #: a table of Defender's or Sentinel's -> the cluster's
    tables: dict[str, ClusterTable] = field(default_factory=dict)


_TOP = ("format", "platform", "externaldata", "watchlists", "geo", "elsewhere", "targets", "tables")
#: A part of a table's name in a catalogue: a word, or anything within backticks.
_PART = re.compile(r"(\w+)|`([^`]+)`")


def read_settings(data: dict[str, Any], text: str, path: str) -> Settings:
    """The settings in a file that was parsed. Raises `LurcherError` with the file and the line."""

    def wrong(key: str, message: str, hint: str = "") -> LurcherError:
        return LurcherError(message, hint, path, _line(text, key))

    def section(name: str, *keys: str) -> dict[str, Any]:
        found = data.get(name, {})
        if not isinstance(found, dict):
            raise wrong(name, f"{name} is a section", f"write: [{name}]")
        for key in found if keys else ():
            if key not in keys:
                raise wrong(key, f"there is no setting '{key}' in [{name}]", f"there are: {', '.join(keys)}")
        return found

    def texts(name: str, key: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise wrong(key, f"'{key}' in [{name}] is a list of texts", f'write: {key} = ["..."]')
        return tuple(value)

    def pairs(name: str, key: str, value: Any) -> dict[str, str]:
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise wrong(key, f"'{key}' holds texts by name", f'write: {key} = {{ "..." = "..." }}')
        return value

    def cluster(key: str, value: Any) -> ClusterTable:
        value = {"table": value} if isinstance(value, str) else value
        if not isinstance(value, dict) or not isinstance(value.get("table"), str):
            raise wrong(
                key, f"'{key}' in [tables] is a table of the catalogue", f'write: {key} = "catalogue.schema.table"'
            )
        known = known_table(key)
        if known is None:
            raise wrong(
                key, f"'{key}' in [tables] is no table of Defender or Sentinel", "their names stand on the left"
            )
        for each in value:
            if each not in ("table", "columns", "without", "day"):
                raise wrong(key, f"there is no setting '{each}' of a table", "there are: table, columns, without, day")
        columns = pairs("tables", "columns", value.get("columns", {}))
        without = texts("tables", "without", value.get("without", []))
        day = value.get("day", "")
        if not isinstance(day, str):
            raise wrong(key, f"'day' of {key} in [tables] is a column's name", 'write: day = "event_date"')
        have = {c.name for c in known.columns}
        for each in (*columns, *without):
            if each not in have:
                raise wrong(key, f"{key} has no column '{each}'", "the names of Defender's columns stand on the left")
        if both := [c for c in columns if c in without]:
            raise wrong(key, f"'{both[0]}' of {key} is in columns and in without", "it is there, or it is empty")
        parts = _name_parts(value["table"])
        if parts is None:
            hint = "parts with other characters stand within backticks: catalogue.`my-schema`.table"
            raise wrong(key, f"'{value['table']}' is no name of a table", hint)
        return ClusterTable(parts, columns, frozenset(without), day)

    for key in data:
        if key not in _TOP:
            raise wrong(key, f"there is no setting '{key}'", f"there are: {', '.join(_TOP)}")
    external, geo, elsewhere = (
        section("externaldata", "allow", "map"),
        section("geo", "file"),
        section("elsewhere", "here"),
    )
    file = geo.get("file", "")
    if not isinstance(file, str):
        raise wrong("file", "'file' in [geo] is a path", 'write: file = "geo/GeoLite2-City.mmdb"')
    return Settings(
        texts("externaldata", "allow", external.get("allow", [])),
        pairs("externaldata", "map", external.get("map", {})),
        pairs("watchlists", "watchlists", section("watchlists")),
        file,
        texts("elsewhere", "here", elsewhere.get("here", [])),
        pairs("targets", "targets", section("targets")),
        {key: cluster(key, value) for key, value in section("tables").items()},
    )


def _name_parts(text: str) -> tuple[str, ...] | None:
    parts, at = [], 0
    while (found := _PART.match(text, at)) is not None:
        parts.append(found[1] or found[2])
        at = found.end()
        if at == len(text):
            return tuple(parts)
        if text[at] != ".":
            return None
        at += 1
    return None


def _line(text: str, key: str) -> int:
    """The line that a key, or a section, stands in."""
    found = re.search(rf"""^[ \t]*\[?[ \t]*["']?{re.escape(key)}["']?[ \t]*(?:[=.\]]|$)""", text, re.MULTILINE)
    if found is None:
        found = re.search(rf"""["']?{re.escape(key)}["']?[ \t]*=""", text)
    return text.count("\n", 0, found.start()) + 1 if found else 1
