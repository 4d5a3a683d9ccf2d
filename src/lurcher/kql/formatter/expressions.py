"""Expressions -> text. `floor` is the loosest level that stands without parentheses; `indent` is that of the line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lurcher.kql.formatter import words
from lurcher.kql.parser.expressions import CHAINING, EQUALITY, LEVELS, SIGN
from lurcher.kql.syntax import (
    Between,
    Binary,
    Call,
    ColumnDecl,
    DataTable,
    DynamicLiteral,
    EntityGroup,
    Expression,
    ExternalData,
    Function,
    In,
    Index,
    Literal,
    Named,
    NameRef,
    Operator,
    Parameter,
    Path,
    Pipe,
    Star,
    TypeOf,
    Unary,
)
from lurcher.kql.types import ScalarType

#: Tighter than any operator: what may stand before a `.`.
PRIMARY = SIGN + 1
#: Longer subqueries are broken into lines.
_WIDTH = 90
_STEP = "    "

#: How each operator is written; filled by `formatter.operators`.
WRITERS: dict[type[Operator], Callable[[Operator, str], str]] = {}
#: How a function is written; filled by `formatter.statements`.
FUNCTION_WRITER: list[Callable[[Function, str], str]] = []


def level(node: Expression) -> int:
    match node:
        case Binary():
            return LEVELS[node.op]
        case In() | Between():
            return EQUALITY
        case Unary():
            return SIGN
        case Pipe():
            return 0
        case Literal(type=ScalarType.STRING) | Literal(type=ScalarType.BOOL):
            return PRIMARY
        case Literal() if not words.literal(node)[0].isalpha():
            return SIGN  # `1.a` would be read as a real
        case _:
            return PRIMARY


def expression(node: Expression, floor: int, indent: str) -> str:
    if level(node) < floor:
        return in_parentheses(node, indent)
    if isinstance(node, Binary):
        return _chain(node, indent)
    writer = _WRITERS.get(type(node))
    if writer is None:
        raise ValueError(f"{type(node).__name__} has no text: the tree was read with errors")
    return writer(node, indent)


def _chain(node: Binary, indent: str) -> str:
    """A chain along its left side, without recursion."""
    parts: list[str] = []
    current: Expression = node
    floor = 0
    while isinstance(current, Binary) and (own := LEVELS[current.op]) >= floor:
        parts.append(f" {current.op} {expression(current.right, own + 1, indent)}")
        current = current.left
        floor = own if own in CHAINING else own + 1
    parts.append(expression(current, floor, indent))
    parts.reverse()
    return "".join(parts)


def comma(nodes: Sequence[Expression], indent: str) -> str:
    return ", ".join(expression(n, 1, indent) for n in nodes)


def in_parentheses(node: Expression, indent: str) -> str:
    """`(...)`, a query that is long in lines of its own."""
    return "(" + _inside(node, indent, ")")


def _inside(node: Expression, indent: str, closing: str) -> str:
    if not isinstance(node, Pipe):
        return expression(node, 0, indent) + closing
    line = pipe(node, "", " ")
    if len(line) <= _WIDTH and "\n" not in line:
        return line + closing
    inner = indent + _STEP
    return f"\n{inner}{pipe(node, inner)}\n{indent}{closing}"


def pipe(node: Pipe, indent: str, separator: str = "") -> str:
    """The operators of a query, each on a line of its own where no `separator` is given."""
    parts = [] if node.source is None else [expression(node.source, 1, indent)]
    parts.extend(operator(op, indent) for op in node.operators)
    return ((separator or "\n" + indent) + "| ").join(parts)


def operator(node: Operator, indent: str) -> str:
    writer = WRITERS.get(type(node))
    if writer is None:
        raise ValueError(f"{type(node).__name__} has no text: the tree was read with errors")
    return writer(node, indent)


def parameters(items: Sequence[Parameter], indent: str) -> str:
    """` kind=inner hint.strategy=shuffle`, with a space before each."""
    return "".join(" " + parameter(p, indent) for p in items)


def parameter(node: Parameter, indent: str) -> str:
    return f"{node.name}={setting(node.value, indent)}"


def setting(value: Expression, indent: str) -> str:
    return words.word(value.name) if isinstance(value, NameRef) else expression(value, 1, indent)


def columns(items: Sequence[ColumnDecl]) -> str:
    return ", ".join(f"{words.name(c.name)}:{c.type}" for c in items)


def _in(node: In, indent: str) -> str:
    left = expression(node.left, EQUALITY + 1, indent)
    first, *rest = node.right
    if rest:
        return f"{left} {node.op} ({comma(node.right, indent)})"
    # A lone query needs no parentheses of its own.
    return f"{left} {node.op} ({_inside(first, indent, ')')}"


def _between(node: Between, indent: str) -> str:
    op = "!between" if node.negated else "between"
    low, high = expression(node.low, 1, indent), expression(node.high, 1, indent)
    return f"{expression(node.left, EQUALITY + 1, indent)} {op} ({low} .. {high})"


def _call(node: Call, indent: str) -> str:
    if node.name.text in ("toscalar", "totable", "materialize") and len(node.arguments) == 1:
        gap = " " if node.parameters else ""
        return f"{node.name.text}{parameters(node.parameters, indent)}{gap}({_inside(node.arguments[0], indent, ')')}"
    return f"{node.name.text}({comma(node.arguments, indent)})"


def _named(node: Named, indent: str) -> str:
    names = ", ".join(words.name(n) for n in node.names)
    listed = node.listed or len(node.names) > 1
    return f"{f'({names})' if listed else names} = {expression(node.expression, 1, indent)}"


def _path(node: Path, indent: str) -> str:
    # Long paths are as deep as they are long.
    parts: list[str] = []
    current: Expression = node
    while isinstance(current, Path | Index):
        if isinstance(current, Path):
            parts.append("." + expression(current.member, PRIMARY, indent))
            current = current.base
        else:
            parts.append(f"[{expression(current.index, 1, indent)}]")
            current = current.base
    parts.append(expression(current, PRIMARY, indent))
    parts.reverse()
    return "".join(parts)


def _unary(node: Unary, indent: str) -> str:
    # A number keeps its sign without parentheses, though a path after it would need them.
    floor = SIGN if isinstance(node.operand, Literal) else PRIMARY
    return node.op + expression(node.operand, floor, indent)


def _typeof(node: TypeOf, indent: str) -> str:
    inner = [columns(node.columns)] if node.columns else []
    if node.type is not None:
        inner.append(str(node.type))
    if node.star:
        inner.append("*")
    return f"typeof({', '.join(inner)})"


def _datatable(node: DataTable, indent: str) -> str:
    width = max(1, len(node.columns))
    rows = [comma(node.values[i : i + width], indent) for i in range(0, len(node.values), width)]
    head = f"datatable({columns(node.columns)})"
    if len(rows) <= 1:
        return f"{head}[{''.join(rows)}]"
    inner = indent + _STEP
    return f"{head}[\n{inner}" + f",\n{inner}".join(rows) + f"\n{indent}]"


def _externaldata(node: ExternalData, indent: str) -> str:
    tail = ", ".join(f"{key}={setting(value, indent)}" for key, value in node.properties)
    head = f"externaldata({columns(node.columns)})[{comma(node.urls, indent)}]"
    return head + (f" with ({tail})" if tail else "")


_WRITERS: dict[type[Expression], Callable[..., str]] = {
    Literal: lambda node, indent: words.literal(node),
    DynamicLiteral: lambda node, indent: words.dynamic(node),
    TypeOf: _typeof,
    NameRef: lambda node, indent: words.name(node.name),
    Star: lambda node, indent: "*",
    Path: _path,
    Index: _path,
    Call: _call,
    Named: _named,
    Unary: _unary,
    In: _in,
    Between: _between,
    Pipe: pipe,
    DataTable: _datatable,
    ExternalData: _externaldata,
    EntityGroup: lambda node, indent: f"entity_group [{comma(node.members, indent)}]",
    Function: lambda node, indent: FUNCTION_WRITER[0](node, indent),
}
