"""Functions as the manual and an editor show them, read off their rows."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from functools import cache

import lurcher.functions  # noqa: F401  Its rows.
from lurcher.functions.registry import FUNCTIONS, FunctionKind, Overload
from lurcher.functions.signature import Param, Returns


@dataclass(frozen=True, slots=True)
class Entry:
    """A name of the vocabulary. `rows` are its overloads; `current` is set where it is another spelling: the name to use."""

    kind: FunctionKind
    name: str
    rows: tuple[Overload, ...]
    current: str = ""

    @property
    def family(self) -> str:
        return self.rows[0].family

    @property
    def docs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.doc for row in self.rows))

    @property
    def examples(self) -> tuple[tuple[str, str], ...]:
        return tuple(dict.fromkeys(e for row in self.rows for e in row.examples))


@cache
def entries() -> tuple[Entry, ...]:
    """Every name that a query may write, by kind and name; the vocabulary's own names (`__box`) are left out."""
    found = []
    for (kind, name), rows in FUNCTIONS.items():
        if not name.startswith("__"):
            found.append(Entry(kind, name, tuple(rows), _current(kind, name, rows)))
    return tuple(sorted(found, key=lambda e: (e.kind, e.name)))


def entry(kind: FunctionKind, name: str) -> Entry | None:
    return next((e for e in entries() if e.kind is kind and e.name == name), None)


def _current(kind: FunctionKind, name: str, rows: list[Overload]) -> str:
    if rows[0].obsolete:
        return rows[0].obsolete
    # Another spelling has the same rows, and leaves the examples to the name that it is one of.
    if kind is FunctionKind.OPERATOR or any(row.examples for row in rows):
        return ""
    meaning = [_meaning(row) for row in rows]
    if rows[0].sql is None:
        return ""
    for (other_kind, other), others in FUNCTIONS.items():
        same = other_kind is kind and other != name and [_meaning(row) for row in others] == meaning
        if same and any(row.examples for row in others):
            return other
    return ""


def _meaning(row: Overload) -> tuple[object, ...]:
    return row.params, row.returns, row.sql


# --- signatures ---
def signature(row: Overload) -> str:
    """`bin(value: integer, roundTo: integer) -> long`; `a has b`, `-value` of operators. `...` repeats, `?` may be left out."""
    result = returns(row.returns, row.params)
    if row.kind is FunctionKind.OPERATOR:
        types = [_types(p) for p in row.params]
        if row.name.startswith("unary "):
            return f"{row.name.removeprefix('unary ')}{types[0]} -> {result}"
        if row.name == "[]":
            return f"{types[0]}[{types[1]}] -> {result}"
        if row.name in ("between", "!between"):
            return f"{types[0]} {row.name} ({types[1]} .. {types[2]}) -> {result}"
        return f"{types[0]} {row.name} {types[1]} -> {result}"
    return f"{row.name}({', '.join(param(p) for p in row.params)}) -> {result}"


def param(p: Param) -> str:
    mark = "..." if p.repeated else "?" if p.optional else ""
    argument = f"{p.argument} " if p.argument else ""
    return f"{p.name}{mark}: {argument}{_types(p)}"


def returns(result: Returns, params: tuple[Param, ...]) -> str:
    match result.rule:
        case "type":
            return result.type.value if result.type is not None else "unknown"
        case "arg":
            return f"the type of {params[result.arg].name}"
        case "widest":
            return "the widest of the types"
        case "common":
            return "the common type"
    return "depends on the arguments"


def _types(p: Param) -> str:
    return "|".join(t.value for t in p.types)


# --- families ---
@dataclass(frozen=True, slots=True)
class Family:
    """The functions of a module of `lurcher.functions`; `about` and `source` are its docstring's."""

    name: str
    about: str
    source: str
    entries: tuple[Entry, ...]


@cache
def families() -> tuple[Family, ...]:
    found: dict[str, list[Entry]] = {}
    for e in entries():
        found.setdefault(e.family, []).append(e)
    return tuple(_family(name, tuple(of)) for name, of in sorted(found.items()))


def _family(name: str, of: tuple[Entry, ...]) -> Family:
    text = importlib.import_module(f"lurcher.functions.{name}").__doc__ or name
    paragraphs = [" ".join(p.split()) for p in re.split(r"\n\s*\n", text.strip())]
    source = next((p.removeprefix("Source: ") for p in paragraphs if p.startswith("Source: ")), "")
    return Family(name, paragraphs[0], source, of)


# --- SQL ---
def sql(row: Overload) -> str:
    """What a call becomes: the template over the parameters' names; where code makes it, '' (see `example_sql`)."""
    return row.sql if isinstance(row.sql, str) else ""


#: An argument of each type for `call`: columns of the probes' table, and literals where a constant is asked for.
COLUMNS = {
    "bool": "b", "int": "i", "long": "n", "real": "r", "decimal": "m", "string": "s", "datetime": "t", "timespan": "p",
    "guid": "g", "dynamic": "x", "number": "n", "integer": "n", "real_or_decimal": "r", "summable": "n",
    "tabular": "T", "type": "typeof(long)",
}  # fmt: skip
LITERALS = {
    "bool": "true", "int": "int(1)", "long": "1", "real": "1.0", "string": "'a'", "datetime": "datetime(2024-01-01)",
    "timespan": "1d", "dynamic": "dynamic([1])", "number": "1", "integer": "1",
}  # fmt: skip


def call(e: Entry) -> str:
    """A call of a function as KQL, with arguments of the types that its first row takes: for binding, not for its value."""
    row = e.rows[0]
    args = []
    for p in row.params:
        if p.optional:
            break
        first = p.types[0].value
        args.append(LITERALS.get(first, "1") if p.argument in ("literal", "constant") else COLUMNS.get(first, "n"))
    return f"{e.name}({', '.join(args)})"
