"""The rule's own time window, as expressions, read off the filters on its time column."""

from __future__ import annotations

from dataclasses import dataclass

from lurcher.content.exclusions.making import days, ref
from lurcher.content.exclusions.split import Split
from lurcher.kql.rewrite import walk
from lurcher.kql.syntax import Between, Binary, Call, Expression, LetStatement, Literal, NameRef, WhereOp
from lurcher.kql.types import ScalarType

TIME_COLUMNS = ("Timestamp", "TimeGenerated")


@dataclass(frozen=True, slots=True)
class Window:
    """From `low` to `high`, both inclusive, on `column`. None is open."""

    column: str
    low: Expression | None = None
    high: Expression | None = None

    def test(self, widen_days: int) -> Expression | None:
        """The filter on context, widened on both sides; None where there is nothing to filter by."""
        column = ref(self.column)
        parts: list[Expression] = []
        if self.low is not None:
            parts.append(Binary(">=", column, Binary("-", self.low, days(widen_days))))
        if self.high is not None:
            parts.append(Binary("<=", column, Binary("+", self.high, days(widen_days))))
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else Binary("and", parts[0], parts[1])


def window(cut: Split, columns: frozenset[str]) -> Window:
    """The window of the evidence. A bound that hangs on a column of the row is none."""
    scalars = {s.name.text for s in cut.lets if isinstance(s, LetStatement)}
    used = _time_column(cut, columns)
    low: Expression | None = None
    high: Expression | None = None
    for op in cut.evidence:
        if not isinstance(op, WhereOp):
            # Once a column may have been made anew, its name says nothing of the source's any more.
            if used not in ("",) and not _untouched(op, used):
                break
            continue
        for test in _conjuncts(op.predicate):
            if isinstance(test, Between) and not test.negated and _is(test.left, used):
                if _constant(test.low, scalars) and _constant(test.high, scalars):
                    span = _is_span(test.high, cut.values)
                    low = low or test.low
                    # `between (a .. 1d)` with a timespan ends one day after `a`.
                    high = high or (Binary("+", test.low, test.high) if span else test.high)
            elif isinstance(test, Binary) and test.op in ("<", "<=", ">", ">=", "=="):
                side, bound, op_ = (test.left, test.right, test.op)
                if _is(bound, used):
                    side, bound = bound, side
                    op_ = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(op_, op_)
                if not _is(side, used) or not _constant(bound, scalars):
                    continue
                if op_ in (">", ">=", "==") and low is None:
                    low = bound
                if op_ in ("<", "<=", "==") and high is None:
                    high = bound
    return Window(used, low, high)


def _untouched(op: object, column: str) -> bool:
    from lurcher.content.exclusions.split import renamed
    from lurcher.kql.syntax import Operator

    return isinstance(op, Operator) and renamed(column, op) == column


def _time_column(cut: Split, columns: frozenset[str]) -> str:
    for op in cut.evidence:
        if isinstance(op, WhereOp):
            for node in walk(op.predicate):
                if isinstance(node, NameRef) and node.name.text in TIME_COLUMNS and node.name.text in columns:
                    return node.name.text
    return next((c for c in TIME_COLUMNS if c in columns), "")


def _conjuncts(tree: Expression) -> list[Expression]:
    found: list[Expression] = []
    stack = [tree]
    while stack:
        here = stack.pop()
        if isinstance(here, Binary) and here.op == "and":
            stack += (here.right, here.left)
        else:
            found.append(here)
    return found


def _is(node: Expression, column: str) -> bool:
    return isinstance(node, NameRef) and node.name.text == column


def _constant(node: Expression, names: set[str]) -> bool:
    return all(
        n.name.text in names
        if isinstance(n, NameRef)
        else isinstance(n, Literal | Binary | Call) or not isinstance(n, Expression)
        for n in walk(node)
    )


def _is_span(node: Expression, values: dict[str, Expression], depth: int = 0) -> bool:
    if isinstance(node, Literal):
        return node.type is ScalarType.TIMESPAN
    if isinstance(node, NameRef) and depth < 20:
        value = values.get(node.name.text)
        return value is not None and _is_span(value, values, depth + 1)
    if isinstance(node, Call):
        return node.name.text in ("totimespan", "timespan", "make_timespan")
    if isinstance(node, Binary) and node.op in ("*", "/", "+"):
        return _is_span(node.left, values, depth + 1) and (node.op != "+" or _is_span(node.right, values, depth + 1))
    return False
