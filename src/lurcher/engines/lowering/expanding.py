"""`mv-expand` and `mv-apply`: arrays and bags become rows."""

from __future__ import annotations

from dataclasses import replace

from lurcher.engines.lowering.context import Context
from lurcher.engines.lowering.expressions import Expressions, Sql, path_of
from lurcher.engines.lowering.nodes import handles
from lurcher.engines.lowering.rel import Cell, Rel, hoisted, sealed, select, settled
from lurcher.engines.lowering.relations import cell, uses
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.sql import tree as t
from lurcher.sql.template import parse_template
from lurcher.sql.walk import free_names

_PROPERTY = "json_extract({x}, '/' || replace(replace(k__, '~', '~0'), '/', '~1'))"
# An array is told by its first letter, which is half the time of a large one's json_type; behind a blank by its type.
_ARRAY = "WHEN 'ARRAY' THEN json_extract({x}, '$[*]')"
_AT_ONCE = "WHEN starts_with({x}, '[') THEN json_extract({x}, '$[*]')"
# To look for each key of a large bag takes as long as it has keys squared: keys and values go side by side there. A key that comes
# twice has its first value, so such a bag is searched all the same.
_LARGE = "len(json_keys({x})) > 64 AND len(list_distinct(json_keys({x}))) = len(json_keys({x}))"
_SIDE_BY_SIDE = (
    "list_transform(list_zip(json_keys({x}), json_extract({x}, '$.*')), lambda p__: json_object(p__[1], p__[2]))"
)
#: A dynamic's elements as a list of JSON: those of an array, one-key bags of a bag, the value itself; of null a null.
_BAGS = (
    f"CASE {_AT_ONCE} ELSE CASE json_type({{x}}) {_ARRAY} WHEN 'OBJECT' THEN CASE WHEN {_LARGE} THEN {_SIDE_BY_SIDE} ELSE"
    f" list_transform(json_keys({{x}}), lambda k__: json_object(k__, {_PROPERTY})) END ELSE [{{x}}] END END"
)
_PAIRS = _BAGS.replace("json_object(", "json_array(")
#: In the body of mv-apply a null has no elements.
_DROPPED = " ELSE CASE WHEN {x} IS NULL THEN []::JSON[] ELSE [{x}] END END"

#: The elements of an array at a path are read at once; what has none is looked at: an empty array, a bag, another value, null.
_OFTEN = "CASE WHEN len({l}) > 0 THEN {l} ELSE list_transform([{x}], {slow})[1] END"

#: The elements of the first array, where there are any in one of them.
_SOME = (
    "CASE WHEN {n} = 0 THEN CAST(error('LurcherError: mv-apply with a summarize without by, over an array that is empty or null:"
    " whether the row stays is not documented\n  hint: filter such rows before: | where array_length(x) > 0') AS JSON[])"
    " ELSE {x} END"
)

_NUMBERS = "('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE')"
#: `to typeof(T)` takes numbers for numbers, bools and whole numbers for bools: a text that looks like one gives null.
_TYPED = {
    ScalarType.INT: f"CASE WHEN json_type({{x}}) IN {_NUMBERS} THEN TRY_CAST(trunc(CAST({{x}} AS DOUBLE)) AS INTEGER) END",
    ScalarType.LONG: "CASE json_type({x}) WHEN 'DOUBLE' THEN TRY_CAST(trunc(CAST({x} AS DOUBLE)) AS BIGINT)"
    " WHEN 'BIGINT' THEN TRY_CAST({x} AS BIGINT) WHEN 'UBIGINT' THEN TRY_CAST({x} AS BIGINT) END",
    ScalarType.REAL: f"CASE WHEN json_type({{x}}) IN {_NUMBERS} THEN CAST({{x}} AS DOUBLE) END",
    ScalarType.BOOL: "CASE json_type({x}) WHEN 'BOOLEAN' THEN CAST({x} AS BOOLEAN)"
    " WHEN 'BIGINT' THEN CAST({x} AS BIGINT) <> 0 WHEN 'UBIGINT' THEN CAST({x} AS UBIGINT) <> 0 END",
}


