"""What the engine has measured of one query: its steps with rows and time, and what was read of which table.

The numbers are DuckDB's own (`EXPLAIN (ANALYZE, FORMAT JSON)`: it runs the query as it would be run and keeps no rows), and the
lake's log's. What neither of them says is None here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from lurcher.engines.lowering.times import day_range
from lurcher.plan import nodes as n
from lurcher.plan.windows import ANY_TIME, TimeWindow, Windows

if TYPE_CHECKING:
    from lurcher.engines.lowering.context import Stored
    from lurcher.engines.views import Tables, Views
    from lurcher.lake import DataFile

#: What the engine puts around each profiled statement.
_AROUND = frozenset({"RESULT_COLLECTOR", "EXPLAIN_ANALYZE", "QUERY"})
#: Operators that may end before all rows of their input have been read.
_ENDING = frozenset({"LIMIT", "STREAMING_LIMIT", "LIMIT_PERCENT", "STREAMING_SAMPLE"})


@dataclass(frozen=True)
class Operator:
    """A step of the engine's. `seconds` are of all its threads together. `groups` are parts of files (row groups): how many were
    read, of how many. `extra` is what else the engine says of it."""

    kind: str
    rows: int
    seconds: float
    extra: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[Operator, ...] = ()
    groups: tuple[int, int] | None = None
    bytes: int | None = None
    #: The names of the tables whose rows it reads, or the steps below it.
    tables: frozenset[str] = frozenset()

    def walk(self) -> Iterator[Operator]:
        """It and all below it, what comes first in time first: what is kept for several is kept before they begin."""
        order: list[Operator] = []
        stack: list[tuple[Operator, bool]] = [(self, False)]
        while stack:
            top, done = stack.pop()
            if done:
                order.append(top)
                continue
            first, *others = top.inputs or (None,)
            stack.extend((i, False) for i in reversed(others))
            if top.kind != "CTE":
                stack.insert(len(stack) - len(others), (top, True))
            else:
                stack.append((top, True))
            if first is not None:
                stack.append((first, False))
        return iter(order)

    @property
    def result(self) -> Operator:
        """The step whose rows are the query's: not what is kept for others."""
        top = self
        while top.kind == "CTE" and len(top.inputs) == 2:
            top = top.inputs[1]
        return top


@dataclass(frozen=True)
class Reading:
    """What the query reads of a table. `days`, `rows`, `files`, `bytes`: (those of the query's days, of all); what the lake does
    not keep in files has its rows alone. Of these, `groups` are the parts of files that the engine looked into, `fetched` the
    bytes that it took, `kept` the rows that are left by the conditions which it asks while reading, all `times` together."""

    table: str
    rows: tuple[int, int]
    days: tuple[int, int] | None = None
    span: tuple[date, date] | None = None
    files: tuple[int, int] | None = None
    bytes: tuple[int, int] | None = None
    groups: tuple[int, int] | None = None
    fetched: int | None = None
    kept: int | None = None
    seconds: float | None = None
    #: How many of the files the engine opened, where it says so.
    opened: int | None = None
    #: How often the engine reads them.
    times: int = 0
    #: Whether the query may have had all its rows before all of these were looked at.
    early: bool = False
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Profile:
    """`seconds` by the clock, `cpu` of all threads, in the engine alone. `memory` is the most that its buffers took at once,
    `spilled` what went to disk for want of it. `wrapping`: it ran a second time, as whole numbers had overflown."""

    sql: str
    seconds: float
    cpu: float
    rows: int
    root: Operator
    readings: tuple[Reading, ...] = ()
    memory: int | None = None
    spilled: int | None = None
    fetched: int | None = None
    wrapping: bool = False


