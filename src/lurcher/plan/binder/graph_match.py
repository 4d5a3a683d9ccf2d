"""`graph-match` and `graph-shortest-paths`: a pattern becomes joins of the edges, and paths for edges of variable length.

Nodes are joined only where something of them is asked. What the condition says of one variable alone is asked of its own
relation first, so that paths are sought from the nodes, and along the edges, that can be part of a match.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

from lurcher.functions.registry import FunctionKind, overloads
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS201, LU003
from lurcher.kql.source import Span
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Graph, Rel, Scope, col, graph_operator, keep, project
from lurcher.plan.binder.expressions import binary, function, predicate, scalar
from lurcher.plan.binder.graph_names import FUNCTIONS, PatternNames, Var, element_source, mentions
from lurcher.plan.binder.graphs import filtered, joined
from lurcher.plan.binder.joins import parameter
from lurcher.plan.binder.names import Namer
from lurcher.plan.binder.rows import named

T = ScalarType
#: More edges than that in one path are refused: nothing that hunts needs them, and their number explodes.
MAX_HOPS = 100
#: Edges of a pattern: each is a join, and unlike each other.
MAX_EDGES = 64


@dataclass(eq=False)
class Use:
    """An edge of the pattern between two of its nodes."""

    var: Var
    left: Var
    right: Var
    direction: str
    low: int = 1
    high: int = 1

    @property
    def is_path(self) -> bool:
        return self.var.kind == "path"

    def end(self, right: bool) -> str:
        return self.var.column("$right" if right else "$left")


@dataclass(eq=False)
class Pattern:
    nodes: list[Var]
    uses: list[Use]
    names: dict[str, Var]


@graph_operator(sx.GraphMatchOp)
def _graph_match(cx: Context, scope: Scope, rel: Graph, op: sx.GraphMatchOp) -> Rel:
    pattern = _pattern(cx, scope, op)
    residual = _where(cx, scope, rel, pattern, op.where) if op.where is not None else []
    env = Env(scope)
    env.graph = PatternNames(rel, pattern.names)
    namer = Namer(c.names[0].text for c in op.project if isinstance(c, sx.Named))
    items: list[n.Item] = []
    for node in op.project:
        inner = node.expression if isinstance(node, sx.Named) else node
        expr = scalar(cx, env, inner)
        whole = isinstance(node, sx.NameRef) and node.name.text in pattern.names
        items.append((namer.numbered() if whole else named(cx, namer, node), expr))
    if not op.project:
        cx.refuse("a pattern without project", op.span, "say what of it to show: project a.Name, b.Name")
    _check(cx, rel, pattern, op)
    if any(d.is_error for d in cx.diagnostics):
        columns = tuple(Column(name, expr.type) for name, expr in items)
        return Rel(n.Values(rows=(), columns=columns, span=op.span), open=not op.project)
    if op.shortest:
        matched = _shortest(cx, rel, pattern, residual, op)
    else:
        matched = _matched(cx, rel, pattern, parameter(op, "cycles") or "unique_edges", op.span)
        for condition in residual:
            matched = filtered(matched, condition)
    return project(matched, items, op.span)


# --- the pattern -----------------------------------------------------------------------------------------------------------
def _pattern(cx: Context, scope: Scope, op: sx.GraphMatchOp) -> Pattern:
    found = Pattern([], [], {})
    for sequence in op.patterns:
        nodes = [_node(cx, found, piece) for piece in sequence if isinstance(piece, sx.GraphNode)]
        edges = [piece for piece in sequence if isinstance(piece, sx.GraphEdge)]
        for edge, left, right in zip(edges, nodes, nodes[1:], strict=False):
            found.uses.append(_edge(cx, scope, found, edge, left, right))
    return found


def _node(cx: Context, pattern: Pattern, node: sx.GraphNode) -> Var:
    name = node.name.text if node.name is not None else ""
    known = pattern.names.get(name) if name else None
    if known is not None and known.kind == "node":
        return known
    if known is not None:
        cx.say(KS201, node.span, name=name)
    var = Var(len(pattern.nodes), "node", name)
    pattern.nodes.append(var)
    if name and known is None:
        pattern.names[name] = var
    return var


def _edge(cx: Context, scope: Scope, pattern: Pattern, edge: sx.GraphEdge, left: Var, right: Var) -> Use:
    name = edge.name.text if edge.name is not None else ""
    is_path = edge.low is not None
    var = Var(len(pattern.uses), "path" if is_path else "edge", name)
    if name in pattern.names:
        cx.say(KS201, edge.span, name=name)
    elif name:
        pattern.names[name] = var
    if edge.low is None or edge.high is None:
        return Use(var, left, right, edge.direction)
    low, high = (_hops(cx, scope, bound) for bound in (edge.low, edge.high))
    if high > MAX_HOPS or low > high or low < 0:
        hint = f"write *min..max, min no more than max, max no more than {MAX_HOPS}"
        cx.refuse(f"paths of {low} to {high} edges", edge.span, hint)
    return Use(var, left, right, edge.direction, low, high)


def _hops(cx: Context, scope: Scope, node: sx.Expression) -> int:
    expr = scalar(cx, Env(scope), node)
    if isinstance(expr, n.Lit) and expr.type in (T.INT, T.LONG) and isinstance(expr.value, int):
        return expr.value
    if expr.type is not T.UNKNOWN:
        cx.refuse("a number of edges that is no whole number known beforehand", node.span)
    return 1


def _check(cx: Context, graph: Graph, pattern: Pattern, op: sx.GraphMatchOp) -> None:
    """What the documentation excludes, and what it leaves open."""
    if len(pattern.uses) > MAX_EDGES:
        cx.say(LU003, op.span, what="a pattern of edges", limit=f"{MAX_EDGES} of them")
    group = {node: node for node in pattern.nodes}

    def root(node: Var) -> Var:
        while group[node] is not node:
            node = group[node]
        return node

    for use in pattern.uses:
        group[root(use.left)] = root(use.right)
    if len({root(node) for node in pattern.nodes}) > 1:
        cx.refuse("a pattern of parts that share no node", op.span, "the sequences must share a variable of a node")
    empty = [use for use in pattern.uses if use.is_path and use.low == 0]
    if graph.unsure and (empty or not pattern.uses):
        cx.refuse("a match of a node alone in this graph", op.span, graph.unsure)
    cycles = parameter(op, "cycles")
    if op.shortest:
        if len(pattern.uses) != 1 or not pattern.uses[0].is_path:
            hint = "one edge of variable length between two nodes: (a)-[e*1..5]->(b)"
            cx.refuse("graph-shortest-paths of another pattern", op.span, hint)
        elif pattern.uses[0].left is pattern.uses[0].right:
            cx.refuse("a shortest path from a node to itself", op.span)
        elif empty:
            cx.refuse("a shortest path of no edge", op.span, "begin at 1: *1..5")
    elif cycles == "none" and len(pattern.uses) >= len(pattern.nodes):
        cx.refuse("cycles=none for a pattern that is a cycle itself", op.span)
    elif cycles == "none" and empty:
        cx.refuse("cycles=none with paths of no edge", op.span, "begin at 1: *1..5")


# --- the condition ---------------------------------------------------------------------------------------------------------
def _where(cx: Context, scope: Scope, graph: Graph, pattern: Pattern, where: sx.Expression) -> list[n.Expr]:
    """The parts of the condition that are of several variables; the others are noted with their own."""
    parts: list[sx.Expression] = []
    stack = [where]
    while stack:
        top = stack.pop()
        if isinstance(top, sx.Binary) and top.op == "and":
            stack += (top.right, top.left)
        else:
            parts.append(top)
    found = []
    for part in parts:
        condition = _condition(cx, scope, graph, pattern, part)
        if condition is not None:
            found.append(condition)
    return found


def _condition(cx: Context, scope: Scope, graph: Graph, pattern: Pattern, part: sx.Expression) -> n.Expr | None:
    names = PatternNames(graph, pattern.names)
    if isinstance(part, sx.Call) and part.name.text == "all" and len(part.arguments) == 2:
        of = names.path_of(part.arguments[0])
        if of is not None:
            var, inner = of
            expr = names.element(cx, scope, var, inner, part.arguments[1], True)
            (var.inner if inner else var.conditions).append(expr)
            return None
    mentioned = list(mentions(part, pattern.names))
    of_one = {var for var, _ in mentioned}
    paths = {var for var, direct in mentioned if direct and var.kind == "path"}
    env = Env(scope)
    if paths and (len(of_one) > 1 or not all(direct for _, direct in mentioned) or _uses_functions(part)):
        hint = "all(), any() and map() say which edges are meant"
        cx.refuse("an edge of variable length in a condition with something else", part.span, hint)
    if len(of_one) == 1 and not _over_path(part):
        (var,) = of_one
        # Of a path without all() or any(): "all the edges in the sequence meet the where clause constraints".
        if var.kind != "path" or paths:
            env.graph = PatternNames(graph, pattern.names, only=var)
            var.conditions.append(predicate(cx, env, part))
            return None
    env.graph = names
    return predicate(cx, env, part)


def _uses_functions(part: sx.Expression) -> bool:
    return any(_calls(part, name) for name in FUNCTIONS)


def _over_path(part: sx.Expression) -> bool:
    return any(_calls(part, name) for name in ("all", "any", "map", "inner_nodes"))


def _calls(part: sx.Expression, name: str) -> bool:
    from lurcher.kql.rewrite import walk

    return any(isinstance(node, sx.Call) and node.name.text == name for node in walk(part))


# --- the match -------------------------------------------------------------------------------------------------------------
def _conditioned(rel: Rel, conditions: list[n.Expr]) -> Rel:
    for condition in conditions:
        rel = filtered(rel, condition)
    return rel


def _nodes(cx: Context, graph: Graph, var: Var, span: Span) -> Rel:
    """The nodes that a variable may be."""
    wanted = {name for name in (*var.used, *var.own) if name.startswith("$")}
    return _conditioned(element_source(cx, graph, True, wanted, span), var.conditions)


def _relation(cx: Context, graph: Graph, use: Use, kind: n.PathKind, span: Span, within: n.Plan | None = None) -> Rel:
    """What an edge of the pattern may be: its columns under the names of the match."""
    var = use.var
    if use.is_path:
        found = _paths(cx, graph, use, kind, span, within)
        wanted = ["$left", "$right", *dict.fromkeys(["$edges", "$nodes", *var.used])]
    else:
        edges = _conditioned(graph.edges, var.conditions)
        found = _ways(cx, edges, use.direction, span)
        wanted = ["$left", "$right", "$edge", *var.used]
    types = {c.name: c.type for c in found.columns}
    return project(found, [(var.column(name), col(name, types[name])) for name in wanted], span)


def _ways(cx: Context, edges: Rel, direction: str, span: Span) -> Rel:
    """Edges from left to right."""

    def turned(rel: Rel, left: str, right: str) -> Rel:
        ends = [("$left", col(left, T.LONG)), ("$right", col(right, T.LONG))]
        return project(rel, [*ends, *keep(c for c in rel.columns if c.name not in ("$source", "$target"))], span)

    if direction != "any":
        return turned(edges, *(("$source", "$target") if direction == "out" else ("$target", "$source")))
    # An edge from a node to itself is one way, not two.
    loops = binary(cx, "!=", col("$source", T.LONG), col("$target", T.LONG), span)
    there, back = turned(edges, "$source", "$target"), turned(filtered(edges, loops), "$target", "$source")
    return Rel(n.Union(inputs=(there.plan, back.plan), columns=there.columns))


def _paths(cx: Context, graph: Graph, use: Use, kind: n.PathKind, span: Span, within: n.Plan | None = None) -> Rel:
    var = use.var
    ids: list[n.Item] = [(name, col(name, T.LONG)) for name in ("$edge", "$source", "$target")]
    values = [(f"$v{i}", value) for i, value in enumerate(var.values)]
    edges = project(_conditioned(graph.edges, var.conditions), [*ids, *values], span)
    inner = None
    inner_values = [(f"$w{i}", value) for i, value in enumerate(var.inner_values)]
    if var.inner or inner_values:
        source = element_source(cx, graph, True, var.own, span)
        inner = project(_conditioned(source, var.inner), [("$node", col("$node", T.LONG)), *inner_values], span).plan
    backward = bool(use.right.conditions) and not use.left.conditions
    first = use.right if backward else use.left
    starts = None
    if first.conditions or use.low == 0:
        starts = project(_nodes(cx, graph, first, span), [("$node", col("$node", T.LONG))], span).plan
    lists = ["$edges", "$nodes", *(name for name, _ in (*values, *inner_values))]
    columns = (Column("$left", T.LONG), Column("$right", T.LONG), *(Column(name, T.DYNAMIC) for name in lists))
    return Rel(
        n.Paths(
            edges=edges.plan,
            inner=inner,
            starts=starts,
            direction=use.direction,
            low=use.low,
            high=use.high,
            kind=kind,
            backward=backward,
            within=within,
            columns=columns,
            span=span,
        )
    )


def _matched(cx: Context, graph: Graph, pattern: Pattern, cycles: str, span: Span) -> Rel:
    kinds: dict[str, n.PathKind] = {"all": "walk", "none": "simple", "unique_edges": "trail"}
    bound: dict[Var, str] = {}
    found: Rel | None = None
    waiting = list(pattern.uses)
    while waiting:
        use = next((u for u in waiting if u.left in bound or u.right in bound), waiting[0])
        waiting.remove(use)
        found = _with_edge(cx, found, _relation(cx, graph, use, kinds[cycles], span), use, bound, span)
    for var in pattern.nodes:
        found = _with_node(cx, graph, found, var, bound, span)
    assert found is not None
    conditions = _unique_edges(cx, pattern, span) if cycles == "unique_edges" else []
    if cycles == "none":
        conditions = _unique_nodes(cx, pattern, bound, span)
    return _conditioned(found, conditions)


def _with_edge(cx: Context, found: Rel | None, edge: Rel, use: Use, bound: dict[Var, str], span: Span) -> Rel:
    ends = ((use.left, use.end(False)), (use.right, use.end(True)))
    on: list[tuple[n.Expr, n.Expr]] = [
        (col(bound[var], T.LONG), col(name, T.LONG)) for var, name in ends if var in bound
    ]
    found = edge if found is None else joined(found, edge, on)
    if use.left is use.right and use.left not in bound:
        same = binary(cx, "==", col(ends[0][1], T.LONG), col(ends[1][1], T.LONG), span)
        found = filtered(found, same)
    for var, name in ends:
        bound.setdefault(var, name)
    return found


def _with_node(cx: Context, graph: Graph, found: Rel | None, var: Var, bound: dict[Var, str], span: Span) -> Rel:
    """The match with what is asked of a node."""
    if found is not None and not var.used and not var.conditions:
        return found
    nodes = _nodes(cx, graph, var, span)
    items = [(var.column("$node"), col("$node", T.LONG))]
    items += [(var.column(name), col(name, type)) for name, type in var.used.items()]
    nodes = project(nodes, items, span)
    if found is None:
        bound[var] = var.column("$node")
        return nodes
    return joined(found, nodes, [(col(bound[var], T.LONG), col(var.column("$node"), T.LONG))])


def _unique_edges(cx: Context, pattern: Pattern, span: Span) -> list[n.Expr]:
    found = []
    for one, other in combinations(pattern.uses, 2):
        if other.is_path and not one.is_path:
            one, other = other, one
        first = col(one.var.column("$edges" if one.is_path else "$edge"), T.DYNAMIC if one.is_path else T.LONG)
        second = col(other.var.column("$edges" if other.is_path else "$edge"), T.DYNAMIC if other.is_path else T.LONG)
        if not one.is_path:
            found.append(binary(cx, "!=", first, second, span))
        else:
            found.append(function(cx, "__graph_apart" if other.is_path else "__graph_off", (first, second), span))
    return found


def _unique_nodes(cx: Context, pattern: Pattern, bound: dict[Var, str], span: Span) -> list[n.Expr]:
    """Nothing is met twice: neither nodes of the pattern, nor those inside of paths."""
    nodes = [col(bound[var], T.LONG) for var in pattern.nodes]
    found = [binary(cx, "!=", one, other, span) for one, other in combinations(nodes, 2)]
    inner = [
        function(cx, "__graph_inner", (col(use.var.column("$nodes"), T.DYNAMIC),), span)
        for use in pattern.uses
        if use.is_path
    ]
    found += [function(cx, "__graph_off", (path, node), span) for path in inner for node in nodes]
    found += [function(cx, "__graph_apart", pair, span) for pair in combinations(inner, 2)]
    return found


def _distances(cx: Context, graph: Graph, use: Use, span: Span) -> n.Plan:
    """For each pair of ends how far they are apart."""
    reached = _paths(cx, graph, use, "reach", span)
    hops = function(cx, "__graph_length", (col("$edges", T.DYNAMIC),), span)
    ends: list[n.Item] = [(name, col(name, T.LONG)) for name in ("$left", "$right")]
    far = project(reached, [*ends, ("$hops", hops)], span)
    least = n.Agg(
        type=T.LONG, function=overloads(FunctionKind.AGGREGATE, "min")[0], args=(col("$hops", T.LONG),), span=span
    )
    return n.Aggregate(input=far.plan, keys=tuple(ends), items=(("$hops", least),), columns=far.columns, span=span)


def _shortest(cx: Context, graph: Graph, pattern: Pattern, residual: list[n.Expr], op: sx.GraphMatchOp) -> Rel:
    """Of the simple paths that satisfy the condition, those of the fewest edges for each pair of ends."""
    span = op.span
    (use,) = pattern.uses
    every = parameter(op, "output") == "all"
    # Where a path is shortest so is each beginning of it: but not if its length has to be more, or the whole is judged.
    plain = use.low <= 1 and not residual
    within = _distances(cx, graph, use, span) if plain and every else None
    kind: n.PathKind = "reach" if plain and not every else "simple"
    bound: dict[Var, str] = {}
    found: Rel = _with_edge(cx, None, _relation(cx, graph, use, kind, span, within), use, bound, span)
    for var in pattern.nodes:
        found = _with_node(cx, graph, found, var, bound, span)
    found = _conditioned(found, residual)
    ends = [col(use.end(right), T.LONG) for right in (False, True)]
    edges = col(use.var.column("$edges"), T.DYNAMIC)
    length = function(cx, "__graph_length", (edges,), span)
    found = project(found, [*keep(found.columns), ("$length", length)], span)
    hops = col("$length", T.LONG)
    if not every:
        order = (n.SortKey(hops, False, False), n.SortKey(edges, False, False))
        return replace(
            found, plan=n.Pick(input=found.plan, keys=tuple(ends), order=order, columns=found.columns, span=span)
        )
    least = n.Agg(type=T.LONG, function=overloads(FunctionKind.AGGREGATE, "min")[0], args=(hops,), span=span)
    keys = tuple((f"$least{i}", end) for i, end in enumerate(ends))
    columns = (*(Column(name, T.LONG) for name, _ in keys), Column("$least", T.LONG))
    fewest = Rel(n.Aggregate(input=found.plan, keys=keys, items=(("$least", least),), columns=columns, span=span))
    on = [(end, col(name, T.LONG)) for (name, end) in keys] + [(hops, col("$least", T.LONG))]
    wide = joined(found, fewest, [(a, b) for a, b in on])
    return project(wide, keep(found.columns), span)
