"""Graphs: made of tables, filtered, marked with components, and made tables again.

A graph is two relations. Nodes are numbered in the order that they appear in (node tables first, then the ends of the edges);
edges are numbered, and name their ends by those numbers. Nodes of several rows are one, their properties merged: of two
values for one property the service takes an arbitrary one, here it is the first.
"""

from __future__ import annotations

from dataclasses import replace

from lurcher.functions.registry import FunctionKind, overloads
from lurcher.functions.resolve import known
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS171
from lurcher.kql.rewrite import walk
from lurcher.kql.source import Span
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import (
    GRAPH_OPERATORS,
    Context,
    Env,
    Graph,
    Rel,
    Scope,
    col,
    graph_operator,
    keep,
    null,
    operator,
    project,
)
from lurcher.plan.binder.expressions import binary, convert, function, predicate, scalar
from lurcher.plan.binder.graph_names import ElementNames
from lurcher.plan.binder.joins import parameter
from lurcher.plan.binder.rows import sorted_by
from lurcher.plan.binder.tables import pipe, table, unknown_table

T = ScalarType
_ONE_ORDER = 1 << 40
_UNSURE_NODES = "whether graph-where-edges keeps nodes that no edge touches is not documented"
_UNSURE_PARTS = "which nodes without edges the parts of a partitioned graph have is not documented"


def shared(rel: Rel, span: Span) -> Rel:
    return rel.over(n.Shared(input=rel.plan, columns=rel.columns, span=span))


def numbered(rel: Rel, name: str, span: Span) -> Rel:
    """The rows with their number, from 1, in the order that they are in."""
    row = n.Win(type=T.LONG, function=overloads(FunctionKind.WINDOW, "row_number")[0], args=(), span=span)
    columns = (*rel.columns, Column(name, T.LONG))
    return rel.over(n.Window(input=rel.plan, items=((name, row),), order=rel.order, columns=columns, span=span))


def joined(left: Rel, right: Rel, on: list[tuple[n.Expr, n.Expr]], kind: n.JoinKind = "inner") -> Rel:
    columns = left.columns if kind in ("leftsemi", "leftanti") else (*left.columns, *right.columns)
    return Rel(n.Join(left=left.plan, right=right.plan, kind=kind, on=tuple(on), columns=columns))


def filtered(rel: Rel, condition: n.Expr) -> Rel:
    return rel.over(n.Filter(input=rel.plan, predicate=condition, columns=rel.columns, span=condition.span))


@operator(sx.MakeGraphOp)
def _make_graph(cx: Context, scope: Scope, rel: Rel, op: sx.MakeGraphOp) -> Rel:
    if not op.directed:
        cx.refuse("make-graph with edges of no direction", op.span, "write source --> target")
    tables = [table(cx, scope, item.table) for item in op.tables]
    wanted = [(rel, op.source), (rel, op.target)]
    wanted += [
        (nodes, item.key) for nodes, item in zip(tables, op.tables, strict=True) if isinstance(item.key, sx.NameRef)
    ]
    keys = [scalar(cx, Env(scope, r), node) for r, node in wanted]
    if any(not isinstance(k, n.Col) or k.type is T.UNKNOWN for k in keys):
        return _unknown_graph(cx, scope, rel, op)
    key_type = _one_type(cx, [k.type for k in keys], op)
    part = None
    if isinstance(op.partitioned_by, sx.NameRef):
        part = op.partitioned_by.name.text
        for r in (rel, *tables):
            scalar(cx, Env(scope, r), op.partitioned_by)
            if part not in {c.name for c in r.columns}:
                return _unknown_graph(cx, scope, rel, op)
    if key_type is None or not _types_agree(cx, tables, op):
        return _unknown_graph(cx, scope, rel, op)
    graph = _graph(cx, rel, tables, [k.name for k in keys if isinstance(k, n.Col)], key_type, op, part)
    if part is None or op.partition_body is None:
        return graph
    return _parts(cx, scope, graph, op.partition_body)


def _unknown_graph(cx: Context, scope: Scope, rel: Rel, op: sx.MakeGraphOp) -> Rel:
    graph = Graph(rel.plan, open=True, nodes=Rel(n.Values(rows=(), columns=()), open=True))
    if not any(d.is_error for d in cx.diagnostics):
        cx.refuse("make-graph over columns that are not known", op.span)
    body = op.partition_body
    return pipe(cx, scope, body, graph) if isinstance(body, sx.Pipe) else graph


