"""Operators that make, choose or name columns, and those that only mark a table."""

from __future__ import annotations

from lurcher.kql.diagnostics import KS005, KS110
from lurcher.kql.parser.cursor import Cursor
from lurcher.kql.parser.expressions import expression_list, named, named_list
from lurcher.kql.parser.names import wildcard, wildcards
from lurcher.kql.parser.parameters import parameter, parameters
from lurcher.kql.parser.registry import operator
from lurcher.kql.parser.schemas import row_schema
from lurcher.kql.syntax import (
    AsOp,
    AssertSchemaOp,
    ConsumeOp,
    ExecuteAndCacheOp,
    ExtendOp,
    GetSchemaOp,
    Named,
    Operator,
    Parameter,
    ProjectAwayOp,
    ProjectByNamesOp,
    ProjectKeepOp,
    ProjectOp,
    ProjectRenameOp,
    ProjectReorderOp,
    RenderOp,
    ReorderItem,
    SerializeOp,
)
from lurcher.kql.tokens import TokenKind, words

_ENDS = frozenset(("", "|", ";", ")", "}"))


@operator("extend")
def _extend(p: Cursor, start: int) -> Operator:
    return ExtendOp(named_list(p), span=p.span(start))


@operator("project")
def _project(p: Cursor, start: int) -> Operator:
    columns = () if p.texts[p.pos] in _ENDS else named_list(p)
    return ProjectOp(columns, span=p.span(start))


@operator("project-away", "__projectAway")
def _project_away(p: Cursor, start: int) -> Operator:
    return ProjectAwayOp(wildcards(p), span=p.span(start))


@operator("project-keep")
def _project_keep(p: Cursor, start: int) -> Operator:
    return ProjectKeepOp(wildcards(p), span=p.span(start))


@operator("project-rename")
def _project_rename(p: Cursor, start: int) -> Operator:
    columns = named_list(p)
    for column in columns:
        if not isinstance(column, Named):
            p.say(KS110.at(column.span))
    return ProjectRenameOp(columns, span=p.span(start))


@operator("project-reorder")
def _project_reorder(p: Cursor, start: int) -> Operator:
    items = [_reorder_item(p)]
    while p.accept(","):
        items.append(_reorder_item(p))
    return ProjectReorderOp(tuple(items), span=p.span(start))


def _reorder_item(p: Cursor) -> ReorderItem:
    start = p.pos
    column = wildcard(p)
    order = p.texts[p.pos] if p.texts[p.pos] in ("asc", "desc", "granny-asc", "granny-desc") else ""
    p.pos += bool(order)
    return ReorderItem(column, order, span=p.span(start))


@operator("project-by-names")
def _project_by_names(p: Cursor, start: int) -> Operator:
    return ProjectByNamesOp(expression_list(p), span=p.span(start))


@operator("serialize")
def _serialize(p: Cursor, start: int) -> Operator:
    columns = () if p.texts[p.pos] in _ENDS else named_list(p)
    return SerializeOp(columns, span=p.span(start))


@operator("getschema")
def _getschema(p: Cursor, start: int) -> Operator:
    return GetSchemaOp(parameters(p, {"kind": None}), span=p.span(start))


@operator("as")
def _as(p: Cursor, start: int) -> Operator:
    settings = parameters(p, {"hint.materialized": None})
    return AsOp(p.name(declared=True), settings, span=p.span(start))


@operator("consume")
def _consume(p: Cursor, start: int) -> Operator:
    return ConsumeOp(parameters(p, {"decodeblocks": None}), span=p.span(start))


@operator("__executeAndCache")
def _execute_and_cache(p: Cursor, start: int) -> Operator:
    return ExecuteAndCacheOp(span=p.span(start))


@operator("assert-schema")
def _assert_schema(p: Cursor, start: int) -> Operator:
    return AssertSchemaOp(row_schema(p), span=p.span(start))


_PROPERTY_NAMES = frozenset(
    words(
        "accumulate anomalycolumns kind legend series title xaxis xcolumn xmax xmin xtitle yaxis ycolumns ymax ymin"
        " ysplit ytitle"
    )
)
_COLUMN_LISTS = frozenset(("series", "ycolumns", "anomalycolumns"))


@operator("render")
def _render(p: Cursor, start: int) -> Operator:
    if p.kinds[p.pos] != TokenKind.WORD:
        p.fail(KS005, p.here(), expected="a chart, as timechart or table")
    chart = p.texts[p.pos]
    p.pos += 1
    properties: list[Parameter] = []
    if p.accept("with"):
        p.enter("(")
        while p.texts[p.pos] != ")":
            if p.texts[p.pos] not in _PROPERTY_NAMES:
                p.fail(KS005, p.here(), expected="a property", hint=", ".join(sorted(_PROPERTY_NAMES)))
            properties.extend(_property(p))
            if not p.accept(","):
                break
            if p.texts[p.pos] == ")":
                p.fail(KS005, p.here(), expected="a property")
        p.leave(")")
        return RenderOp(chart, tuple(properties), True, span=p.span(start))
    while (p.texts[p.pos] in _PROPERTY_NAMES and p.texts[p.pos + 1] == "=") or p.texts[p.pos] == "by":
        properties.extend(_property(p))
    return RenderOp(chart, tuple(properties), span=p.span(start))


def _property(p: Cursor) -> list[Parameter]:
    """`title='x'`; a list of columns (`ycolumns=a, b`) gives one parameter a column, all of one name."""
    start = p.pos
    name = p.texts[start]
    if name == "by":
        # An old form: `render timechart by x`.
        p.pos += 1
        found = [Parameter(name, named(p), span=p.span(start))]
    elif name in _COLUMN_LISTS or p.texts[start + 3] == ".":
        p.pos += 1
        p.expect("=")
        found = [Parameter(name, named(p), span=p.span(start))]
    else:
        return [parameter(p)]
    while name in (*_COLUMN_LISTS, "by") and p.texts[p.pos] == "," and p.texts[p.pos + 2] != "=":
        p.pos += 1
        at = p.pos
        found.append(Parameter(name, named(p), span=p.span(at)))
    return found
