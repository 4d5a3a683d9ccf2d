"""Random queries that are well-typed: pipes over two small tables with nulls, functions as the registry declares them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

import lurcher.functions  # noqa: F401  Its rows.
from lurcher.functions.registry import FUNCTIONS, FunctionKind, Overload
from lurcher.functions.resolve import CLASSES
from lurcher.functions.signature import Param
from lurcher.kql.types import Column, ScalarType
from lurcher.schema import TableSchema

T = ScalarType
TYPES = [T.BOOL, T.INT, T.LONG, T.REAL, T.DECIMAL, T.STRING, T.DATETIME, T.TIMESPAN, T.GUID, T.DYNAMIC]
COLUMNS = {
    "b": T.BOOL,
    "l": T.LONG,
    "r": T.REAL,
    "s": T.STRING,
    "t": T.DATETIME,
    "d": T.DYNAMIC,
    "s2": T.STRING,
    "l2": T.LONG,
}
SCHEMAS = {name: TableSchema(name, tuple(Column(c, t) for c, t in COLUMNS.items())) for name in ("A", "B")}

_CELLS: dict[str, list[Any]] = {
    "b": [True, False, None],
    "l": [0, 1, -7, 2**62, None],
    "r": [0.0, -1.5, float("nan"), float("inf"), 1e300, None],
    "s": ["", "a", "A b-c", "10.0.0.1", '{"a": [1]}', "2024-01-02T03:04:05Z", "İß", "x'\"\\\0y"],
    "t": [0, 1_700_000_000_000_000, -62_135_596_800_000_000, None],
    "d": ["1", '"x"', "[1, 2.5, null]", '{"a": {"b": [1]}, "k": "v"}', "[]", "{}", None],
    "s2": ["k", "", "v w"],
    "l2": [1, 2, None],
}
_ARROW = {T.BOOL: pa.bool_(), T.LONG: pa.int64(), T.REAL: pa.float64(), T.DATETIME: pa.timestamp("us", "UTC")}


def rows(seed: int) -> pa.Table:
    """A table of nine rows, each column going through its values at a step of its own."""
    data = {}
    for step, (name, type_) in enumerate(COLUMNS.items(), 1 + seed):
        cells = _CELLS[name]
        data[name] = pa.array([cells[(i * step + seed) % len(cells)] for i in range(9)], _ARROW.get(type_, pa.string()))
    return pa.table(data)


_LITERALS: dict[ScalarType, list[str]] = {
    T.BOOL: ["true", "false", "bool(null)"],
    T.INT: ["int(0)", "int(-3)", "int(null)"],
    T.LONG: ["0", "1", "-2", "7", "9223372036854775807", "long(null)"],
    T.REAL: ["0.0", "1.5", "-2.25", "real(nan)", "real(+inf)", "real(null)"],
    T.DECIMAL: ["decimal(1.5)", "decimal(0)", "decimal(null)"],
    T.STRING: [
        "''",
        "'a'",
        '"it\'s; --"',
        "'%'",
        "'(a|b)+'",
        "@'\\d'",
        "'[1,2]'",
        "'$.a'",
        "'yyyy-MM-dd'",
        "'day'",
        "'1.2.3.4'",
    ],
    T.DATETIME: ["datetime(2024-02-29)", "datetime(0001-01-01)", "datetime(9999-12-31)", "datetime(null)", "now()"],
    T.TIMESPAN: ["1d", "1tick", "-1h", "timespan(null)", "time(1.02:03:04)"],
    T.GUID: ["guid(00000000-0000-0000-0000-000000000001)", "guid(null)"],
    T.DYNAMIC: [
        "dynamic([1, 'a', null])",
        "dynamic({'a': 1, \"b'\": [2]})",
        "dynamic(null)",
        "dynamic([])",
        "dynamic('x')",
    ],
}
#: What asks for something from outside, or never gives the same twice.
_LEFT_OUT = {
    "rand",
    "new_guid",
    "geo_info_from_ip_address",
    "table",
    "materialize",
    "toscalar",
    "assert",
    "row_window_session",
}


def _rows(kind: FunctionKind) -> list[Overload]:
    found = [row for (k, name), rows in sorted(FUNCTIONS.items()) if k is kind for row in rows]
    return [r for r in found if not r.hidden and not r.name.startswith("_") and r.name not in _LEFT_OUT]


SCALARS, AGGREGATES = _rows(FunctionKind.SCALAR), _rows(FunctionKind.AGGREGATE)


class Queries:
    """Draws a query; `columns` are those at hand, with their types."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.columns: dict[str, ScalarType] = dict(COLUMNS)
        self.count = 0

    def one(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def new(self) -> str:
        self.count += 1
        return f"c{self.count}"

    def of(self, *types: ScalarType) -> list[str]:
        return [c for c, t in self.columns.items() if t in types]

    # --- values ---
    def value(self, type_: ScalarType, depth: int = 2) -> str:
        names = self.of(type_)
        if names and self.draw(st.integers(0, 2)):
            return str(self.one(*names))
        if depth and self.draw(st.booleans()):
            return self.call(type_, depth)
        return str(self.one(*_LITERALS[type_]))

    def call(self, type_: ScalarType, depth: int) -> str:
        if type_ is T.BOOL and self.draw(st.booleans()):
            return self.condition(depth)
        fitting = [r for r in SCALARS if r.returns.type is type_]
        if not fitting:
            return str(self.one(*_LITERALS[type_]))
        return self.applied(self.one(*fitting), depth - 1)

    def applied(self, row: Overload, depth: int) -> str:
        params = [p for p in row.params if not p.optional or self.draw(st.booleans())]
        if any(p.optional and p not in params for p in row.params):
            params = [p for p in row.params if not p.optional]
        repeats = self.draw(st.integers(1, 2)) if any(p.repeated for p in params) else 1
        repeated = [p for p in params if p.repeated] * (repeats - 1)
        at = next((i for i, p in enumerate(params) if p.repeated), 0)
        given = [*params[:at], *repeated, *params[at:]]
        common = self.one(T.LONG, T.STRING, T.REAL, T.DATETIME)
        return f"{row.name}({', '.join(self.argument(p, depth, common) for p in given)})"

    def argument(self, param: Param, depth: int, common: ScalarType) -> str:
        kind = self.one(*param.types)
        if not isinstance(kind, ScalarType):
            if kind.value == "type":
                return f"typeof({self.one('long', 'string', 'dynamic')})"
            fitting = sorted(CLASSES.get(kind, frozenset(TYPES)) - {T.UNKNOWN})
            if kind.value.startswith("common"):
                kind = common if common in fitting else T.LONG
            else:
                kind = self.one(*fitting)
        if param.argument in ("literal", "constant"):
            return str(self.one(*_LITERALS[kind]))
        if param.argument == "column":
            return str(self.one(*(self.of(kind) or ["l"])))
        return self.value(kind, max(depth, 0))

    def condition(self, depth: int = 2) -> str:
        inner = max(depth - 1, 0)
        match self.draw(st.integers(0, 7)):
            case 0:
                return f"({self.condition(inner)} {self.one('and', 'or')} {self.condition(inner)})" if depth else "true"
            case 1:
                word = self.one(
                    "has", "contains", "startswith", "endswith", "=~", "has_cs", "!has", "!contains", "hasprefix"
                )
                return f"({self.value(T.STRING, inner)} {word} {self.one(*_LITERALS[T.STRING])})"
            case 2:
                kind = self.one(T.STRING, T.LONG, T.DATETIME)
                word = (
                    self.one("in", "!in")
                    if kind is not T.STRING
                    else self.one("in", "!in~", "in~", "has_any", "has_all")
                )
                values = ", ".join(self.one(*_LITERALS[kind]) for _ in range(2))
                return f"({self.value(kind, inner)} {word} ({values}))"
            case 3:
                kind = self.one(T.LONG, T.REAL, T.DATETIME, T.TIMESPAN)
                return f"({self.value(kind, inner)} between ({self.value(kind, 0)} .. {self.value(kind, 0)}))"
            case 4:
                return f"isnull({self.value(self.one(*TYPES), inner)})"
            case 5:
                return f"not({self.condition(inner)})" if depth else "false"
            case 6:
                return f"isnotempty({self.value(self.one(*TYPES), inner)})"
            case _:
                kind = self.one(T.LONG, T.REAL, T.DATETIME, T.TIMESPAN, T.DECIMAL)
                return f"({self.value(kind, inner)} {self.one('==', '!=', '<', '>=')} {self.value(kind, inner)})"

    # --- pipes ---
    def key(self) -> str:
        return str(self.one(*(self.of(*(set(TYPES) - {T.DYNAMIC})) or ["1"])))

    def step(self) -> str:
        match self.draw(st.integers(0, 15)):
            case 0 | 1:
                return f"where {self.condition()}"
            case 2 | 3 | 4:
                kind, name = self.one(*TYPES), self.new()
                # What it comes to may be another type (int from a long function): it is not used further.
                return f"extend {name} = {self.value(kind, 3)}"
            case 5:
                kept = self.draw(st.lists(st.sampled_from(sorted(self.columns)), min_size=1, max_size=4, unique=True))
                self.columns = {c: self.columns[c] for c in kept}
                return "project " + ", ".join(kept)
            case 6 | 7:
                key = self.key()
                aggregate = self.applied(self.one(*AGGREGATES), 1)
                kept, self.columns = self.columns.get(key), {}
                name = self.new()
                if kept is None or not self.draw(st.booleans()):
                    return f"summarize {name} = {aggregate}"
                self.columns = {key: kept}
                return f"summarize {name} = {aggregate} by {key}"
            case 8:
                shared = [c for c in self.of(T.STRING, T.LONG) if c in COLUMNS]
                if not shared:
                    return "take 3"
                key = self.one(*shared)
                kind = self.one(
                    "inner", "innerunique", "leftouter", "rightouter", "fullouter", "leftsemi", "leftanti", "rightanti"
                )
                if kind == "rightanti":
                    self.columns = dict(COLUMNS)
                return f"join kind={kind} (B) on {key}"
            case 9:
                self.columns = {c: t for c, t in self.columns.items() if COLUMNS.get(c) is t}
                return "union B"
            case 10:
                arrays = self.of(T.DYNAMIC)
                return f"mv-expand {self.one(*arrays)}" if arrays else "count | project l = Count"
            case 11:
                return f"top 3 by {self.value(self.one(T.LONG, T.REAL, T.STRING, T.DATETIME), 1)} {self.one('asc', 'desc')}"
            case 12:
                return f"sort by {self.key()} {self.one('asc', 'desc')} {self.one('nulls first', 'nulls last')}"
            case 13:
                key = self.key()
                self.columns = {key: self.columns[key]} if key in self.columns else {}
                return f"distinct {key}" if key != "1" else "take 1"
            case 14:
                texts = self.of(T.STRING)
                if not texts:
                    return "take 2"
                a, b, c = self.new(), self.new(), self.one(*texts)
                self.columns |= {a: T.STRING, b: T.LONG}
                return f"parse {c} with {a} {self.one(*_LITERALS[T.STRING][1:5])} {b}:long *"
            case _:
                if not {"t", "l"} <= self.columns.keys():
                    return "serialize n = row_number()"
                self.columns = {}
                name = self.new()
                what, default = self.one("count()", "sum(l)", "avg(l)", "max(l)"), self.one("0", "long(null)")
                return (
                    f"make-series {name} = {what} default = {default}"
                    f" on t from datetime(2023-11-01) to datetime(2023-12-01) step {self.one('1d', '7d')}"
                )

    def query(self) -> str:
        let = ""
        if not self.draw(st.integers(0, 3)):
            let = f"let v = {self.one(*_LITERALS[T.LONG])}; "
            self.columns["v"] = T.LONG
        steps = []
        for _ in range(self.draw(st.integers(1, 5))):
            steps.append(self.step())
            if not self.columns:
                break
        return f"{let}A | " + " | ".join(steps)


@st.composite
def queries(draw: Any) -> str:
    return Queries(draw).query()