def _elements(
    context: Context, lowering: Expressions, item: n.ExpandItem, *, pairs: bool, drop: bool, limit: t.SqlExpr | None
) -> t.SqlExpr:
    text = _PAIRS if pairs else _BAGS
    if drop:
        text = text.replace(" ELSE [{x}] END", _DROPPED)
    value = lowering.value(item.expr)
    boxed = lowering.converted(value, item.expr.type, ScalarType.DYNAMIC, item.expr)
    found = None if drop else path_of(boxed.expr)
    if found is not None and "*" not in found[1]:
        every = t.call("json_extract", found[0], t.Literal(f"{found[1]}[*]"))
        bound, other = f"v{context.fresh()}__", f"v{context.fresh()}__"
        slow = t.Lambda((other,), parse_template(text).fill({"x": t.Ident(other)}, context.fresh))
        args = {"l": t.Ident(bound), "x": boxed.expr, "slow": slow}
        listed: t.SqlExpr = t.Let(bound, every, parse_template(_OFTEN).fill(args, context.fresh))
    else:
        listed = parse_template(text).fill({"x": boxed.expr}, context.fresh)
    return t.call("list_slice", listed, t.Literal(1), limit) if limit is not None else listed


def _element(context: Context, lowering: Expressions, item: n.ExpandItem, name: str) -> Cell:
    """An element in its type: a JSON null is null."""
    plain = t.call("nullif", t.Ident(name), t.Literal("null"))
    if item.type in (ScalarType.DYNAMIC, ScalarType.UNKNOWN):
        return Cell(plain, ScalarType.DYNAMIC, True)
    if (text := _TYPED.get(item.type)) is not None:
        return Cell(parse_template(text).fill({"x": plain}, context.fresh), item.type, True)
    sql = lowering.converted(Sql(plain, True), ScalarType.DYNAMIC, item.type, item.expr)
    return cell(sql.expr, item.type, sql.nullable)


def _unnest(
    context: Context,
    lowering: Expressions,
    items: tuple[n.ExpandItem, ...],
    index: bool,
    *,
    pairs: bool,
    drop: bool,
    limit: t.SqlExpr | None,
    some: bool = False,
) -> tuple[list[t.SelectItem], list[str], str]:
    """The SELECT items that take lists apart in step, the shorter padded with null, and the names of elements and index. With
    `some` the statement stops at a row without any element."""
    lists = [_elements(context, lowering, item, pairs=pairs, drop=drop, limit=limit) for item in items]
    if some:
        # In the list and not in a condition: it is not asked of rows that a filter before has left out.
        lengths = [t.call("len", x) for x in lists]
        longest = lengths[0] if len(lengths) == 1 else t.call("greatest", *lengths)
        lists[0] = parse_template(_SOME).fill({"n": longest, "x": lists[0]}, context.fresh)
    number = context.fresh()
    names = [f"element {number}.{i}" for i in range(1, len(items) + 1)]
    index_name = f"index {number}" if index else ""
    if not index:
        return (
            [t.SelectItem(t.call("unnest", x), name) for x, name in zip(lists, names, strict=True)],
            names,
            index_name,
        )
    # The lists are used twice, for their elements and for their lengths.
    variables = [f"v{context.fresh()}__" for _ in lists]
    bound: list[t.SqlExpr] = [t.Ident(v) for v in variables]
    lengths = [t.call("len", v) for v in bound]
    longest = lengths[0] if len(lengths) == 1 else t.call("greatest", *lengths)
    selected = [t.SelectItem(t.call("unnest", v), name) for v, name in zip(bound, names, strict=True)]
    selected.append(t.SelectItem(t.call("unnest", t.call("range", longest)), index_name))

    def let(expr: t.SqlExpr) -> t.SqlExpr:
        for variable, value in zip(variables, lists, strict=True):
            if variable in free_names(expr):
                expr = t.Let(variable, value, expr)
        return expr

    selected = [replace(item, expr=let(item.expr)) for item in selected]
    return selected, names, index_name


