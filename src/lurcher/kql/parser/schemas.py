"""Types and column declarations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from lurcher.kql.diagnostics import KS005, KS006, KS160, KS226
from lurcher.kql.parser.cursor import Cursor, Stop
from lurcher.kql.parser.literals import dynamic_literal, literal
from lurcher.kql.parser.registry import primary_word
from lurcher.kql.syntax import (
    Broken,
    ColumnDecl,
    Expression,
    FunctionParam,
    NameRef,
    TabularType,
    TypeOf,
    Unary,
)
from lurcher.kql.tokens import TokenKind, words
from lurcher.kql.types import TYPE_NAMES, ScalarType

Item = TypeVar("Item")

#: Types that may be declared for a column. The other spellings (`float`, `uint`) are known to `typeof` alone.
DECLARED_TYPES = frozenset(
    words(
        "bool boolean date datetime decimal double dynamic guid int int64 int8 long real string time timespan uniqueid"
    )
)
ALL_TYPES = frozenset(TYPE_NAMES)


def scalar_type(p: Cursor, allowed: frozenset[str] = DECLARED_TYPES) -> ScalarType:
    """A type's name; another word gives KS160 and counts as unknown."""
    text = p.texts[p.pos]
    if p.kinds[p.pos] != TokenKind.WORD:
        p.fail(KS006, p.here(), expected="a type")
    if text not in allowed:
        meant = TYPE_NAMES.get(text) or TYPE_NAMES.get(text.lower())
        p.say(KS160.at(p.here(), name=text, hint=f"write {meant}" if meant else "string, long, datetime, dynamic, ..."))
        p.pos += 1
        return meant or ScalarType.UNKNOWN
    p.pos += 1
    return TYPE_NAMES[text]


def column_decl(p: Cursor) -> ColumnDecl:
    """`name:type`."""
    start = p.pos
    name = p.name("a column", declared=True)
    p.expect(":", "a column is declared as name:type")
    return ColumnDecl(name, scalar_type(p), span=p.span(start))


def in_brackets(
    p: Cursor, opening: str, item: Callable[[Cursor], Item], closing: str, *, trailing_comma: bool = False
) -> tuple[Item, ...]:
    """`(item, item, ...)`, also empty."""
    p.enter(opening)
    items: list[Item] = []
    if p.texts[p.pos] != closing:
        items.append(item(p))
        while p.accept(","):
            if trailing_comma and p.texts[p.pos] == closing:
                break
            items.append(item(p))
    p.leave(closing)
    return tuple(items)


def row_schema(p: Cursor) -> tuple[ColumnDecl, ...]:
    """`(a:string, b:long)`."""
    return in_brackets(p, "(", column_decl, ")", trailing_comma=True)


def typeof_clause(p: Cursor) -> TypeOf:
    """`typeof(string)`, `typeof(*)`, `typeof(a:string, *)`."""
    start = p.pos
    p.expect("typeof")
    p.enter("(")
    star = False
    columns: list[ColumnDecl] = []
    type_: ScalarType | None = None
    if p.kinds[p.pos] == TokenKind.WORD and p.texts[p.pos + 1] != ":":
        if p.texts[p.pos] == "null":
            p.fail(KS006, p.here(), expected="a type")
        type_ = scalar_type(p, ALL_TYPES)
    else:
        while True:
            if p.accept("*"):
                star = True
            else:
                columns.append(column_decl(p))
            if not p.accept(","):
                break
    p.leave(")")
    return TypeOf(type_, tuple(columns), star, span=p.span(start))


@primary_word("typeof")
def _typeof(p: Cursor, start: int) -> Expression | None:
    return typeof_clause(p) if p.texts[start + 1] == "(" else None


@primary_word("dynamic")
def _dynamic(p: Cursor, start: int) -> Expression | None:
    if p.texts[start + 1] != "(":
        return None
    p.pos += 1
    depth = len(p.open)
    try:
        return dynamic_literal(p, start)
    except Stop:
        end = p.matches.get(start + 1)
        if end is None:
            raise
        del p.open[depth:]
        p.pos = end + 1
        return Broken(span=p.span(start))


def signed_literal(p: Cursor) -> Expression:
    """A literal as datatables and defaults take it: also `dynamic(...)`, and a number with its sign."""
    start = p.pos
    if p.texts[start] == "dynamic":
        value = _dynamic(p, start)
        if value is not None:
            return value
    sign = p.texts[start] if p.texts[start] in ("-", "+") else ""
    p.pos += bool(sign)
    found = literal(p)
    if found is None:
        p.fail(KS006, p.here(), expected="a literal", hint="values stand here, no names, functions or calculations")
    return Unary(sign, found, span=p.span(start)) if sign else found


def function_param(p: Cursor) -> FunctionParam:
    """`name:type = default`, or `name:(columns)`, `name:(*)`."""
    start = p.pos
    if p.texts[start] == ")":
        p.fail(KS006, p.here(), expected="a parameter")
    name = p.name("a parameter", declared=True)
    if p.texts[p.pos] != ":":
        p.fail(KS005, p.here(), expected=":", hint=f"a parameter has a type: {name.text}:string")
    p.pos += 1
    type_start = p.pos
    if p.texts[p.pos] != "(":
        type_: ScalarType | TabularType = scalar_type(p)
    elif p.texts[p.pos + 1] == "*":
        p.enter("(")
        p.pos += 1
        p.leave(")")
        type_ = TabularType((), True, span=p.span(type_start))
    else:
        type_ = TabularType(row_schema(p), span=p.span(type_start))
    default: Expression | None = None
    if p.accept("="):
        at = p.pos
        if p.kinds[at] == TokenKind.WORD and p.texts[at] not in (
            "dynamic",
            "true",
            "false",
            "True",
            "False",
            "TRUE",
            "FALSE",
        ):
            default = NameRef(p.name(), span=p.span(at))
        else:
            default = signed_literal(p)
    return FunctionParam(name, type_, default, span=p.span(start))


def function_params(p: Cursor) -> tuple[FunctionParam, ...]:
    params = in_brackets(p, "(", function_param, ")")
    scalar_seen = False
    for param in params:
        if not isinstance(param.type, TabularType):
            scalar_seen = True
        elif scalar_seen:
            p.say(KS226.at(param.span))
    return params
