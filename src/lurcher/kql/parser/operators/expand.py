"""Operators that take values apart: bags, arrays, texts."""

from __future__ import annotations

from lurcher.kql.diagnostics import LU001
from lurcher.kql.parser.cursor import Cursor
from lurcher.kql.parser.expressions import expression, named
from lurcher.kql.parser.literals import string_literal
from lurcher.kql.parser.operators.groups import subquery
from lurcher.kql.parser.parameters import Spec, parameter, parameters
from lurcher.kql.parser.registry import operator
from lurcher.kql.parser.schemas import in_brackets, row_schema, scalar_type, typeof_clause
from lurcher.kql.syntax import (
    ExpandItem,
    Expression,
    Literal,
    MvApplyOp,
    MvExpandOp,
    Operator,
    Parameter,
    ParseCapture,
    ParseKvOp,
    ParseOp,
)
from lurcher.kql.tokens import NOT_DECLARABLE, TokenKind
from lurcher.kql.types import ScalarType

_EXPAND: Spec = {"kind": ("bag", "array"), "bagexpansion": ("bag", "array"), "with_itemindex": None}
_PARSE: Spec = {"kind": ("simple", "regex", "relaxed"), "flags": None}


@operator("mv-expand", "mvexpand")
def _mv_expand(p: Cursor, start: int) -> Operator:
    settings = parameters(p, _EXPAND)
    items = _items(p)
    limit = expression(p) if p.accept("limit") else None
    return MvExpandOp(items, limit, settings, span=p.span(start))


@operator("mv-apply", "mvapply")
def _mv_apply(p: Cursor, start: int) -> Operator:
    settings = parameters(p, {"with_itemindex": None})
    items = _items(p)
    limit = expression(p) if p.accept("limit") else None
    context_id = expression(p) if p.accept("id") else None
    p.expect("on", "mv-apply x on (where ...)")
    return MvApplyOp(items, subquery(p), limit, context_id, settings, span=p.span(start))


def _items(p: Cursor) -> tuple[ExpandItem, ...]:
    items = [_item(p)]
    while p.accept(","):
        items.append(_item(p))
    return tuple(items)


def _item(p: Cursor) -> ExpandItem:
    start = p.pos
    value = named(p)
    to: ScalarType | None = None
    if p.accept("to"):
        wanted = typeof_clause(p)
        to = wanted.type
        if to is None:
            p.say(LU001.at(wanted.span, construct="to typeof(...) with columns"))
    return ExpandItem(value, to, span=p.span(start))


@operator("parse")
def _parse(p: Cursor, start: int) -> Operator:
    return _parse_op(p, start, False)


@operator("parse-where")
def _parse_where(p: Cursor, start: int) -> Operator:
    return _parse_op(p, start, True)


def _parse_op(p: Cursor, start: int, where: bool) -> Operator:
    settings = parameters(p, _PARSE)
    value = expression(p)
    p.expect("with", "parse x with * 'text' name:type *")
    pattern: list[Literal | ParseCapture] = []
    while (piece := _piece(p)) is not None:
        pattern.append(piece)
    return ParseOp(value, tuple(pattern), where, settings, span=p.span(start))


def _piece(p: Cursor) -> Literal | ParseCapture | None:
    start = p.pos
    if p.kinds[start] == TokenKind.STRING:
        return string_literal(p)
    if p.accept("*"):
        return ParseCapture(None, skip=True, span=p.span(start))
    if p.texts[start] != "[" and (p.kinds[start] != TokenKind.WORD or p.texts[start] in NOT_DECLARABLE):
        return None
    name = p.name("a column", declared=True)
    type_ = scalar_type(p) if p.accept(":") else ScalarType.STRING
    return ParseCapture(name, type_, span=p.span(start))


@operator("parse-kv")
def _parse_kv(p: Cursor, start: int) -> Operator:
    value: Expression = expression(p)
    p.expect("as")
    keys = row_schema(p)
    options: tuple[Parameter, ...] = in_brackets(p, "(", parameter, ")") if p.accept("with") else ()
    return ParseKvOp(value, keys, options, span=p.span(start))
