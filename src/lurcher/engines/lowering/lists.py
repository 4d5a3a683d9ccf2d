"""`in`, `in~`, `has_any`, `has_all` and their negations, over lists, dynamic arrays and tables.

A null operand is in no list; null elements are passed over. So none of these is ever null.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lurcher.engines.lowering.context import refuse
from lurcher.engines.lowering.rel import select, settled
from lurcher.engines.lowering.types import literal
from lurcher.functions import terms
from lurcher.kql.types import NUMERIC_TYPES, ScalarType
from lurcher.plan import nodes as n
from lurcher.sql import tree as t

if TYPE_CHECKING:
    from lurcher.engines.lowering.expressions import Expressions, Sql

#: From how many needles on one expression of alternatives beats so many substring tests (measured).
_ALTERNATION = 4


def membership(lowering: Expressions, node: n.InList | n.InQuery) -> Sql:
    """The value, which is never null."""
    from lurcher.engines.lowering.expressions import Sql

    found, nullable, negated = _found(lowering, node)
    if isinstance(found, t.InSelect) and not lowering.context.dialect.in_select_anywhere:
        found = _in_array(found)
    if negated:
        found = _negated(found)
    return Sql(t.call("coalesce", found, t.Literal(negated)) if nullable else found, False)


def condition(lowering: Expressions, node: n.InList | n.InQuery) -> t.SqlExpr:
    found, nullable, negated = _found(lowering, node)
    if not negated:
        return found
    return t.call("coalesce", _negated(found), t.TRUE) if nullable else _negated(found)


def _in_array(found: t.InSelect) -> t.SqlExpr:
    """The same where `IN (SELECT ..)` may stand in a filter only: the values as an array, which leaves nulls out."""
    query = found.query
    assert isinstance(query, t.Select)  # As `select` makes it.
    inner = replace(query, items=(replace(query.items[0], alias="values 1"),))
    values = t.Select((t.SelectItem(t.call("collect_set", t.Ident("values 1"))),), t.QueryFrom(inner, "listed"))
    return t.call("array_contains", t.Subquery(values), found.expr)


def _negated(found: t.SqlExpr) -> t.SqlExpr:
    match found:
        case t.InValues(expr, values):
            return t.InValues(expr, values, True)
        case t.InSelect(expr, query):
            return t.InSelect(expr, query, True)
        case t.Literal(bool() as value):
            return t.Literal(not value)
    return t.Op("NOT", (found,))


def _found(lowering: Expressions, node: n.InList | n.InQuery) -> tuple[t.SqlExpr, bool, bool]:
    """The test without its negation, whether it may be null, whether it is to be negated."""
    negated, op = node.op.startswith("!"), node.op.removeprefix("!")
    operand = lowering.value(node.operand)
    fold = op in ("in~", "has_any", "has_all")
    if isinstance(node, n.InQuery):
        needles = _written(node) if op in ("has_any", "has_all") else None
        if needles is not None:
            found = _in_values(op, operand.expr, needles, fold)
        else:
            found = _in_query(lowering, node, op, operand, fold)
    elif (
        len(node.values) == 1
        and node.values[0].type is ScalarType.DYNAMIC
        and node.operand.type is not ScalarType.DYNAMIC
    ):
        found = _in_dynamic(lowering, node, op, operand, node.values[0], fold)
    else:
        values = [lowering.value(v) for v in node.values]
        found = _in_values(op, operand.expr, [v.expr for v in values if not _is_null(v.expr)], fold)
        nullable = any(v.nullable and not _is_null(v.expr) for v in values)
        return found, operand.nullable or nullable, negated
    return found, operand.nullable, negated


def _written(node: n.InQuery) -> list[t.SqlExpr] | None:
    """The terms of a table that stands in the text (`let names = datatable(...) [...]`): as a list they are sought at once, thirty
    times as fast as one by one. None where they come of other rows, or are no strings."""
    plan = node.plan
    while isinstance(plan, n.Shared):
        plan = plan.input
    if not isinstance(plan, n.Values) or not plan.columns or node.operand.type is not ScalarType.STRING:
        return None
    values = [row[0].value for row in plan.rows if isinstance(row[0], n.Lit) and isinstance(row[0].value, str)]
    return [t.Literal(v) for v in values] if len(values) == len(plan.rows) else None


def _is_null(node: t.SqlExpr) -> bool:
    return isinstance(node, t.Literal) and node.value is None


def _in_values(op: str, operand: t.SqlExpr, values: list[t.SqlExpr], fold: bool) -> t.SqlExpr:
    if not values:
        return t.Literal(op == "has_all")
    if op in ("has_any", "has_all"):
        return _terms(op, operand, values)
    if fold:
        operand, values = terms.lowered(operand), [terms.lowered(v) for v in values]
    bare = [t.Literal(v.value) if isinstance(v, t.Literal) and v.type in ("INTEGER", "BIGINT") else v for v in values]
    values = bare if not isinstance(operand, t.Literal) else values
    if len(values) == 1:
        return t.Op("=", (operand, values[0]))
    return t.InValues(operand, tuple(dict.fromkeys(values)))


def _terms(op: str, text: t.SqlExpr, needles: list[t.SqlExpr]) -> t.SqlExpr:
    needles = list(dict.fromkeys(terms.lowered(v) for v in needles))
    if op == "has_any" and len(needles) >= _ALTERNATION:
        texts = [v.value for v in needles if isinstance(v, t.Literal) and isinstance(v.value, str)]
        if len(texts) == len(needles):
            pattern = terms.alternation(texts)
            if pattern == "":
                return t.TRUE
            if pattern is not None:
                return t.call("regexp_matches", terms.lowered(text), t.Literal(pattern))
    folded = terms.lowered(text)
    tests = tuple(terms.find(folded, v, cs=True) for v in needles)
    if len(tests) == 1:
        return tests[0]
    if op == "has_any":
        return t.Op("OR", tests)
    return t.Op(
        "AND",
        tuple(p for test in tests for p in (test.args if isinstance(test, t.Op) and test.op == "AND" else (test,))),
    )


def _in_dynamic(lowering: Expressions, node: n.InList, op: str, operand: Sql, value: n.Expr, fold: bool) -> t.SqlExpr:
    """The elements of an array; a dynamic that is no array is a list of one."""
    kind = node.operand.type
    if isinstance(value, n.Lit):
        elements = value.value if isinstance(value.value, list) else [] if value.value is None else [value.value]
        if op == "has_any" and None in elements:
            return t.TRUE  # A null needle is an empty one: everywhere.
        constants = [c for e in elements if (c := _constant(lowering, kind, e, node)) is not None]
        return _in_values(op, operand.expr, constants, fold)
    array = lowering.value(value).expr
    is_array = t.Op("=", (t.call("json_type", array), t.Literal("ARRAY")))
    elements_ = t.Case(((is_array, t.call("json_extract", array, t.Literal("$[*]"))),), t.ListOf((array,)))
    variable = f"n{lowering.context.fresh()}__"
    bound = t.Ident(variable)
    if kind is ScalarType.STRING:
        element: t.SqlExpr = t.call("json_extract_string", bound, t.Literal("$"))
        if fold:
            element = t.call("lower", element)
        texts = t.call("list_transform", elements_, t.Lambda((variable,), element))
        found = _in_list(lowering, op, operand.expr, texts, fold)
        if op == "has_any":
            # A null in an array is an empty needle: everywhere. (Of a null instead of an array nothing is found.)
            nulls = t.call("list_contains", t.call("json_type", array, t.Literal("$[*]")), t.Literal("NULL"))
            return t.Op("OR", (t.call("coalesce", nulls, t.FALSE), found))
        return found
    if kind in NUMERIC_TYPES:
        is_number = t.InValues(
            t.call("json_type", bound), tuple(map(t.Literal, ("BIGINT", "UBIGINT", "DOUBLE", "HUGEINT")))
        )
        number = t.Case(((is_number, t.Cast(bound, "DOUBLE", safe=True)),))
        numbers = t.call("list_transform", elements_, t.Lambda((variable,), number))
        return t.call("list_contains", numbers, t.Cast(operand.expr, "DOUBLE"))
    from lurcher.engines.lowering.expressions import Sql

    converted = lowering.converted(Sql(bound, True), ScalarType.DYNAMIC, kind, node)
    values = t.call("list_transform", elements_, t.Lambda((variable,), converted.expr))
    return t.call("list_contains", values, operand.expr)


def _constant(lowering: Expressions, kind: ScalarType, element: object, node: n.Expr) -> t.SqlExpr | None:
    """An element of a dynamic literal as a value of the operand's type; None where it is null or no such value."""
    if element is None:
        return None
    match kind:
        case ScalarType.STRING:
            if isinstance(element, str):
                return t.Literal(element)
            if isinstance(element, bool):
                return t.Literal("true" if element else "false")
            if isinstance(element, int):
                return t.Literal(str(element))
        case ScalarType.INT | ScalarType.LONG | ScalarType.REAL:
            if isinstance(element, int | float) and not isinstance(element, bool):
                return t.Literal(element)
            if isinstance(element, str | bool | list | dict):
                return None if not isinstance(element, str) else _parsed(lowering, kind, element, node)
        case ScalarType.BOOL:
            if isinstance(element, bool):
                return t.Literal(element)
    return _parsed(lowering, kind, element, node)