def _one_type(cx: Context, types: list[ScalarType], op: sx.MakeGraphOp) -> ScalarType | None:
    """The type of all keys."""
    found = set(types)
    if found == {T.INT, T.LONG}:
        return T.LONG
    if len(found) == 1 and types[0] not in (T.DYNAMIC, T.REAL):
        return types[0]
    named = " and ".join(sorted(found))
    cx.refuse(
        f"make-graph with keys of type {named}", op.span, "convert them to one type first: tostring(), tolong(), ..."
    )
    return None


def _types_agree(cx: Context, tables: list[Rel], op: sx.MakeGraphOp) -> bool:
    seen: dict[str, ScalarType] = {}
    for rel in tables:
        for column in rel.columns:
            if seen.setdefault(column.name, column.type) is not column.type:
                hint = f"'{column.name}' is {seen[column.name]} and {column.type}: project-rename one"
                cx.refuse("node tables whose columns of one name have different types", op.span, hint)
                return False
    return True


def _key(cx: Context, expr: n.Expr, type: ScalarType, part: n.Expr | None, span: Span) -> n.Expr:
    key = function(cx, "__graph_key", (convert(expr, type),), span)
    if part is None:
        return key
    return function(cx, "__graph_key_in", (function(cx, "__graph_key", (part,), span), key), span)


def _graph(
    cx: Context,
    rel: Rel,
    tables: list[Rel],
    keys: list[str],
    key_type: ScalarType,
    op: sx.MakeGraphOp,
    part: str | None,
) -> Graph:
    """The two relations. `keys` are the columns of the source, of the target, of each node table."""
    span = op.span
    edges = shared(numbered(rel, "$edge", span), span)
    types = {c.name: c.type for r in tables for c in r.columns}
    own = set(keys[2:])
    if op.node_id is not None:
        types[op.node_id.text] = key_type
        own = {op.node_id.text}
    rows: list[Rel] = []
    for i, (nodes, name) in enumerate(zip(tables, keys[2:], strict=True)):
        rows.append(_node_rows(cx, numbered(nodes, "$row", span), name, key_type, types, i, part, span))
    for i, name in enumerate(keys[:2]):
        ends = project(edges, [*keep(rel.columns), ("$row", _at(cx, col("$edge", T.LONG), 2, i, span))])
        ends = Rel(ends.plan)
        named = dict.fromkeys(own, name) if len(own) == 1 else {}
        place = len(tables)
        rows.append(_node_rows(cx, ends, name, key_type, types, place, part, span, ends=True, named=named))
    columns = rows[0].columns
    union = Rel(n.Union(inputs=tuple(r.plan for r in rows), columns=columns))
    nodes = _merged(cx, union, types, len(tables), own if len(own) > 1 else set(), part if tables else None, span)
    return Graph(
        _ends(cx, edges, rel, nodes, keys, key_type, part, span).plan,
        nodes=nodes,
        open=rel.open,
        unsure=_UNSURE_PARTS if part is not None else "",
        apart=part is not None,
        textual=key_type is T.STRING,
    )


def _at(cx: Context, number: n.Expr, times: int, plus: int, span: Span) -> n.Expr:
    """`number * times + plus`."""
    scaled = binary(cx, "*", number, n.Lit(type=T.LONG, value=times), span)
    return binary(cx, "+", scaled, n.Lit(type=T.LONG, value=plus), span)


def _node_rows(
    cx: Context,
    rel: Rel,
    key: str,
    key_type: ScalarType,
    types: dict[str, ScalarType],
    place: int,
    part: str | None,
    span: Span,
    *,
    ends: bool = False,
    named: dict[str, str] | None = None,
) -> Rel:
    """One source of nodes: the key, where it stands, the properties. The `ends` of edges have no properties but those that are
    `named` after a column."""
    named = named or {}
    have = {c.name: c.type for c in rel.columns}
    key_col = col(key, have[key])
    text = convert(convert(key_col, key_type), T.STRING)
    items: list[n.Item] = [
        ("$key", _key(cx, key_col, key_type, col(part, have[part]) if part is not None else None, span)),
        ("$place", n.Lit(type=T.LONG, value=place)),
        ("$order", _at(cx, col("$row", T.LONG), 1, place * _ONE_ORDER, span)),
        ("$id", text),
    ]
    for name, type in types.items():
        if name in named:
            items.append((name, convert(col(named[name], have[named[name]]), type)))
        elif name in have and not ends:
            items.append((name, col(name, type)))
        else:
            items.append((name, function(cx, "__graph_no_text", (), span) if type is T.STRING else null(type)))
    return project(Rel(rel.plan), items, span)


