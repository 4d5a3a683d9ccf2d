"""What must be true of a row for a predicate to be: covers of filters by tests on one column each.

A *test* reads one text column and constants alone, so that its answer for a row is its answer for the row's value there. A *cover*
of a predicate is a set of tests of which a row fulfils at least one wherever the predicate is true. `a has "x" and b == "y"` is
covered by either side, `a has "x" or b == "y"` by both together, `not(...)` of several columns by none.

Rows that fulfil one of some tests hold, then, every row that any predicate covered by them lets through. Several rules can read
those rows in place of the table, each with its own filter whole (`lurcher.engines.narrowing`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lurcher.functions.registry import FunctionKind
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.used import wanted_columns
from lurcher.plan.walk import walk
from lurcher.plan.windows import ANY_TIME, TimeWindow, Windows, operands, scan_windows, window_of

#: Operators between a text column and constants that say the same of the same value, whatever row it is of.
_CASED = ("has", "hasprefix", "hassuffix", "contains", "startswith", "endswith")
_OPERATORS = frozenset(
    {"==", "!=", "=~", "!~", ":", "and", "or", "matches regex"}
    | {f"{no}{name}{case}" for name in _CASED for no in ("", "!") for case in ("", "_cs")}
)
_LISTS = frozenset(("in", "!in", "in~", "!in~", "has_any", "has_all"))
_FUNCTIONS = frozenset(("tolower", "toupper", "strlen", "isempty", "isnotempty", "not"))

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Test:
    """`key` tells tests apart by what they mean, wherever they stand. `value` is that of an equality, which needs no engine."""

    column: str
    key: Key
    predicate: n.Expr = field(compare=False, repr=False)
    value: str | None = field(default=None, compare=False)


#: What reading the rows of a test costs; None where it is not to be used.
Cost = Callable[[Test], float | None]


def tests(predicates: Iterable[n.Expr]) -> set[Test]:
    """Every test that a cover of these predicates could use."""
    found: set[Test] = set()
    stack = list(predicates)
    while stack:
        top = stack.pop()
        for op in ("and", "or"):
            parts = operands(top, op)
            if len(parts) > 1:
                stack.extend(parts)
                break
        else:
            found.update(_leaf(top))
    return found


def cheapest(predicates: Iterable[n.Expr], cost: Cost) -> tuple[float, frozenset[Test]] | None:
    """The cover of a row of filters that costs least; None where there is none."""
    best: tuple[float, frozenset[Test]] | None = None
    for predicate in predicates:
        for part in operands(predicate, "and"):
            found = _cover(part, cost)
            if found is not None and (best is None or found[0] < best[0]):
                best = found
    return best


def _cover(part: n.Expr, cost: Cost) -> tuple[float, frozenset[Test]] | None:
    either = operands(part, "or")
    if len(either) == 1:
        leaf = _leaf(part)
        costs = [cost(test) for test in leaf]
        known = [c for c in costs if c is not None]
        return (sum(known), frozenset(leaf)) if leaf and len(known) == len(costs) else None
    total, all_of = 0.0, frozenset[Test]()
    for one in either:
        found = cheapest((one,), cost)
        if found is None:
            return None
        total, all_of = total + found[0], all_of | found[1]
    return total, all_of


def covered(predicates: Iterable[n.Expr], have: Collection[Test]) -> bool:
    """Whether each row for which the predicates are all true fulfils one of the tests."""
    return cheapest(predicates, lambda test: 0.0 if test in have else None) is not None


def answered(predicates: Iterable[n.Expr], matched: Mapping[Test, tuple[str, ...]]) -> list[n.Expr]:
    """The predicates, with tests whose matches are known in terms of these. `matched` are all values of a column in the rows at
    hand for which a test is true."""
    found: list[n.Expr] = []
    for predicate in predicates:
        for part in operands(predicate, "and"):
            leaf = _leaf(part)
            values = matched.get(leaf[0]) if len(leaf) == 1 else None
            if values is None:
                found.append(part)
            elif not values:
                found.append(n.Lit(type=ScalarType.BOOL, value=False, span=part.span))
            else:
                texts = tuple(n.Lit(type=ScalarType.STRING, value=v) for v in values)
                column = n.Col(type=ScalarType.STRING, name=leaf[0].column)
                found.append(n.InList(type=ScalarType.BOOL, op="in", operand=column, values=texts, span=part.span))
    return found


def _leaf(part: n.Expr) -> tuple[Test, ...]:
    """The tests that cover a predicate which is no `and` or `or`; none where it is no test. A list of values is as many: of the
    values of one rule some may be another's."""
    match part:
        case n.Call(function=f, args=(n.Col() as column, n.Lit() as value)) if _is(f, "=="):
            if _text(column) and isinstance(value.value, str) and value.type is ScalarType.STRING:
                return (_equal(column, value),)
        case n.InList(op="in", operand=n.Col() as column, values=values) if values and _text(column):
            if all(isinstance(v, n.Lit) and v.type is ScalarType.STRING and isinstance(v.value, str) for v in values):
                return tuple(dict.fromkeys(_equal(column, v) for v in values if isinstance(v, n.Lit)))
    columns: set[str] = set()
    try:
        key = _key(part, columns)
    except _NoTest:
        return ()
    return (Test(columns.pop(), key, part),) if len(columns) == 1 and part.type is ScalarType.BOOL else ()