class Noted:
    """The engine's tables, with what a statement asked of them written down."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self.asked: list[tuple[n.Scan, TimeWindow | None, str]] = []

    def stored(self, table: n.Scan, windows: Windows, predicates: Sequence[n.Expr] = ()) -> Stored:
        found = self._views.stored(table, windows, predicates)
        window = self._views.window_of(found.name)
        place = (table, None if window == ANY_TIME else window, found.name)
        # The same rows under one name are one reading, however often a statement names them.
        if all(name != found.name for _, _, name in self.asked):
            self.asked.append(place)
        return found

    def is_empty(self, table: n.Scan) -> bool:
        return self._views.is_empty(table)

    def supplied(self, rows: n.Supplied) -> Stored:
        return self._views.supplied(rows)


def profile(text: str, sql: str, asked: Sequence[tuple[n.Scan, TimeWindow | None, str]], tables: Tables) -> Profile:
    """Of the engine's JSON. `asked`: see `Noted`."""
    told = json.loads(text)
    places = [_Place.made(scan.table, window, name, tables) for scan, window, name in asked]
    root = _operator(_inner(told["operator"][0]), places, {})
    query, system, io = told.get("query", {}), told.get("system", {}), told.get("io", {})
    operators = list(root.walk())
    return Profile(
        sql, float(query.get("total_time", 0)), float(query.get("cpu_time", 0)), root.result.rows, root,
        tuple(_reading(p, operators, root) for p in places), system.get("peak_buffer_memory"),
        system.get("total_bytes_spilled"), io.get("total_bytes_read"),
    )  # fmt: skip


def _inner(node: dict[str, Any]) -> dict[str, Any]:
    while node["type"] in _AROUND and len(node.get("children", ())) == 1:
        node = node["children"][0]
    return node


@dataclass(frozen=True)
class _Place:
    """A view that the statement names, and the files behind it: those of its days, of all. `rows` of what has no files."""

    table: str
    view: str
    files: tuple[DataFile, ...] = ()
    every: tuple[DataFile, ...] = ()
    rows: int = 0

    @classmethod
    def made(cls, table: str, window: TimeWindow | None, view: str, tables: Tables) -> _Place:
        from lurcher.lake import LakeTable

        data = tables.data(table)
        if not isinstance(data, LakeTable):
            return cls(table, view, rows=0 if data is None else int(data.num_rows))
        chosen = frozenset(data.file_uris(day_range(window) if window is not None else None))
        return cls(table, view, tuple(f for f in data.files if f.path in chosen), data.files)

    def is_read_by(self, names: frozenset[str]) -> bool:
        return bool(self.files) and names <= {f.path for f in self.files}


def _operator(node: dict[str, Any], places: Sequence[_Place], ctes: dict[str, frozenset[str]]) -> Operator:
    """Without recursion there would be a stack of its own for what has no more than some hundred levels: plans that are deeper are
    refused before."""
    inputs: list[Operator] = []
    extra = node.get("extra_info", {})
    for child in node.get("children", ()):
        inputs.append(_operator(child, places, ctes))
        if node["type"] == "CTE" and len(inputs) == 1:
            ctes[str(extra.get("Table Index"))] = inputs[0].tables
    tables = frozenset[str]().union(*(i.tables for i in (inputs[1:] if node["type"] == "CTE" else inputs)))
    if node["type"] == "CTE_SCAN":
        tables = ctes.get(str(extra.get("CTE Index")), frozenset())
    if node["type"] == "TABLE_SCAN":
        tables = frozenset(p.table for p in _places_of(node, places))
    rows = int(node.get("intermediate_rows", 0))
    if node["type"] == "CTE" and inputs:
        rows = inputs[0].rows
    elif node["type"] == "UNION":
        # The engine counts them in its inputs alone.
        rows = sum(i.rows for i in inputs)
    scanned, groups = node.get("bytes_scanned"), node.get("total_row_groups_to_scan")
    return Operator(
        node["type"] if node["type"] != "TABLE_SCAN" else str(node["name"]), rows, float(node.get("timing", 0)), extra,
        tuple(inputs), (int(node["row_groups_scanned"]), int(groups)) if groups else None,
        None if scanned is None else int(scanned), tables,
    )  # fmt: skip


def _names(value: Any) -> list[str]:
    """What the engine tells as a list, or as a text where there is one."""
    return [str(v) for v in value] if isinstance(value, list) else [str(value)] if value else []


