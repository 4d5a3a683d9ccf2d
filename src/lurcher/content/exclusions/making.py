"""Making syntax: short names for the nodes that a rewrite builds, and substitution in a tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from typing import TypeVar

from lurcher.kql.rewrite import transform
from lurcher.kql.syntax import (
    Binary,
    Call,
    DistinctOp,
    Expression,
    ExtendOp,
    In,
    JoinOp,
    LetStatement,
    Literal,
    Name,
    Named,
    NameRef,
    Node,
    Operator,
    Parameter,
    Path,
    Pipe,
    ProjectAwayOp,
    ProjectOp,
    SummarizeOp,
    WhereOp,
)
from lurcher.kql.types import ScalarType
from lurcher.kql.values import TICKS_PER_DAY

N = TypeVar("N", bound=Node)


def ref(name: str) -> NameRef:
    return NameRef(Name(name))


def text(value: str) -> Literal:
    return Literal(ScalarType.STRING, value)


def boolean(value: bool) -> Literal:
    return Literal(ScalarType.BOOL, value, "true" if value else "false")


def days(count: int) -> Literal:
    return Literal(ScalarType.TIMESPAN, count * TICKS_PER_DAY, f"{count}d")


def call(name: str, *arguments: Expression) -> Call:
    return Call(Name(name), arguments)


def named(name: str, expression: Expression) -> Named:
    return Named((Name(name),), expression)


def let(name: str, value: Expression) -> LetStatement:
    return LetStatement(Name(name), value)


def pipe(source: Expression, *operators: Operator) -> Pipe:
    return Pipe(source, operators)


def where(*predicates: Expression) -> WhereOp:
    return WhereOp(conjunction(predicates))


def conjunction(parts: Iterable[Expression]) -> Expression:
    return reduce(lambda a, b: Binary("and", a, b), parts)


def disjunction(parts: Iterable[Expression]) -> Expression:
    return reduce(lambda a, b: Binary("or", a, b), parts)


def one_of(column: Expression, values: Iterable[str]) -> In:
    return In("in~", column, tuple(text(v) for v in values))


def project(*columns: Expression) -> ProjectOp:
    return ProjectOp(columns)


def extend(*columns: Expression) -> ExtendOp:
    return ExtendOp(columns)


def distinct(*columns: Expression) -> DistinctOp:
    return DistinctOp(columns)


def summarize(aggregates: Iterable[Expression], by: Iterable[Expression]) -> SummarizeOp:
    keys = tuple(by)
    return SummarizeOp(tuple(aggregates), keys, has_by=bool(keys))


def away(pattern: str) -> ProjectAwayOp:
    return ProjectAwayOp((NameRef(Name(pattern, pattern="*" in pattern)),))


def join(kind: str, right: Expression, pairs: Iterable[tuple[str, str]]) -> JoinOp:
    """The kind is always written: KQL's default, innerunique, drops rows of the left side that share a key."""
    conditions = tuple(
        Binary("==", Path(ref("$left"), ref(left)), Path(ref("$right"), ref(right_name))) for left, right_name in pairs
    )
    return JoinOp(right, conditions, None, (Parameter("kind", ref(kind)),))


def substitute(node: N, change: Callable[[Node], Node | None]) -> N:
    """The tree with every node for which `change` gives another one replaced, from the leaves up."""
    return transform(node, lambda n: n if (new := change(n)) is None else new)
