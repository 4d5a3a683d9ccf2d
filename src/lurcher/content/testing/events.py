"""Rows as YAML has them -> values of the columns' types."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from decimal import InvalidOperation
from typing import Any

from lurcher.collect.exports import ReadContext
from lurcher.collect.exports.json_values import dumps
from lurcher.collect.exports.text_values import text_value
from lurcher.content.model import Plain
from lurcher.content.testing import codes
from lurcher.content.yamltree import Node, plain
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.types import Column, ScalarType
from lurcher.schema import TableSchema

#: Told of what is wrong, and at which node. It gives the diagnostic a span.
Wrong = Callable[[Node, Callable[..., Diagnostic], dict[str, Any]], None]


def near(name: str, known: Iterable[str]) -> str:
    """`did you mean ...?` for a name that is not among the known ones; "" where none is near."""
    found = nearest(name, known)
    return f"did you mean {found}?" if found else ""


def nearest(name: str, known: Iterable[str]) -> str:
    names = {k.casefold(): k for k in known}
    close = difflib.get_close_matches(name.casefold(), names, 1, 0.6)
    return names[close[0]] if close else ""


def value_of(node: Node, column: Column, budget: list[int]) -> tuple[Plain, Any]:
    """A cell as plain data and as a value of the column's type. Raises `ValueError` with the reason, `yamltree.Broken` where
    aliases grow without bound."""
    kind = column.type
    if node.is_null:
        return None, "" if kind is ScalarType.STRING else None
    if kind is ScalarType.DYNAMIC:
        return _dynamic(node, budget)
    if node.kind != "scalar":
        data = plain(node, budget)
        if kind is ScalarType.STRING:
            # Columns of text that hold JSON, as the services give them.
            return data, dumps(data)
        raise ValueError(f"a {'list' if node.kind == 'sequence' else 'mapping'} is not of type {kind}")
    if kind is ScalarType.STRING:
        # As it is written: 1.10 stays 1.10, and 007 too.
        return node.value, node.value
    context = ReadContext(lambda _: None, "")
    try:
        value = text_value(node.value, kind, context)
    except (InvalidOperation, OverflowError):
        raise ValueError(f"'{node.value[:60]}' is not of type {kind}") from None
    if context.dirty:
        raise ValueError(f"which is the day and which the month of '{node.value[:60]}'? Write it as 2026-03-31")
    return (node.value if node.style or kind is ScalarType.DATETIME else plain(node)), value


def _dynamic(node: Node, budget: list[int]) -> tuple[Plain, Any]:
    import orjson

    data = plain(node, budget)
    if isinstance(data, str):
        if data.lstrip()[:1] in ("{", "["):
            try:
                orjson.loads(data)
                return data, data
            except orjson.JSONDecodeError:
                pass
        return (data, None) if data == "" else (data, orjson.dumps(data).decode())
    return data, dumps(data)


def cells(node: Node, schema: TableSchema, wrong: Wrong, budget: list[int]) -> tuple[dict[str, Plain], dict[str, Any]]:
    """One row: as the file has it, and typed. What is wrong goes to `wrong`."""
    columns = {c.name: c for c in schema.columns}
    row: dict[str, Plain] = {}
    typed: dict[str, Any] = {}
    for key, value in node.pairs:
        column = columns.get(key.value)
        if column is None:
            data = {"table": schema.name, "column": key.value, "hint": near(key.value, columns)}
            wrong(key, codes.NO_COLUMN.at, data)
            continue
        try:
            row[column.name], typed[column.name] = value_of(value, column, budget)
        except ValueError as error:
            wrong(value, codes.BAD_VALUE.at, {"table": schema.name, "column": column.name, "why": str(error)})
    return row, typed