def _merged(
    cx: Context, union: Rel, types: dict[str, ScalarType], edges: int, hidden: set[str], part: str | None, span: Span
) -> Rel:
    """One row for each key. `hidden` are properties that a node which edges alone name has in a way nobody documents."""
    order = (n.SortKey(col("$order", T.LONG), False, False),)
    merge = overloads(FunctionKind.AGGREGATE, "__graph_merge")[0]
    have = [("$place", T.LONG), ("$order", T.LONG), ("$id", T.STRING), *types.items()]
    items = tuple(
        (name, n.Agg(type=type, function=merge, args=(col(name, type),), order=order, span=span)) for name, type in have
    )
    columns = (Column("$key", T.STRING), *(Column(name, type) for name, type in have))
    grouped = Rel(
        n.Aggregate(input=union.plan, keys=(("$key", col("$key", T.STRING)),), items=items, columns=columns, span=span)
    )
    nodes = numbered(sorted_by(grouped, order, span), "$node", span)
    alone = binary(cx, "==", col("$place", T.LONG), n.Lit(type=T.LONG, value=edges), span)
    kept: list[n.Item] = [
        (name, col(name, type)) for name, type in (("$node", T.LONG), ("$key", T.STRING), ("$id", T.STRING))
    ]
    for name, type in types.items():
        value: n.Expr = col(name, type)
        if name in hidden or name == part:
            value = function(cx, "__graph_unknown", (value, alone), span)
        kept.append((name, value))
    return Rel(shared(Rel(project(nodes, kept, span).plan), span).plan)


def _ends(
    cx: Context, edges: Rel, rel: Rel, nodes: Rel, keys: list[str], type: ScalarType, part: str | None, span: Span
) -> Rel:
    """The edges with the numbers of their ends."""
    have = {c.name: c.type for c in rel.columns}
    at = col(part, have[part]) if part is not None else None
    for end, name in zip(("$source", "$target"), keys, strict=False):
        side = project(nodes, [(f"{end}key", col("$key", T.STRING)), (end, col("$node", T.LONG))])
        key = _key(cx, col(name, have[name]), type, at, span)
        edges = joined(edges, side, [(key, col(f"{end}key", T.STRING))])
    items = [(name, col(name, T.LONG)) for name in ("$edge", "$source", "$target")]
    return shared(project(edges, [*items, *keep(rel.columns)], span), span)


#: What may stand behind a graph operator in a part of a graph: what works row by row is the same over all parts at once.
_ROW_BY_ROW = (sx.WhereOp, sx.ProjectOp, sx.ExtendOp, sx.ProjectAwayOp, sx.ProjectRenameOp, sx.ProjectReorderOp)


def _parts(cx: Context, scope: Scope, graph: Graph, body: sx.Expression) -> Rel:
    """The parts of a partitioned graph are one whose parts share no node: what is asked of each can be asked of all."""
    if not isinstance(body, sx.Pipe) or body.source is not None:
        cx.refuse("partitioned-by with a query of its own", body.span, "begin it with a graph operator")
        return unknown_table(body.span)
    for op in body.operators:
        over_rows = any(isinstance(x, sx.Call) and known(FunctionKind.WINDOW, x.name.text) for x in walk(op))
        if type(op) not in GRAPH_OPERATORS and (over_rows or not isinstance(op, _ROW_BY_ROW)):
            cx.refuse(
                "an operator over the rows of one part of a partitioned graph", op.span, "put it behind the parentheses"
            )
    result = pipe(cx, scope, body, graph)
    return unknown_table(body.span) if isinstance(result, Graph) else result


