"""From when to when rows of a table can matter, read off the predicates above it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lurcher.functions.registry import FunctionKind
from lurcher.kql.types import ScalarType
from lurcher.kql.values import TICKS_PER_DAY
from lurcher.plan import nodes as n
from lurcher.plan.walk import inputs


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Ticks since 0001-01-01, both included; None: open on that side."""

    start: int | None = None
    stop: int | None = None

    def narrowed(self, op: str, ticks: int) -> TimeWindow:
        """With `time op ticks` as well."""
        start, stop = self.start, self.stop
        if op in (">", ">=", "=="):
            start = ticks if start is None else max(start, ticks)
        if op in ("<", "<=", "=="):
            stop = ticks if stop is None else min(stop, ticks)
        return TimeWindow(start, stop)

    def both(self, other: TimeWindow) -> TimeWindow:
        """What lies in this one and in the other."""
        starts = [s for s in (self.start, other.start) if s is not None]
        stops = [s for s in (self.stop, other.stop) if s is not None]
        return TimeWindow(max(starts, default=None), min(stops, default=None))

    def hull(self, other: TimeWindow) -> TimeWindow:
        """What lies in this one, in the other, or between them."""
        start = None if self.start is None or other.start is None else min(self.start, other.start)
        stop = None if self.stop is None or other.stop is None else max(self.stop, other.stop)
        return TimeWindow(start, stop)

    def holds(self, other: TimeWindow) -> bool:
        """Whether all of the other lies in this one."""
        return (self.start is None or (other.start is not None and other.start >= self.start)) and (
            self.stop is None or (other.stop is not None and other.stop <= self.stop)
        )

    def of_rounded(self, slack: int) -> TimeWindow:
        """Where a time can be that is rounded down, by at most `slack`, into this one."""
        return TimeWindow(self.start, None if self.stop is None else self.stop + slack)


#: Nothing is said.
ANY_TIME = TimeWindow()
#: Column -> when rows matter by it. Rows without that time do not, either.
Windows = Mapping[str, TimeWindow]


def window_of(predicates: Iterable[n.Expr], column: str) -> TimeWindow:
    """The window in which a row lies for which all predicates are true. Only comparisons of the column, or of what it is rounded
    down to, with constants count, alone or under `and`, `or`, `not`; all of them are false for a row without a time."""
    window = ANY_TIME
    for predicate in predicates:
        for part in operands(predicate, "and"):
            window = window.both(_window(part, column))
    return window


def _window(part: n.Expr, column: str) -> TimeWindow:
    either = operands(part, "or")
    if len(either) > 1:
        found = window_of(either[:1], column)
        for other in either[1:]:
            if found == ANY_TIME:
                break
            found = found.hull(window_of((other,), column))
        return found
    window = ANY_TIME
    for bound in _bounds(part, column):
        op, ticks, slack = bound
        window = window.both(ANY_TIME.narrowed(op, ticks).of_rounded(slack))
    return window


def _bounds(part: n.Expr, column: str) -> list[tuple[str, int, int]]:
    match part:
        # Other operands than columns stand in it once.
        case n.Call(function=function, args=(value, low, high)):
            if function.kind is not FunctionKind.OPERATOR or function.name != "between":
                return []
            found = [_compared(value, op, end, column) for op, end in ((">=", low), ("<=", high))]
        case _:
            found = [_bound(part, column)]
    return [b for b in found if b is not None]


def operands(node: n.Expr, op: str) -> list[n.Expr]:
    """The operands of a chain of one operator, in order; the expression itself where it is none. Without recursion, as chains are
    long."""
    result: list[n.Expr] = []
    stack = [node]
    while stack:
        top = stack.pop()
        if isinstance(top, n.Call) and top.function.kind is FunctionKind.OPERATOR and top.function.name == op:
            stack.extend(reversed(top.args))
        else:
            result.append(top)
    return result


_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}


_NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def _bound(expr: n.Expr, column: str) -> tuple[str, int, int] | None:
    """A comparison of the column with a constant: (operator, ticks, by how much the column is rounded down at most), the column on
    its left."""
    if isinstance(expr, n.Call) and expr.function.kind is FunctionKind.SCALAR and expr.function.name == "not":
        found = _bound(expr.args[0], column)
        return (_NEGATED[found[0]], *found[1:]) if found is not None and found[0] in _NEGATED else None
    if not isinstance(expr, n.Call) or expr.function.kind is not FunctionKind.OPERATOR or len(expr.args) != 2:
        return None
    op = expr.function.name
    if op not in _TURNED:
        return None
    left, right = expr.args
    if isinstance(left, n.Lit):
        left, right, op = right, left, _TURNED[op]
    return _compared(left, op, right, column)


def _compared(left: n.Expr, op: str, right: n.Expr, column: str) -> tuple[str, int, int] | None:
    if not isinstance(right, n.Lit) or right.type is not ScalarType.DATETIME or right.value is None:
        return None
    rounded = _rounded(left)
    return (op, int(right.value), rounded[1]) if rounded is not None and rounded[0] == column else None


