"""Paths along the edges of a graph, as a recursive query that is bounded; components by a function over all of it."""

from __future__ import annotations

from lurcher.engines.lowering.context import Context
from lurcher.engines.lowering.nodes import handles
from lurcher.engines.lowering.rel import Cell, Rel, select
from lurcher.engines.lowering.types import SQL_TYPES
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.sql import tree as t
from lurcher.sql.template import parse_template

#: Paths of one length that are followed at most, and of all lengths together.
MAX_PATHS = 1_000_000
MAX_ALL_PATHS = 10_000_000
_TOO_MANY = (
    "CASE WHEN row_number() OVER () > {most} THEN error('LurcherError: more than {most} paths of one length in this graph\n"
    "  hint: begin at fewer nodes, allow fewer edges (*1..3), or filter the edges: where all(e, ...)') ELSE {{hops}} END"
)
_COMPONENTS = "lurcher.functions.udfs.components:components"
_LONG = ScalarType.LONG


def _query(context: Context, plan: n.Plan) -> tuple[t.SqlQuery, dict[str, str]]:
    return select(context.relation(plan))


@handles(n.Paths)
def paths(context: Context, plan: n.Paths) -> Rel:
    number = context.fresh()
    steps, inner, found = f"steps {number}", f"inner {number}", f"paths {number}"
    ctes = [t.Cte(steps, _steps(context, plan), True)]
    values = [c for c in plan.edges.columns if c.name.startswith("$v")]
    inner_values: list[Column] = []
    if plan.inner is not None:
        query, names = _query(context, plan.inner)
        inner_values = [c for c in plan.inner.columns if c.name != "$node"]
        named = tuple(t.SelectItem(t.Ident(names[c.name]), f"n{c.name[1:]}") for c in plan.inner.columns)
        ctes.append(t.Cte(inner, t.Select(named, t.QueryFrom(query)), True))
    within = ""
    if plan.within is not None:
        query, names = _query(context, plan.within)
        within = f"within {number}"
        far = tuple(t.SelectItem(t.Ident(names[c.name]), c.name[1:]) for c in plan.within.columns)
        ctes.append(t.Cte(within, t.Select(far, t.QueryFrom(query)), True))
    lists = [c.name[1:] for c in (*values, *inner_values)]
    recursive = t.SetOp(
        "UNION ALL",
        (
            _begin(context, plan, steps, values, inner_values),
            _go_on(plan, (found, steps, inner, within), values, inner_values),
        ),
    )
    ctes.append(t.Cte(found, recursive))
    first, last = ("last", "first") if plan.backward else ("first", "last")
    items = [t.SelectItem(t.Ident(first), "left"), t.SelectItem(t.Ident(last), "right")]
    items += [t.SelectItem(t.Ident(name), name) for name in ("edges", "nodes", *lists)]
    where = t.Op(">=", (t.Ident("hops"), t.Literal(plan.low)))
    body = t.Select(tuple(items), t.Table(found), where)
    source = t.QueryFrom(t.With(tuple(ctes), body, recursive=True))
    return Rel(source, {c.name: Cell(t.Ident(c.name[1:]), c.type, False) for c in plan.columns})


def _steps(context: Context, plan: n.Paths) -> t.SqlQuery:
    """The edges as steps, from the side that paths begin at."""
    query, names = _query(context, plan.edges)
    ways = {"out": [("$source", "$target")], "in": [("$target", "$source")]}.get(plan.direction)
    both = ways is None
    ways = ways or [("$source", "$target"), ("$target", "$source")]
    if plan.backward:
        ways = [(b, a) for a, b in ways]

    def way(here: str, there: str, loops: bool) -> t.Select:
        ends = [t.SelectItem(t.Ident(names[here]), "here"), t.SelectItem(t.Ident(names[there]), "there")]
        rest = [c.name for c in plan.edges.columns if c.name not in ("$source", "$target")]
        items = (*ends, *(t.SelectItem(t.Ident(names[name]), f"s{name[1:]}") for name in rest))
        apart = t.Op("<>", (t.Ident(names[here]), t.Ident(names[there])))
        return t.Select(items, t.QueryFrom(query), None if loops else apart)

    # An edge from a node to itself is one way, not two.
    if both:
        return t.SetOp("UNION ALL", (way(*ways[0], True), way(*ways[1], False)))
    return way(*ways[0], True)


def _empty(type: ScalarType) -> t.SqlExpr:
    return t.Cast(t.ListOf(()), f"{SQL_TYPES[type]}[]")


def _begin(context: Context, plan: n.Paths, steps: str, values: list[Column], inner_values: list[Column]) -> t.SqlQuery:
    if plan.starts is not None:
        query, names = _query(context, plan.starts)
        nodes = t.Select((t.SelectItem(t.Ident(names["$node"]), "node"),), t.QueryFrom(query))
    else:
        nodes = t.Select((t.SelectItem(t.Ident("here"), "node"),), t.Table(steps), distinct=True)
    node = t.Ident("node")
    items = [
        t.SelectItem(t.Literal(0, "BIGINT"), "hops"),
        t.SelectItem(node, "first"),
        t.SelectItem(node, "last"),
        t.SelectItem(_empty(_LONG), "edges"),
        t.SelectItem(t.ListOf((node,)), "nodes"),
        *(t.SelectItem(_empty(c.type), c.name[1:]) for c in (*values, *inner_values)),
    ]
    return t.Select(tuple(items), t.QueryFrom(nodes))