@graph_operator(sx.GraphWhereOp)
def _where(cx: Context, scope: Scope, rel: Graph, op: sx.GraphWhereOp) -> Rel:
    """Nodes go with all their edges."""
    env = Env(scope, rel.edges if op.edges else rel.nodes)
    env.types = rel.properties(op.edges)
    names = ElementNames(rel, nodes=not op.edges)
    env.graph = names
    condition = predicate(cx, env, op.predicate)
    if op.edges:
        return replace(
            rel, plan=shared(filtered(rel.edges, condition), op.span).plan, unsure=rel.unsure or _UNSURE_NODES
        )
    source = names.source(cx, op.span)
    kept = shared(project(filtered(source, condition), keep(rel.nodes.columns)), op.span)
    edges = rel.edges
    for end in ("$source", "$target"):
        edges = joined(edges, kept, [(col(end, T.LONG), col("$node", T.LONG))], "leftsemi")
    return replace(rel, plan=shared(edges, op.span).plan, nodes=Rel(kept.plan, open=rel.nodes.open))


@graph_operator(sx.GraphMarkComponentsOp)
def _mark_components(cx: Context, scope: Scope, rel: Graph, op: sx.GraphMarkComponentsOp) -> Rel:
    name = parameter(op, "with_component_id") or "ComponentId"
    span = op.span
    if name in rel.properties(False):
        cx.refuse("graph-mark-components with the name of a property", span, "name it anew: with_component_id = Other")
        return rel
    if rel.apart:
        cx.refuse("graph-mark-components in the parts of a partitioned graph", span)
    columns = (Column("$marked", T.LONG), Column(name, T.LONG))
    found = n.Components(
        nodes=rel.nodes.plan,
        edges=rel.plan,
        strong=parameter(op, "kind") == "strong",
        columns=columns,
        span=span,
    )
    wide = joined(rel.nodes, Rel(found), [(col("$node", T.LONG), col("$marked", T.LONG))])
    nodes = project(wide, keep(c for c in wide.columns if c.name != "$marked"))
    return replace(rel, nodes=Rel(shared(nodes, span).plan, open=rel.nodes.open))


@graph_operator(sx.GraphToTableOp)
def _to_table(cx: Context, scope: Scope, rel: Graph, op: sx.GraphToTableOp) -> Rel:
    from lurcher.plan.binder.context import TableValue

    results: list[Rel] = []
    for item in op.items:
        found = _table_of(cx, rel, item)
        if item.name is not None:
            found = shared(found, item.span)
            scope.names[item.name.text] = cx.statement_scope.names[item.name.text] = TableValue(found)
        results.append(found)
    if len(results) > 1:
        if rel.apart:
            cx.refuse("several tables of a partitioned graph", op.span)
        cx.extra += [r.plan for r in results[1:]]
    return results[0]


def _table_of(cx: Context, rel: Graph, item: sx.GraphToTableItem) -> Rel:
    span = item.span
    edges = item.kind == "edges"
    source = rel.edges if edges else rel.nodes
    if rel.unsure and not edges:
        cx.refuse("the nodes of this graph as a table", span, rel.unsure)
    ends = (("with_source_id", "$source"), ("with_target_id", "$target")) if edges else (("with_node_id", "$node"),)
    properties = rel.properties(edges)
    first: list[n.Item] = []
    for setting, end in ends:
        name = parameter(item, setting)
        if not name:
            continue
        if name in properties or name in dict(first):
            cx.say(KS171, span, name=name)
            continue
        if edges:
            side = project(rel.nodes, [(f"{end}node", col("$node", T.LONG)), (f"{end}id", col("$id", T.STRING))])
            source = joined(source, side, [(col(end, T.LONG), col(f"{end}node", T.LONG))])
        text = col(f"{end}id" if edges else "$id", T.STRING)
        first.append((name, function(cx, "hash", (text,), span)))
        if not rel.textual:
            cx.refuse(
                f"{setting} where the key of nodes is no string", span, "how the service hashes it is not documented"
            )
    order = (n.SortKey(col("$edge" if edges else "$node", T.LONG), False, False),)
    ordered = Rel(sorted_by(Rel(source.plan), order, span).plan)
    return replace(project(ordered, [*first, *((k, col(k, t)) for k, t in properties.items())], span), open=source.open)