def _equal(column: n.Col, value: n.Lit) -> Test:
    predicate = n.InList(type=ScalarType.BOOL, op="in", operand=column, values=(value,))
    return Test(column.name, ("=", column.name, value.value), predicate, value.value)


def _is(function: Any, name: str) -> bool:
    return bool(function.kind is FunctionKind.OPERATOR and function.name == name)


def _text(column: n.Expr) -> bool:
    return column.type is ScalarType.STRING


class _NoTest(Exception):
    pass


def _key(expr: n.Expr, columns: set[str]) -> Key:
    """What tells a test from others. Raises `_NoTest` for what reads more than a text column and constants."""
    match expr:
        case n.Col(name=name) if _text(expr):
            columns.add(name)
            if len(columns) == 1:
                return ("column", name)
        case n.Lit(type=type_, value=value):
            return ("constant", type_, value.__class__.__name__, repr(value))
        case n.Call(function=function, args=args):
            known = _OPERATORS if function.kind is FunctionKind.OPERATOR else _FUNCTIONS
            if function.kind in (FunctionKind.OPERATOR, FunctionKind.SCALAR) and function.name in known:
                # A row of the registry is one object for as long as the process lives.
                return ("call", id(function), *(_key(a, columns) for a in args))
        case n.InList(op=op, operand=operand, values=values) if op in _LISTS:
            return ("list", op, _key(operand, columns), *(_key(v, columns) for v in values))
    raise _NoTest


# --- where a plan reads tables -----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Use:
    """A place of a plan that reads a table: what filters stand right above, when its rows matter, by column, and which of its
    columns are looked at."""

    scan: n.Scan
    predicates: tuple[n.Expr, ...]
    windows: Windows
    columns: frozenset[str]

    def window(self, column: str | None) -> TimeWindow:
        return self.windows.get(column, ANY_TIME) if column is not None else ANY_TIME


def uses(plan: n.Plan) -> list[Use]:
    """Every place of a plan where a table is read."""
    nodes = list(walk(plan))
    under = {id(node.input) for node in nodes if isinstance(node, n.Filter)}
    known = scan_windows(plan)
    read = wanted_columns(plan)
    found = []
    for node in nodes:
        if isinstance(node, n.Scan) and id(node) not in under:
            found.append(Use(node, (), known.get(id(node), {}), read[id(node)]))
        elif isinstance(node, n.Filter) and id(node) not in under:
            predicates: list[n.Expr] = []
            below: n.Plan = node
            while isinstance(below, n.Filter):
                predicates.append(below.predicate)
                below = below.input
            if isinstance(below, n.Scan):
                windows = _narrower(below, predicates, known.get(id(below), {}))
                found.append(Use(below, tuple(predicates), windows, read[id(below)]))
    return found


def _narrower(scan: n.Scan, predicates: list[n.Expr], windows: Windows) -> Windows:
    said = dict(windows)
    for column in scan.columns:
        if column.type is ScalarType.DATETIME:
            window = window_of(predicates, column.name).both(said.get(column.name, ANY_TIME))
            if window != ANY_TIME:
                said[column.name] = window
    return said