def _go_on(
    plan: n.Paths, tables: tuple[str, str, str, str], values: list[Column], inner_values: list[Column]
) -> t.SqlQuery:
    """One edge more: a new end, and what it adds to the lists."""
    found, steps, inner, within = tables

    def p(name: str) -> t.Ident:
        return t.Ident(name, "p")

    def s(name: str) -> t.Ident:
        return t.Ident(name, "s")

    def longer(name: str, value: t.SqlExpr) -> t.SqlExpr:
        return t.call("list_prepend", value, p(name)) if plan.backward else t.call("list_append", p(name), value)

    begun = t.Op(">", (p("hops"), t.Literal(0)))
    items = [
        t.SelectItem(t.Op("+", (p("hops"), t.Literal(1))), "hops"),
        t.SelectItem(p("first"), "first"),
        t.SelectItem(s("there"), "last"),
        t.SelectItem(longer("edges", s("sedge")), "edges"),
        t.SelectItem(longer("nodes", s("there")), "nodes"),
        *(t.SelectItem(longer(c.name[1:], s(f"s{c.name[1:]}")), c.name[1:]) for c in values),
    ]
    for c in inner_values:
        name = c.name[1:]
        # The end so far comes to be inside; where a path begins is not.
        value = t.Case(((begun, longer(name, t.Ident(f"n{name}", "i"))),), p(name))
        items.append(t.SelectItem(value, name))
    conditions: list[t.SqlExpr] = [t.Op("<", (p("hops"), t.Literal(plan.high)))]
    if plan.kind == "trail":
        conditions.append(t.Op("NOT", (t.call("list_contains", p("edges"), s("sedge")),)))
    elif plan.kind != "walk":
        conditions.append(t.Op("NOT", (t.call("list_contains", p("nodes"), s("there")),)))
    source: t.FromItem = t.JoinFrom(
        "INNER", t.Table(found, "p"), t.Table(steps, "s"), t.Op("=", (s("here"), p("last")))
    )
    if plan.inner is not None:
        node = t.Ident("nnode", "i")
        source = t.JoinFrom("LEFT", source, t.Table(inner, "i"), t.Op("=", (node, p("last"))))
        conditions.append(t.Op("OR", (t.Op("=", (p("hops"), t.Literal(0))), t.Op("IS NOT NULL", (node,)))))
    if within:
        first, last = ("right", "left") if plan.backward else ("left", "right")
        pairs = ((first, p("first")), (last, s("there")), ("hops", items[0].expr))
        same = [t.Op("=", (t.Ident(name, "w"), value)) for name, value in pairs]
        source = t.JoinFrom("INNER", source, t.Table(within, "w"), t.conjunction(list(same)))
    most = MAX_ALL_PATHS if plan.kind == "reach" else min(MAX_PATHS, MAX_ALL_PATHS // max(plan.high, 1))
    step = t.Select(tuple(items), source, t.conjunction(conditions), limit=t.Literal(most + 1))
    counted = parse_template(_TOO_MANY.format(most=most)).fill({"hops": t.Ident("hops")}, lambda: 0)
    names = [i.alias for i in items[1:]]
    query = t.Select(
        (t.SelectItem(counted, "hops"), *(t.SelectItem(t.Ident(name), name) for name in names)), t.QueryFrom(step)
    )
    if plan.kind != "reach":
        return query
    over = t.Over((t.Ident("first"), t.Ident("last")), (t.OrderKey(t.Ident("edges")),))
    one = t.Op("=", (t.Call("row_number", over=over), t.Literal(1)))
    kept = tuple(t.SelectItem(t.Ident(name), name) for name in ("hops", *names))
    return t.Select(kept, t.QueryFrom(query), qualify=one)


@handles(n.Components)
def components(context: Context, plan: n.Components) -> Rel:
    context.udfs.add(_COMPONENTS)
    nodes, node_names = _query(context, plan.nodes)
    edges, edge_names = _query(context, plan.edges)
    node = t.Ident(node_names["$node"])
    listed = t.Call("list", (node,), order=(t.OrderKey(node),))
    ids = t.Select((t.SelectItem(listed, "ids"),), t.QueryFrom(nodes))
    edge = t.Ident(edge_names["$edge"])

    def ends(name: str) -> t.SelectItem:
        return t.SelectItem(t.Call("list", (t.Ident(edge_names[f"${name}"]),), order=(t.OrderKey(edge),)), name)

    pairs = t.Select((ends("source"), ends("target")), t.QueryFrom(edges))
    source = t.JoinFrom("CROSS", t.QueryFrom(ids, "n"), t.QueryFrom(pairs, "e"))
    numbers = t.call("kql_components", t.Ident("ids"), t.Ident("source"), t.Ident("target"), t.Literal(plan.strong))
    items = (
        t.SelectItem(t.call("unnest", t.Ident("ids")), "node"),
        t.SelectItem(t.call("unnest", numbers), "component"),
    )
    one, other = plan.columns
    columns = {one.name: Cell(t.Ident("node"), _LONG, False), other.name: Cell(t.Ident("component"), _LONG, False)}
    return Rel(t.QueryFrom(t.Select(items, source)), columns)
