"""Operators that work by groups."""

from __future__ import annotations

from lurcher.kql.diagnostics import KS006
from lurcher.kql.parser.cursor import Cursor
from lurcher.kql.parser.expressions import expression, named, named_list, pipeline
from lurcher.kql.parser.literals import literal
from lurcher.kql.parser.parameters import PARTITION, SHUFFLE, parameters, properties
from lurcher.kql.parser.registry import operator
from lurcher.kql.syntax import (
    Call,
    Expression,
    MakeSeriesOp,
    Name,
    Named,
    NameRef,
    Operator,
    PartitionByOp,
    PartitionOp,
    Path,
    ReduceOp,
    SeriesAggregate,
    SummarizeOp,
)

_ENDS = frozenset(("", "|", ";", ")", "}"))


@operator("summarize")
def _summarize(p: Cursor, start: int) -> Operator:
    settings = parameters(p, SHUFFLE)
    aggregates: tuple[Expression, ...] = ()
    if p.texts[p.pos] not in _ENDS and p.texts[p.pos] != "by":
        aggregates = named_list(p)
    by: tuple[Expression, ...] = ()
    has_by = p.accept("by")
    if has_by:
        by = _keys(p)
    return SummarizeOp(aggregates, by, settings, has_by, span=p.span(start))


def _keys(p: Cursor) -> tuple[Expression, ...]:
    items = [_key(p)]
    while p.accept(","):
        items.append(_key(p))
    return tuple(items)


def _key(p: Cursor) -> Expression:
    """A group's key. `Timestamp bin=1d` is an old way to write `bin(Timestamp, 1d)`."""
    start = p.pos
    key = named(p)
    if p.texts[p.pos] == "bin" and p.texts[p.pos + 1] == "=":
        p.pos += 2
        inner = key.expression if isinstance(key, Named) else key
        size = expression(p)
        binned = Call(Name("bin"), (inner, size), span=p.span(start))
        return Named(key.names, binned, key.listed, span=p.span(start)) if isinstance(key, Named) else binned
    return key


@operator("make-series")
def _make_series(p: Cursor, start: int) -> Operator:
    settings = parameters(p, {"hint.shufflekey": None, "kind": ("nonempty",)})
    aggregates = [_series_aggregate(p)]
    while p.accept(","):
        aggregates.append(_series_aggregate(p))
    p.expect("on")
    # `on t in range(...)`: the axis must not take the `in` for its own operator.
    on = named_axis(p)
    low: Expression | None = None
    high: Expression | None = None
    in_range = False
    if p.texts[p.pos] == "in" and p.texts[p.pos + 1] == "range":
        in_range = True
        p.pos += 2
        p.enter("(")
        low = expression(p)
        p.expect(",")
        high = expression(p)
        p.expect(",")
        step = expression(p)
        p.leave(")")
    else:
        low = expression(p) if p.accept("from") else None
        high = expression(p) if p.accept("to") else None
        p.expect("step")
        step = expression(p)
    by = named_list(p) if p.accept("by") else ()
    return MakeSeriesOp(tuple(aggregates), on, low, high, step, by, in_range, settings, span=p.span(start))


def named_axis(p: Cursor) -> Expression:
    start = p.pos
    if p.texts[start + 1] == "=":
        name = p.name(declared=True)
        p.pos += 1
        return Named((name,), expression(p, _ABOVE_IN), span=p.span(start))
    return expression(p, _ABOVE_IN)


#: Comparison: one level tighter than `in`.
_ABOVE_IN = 4


def _series_aggregate(p: Cursor) -> SeriesAggregate:
    start = p.pos
    aggregate = named(p)
    default: Expression | None = None
    if p.accept("default"):
        p.expect("=")
        default = expression(p)
    return SeriesAggregate(aggregate, default, span=p.span(start))


@operator("partition")
def _partition(p: Cursor, start: int) -> Operator:
    settings = parameters(p, PARTITION)
    p.expect("by")
    by = _entity(p)
    braces = p.texts[p.pos] == "{"
    if braces:
        p.enter("{")
        body = pipeline(p)
        p.leave("}")
    else:
        body = subquery(p)
    return PartitionOp(by, body, braces=braces, parameters=settings, span=p.span(start))


def _entity(p: Cursor) -> Expression:
    """A column or a property of one: no call, as the parenthesis after it starts the subquery."""
    start = p.pos
    name = p.name("a column")
    node: Expression = NameRef(name, span=name.span)
    while p.accept("."):
        member = p.name("a property")
        node = Path(node, NameRef(member, span=member.span), span=p.span(start))
    return node


def subquery(p: Cursor) -> Expression:
    """`( operator | operator )`."""
    p.enter("(")
    if p.texts[p.pos] == ")":
        p.fail(KS006, p.here(), expected="an operator")
    body = pipeline(p, headless=True)
    p.leave(")")
    return body


@operator("__partitionby")
def _partition_by(p: Cursor, start: int) -> Operator:
    settings = parameters(p, PARTITION)
    entity = _entity(p)
    id_ = literal(p) if p.accept("id") else None
    return PartitionByOp(entity, id_, subquery(p), settings, span=p.span(start))


@operator("reduce")
def _reduce(p: Cursor, start: int) -> Operator:
    settings = parameters(p, {"kind": ("source",)})
    p.expect("by")
    by = expression(p)
    options = properties(p) if p.accept("with") else ()
    return ReduceOp(by, options, settings, span=p.span(start))
