"""Events that just match and just miss a rule, made from the predicates of its plan.

Of each condition of the filters that stand on one table: an event that satisfies all conditions, one that satisfies all but this
one, and the boundaries of times and numbers, a term inside of a longer word. They are guesses until they are run: what a rule gives
for an event is what the engine says, never what is computed here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.schema import TableSchema

_TICKS_1970 = 621_355_968_000_000_000
#: The columns that tell rows apart, with what they hold where no condition says otherwise.
_USUAL = {"DeviceId": "device-1", "DeviceName": "pc1", "SHA1": "a" * 40, "ReportId": 1}

Event = dict[str, Any]


@dataclass(frozen=True)
class Guess:
    """An event of `table`, and what it is, in words."""

    table: str
    what: str
    event: Event = field(hash=False)


def guesses(plan: n.Plan, schema: TableSchema, now: dt.datetime) -> list[Guess]:
    """In the order of the conditions, each event once. None where no filter stands on the table `schema`."""
    conditions = [c for p in _filters(plan, schema.name) for c in _conjuncts(p)]
    fits = [list(_values(c, _fitting)) for c in conditions]
    base: Event = {}
    names = {c.name: c.type for c in schema.columns}
    if schema.time_column is not None:
        base[schema.time_column] = _text(now - dt.timedelta(minutes=1))
    base |= {c: v for c, v in _USUAL.items() if c in names}
    for found in fits:
        if found:
            base[found[0][0]] = found[0][2]
    guess = [Guess(schema.name, "all conditions hold", base)]
    for fitting, condition in zip(fits, conditions, strict=True):
        for column, what, value in (*fitting, *_values(condition, _missing)):
            if column in names:
                guess.append(Guess(schema.name, f"{column}: {what}", {**base, column: value}))
    distinct: dict[str, Guess] = {}
    for one in guess:
        distinct.setdefault(repr(sorted(one.event.items(), key=str)), one)
    return list(distinct.values())


def _filters(plan: n.Plan, table: str) -> Iterator[n.Expr]:
    """The predicates of filters that stand on the scan of the table, with nothing between that could rename a column."""
    stack: list[tuple[n.Plan, tuple[n.Expr, ...]]] = [(plan, ())]
    seen: set[int] = set()
    while stack:
        here, above = stack.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        if isinstance(here, n.Filter):
            stack.append((here.input, (here.predicate, *above)))
            continue
        if isinstance(here, n.Scan):
            if here.table == table:
                yield from above
            continue
        for name in here.__dataclass_fields__:
            value = getattr(here, name)
            for child in value if isinstance(value, tuple) else (value,):
                if isinstance(child, n.Plan):
                    stack.append((child, ()))


def _conjuncts(predicate: n.Expr) -> list[n.Expr]:
    if isinstance(predicate, n.Call) and predicate.function.name == "and":
        return [c for a in predicate.args for c in _conjuncts(a)]
    return [predicate]


def _operation(e: n.Expr) -> tuple[str, str, ScalarType, list[Any]] | None:
    """(operator, column, its type, constants) of a test of a column by constants; None of anything else."""
    if isinstance(e, n.InList) and isinstance(e.operand, n.Col):
        values = [v.value for v in e.values if isinstance(v, n.Lit)]
        return (e.op, e.operand.name, e.operand.type, values) if len(values) == len(e.values) and values else None
    if isinstance(e, n.Col) and e.type is ScalarType.BOOL:
        return "==", e.name, e.type, [True]
    if not isinstance(e, n.Call):
        return None
    if e.function.name == "not" and len(e.args) == 1:
        inner = _operation(e.args[0])
        return (f"not {inner[0]}", *inner[1:]) if inner else None
    if not e.args or not isinstance(e.args[0], n.Col) or not all(isinstance(a, n.Lit) for a in e.args[1:]):
        return None
    values = [a.value for a in e.args[1:] if isinstance(a, n.Lit)]
    if any(v is None for v in values) or (not values and e.function.name not in ("isnotempty", "isempty")):
        return None
    return e.function.name, e.args[0].name, e.args[0].type, values


def _step(type_: ScalarType) -> int:
    """The smallest difference between two values: of a time a microsecond, as events have them."""
    return 10 if type_ is ScalarType.DATETIME else 1


def _value(value: Any, type_: ScalarType) -> Any:
    """As an event has it; None of what its type cannot hold."""
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if type_ is ScalarType.DATETIME:
        try:
            return _text(
                dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=(value - _TICKS_1970) // 10)
            )
        except OverflowError:
            return None
    bits = {ScalarType.LONG: 63, ScalarType.INT: 31}.get(type_)
    return value if bits is None or -(1 << bits) <= value < 1 << bits else None


def _text(moment: dt.datetime) -> str:
    # `%Y` writes the year 1 without its zeros.
    return moment.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


_ORDERED = (ScalarType.DATETIME, ScalarType.LONG, ScalarType.INT)
#: Operator, type and constants of a condition -> what a value is, and the value.
_Make = Callable[[str, ScalarType, list[Any]], Iterator[tuple[str, Any]]]


def _values(e: n.Expr, make: _Make) -> Iterator[tuple[str, str, Any]]:
    """(column, what, value) of a condition, or of each side of an `or`."""
    if isinstance(e, n.Call) and e.function.name == "or":
        for a in e.args:
            yield from _values(a, make)
        return
    found = _operation(e)
    if found is not None:
        op, column, type_, values = found
        yield from ((column, what, value) for what, value in make(op, type_, values) if value is not None)


def _empty_or_not(empty: bool, type_: ScalarType) -> Iterator[tuple[str, Any]]:
    if type_ is ScalarType.STRING:
        yield ("empty", "") if empty else ("a text", "x")
    elif not empty and type_ in (ScalarType.LONG, ScalarType.INT):
        yield "a number", 1


def _emptiness(op: str) -> bool | None:
    """Whether a condition asks for an empty value; None where it asks something else."""
    return {"isempty": True, "not isnotempty": True, "isnotempty": False, "not isempty": False}.get(op)


def _fitting(op: str, type_: ScalarType, values: list[Any]) -> Iterator[tuple[str, Any]]:
    """What should satisfy a condition; the first is what other events have there."""
    step = _step(type_)
    if (empty := _emptiness(op)) is not None:
        yield from _empty_or_not(empty, type_)
    elif type_ in _ORDERED and op in (">", ">=", "<", "<=", "==", "between"):
        shift = {">": step, "<": -step}.get(op, 0)
        yield f"just inside of {op} {_value(values[0], type_)}", _value(values[0] + shift, type_)
        if op == "between" and len(values) > 1:
            yield f"the other end of {op}", _value(values[1], type_)
    elif op == "has_all":
        yield "all terms", " ".join(map(str, values))
    elif op in ("has", "has_cs", "has_any", "hasprefix", "hassuffix"):
        for v in values:
            yield f"the term {v!r} alone", v
        yield f"the term {values[0]!r} between others", f"A {values[0]} Ltd"
    elif op in ("==", "=~", "in", "in~", "contains", "contains_cs", "startswith", "endswith"):
        for v in values:
            yield f"{op} {v!r}", _value(v, type_)
        if op in ("=~", "in~") and isinstance(values[0], str):
            yield "in other case", values[0].swapcase()
    elif op.startswith(("!", "not ")):
        yield "something else", _other(values[0], type_)


def _missing(op: str, type_: ScalarType, values: list[Any]) -> Iterator[tuple[str, Any]]:
    """What should just miss a condition."""
    step = _step(type_)
    if (empty := _emptiness(op)) is not None:
        yield from _empty_or_not(not empty, type_)
    elif type_ in _ORDERED and op in (">", ">=", "<", "<=", "between", "=="):
        low = {">": 0, ">=": -step, "<": 0, "<=": step, "between": -step, "==": step}[op]
        yield f"just outside of {op} {_value(values[0], type_)}", _value(values[0] + low, type_)
        if op == "between" and len(values) > 1:
            yield "just outside of the other end", _value(values[1] + step, type_)
    elif op in ("has", "has_cs", "has_any"):
        for v in values:
            yield f"{v!r} as a part of a longer word", f"x{v}x"
        yield "another text", _other(values[0], type_)
    elif op in ("==", "=~", "in", "in~") and type_ is ScalarType.STRING:
        yield f"{values[0]!r} with more behind it", f"{values[0]}x"
        yield f"{values[0]!r} in other case", str(values[0]).swapcase()
    elif op in ("startswith", "hasprefix"):
        yield f"{values[0]!r} not at the start", f"x{values[0]}"
    elif op in ("endswith", "hassuffix"):
        yield f"{values[0]!r} not at the end", f"{values[0]}x"
    elif op.startswith(("!", "not ")):
        yield f"what is left out: {values[0]!r}", _value(values[0], type_)
    elif type_ is ScalarType.BOOL:
        yield "the other", not values[0]
    else:
        yield "another value", _other(values[0], type_)


def _other(value: Any, type_: ScalarType) -> Any:
    if type_ is ScalarType.STRING:
        return "something-else"
    if type_ is ScalarType.BOOL:
        return not value
    return _value(value + _step(type_), type_) if isinstance(value, int) else value