@handles(n.Expand)
def expand(context: Context, plan: n.Expand) -> Rel:
    rel = settled(context.relation(plan.input), uses(i.expr for i in plan.items))
    ordered = bool(rel.order)
    lowering = Expressions(context, rel.columns, context.outer)
    limit = Expressions(context, {}, context.outer).value(plan.limit).expr if plan.limit is not None else None
    # The elements of one row stay in their order where rows have one.
    selected, names, index = _unnest(
        context,
        lowering,
        plan.items,
        plan.index is not None or ordered,
        pairs=plan.as_array,
        drop=False,
        limit=limit,
    )
    hidden = tuple(selected)
    order: tuple[t.OrderKey, ...] = ()
    if ordered:
        keys = []
        for i, key in enumerate(rel.order, 1):
            hidden = (*hidden, t.SelectItem(key.expr, f"order {i}"))
            keys.append(replace(key, expr=t.Ident(f"order {i}")))
        order = (*keys, t.OrderKey(t.Ident(index)))
    query, stored = select(replace(rel, order=()), hidden=hidden)
    columns = {name: replace(c, expr=t.Ident(stored[name])) for name, c in rel.columns.items()}
    for item, name in zip(plan.items, names, strict=True):
        columns[item.name] = _element(context, lowering, item, name)
    if plan.index is not None:
        columns[plan.index] = Cell(t.Ident(index), ScalarType.LONG, False)
    return Rel(t.QueryFrom(query), {c.name: columns[c.name] for c in plan.columns}, order=order)


@handles(n.Elements)
def elements(context: Context, plan: n.Elements) -> Rel:
    # The arrays are columns of the row that the body is applied to.
    lowering = Expressions(context, context.outer, context.outer)
    limit = lowering.value(plan.limit).expr if plan.limit is not None else None
    selected, names, index = _unnest(
        context,
        lowering,
        plan.items,
        plan.index is not None,
        pairs=False,
        drop=True,
        limit=limit,
        some=plan is context.summed,
    )
    columns = {i.name: _element(context, lowering, i, name) for i, name in zip(plan.items, names, strict=True)}
    if plan.index is not None:
        columns[plan.index] = Cell(t.Ident(index), ScalarType.LONG, False)
    source = t.QueryFrom(hoisted(t.Select(tuple(selected))))
    return Rel(source, {c.name: columns[c.name] for c in plan.columns})


@handles(n.Apply)
def apply(context: Context, plan: n.Apply) -> Rel:
    number = context.fresh()
    left = sealed(_force(context.relation(plan.input)), f"l{number}")
    outer = context.outer
    context.outer = {**outer, **left.columns}
    summed, context.summed = context.summed, _summed_up(plan.body)
    body = context.relation(plan.body)
    context.outer, context.summed = outer, summed
    query, names = select(body)
    columns = dict(left.columns)
    for name, c in body.columns.items():
        columns[name] = replace(c, expr=t.Ident(names[name], f"r{number}"))
    assert left.source is not None
    source = t.JoinFrom("CROSS", left.source, t.QueryFrom(query, f"r{number}", lateral=True))
    return sealed(Rel(source, {c.name: columns[c.name] for c in plan.columns}, order=left.order))


def _summed_up(body: n.Plan) -> n.Elements | None:
    """The elements that a body makes one row of, whatever there are (`summarize` without keys, `count`); None where it does not."""
    single = False
    while not isinstance(body, n.Elements):
        single = single or (isinstance(body, n.Aggregate) and not body.keys)
        inner = getattr(body, "input", None)
        if not isinstance(inner, n.Plan):
            return None
        body = inner
    return body if single else None


def _force(rel: Rel) -> Rel:
    return rel if rel.source is not None else sealed(rel)
