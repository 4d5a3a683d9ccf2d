"""Names of columns that a query does not name itself.

1. An unnamed expression takes a name from what it is made of (`d.a` -> `d_a`, `tostring(x)` -> `x`, `count()` -> `count_`);
   where it has none, it is `Column1`, `print_0`.
2. A name that is taken gets the next number behind it: `x`, `x1`, `x2`. Names that a user wrote are never given to others,
   but one that comes after an unnamed column of the same name is numbered itself.

Source: checked against Microsoft's emulator, name by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from lurcher.functions.registry import FunctionKind, Naming, overloads
from lurcher.kql import syntax as sx
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n


def result_name(node: sx.Expression) -> str:
    """The name that an expression gives its column, "" where it gives none."""
    if isinstance(node, sx.NameRef):
        return node.name.text
    if isinstance(node, sx.Call):
        return _call_name(node)
    if isinstance(node, sx.Path):
        member = node.member.name.text if isinstance(node.member, sx.NameRef) else result_name(node.member)
        base = node.base
        if isinstance(base, sx.NameRef) and base.name.text in ("$left", "$right"):
            return member
        return _joined(result_name(base), member)
    if isinstance(node, sx.Index):
        return _index_name(node)
    if isinstance(node, sx.Named):
        return node.names[0].text
    return ""


def _joined(base: str, rest: str) -> str:
    return f"{base}_{rest}" if base else rest


def _index_name(node: sx.Index) -> str:
    base, index, sign = result_name(node.base), node.index, ""
    if isinstance(index, sx.Unary) and index.op == "-":
        index, sign = index.operand, "_"
    if isinstance(index, sx.Literal) and index.type is ScalarType.STRING:
        return _joined(base, str(index.value))
    if isinstance(index, sx.Literal) and isinstance(index.value, int):
        # d[-1] is `d__1`: the sign is written as an underscore.
        return _joined(base, (sign if index.value >= 0 else "_") + str(abs(index.value)))
    return f"{base}_" if base else ""


def _call_name(node: sx.Call) -> str:
    name = node.name.text
    rows = overloads(FunctionKind.AGGREGATE, name)
    if not rows:
        rows = overloads(FunctionKind.SCALAR, name) or overloads(FunctionKind.WINDOW, name)
    if not rows:
        return ""
    row = rows[0]
    first = node.arguments[0] if node.arguments else None
    if isinstance(first, sx.Named):
        if row.naming is Naming.FIRST and rows is not overloads(FunctionKind.AGGREGATE, name) and not first.listed:
            # bin(Day = Timestamp, 1d) is called Day.
            return first.names[0].text
        first = first.expression
    if name in ("make_datetime", "make_timespan"):
        # A text that is read keeps its column's name.
        return result_name(first) if first is not None and len(node.arguments) == 1 else ""
    if name in ("percentile", "percentilew"):
        rank = node.arguments[-1]
        value = str(rank.value).removesuffix(".0").replace(".", "_") if isinstance(rank, sx.Literal) else ""
        return f"percentile_{result_name(node.arguments[0])}_{value}" if value else ""
    if name.startswith("covariance") and len(node.arguments) > 1:
        return f"{name}_{result_name(node.arguments[0])}_{result_name(node.arguments[1])}"
    if row.naming is Naming.FIRST:
        return result_name(first) if first is not None else ""
    if row.naming is Naming.PREFIX:
        return f"{row.prefix or name}_{result_name(first) if first is not None else ''}"
    return ""


def bound_name(node: sx.Expression, expr: n.Expr | None) -> str:
    """The name that an expression gives its column, where it is known what it is bound to: column_ifexists() stands for the
    column that it found, or for its default."""
    if not isinstance(node, sx.Call) or not node.arguments:
        return result_name(node)
    if isinstance(expr, n.Convert):
        expr = expr.operand
    if node.name.text in ("column_ifexists", "columnifexists"):
        return expr.name if isinstance(expr, n.Col) else ""
    first, rows = node.arguments[0], overloads(FunctionKind.SCALAR, node.name.text)
    if not isinstance(first, sx.Call) or not rows or rows[0].naming is not Naming.FIRST:
        return result_name(node)
    # tostring() of a text is that text.
    return bound_name(first, expr.args[0] if isinstance(expr, n.Call) and expr.args else expr)


def unique(base: str, taken: Collection[str]) -> str:
    """`base`, or the first of `base1`, `base2`, ... that is not taken."""
    if base not in taken:
        return base
    n = 1
    while f"{base}{n}" in taken:
        n += 1
    return f"{base}{n}"


class Sides:
    """Names of two sides put together: a right column whose name the left has gets a number that makes it unlike every
    column of either side, so that a right `SHA11` stays what it is and `SHA1` becomes `SHA12`."""

    def __init__(self, left: Iterable[str], right: Iterable[str]) -> None:
        self._left = set(left)
        self._taken = self._left.union(right)

    def add(self, name: str) -> str:
        if name not in self._left:
            return name
        found = unique(name, self._taken)
        self._taken.add(found)
        return found


class Namer:
    """Gives the columns of one operator their names, in order.

    `explicit` are the names that the user wrote (a number never makes one of them), `input` the columns that a positional
    name steps past.
    """

    def __init__(self, explicit: Iterable[str] = (), avoid: Collection[str] = (), positional: str = "Column") -> None:
        self.taken: set[str] = set()
        self._explicit = set(explicit)
        self._written: set[str] = set()
        self._avoid = avoid
        self._positional = positional
        self._count = 0

    def given(self, name: str) -> str | None:
        """The name of a column that the user named; None where the user named two columns so."""
        if name in self._written:
            return None
        self._written.add(name)
        return self._take(name if name not in self.taken else unique(name, self.taken | self._explicit))

    def derived(self, name: str) -> str:
        """The name of a column that has one of itself, "" for none."""
        if not name:
            return self.numbered()
        if name not in self.taken:
            return self._take(name)
        n = 1
        while f"{name}{n}" in self.taken or f"{name}{n}" in self._explicit:
            n += 1
        return self._take(f"{name}{n}")

    def numbered(self) -> str:
        while True:
            self._count += 1
            name = f"{self._positional}{self._count}"
            if name not in self.taken and name not in self._avoid:
                return self._take(name)

    def _take(self, name: str) -> str:
        self.taken.add(name)
        return name