def _parsed(lowering: Expressions, kind: ScalarType, element: object, node: n.Expr) -> t.SqlExpr:
    from lurcher.engines.lowering.expressions import Sql

    boxed = literal(ScalarType.DYNAMIC, element)
    return lowering.converted(Sql(boxed, True), ScalarType.DYNAMIC, kind, node).expr


def _in_list(lowering: Expressions, op: str, operand: t.SqlExpr, texts: t.SqlExpr, fold: bool) -> t.SqlExpr:
    """Against a list of (folded) texts that SQL computes."""
    folded = terms.lowered(operand) if fold else operand
    if op in ("in", "in~"):
        return t.call("coalesce", t.call("list_contains", texts, folded), t.FALSE)
    if not isinstance(folded, t.Ident | t.Literal):
        # Once a row, and not once for each text.
        once = f"v{lowering.context.fresh()}__"
        return t.Let(once, folded, _terms_in_list(lowering, op, t.Ident(once), texts))
    return _terms_in_list(lowering, op, folded, texts)


def _terms_in_list(lowering: Expressions, op: str, folded: t.SqlExpr, texts: t.SqlExpr) -> t.SqlExpr:
    variable = f"n{lowering.context.fresh()}__"
    test = terms.guarded(terms.find(folded, t.Ident(variable), cs=True))
    needles = t.call("list_filter", texts, t.Lambda((variable,), t.Op("IS NOT NULL", (t.Ident(variable),))))
    hits = t.call("list_filter", texts, t.Lambda((variable,), test))
    if op == "has_any":
        return t.Op(">", (t.call("coalesce", t.call("len", hits), t.Literal(0)), t.Literal(0)))
    return t.call("coalesce", t.Op("=", (t.call("len", hits), t.call("len", needles))), t.TRUE)


