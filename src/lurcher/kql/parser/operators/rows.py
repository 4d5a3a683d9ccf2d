"""Operators that choose, order or bring rows."""

from __future__ import annotations

from lurcher.kql.diagnostics import KS005, KS006, LU020
from lurcher.kql.parser.cursor import Cursor
from lurcher.kql.parser.expressions import expression, named, named_list
from lurcher.kql.parser.parameters import DISTINCT, parameters
from lurcher.kql.parser.registry import operator
from lurcher.kql.syntax import (
    CountOp,
    DistinctOp,
    Expression,
    Named,
    Operator,
    Ordered,
    PrintOp,
    RangeOp,
    SampleDistinctOp,
    SampleOp,
    SortOp,
    Star,
    TakeOp,
    TopHittersOp,
    TopNestedLevel,
    TopNestedOp,
    TopOp,
    WhereOp,
)


@operator("where", "filter")
def _where(p: Cursor, start: int) -> Operator:
    settings = parameters(p, {"kind": None})
    predicate = named(p)
    if isinstance(predicate, Named):
        p.say(LU020.at(predicate.span, name=predicate.names[0].text, hint="two values are compared with =="))
    return WhereOp(predicate, settings, span=p.span(start))


@operator("take", "limit")
def _take(p: Cursor, start: int) -> Operator:
    return TakeOp(expression(p), span=p.span(start))


@operator("sample")
def _sample(p: Cursor, start: int) -> Operator:
    return SampleOp(expression(p), span=p.span(start))


@operator("sample-distinct")
def _sample_distinct(p: Cursor, start: int) -> Operator:
    count = expression(p)
    p.expect("of")
    return SampleDistinctOp(count, expression(p), span=p.span(start))


@operator("count")
def _count(p: Cursor, start: int) -> Operator:
    name = p.name(declared=True) if p.accept("as") else None
    return CountOp(name, span=p.span(start))


@operator("distinct")
def _distinct(p: Cursor, start: int) -> Operator:
    settings = parameters(p, DISTINCT)
    columns: list[Expression] = []
    while True:
        if p.texts[p.pos] == "*" and p.texts[p.pos + 1] in ("", "|", ")", ";", ",", "}"):
            p.pos += 1
            columns.append(Star(span=p.span(p.pos - 1)))
        else:
            columns.append(named(p))
        if not p.accept(","):
            return DistinctOp(tuple(columns), settings, span=p.span(start))


def ordered(p: Cursor, *, may_be_named: bool = False) -> Ordered:
    """`x desc nulls last`."""
    start = p.pos
    value = named(p) if may_be_named else expression(p)
    descending: bool | None = None
    nulls_first: bool | None = None
    if p.texts[p.pos] in ("asc", "desc"):
        descending = p.texts[p.pos] == "desc"
        p.pos += 1
    if p.accept("nulls"):
        if p.texts[p.pos] not in ("first", "last"):
            p.fail(KS006, p.here(), expected="first or last")
        nulls_first = p.texts[p.pos] == "first"
        p.pos += 1
    return Ordered(value, descending, nulls_first, span=p.span(start))


def ordered_list(p: Cursor) -> tuple[Ordered, ...]:
    items = [ordered(p)]
    while p.accept(","):
        items.append(ordered(p))
    return tuple(items)


@operator("sort", "order")
def _sort(p: Cursor, start: int) -> Operator:
    settings = parameters(p, {"hint.strategy": ("splitBlock", "multipleBlocks")})
    p.expect("by")
    return SortOp(ordered_list(p), settings, span=p.span(start))


@operator("top")
def _top(p: Cursor, start: int) -> Operator:
    settings = parameters(p, {"hint.progressive_top": None})
    count = expression(p)
    p.expect("by", "top takes the number of rows and what to order by: top 10 by Timestamp desc")
    return TopOp(count, ordered(p), settings, span=p.span(start))


@operator("top-hitters")
def _top_hitters(p: Cursor, start: int) -> Operator:
    count = expression(p)
    p.expect("of")
    of = expression(p)
    by = expression(p) if p.accept("by") else None
    return TopHittersOp(count, of, by, span=p.span(start))


@operator("top-nested")
def _top_nested(p: Cursor, start: int) -> Operator:
    levels = [_top_nested_level(p, start)]
    while p.accept(","):
        at = p.pos
        p.expect("top-nested")
        levels.append(_top_nested_level(p, at))
    return TopNestedOp(tuple(levels), span=p.span(start))


def _top_nested_level(p: Cursor, start: int) -> TopNestedLevel:
    count = None if p.texts[p.pos] == "of" else expression(p)
    p.expect("of")
    of = named(p)
    others: Expression | None = None
    if p.accept("with"):
        p.expect("others")
        p.expect("=")
        others = expression(p)
    p.expect("by")
    return TopNestedLevel(count, of, others, ordered(p, may_be_named=True), span=p.span(start))


@operator("print", place="head")
def _print(p: Cursor, start: int) -> Operator:
    return PrintOp(named_list(p), span=p.span(start))


@operator("range", place="head")
def _range(p: Cursor, start: int) -> Operator:
    name = p.name(declared=True)
    if p.texts[p.pos] != "from":
        p.fail(KS005, p.here(), expected="from", hint="range x from 1 to 10 step 1")
    p.pos += 1
    low = expression(p)
    p.expect("to")
    high = expression(p)
    p.expect("step")
    return RangeOp(name, low, high, expression(p), span=p.span(start))
