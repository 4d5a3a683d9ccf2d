"""Many comparisons of one expression with constants, under one `or` or `and`: one IN list.

The engine's planner needs time that grows with the square of their number (48,000 comparisons took it 20 s), and a list none. A
few stay as they were written, so that the SQL reads as the query does.
"""

from __future__ import annotations

from lurcher.sql import tree as t

#: From how many comparisons of one expression on they become a list.
_MANY = 16
#: From how many conditions under `and` on they are written as an `or`: of 5,000 of them the planner needs half a minute, of 10,000
#: all memory there is; of an `or` it needs a second.
_TOO_MANY = 500


def merged(op: str, parts: tuple[t.SqlExpr, ...]) -> t.SqlExpr:
    """The parts under AND or OR: the same value, nulls included."""
    if len(parts) >= _MANY:
        parts = _lists(op, parts)
    return t.Op(op, parts) if len(parts) > 1 else parts[0]


def conjuncts(parts: list[t.SqlExpr]) -> list[t.SqlExpr]:
    """The parts of a filter, likewise; here null is as good as false."""
    if len(parts) >= _MANY:
        parts = list(_lists("AND", tuple(parts)))
    if len(parts) < _TOO_MANY:
        return parts
    failed = t.Op("OR", tuple(t.Op("NOT", (part,)) for part in parts))
    return [t.Op("NOT", (t.call("coalesce", failed, t.TRUE),))]


def _lists(op: str, parts: tuple[t.SqlExpr, ...]) -> tuple[t.SqlExpr, ...]:
    """Each list stands where the first of its comparisons stood."""
    groups: dict[object, list[t.SqlExpr]] = {}
    keys: list[object] = []
    for index, part in enumerate(parts):
        key: object = index
        match part:
            case t.Op("=", (left, t.Literal(str() | int() as value) as right)) if op == "OR":
                key = ("=", left, right.type, type(value))
            case t.Op("<>" | "IS DISTINCT FROM" as name, (left, t.Literal(str() | int() as value) as right)) if (
                op == "AND"
            ):
                key = (name, left, right.type, type(value))
        groups.setdefault(key, []).append(part)
        keys.append(key)
    result = []
    for key in dict.fromkeys(keys):
        group = groups[key]
        if not isinstance(key, tuple) or len(group) < _MANY:
            result.extend(group)
            continue
        values = tuple(dict.fromkeys(p.args[1] for p in group if isinstance(p, t.Op)))
        if len(values) == 1:
            result.append(group[0])
            continue
        found: t.SqlExpr = t.InValues(key[1], values, key[0] != "=")
        if key[0] == "IS DISTINCT FROM":
            # Null is none of them, which `NOT IN` does not know.
            found = t.call("coalesce", found, t.TRUE)
        result.append(found)
    return tuple(result)
