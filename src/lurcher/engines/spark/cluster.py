"""Tables of a cluster's catalogue under Defender's names, as `[tables]` of lake.toml says.

Their columns are held against Defender's: a type that has no exact form is refused, and so is a table that lacks a column, unless
the settings say that it is to be empty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lurcher.engines.lowering.times import day_range, microseconds
from lurcher.engines.lowering.types import SQL_TYPES
from lurcher.errors import LurcherError, shown
from lurcher.functions.build import fill
from lurcher.kql.types import Column, Columns, ScalarType
from lurcher.lake.settings import ClusterTable
from lurcher.plan.windows import TimeWindow
from lurcher.sql import tree as t

Form = Callable[[t.SqlExpr], t.SqlExpr]


def _form(template: str) -> Form:
    return lambda value: fill(template, value=value)


_SAME = _form("{value}")
#: A text that is no JSON stops the query: what is made of it would be another value.
_JSON = _form(
    "CASE WHEN {value} IS NULL OR {value} = '' THEN NULL WHEN try_parse_json({value}) IS NOT NULL THEN {value}"
    " ELSE raise_error('LurcherError: a dynamic column of the cluster holds a text that is no JSON') END"
)
_WHOLE = _form("to_json({value}, map('ignoreNullFields', 'false'))")
#: KQL's type -> Spark's, by the beginning of its name -> what is made of it.
_FORMS: dict[ScalarType, dict[str, Form]] = {
    ScalarType.STRING: {"string": _form("coalesce({value}, '')"), "varchar": _form("coalesce({value}, '')")},
    ScalarType.GUID: {"string": _form("lower({value})"), "varchar": _form("lower({value})")},
    ScalarType.BOOL: {"boolean": _SAME},
    ScalarType.INT: {"int": _SAME, "smallint": _form("CAST({value} AS INT)"), "tinyint": _form("CAST({value} AS INT)")},
    ScalarType.LONG: {
        "bigint": _SAME,
        **{kind: _form("CAST({value} AS BIGINT)") for kind in ("int", "smallint", "tinyint")},
    },
    ScalarType.REAL: {
        "double": _SAME,
        **{kind: _form("CAST({value} AS DOUBLE)") for kind in ("float", "int", "smallint", "tinyint")},
    },
    # The session's time zone is UTC: a time without a zone, and a day, are of it.
    ScalarType.DATETIME: {
        "timestamp": _SAME,
        **{kind: _form("CAST({value} AS TIMESTAMP)") for kind in ("timestamp_ntz", "date")},
    },
    ScalarType.DYNAMIC: {
        "string": _JSON,
        **dict.fromkeys(("struct", "array", "map"), _WHOLE),
        "variant": _form("to_json({value})"),
    },
}


def items(table: ClusterTable, name: str, columns: Columns, fields: dict[str, str]) -> list[tuple[str, t.SqlExpr]]:
    """Each column and what is made of the cluster's. `fields`: the cluster's columns and their types. Raises `LurcherError`."""
    folded = {f.casefold(): f for f in fields}
    made: list[tuple[str, t.SqlExpr]] = []
    wrong, missing = [], []
    for column in columns:
        if column.type is ScalarType.DECIMAL:
            continue
        there = table.columns.get(column.name, column.name)
        stored = there if there in fields else folded.get(there.casefold())
        if column.name in table.without:
            made.append((column.name, nothing(column)))
        elif stored is None:
            missing.append(column.name if column.name == there else f"{column.name} ({there})")
        else:
            form = _of(column.type, fields[stored])
            if form is None:
                wrong.append(f"{stored} is {fields[stored]}, and {column.name} is a {column.type.value}")
            else:
                made.append((column.name, form(t.Ident(stored))))
    where = f"the cluster's table {shown(str(table), 80)}"
    if wrong:
        hint = "give it that type in a view of the cluster, and name the view in [tables] of lake.toml"
        raise LurcherError(f"{where} has other types: {shown('; '.join(wrong), 400)}", hint)
    if missing:
        hint = f"{name} in [tables] of lake.toml says what is called otherwise there (columns), or is to be empty (without)"
        raise LurcherError(f"{where} lacks columns of {name}: {shown(', '.join(missing), 400)}", hint)
    return made


def _of(kind: ScalarType, stored: str) -> Form | None:
    stored = stored.casefold()
    forms = _FORMS.get(kind, {})
    # `int`, and not `interval`.
    return forms.get(stored.partition("(")[0].partition("<")[0].strip())


def nothing(column: Column) -> t.SqlExpr:
    return t.EMPTY if column.type is ScalarType.STRING else t.Literal(None, SQL_TYPES[column.type])


def within(table: ClusterTable, time: str | None, window: TimeWindow, fields: dict[str, str]) -> t.SqlExpr | None:
    """The window as a condition on what is stored: the cluster leaves out files, and days, by it."""
    folded = {f.casefold(): f for f in fields}
    said: list[t.SqlExpr] = []
    stored = folded.get(table.columns.get(time, time).casefold()) if time is not None else None
    if stored is not None and fields[stored].casefold() == "timestamp":
        for op, end in zip((">=", "<="), microseconds(window), strict=True):
            if end is not None:
                said.append(t.Op(op, (t.Ident(stored), t.call("timestamp_micros", t.Literal(end, "BIGINT")))))
    if table.day:
        day = folded.get(table.day.casefold())
        if day is None or fields[day].casefold() not in ("date", "string"):
            kind = "is not there" if day is None else f"is {fields[day]}"
            raise LurcherError(
                f"the day of the cluster's table {shown(str(table), 80)}, {shown(table.day, 80)}, {kind}",
                "a column of dates, or of texts as 2026-01-31; or leave day out",
            )
        first, last = day_range(window)
        for op, bound in ((">=", first), ("<=", last)):
            text = t.Literal(bound.isoformat())
            said.append(
                t.Op(op, (t.Ident(day), text if fields[day].casefold() == "string" else t.call("to_date", text)))
            )
    return t.conjunction(said)


def fields_of(frame: Any) -> dict[str, str]:
    return {f.name: f.dataType.simpleString() for f in frame.schema.fields}