#: Functions that round a time down, and by how many days at most.
_STARTS = {"startofday": 1, "startofweek": 7, "startofmonth": 31, "startofyear": 366}


def _rounded(expr: n.Expr) -> tuple[str, int] | None:
    """The column of times that an expression is, and by how many ticks it rounds it down at most; None for any other."""
    slack = 0
    while expr.type is ScalarType.DATETIME:
        match expr:
            case n.Col(name=name):
                return name, slack
            case n.Convert(operand=operand):
                expr = operand
            case n.Call(function=function, args=(first, *rest)) if function.kind is FunctionKind.SCALAR:
                size = rest[0] if len(rest) == 1 else None
                if function.name in ("bin", "floor") and isinstance(size, n.Lit) and size.type is ScalarType.TIMESPAN:
                    if size.value is None or int(size.value) <= 0:
                        return None
                    slack += int(size.value)
                elif function.name in _STARTS and not rest:
                    slack += _STARTS[function.name] * TICKS_PER_DAY
                elif function.name != "todatetime" or rest:
                    return None
                expr = first
            case _:
                return None
    return None


# --- the scans of a plan ---------------------------------------------------------------------------------------------------
def scan_windows(plan: n.Plan) -> dict[int, Windows]:
    """id(scan) -> when its rows can matter for the plan's, by its columns. Filters anywhere above count, as far as what is between
    keeps rows apart: a row that comes of one, or of one group, of those outside, is filtered out with it. What stands in several
    places has the hull of what each of them says."""
    found: dict[int, dict[str, TimeWindow]] = {id(plan): {}}
    scans: dict[int, Windows] = {}
    for node, below in parents_first(plan):
        windows = found[id(node)]
        if isinstance(node, n.Scan):
            scans[id(node)] = windows
        passed = _passed(node, windows)
        known = {id(child) for child, _ in passed}
        for child, said in (*passed, *((c, _NOTHING) for c in below if id(c) not in known)):
            before = found.get(id(child))
            if before is None:
                found[id(child)] = dict(said)
            else:
                hulls = {c: w.hull(said[c]) for c, w in before.items() if c in said}
                found[id(child)] = {c: w for c, w in hulls.items() if w != ANY_TIME}
    return scans


_NOTHING: Windows = {}


def parents_first(plan: n.Plan) -> list[tuple[n.Plan, list[n.Plan]]]:
    """Every node of the plan once, with what is right inside of it, after all those that it stands in. Without recursion, as
    plans are deep."""
    order: list[tuple[n.Plan, list[n.Plan]]] = []
    seen: set[int] = set()
    stack: list[tuple[n.Plan, list[n.Plan] | None]] = [(plan, None)]
    while stack:
        node, below = stack.pop()
        if below is not None:
            order.append((node, below))
        elif id(node) not in seen:
            seen.add(id(node))
            below = inputs(node)
            stack.append((node, below))
            stack.extend((child, None) for child in below)
    return order[::-1]


def _passed(node: n.Plan, windows: Windows) -> list[tuple[n.Plan, Windows]]:
    """What the windows of a node's rows say of the rows of its inputs; an input that is not here is needed whole."""
    match node:
        case n.Filter(input=below, predicate=predicate):
            said = dict(windows)
            for column in below.columns:
                if column.type is ScalarType.DATETIME:
                    window = window_of((predicate,), column.name).both(windows.get(column.name, ANY_TIME))
                    if window != ANY_TIME:
                        said[column.name] = window
            return [(below, said)]
        case n.Project(input=below, items=items):
            return [(below, _under(items, windows))]
        case n.Aggregate(input=below, keys=keys):
            return [(below, _under(keys, windows))]
        case n.Sort(input=below) | n.Shared(input=below):
            return [(below, windows)]
        case n.Expand(input=below, items=expanded, index=index):
            made = {item.name for item in expanded} | {index}
            return [(below, {c: w for c, w in windows.items() if c not in made})]
        case n.Apply(input=below, body=body):
            made = {c.name for c in body.columns}
            return [(below, {c: w for c, w in windows.items() if c not in made}), (body, _NOTHING)]
        case n.Aligned(input=below, given=given, dropped=dropped):
            return [(below, {given[c]: w for c, w in windows.items() if c in given and c not in dropped})]
        case n.Union(inputs=below_all):
            return [(below, windows) for below in below_all]
        case n.Join(left=left, right=right):
            # Of an outer join as well: a row that has lost its partner for the window has no time on that side, and is
            # filtered out above as it would have been with it.
            return [(side, _of(side, windows)) for side in (left, right)]
    return []


def _under(items: Iterable[n.Item], windows: Windows) -> Windows:
    """Windows of computed columns as windows of what they are computed from."""
    said: dict[str, TimeWindow] = {}
    for name, expr in items:
        if name in windows and (rounded := _rounded(expr)) is not None:
            column, slack = rounded
            said[column] = said.get(column, ANY_TIME).both(windows[name].of_rounded(slack))
    return said


def _of(side: n.Plan, windows: Windows) -> Windows:
    names = {c.name for c in side.columns}
    return {c: w for c, w in windows.items() if c in names}
