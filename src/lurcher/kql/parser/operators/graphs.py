"""Graphs: making them, matching patterns in them, and back to tables."""

from __future__ import annotations

from lurcher.kql.diagnostics import KS005, KS006
from lurcher.kql.parser.cursor import Cursor
from lurcher.kql.parser.expressions import expression, named_list, path
from lurcher.kql.parser.operators.groups import subquery
from lurcher.kql.parser.parameters import Spec, parameters
from lurcher.kql.parser.registry import operator
from lurcher.kql.syntax import (
    Expression,
    GraphEdge,
    GraphMarkComponentsOp,
    GraphMatchOp,
    GraphNode,
    GraphPattern,
    GraphTable,
    GraphToTableItem,
    GraphToTableOp,
    GraphWhereOp,
    MakeGraphOp,
    Name,
    NameRef,
    Operator,
)


@operator("make-graph")
def _make_graph(p: Cursor, start: int) -> Operator:
    settings = parameters(p, {"hint.strategy": ("shuffle", "native")})
    source = _column(p)
    if p.texts[p.pos] != "-" or p.texts[p.pos + 1] != "-":
        p.fail(KS005, p.here(), expected="-->", hint="make-graph source --> target")
    p.pos += 2
    directed = p.accept(">")
    target = _column(p)
    tables: list[GraphTable] = []
    node_id: Name | None = None
    if p.accept("with"):
        tables.append(_graph_table(p))
        while p.accept(","):
            tables.append(_graph_table(p))
    elif p.accept("with_node_id"):
        p.expect("=")
        node_id = p.name(declared=True)
    partitioned_by: Expression | None = None
    body: Expression | None = None
    if p.accept("partitioned-by"):
        partitioned_by = _column(p)
        body = subquery(p)
    return MakeGraphOp(
        source, target, tuple(tables), node_id, partitioned_by, body, directed, settings, span=p.span(start)
    )


def _column(p: Cursor) -> NameRef:
    name = p.name("a column")
    return NameRef(name, span=name.span)


def _graph_table(p: Cursor) -> GraphTable:
    start = p.pos
    table = path(p)
    p.expect("on")
    return GraphTable(table, _column(p), span=p.span(start))


@operator("graph-match")
def _graph_match(p: Cursor, start: int) -> Operator:
    return _match(p, start, False)


@operator("graph-shortest-paths")
def _graph_shortest_paths(p: Cursor, start: int) -> Operator:
    return _match(p, start, True)


def _match(p: Cursor, start: int, shortest: bool) -> Operator:
    spec: Spec = {"cycles": ("none", "all", "unique_edges")}
    settings = parameters(p, {**spec, "output": ("any", "all")} if shortest else spec)
    patterns = [_pattern(p)]
    while p.accept(","):
        patterns.append(_pattern(p))
    where = expression(p) if p.accept("where") else None
    project = named_list(p) if p.accept("project") else ()
    return GraphMatchOp(tuple(patterns), where, project, shortest, settings, span=p.span(start))


def _pattern(p: Cursor) -> GraphPattern:
    pieces: list[GraphNode | GraphEdge] = [_node(p)]
    while p.texts[p.pos] in ("-", "<"):
        pieces.append(_edge(p))
        pieces.append(_node(p))
    return tuple(pieces)


def _node(p: Cursor) -> GraphNode:
    start = p.pos
    p.enter("(")
    name = None if p.texts[p.pos] == ")" else p.name("a node", declared=True)
    p.leave(")")
    return GraphNode(name, span=p.span(start))


def _edge(p: Cursor) -> GraphEdge:
    """The arrows are cut into single signs by the lexer, as `a[0]-1` and `x<-1` are no arrows."""
    start = p.pos
    inward = p.accept("<")
    p.expect("-")
    name: Name | None = None
    low: Expression | None = None
    high: Expression | None = None
    if p.texts[p.pos] == "[":
        p.enter("[")
        if p.texts[p.pos] not in ("]", "*"):
            name = p.name("an edge", declared=True)
        if p.accept("*"):
            if p.texts[p.pos] == "]":
                p.fail(KS006, p.here(), expected="a number of hops", hint="write *1..5")
            low = expression(p)
            p.expect("..", "write *1..5")
            high = expression(p)
        p.leave("]")
        p.expect("-")
    else:
        p.expect("-")
    outward = not inward and p.accept(">")
    return GraphEdge(name, "in" if inward else "out" if outward else "any", low, high, span=p.span(start))


@operator("graph-to-table")
def _graph_to_table(p: Cursor, start: int) -> Operator:
    items = [_to_table_item(p)]
    while p.accept(","):
        items.append(_to_table_item(p))
    return GraphToTableOp(tuple(items), span=p.span(start))


def _to_table_item(p: Cursor) -> GraphToTableItem:
    start = p.pos
    kind = p.texts[start]
    if kind not in ("nodes", "edges"):
        p.fail(KS005, p.here(), expected="nodes or edges")
    p.pos += 1
    name = p.name(declared=True) if p.accept("as") else None
    settings = parameters(p, dict.fromkeys(("with_node_id", "with_source_id", "with_target_id"), None))
    return GraphToTableItem(kind, name, settings, span=p.span(start))


@operator("graph-mark-components")
def _graph_mark_components(p: Cursor, start: int) -> Operator:
    settings = parameters(p, {"kind": ("weak", "strong"), "with_component_id": None})
    return GraphMarkComponentsOp(settings, span=p.span(start))


@operator("graph-where-nodes")
def _graph_where_nodes(p: Cursor, start: int) -> Operator:
    return GraphWhereOp(expression(p), span=p.span(start))


@operator("graph-where-edges")
def _graph_where_edges(p: Cursor, start: int) -> Operator:
    return GraphWhereOp(expression(p), True, span=p.span(start))