def _paths(extra: dict[str, Any]) -> frozenset[str]:
    """The files of a scan; none where the engine cuts their list short."""
    text = extra.get("Filename(s)")
    if not text:
        return frozenset()
    paths = frozenset(_names(text) if isinstance(text, list) else str(text).split(", "))
    return paths if len(paths) == int(extra.get("Total Files Read", len(paths))) else frozenset()


def _places_of(node: dict[str, Any], places: Sequence[_Place]) -> list[_Place]:
    """The places that a scan may be of: by its files, or by the engine's own table."""
    extra = node.get("extra_info", {})
    name = str(extra.get("Table", ""))
    if name:
        name = name.rpartition(".")[2].strip('"')
        return [p for p in places if name in (p.view, f"rows of {p.view}")]
    paths = _paths(extra)
    if paths:
        return [p for p in places if p.is_read_by(paths)]
    first = str(extra.get("Filename(s)", "")).split(", ")[0].rstrip(".")
    return [p for p in places if any(f.path.startswith(first) for f in p.files)] if first else []


def _reading(place: _Place, operators: Sequence[Operator], root: Operator) -> Reading:
    """What is known of one place: the files from the lake's log, the rest where one scan of the engine's is that place's alone."""
    scans = [o for o in operators if _is_scan(o) and place.table in o.tables]
    others = [o for o in scans if o.extra and not _is_of(o, place)]
    mine = [o for o in scans if o not in others]
    found = Reading(place.table, (place.rows, place.rows))
    if place.every:
        days = {f.day for f in place.files if f.day is not None}
        found = Reading(
            place.table,
            (sum(f.rows for f in place.files), sum(f.rows for f in place.every)),
            (len(days), len({f.day for f in place.every if f.day is not None})),
            (min(days), max(days)) if days else None,
            (len(place.files), len(place.every)),
            (sum(f.bytes for f in place.files), sum(f.bytes for f in place.every)),
        )
    if not mine:
        # Files that nobody opened: the engine knew that no row of them is needed.
        return found
    return replace(
        found,
        groups=_sum([o.groups for o in mine]),
        fetched=sum(o.bytes for o in mine if o.bytes is not None) if any(o.bytes is not None for o in mine) else None,
        kept=sum(o.rows for o in mine),
        times=len(mine),
        opened=int(mine[0].extra["Total Files Read"])
        if len(mine) == 1 and "Total Files Read" in mine[0].extra
        else None,
        early=_ends_early(root),
        seconds=sum(o.seconds for o in mine),
        conditions=tuple(dict.fromkeys(c for o in mine for c in _names(o.extra.get("Filters")))),
    )


def _sum(groups: Sequence[tuple[int, int] | None]) -> tuple[int, int] | None:
    known = [g for g in groups if g is not None]
    return (sum(g[0] for g in known), sum(g[1] for g in known)) if known and len(known) == len(groups) else None


def _is_scan(operator: Operator) -> bool:
    return not operator.inputs and operator.kind not in ("CTE_SCAN", "COLUMN_DATA_SCAN", "DUMMY_SCAN", "EMPTY_RESULT")


def _is_of(operator: Operator, place: _Place) -> bool:
    name = str(operator.extra.get("Table", ""))
    if name:
        return name.rpartition(".")[2].strip('"') in (place.view, f"rows of {place.view}")
    paths = _paths(operator.extra)
    return place.is_read_by(paths) if paths else True


def _ends_early(root: Operator) -> bool:
    return any(o.kind in _ENDING for o in root.walk())


def rows_in(operator: Operator, profile: Profile) -> int | None:
    """The rows that a step gets: those of the steps before it; of a scan those of the files, where all of them were looked at."""
    if operator.kind == "CTE":
        return operator.rows
    if operator.inputs:
        return sum(i.rows for i in operator.inputs)
    if not _is_scan(operator) or len(operator.tables) != 1 or _ends_early(profile.root):
        return None
    places = [r for r in profile.readings if r.table in operator.tables]
    if len(places) != 1 or "Dynamic Filters" in operator.extra or places[0].times != 1:
        return None
    if operator.groups is not None and operator.groups[0] != operator.groups[1]:
        return None
    whole = operator.extra.get("Total Files Read")
    files = places[0].files
    return places[0].rows[0] if whole is None or files is None or int(whole) == files[0] else None
