"""`search "term"`, `* has "term"`: whether any column holds a term.

A table has up to three hundred columns, and the engine takes milliseconds to compile a regular expression with Unicode's
letters. So each column is asked for the substring alone, and one expression is tried on the few rows that have it, over all
columns joined by a character that is neither letter nor digit: no term goes across it. Columns of other types are left out
where no value of theirs has a text with the needle's letters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lurcher.engines.lowering.rel import Cell
from lurcher.kql.types import ScalarType as T
from lurcher.plan import nodes as n
from lurcher.sql import tree as t

#: Between columns: in no needle that this is used for.
_BETWEEN = "\x1f"
# The letters, in lower case, that texts of a type are made of. A superset does no harm.
_NUMBER = frozenset("0123456789-+.e")
_LETTERS = {
    T.INT: _NUMBER,
    T.LONG: _NUMBER,
    T.DECIMAL: _NUMBER,
    T.REAL: _NUMBER | frozenset("infaty"),
    T.BOOL: frozenset("truefals01"),
    T.DATETIME: frozenset("0123456789-:.tz"),
    T.TIMESPAN: frozenset("0123456789-:."),
    T.GUID: frozenset("0123456789abcdef-"),
}


def any_column(node: n.AnyColumn, cells: Mapping[str, Cell], condition: Callable[[n.Expr], t.SqlExpr]) -> t.SqlExpr:
    """The condition; `condition` makes that of one column."""
    needle = node.needle.value if isinstance(node.needle, n.Lit) and isinstance(node.needle.value, str) else None
    plain = node.function.name != "matches regex"
    parts = []
    for column in node.columns:
        cell = cells[column.name]
        if isinstance(cell.expr, t.Literal) and cell.expr.value in (None, ""):
            continue
        letters = _LETTERS.get(column.type)
        if plain and needle and letters is not None and not letters.issuperset(needle.lower()):
            continue
        operand: n.Expr = n.Col(name=column.name, type=column.type)
        if column.type is not T.STRING:
            operand = n.Convert(type=T.STRING, operand=operand)
        parts.append(condition(n.Call(type=node.type, function=node.function, args=(operand, node.needle))))
    if len(parts) < 2:
        return parts[0] if parts else t.FALSE
    joined = _joined(parts) if needle is not None and _BETWEEN not in needle else None
    return joined if joined is not None else t.Op("OR", tuple(parts))


def _joined(parts: list[t.SqlExpr]) -> t.SqlExpr | None:
    """The substring in one of the columns, then the expression on all of them; None where it is no matter of terms."""
    substrings, texts = [], []
    expression: t.SqlExpr | None = None
    for part in parts:
        match part:
            case t.Op("AND", (t.Call("contains") as substring, t.Call("regexp_matches", (text, pattern)))):
                if not isinstance(pattern, t.Literal) or expression not in (None, pattern):
                    return None
                expression = pattern
                substrings.append(substring)
                texts.append(text)
            case _:
                return None
    assert expression is not None
    folded = all(isinstance(text, t.Call) and text.name == "lower" for text in texts)
    inside = [text.args[0] for text in texts if isinstance(text, t.Call)] if folded else texts
    all_texts: t.SqlExpr = t.call("concat_ws", t.Literal(_BETWEEN), *inside)
    if folded:
        all_texts = t.call("lower", all_texts)
    return t.Case(((t.Op("OR", tuple(substrings)), t.call("regexp_matches", all_texts, expression)),), t.FALSE)