def _in_query(lowering: Expressions, node: n.InQuery, op: str, operand: Sql, fold: bool) -> t.SqlExpr:
    """Against the first column of a table."""
    rel = lowering.context.relation(node.plan)
    if not rel.columns:
        raise refuse(f"{op} over a table without columns", node.span)
    name = next(iter(rel.columns))
    rel = settled(
        replace(rel, columns={name: rel.columns[name]}, order=() if rel.limit is None else rel.order), {name: 2}
    )
    cell = rel.columns[name]
    from lurcher.engines.lowering.expressions import Sql

    kind = node.operand.type
    column = cell.expr
    if cell.type is not kind:
        numbers = cell.type in NUMERIC_TYPES and kind in NUMERIC_TYPES
        if not numbers:
            column = lowering.converted(Sql(cell.expr, cell.nullable), cell.type, kind, node).expr
    if fold:
        column = terms.lowered(column)
    # Of the value itself: as a text it would be empty, and so a needle that is everywhere.
    where = (*rel.where, t.Op("IS NOT NULL", (cell.expr,))) if cell.nullable else rel.where
    if cell.nullable and column != cell.expr and kind is not ScalarType.STRING:
        where = (*where, t.Op("IS NOT NULL", (column,)))
    rel = replace(rel, columns={name: replace(cell, expr=column)}, where=where)
    if op in ("in", "in~"):
        query, _ = select(rel)
        return t.InSelect(terms.lowered(operand.expr) if fold else operand.expr, query)
    listed = replace(rel, columns={name: replace(cell, expr=t.Call("list", (column,), distinct=True))})
    query, _ = select(listed)
    needles = t.call("coalesce", t.Subquery(query), t.ListOf(()))
    if op == "has_any":
        return _in_list(lowering, op, operand.expr, needles, fold)
    variable = f"v{lowering.context.fresh()}__"
    return t.Let(variable, needles, _in_list(lowering, op, operand.expr, t.Ident(variable), fold))
