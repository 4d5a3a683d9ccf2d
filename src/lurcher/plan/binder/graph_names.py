"""What names and functions mean in the expressions of graph operators.

In a pattern's `where` and `project` the variables of the pattern are named, and their properties behind a dot; inside `all`,
`any` and `map` (and in `graph-where-*`) the properties of one node or edge stand alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from lurcher.functions.registry import FunctionKind, overloads
from lurcher.functions.resolve import counted
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS120, KS142, LU012
from lurcher.kql.source import Span
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, FunctionValue, Graph, Rel, Scope, col, keep, near
from lurcher.plan.binder.expressions import convert, function, predicate, scalar, unknown

T = ScalarType
#: Functions of one node, by the columns of it that they give.
_OF_NODE = {"node_id": ("$id", T.STRING), "node_degree_in": ("$in", T.LONG), "node_degree_out": ("$out", T.LONG)}
_OVER_PATH = ("all", "any", "map")
FUNCTIONS = (*_OF_NODE, *_OVER_PATH, "labels", "inner_nodes")


@dataclass(eq=False)
class Var:
    """A variable of a pattern, or a node or edge without a name."""

    index: int
    kind: str  # node, edge or path
    name: str = ""
    #: Columns of it that are used, over the whole match.
    used: dict[str, ScalarType] = field(default_factory=dict)
    #: What must hold of it alone: conditions over its own relation; a path's are of each edge, `inner` of each node inside.
    conditions: list[n.Expr] = field(default_factory=list)
    inner: list[n.Expr] = field(default_factory=list)
    #: Values of each edge of a path, and of each node inside, that make a list.
    values: list[n.Expr] = field(default_factory=list)
    inner_values: list[n.Expr] = field(default_factory=list)
    #: Functions of a node that its own conditions or values use.
    own: set[str] = field(default_factory=set)

    def column(self, name: str) -> str:
        return f"${self.kind[0]}{self.index}.{name}"


def element_source(cx: Context, graph: Graph, nodes: bool, functions: set[str], span: Span) -> Rel:
    """The nodes, or edges, with what functions of them give."""
    rel = graph.nodes if nodes else graph.edges
    for name, end in (("$in", "$target"), ("$out", "$source")):
        if name not in functions:
            continue
        count = n.Agg(type=T.LONG, function=overloads(FunctionKind.AGGREGATE, "count")[0], args=(), span=span)
        columns = (Column(f"{name}node", T.LONG), Column(f"{name}count", T.LONG))
        counted_ = n.Aggregate(
            input=graph.plan,
            keys=((f"{name}node", col(end, T.LONG)),),
            items=((f"{name}count", count),),
            columns=columns,
            span=span,
        )
        on = ((col("$node", T.LONG), col(f"{name}node", T.LONG)),)
        wide = n.Join(left=rel.plan, right=counted_, kind="leftouter", on=on, columns=(*rel.columns, *columns))
        degree = function(cx, "coalesce", (col(f"{name}count", T.LONG), n.Lit(type=T.LONG, value=0)), span)
        items = (*keep(rel.columns), (name, degree))
        rel = Rel(n.Project(input=wide, items=items, columns=(*rel.columns, Column(name, T.LONG)), span=span))
    return rel


def _arguments(cx: Context, node: sx.Call, low: int, high: int) -> bool:
    if low <= len(node.arguments) <= high:
        return True
    cx.say(KS120, node.name.span, name=node.name.text, counts=counted(low, high), given=len(node.arguments))
    return False


def is_function(env: Env, node: sx.Call) -> bool:
    return node.name.text in FUNCTIONS and not isinstance(env.scope.find(node.name.text), FunctionValue)


class ElementNames:
    """Inside of one node or edge: its properties are columns; functions of it take no argument."""

    def __init__(self, graph: Graph, *, nodes: bool, variables: dict[str, Var] | None = None) -> None:
        self.graph = graph
        self.nodes = nodes
        self.variables = variables or {}
        self.functions: set[str] = set()

    def source(self, cx: Context, span: Span) -> Rel:
        return element_source(cx, self.graph, self.nodes, self.functions, span)

    def name(self, cx: Context, env: Env, node: sx.NameRef) -> n.Expr | None:
        name = node.name.text
        if name in env.types or name not in self.variables:
            return None
        cx.refuse(f"the variable '{name}' of the pattern inside all(), any() or map()", node.span)
        return unknown(node.span)

    def member(self, cx: Context, env: Env, node: sx.Path) -> n.Expr | None:
        return None

    def call(self, cx: Context, env: Env, node: sx.Call) -> n.Expr | None:
        name = node.name.text
        if not is_function(env, node):
            return None
        if name == "labels" and _arguments(cx, node, 0, 0):
            return n.Lit(type=T.DYNAMIC, value=[], span=node.span)
        if name in _OF_NODE and self.nodes and _arguments(cx, node, 0, 0):
            column, type = _OF_NODE[name]
            self.functions.add(column)
            return n.Col(type=type, name=column, span=node.span)
        cx.refuse(f"{name}() here", node.span, "it takes a variable of the pattern")
        return unknown(node.span)


class PatternNames:
    """In the `where` and `project` of a pattern. With `only`, the expression is over that variable's own relation."""

    def __init__(self, graph: Graph, variables: dict[str, Var], only: Var | None = None) -> None:
        self.graph = graph
        self.variables = variables
        self.only = only

    def _column(self, var: Var, name: str, type: ScalarType, span: Span) -> n.Expr:
        if self.only is not None:
            if name.startswith("$"):
                var.own.add(name)
            return n.Col(type=type, name=name, span=span)
        var.used[name] = type
        return n.Col(type=type, name=var.column(name), span=span)

    def name(self, cx: Context, env: Env, node: sx.NameRef) -> n.Expr | None:
        var = self.variables.get(node.name.text)
        if var is None:
            return None
        if var.kind != "path" and not self.graph.properties(var.kind == "edge"):
            return n.Lit(type=T.DYNAMIC, value={}, span=node.span)
        hint = f"name its properties: {var.name}.Property"
        if var.kind == "path":
            hint = f"map({var.name}, Property) is an array of them, array_length({var.name}) their number"
        cx.refuse("a whole node or edge as a value", node.span, hint)
        return n.Lit(type=T.DYNAMIC, value=None, span=node.span)

    def member(self, cx: Context, env: Env, node: sx.Path) -> n.Expr | None:
        base, member = node.base, node.member
        if not isinstance(base, sx.NameRef) or not isinstance(member, sx.NameRef):
            return None
        var = self.variables.get(base.name.text)
        if var is None:
            return None
        edges = var.kind != "node"
        properties = self.graph.properties(edges)
        type = properties.get(member.name.text)
        if type is None:
            open = self.graph.open if edges else self.graph.nodes.open
            if not open:
                cx.say(KS142, member.span, name=member.name.text, hint=near(member.name.text, properties, "there is"))
            elif not any(d.is_error for d in cx.diagnostics):
                cx.say(LU012, member.span, name=member.name.text)
            return unknown(node.span)
        if var.kind != "path" or self.only is not None:
            return self._column(var, member.name.text, type, node.span)
        return self._list(cx, var, n.Col(type=type, name=member.name.text, span=node.span), False, node.span)

    def call(self, cx: Context, env: Env, node: sx.Call) -> n.Expr | None:
        name = node.name.text
        if name == "array_length" and len(node.arguments) == 1:
            return self._length(cx, env, node)
        if not is_function(env, node):
            return None
        if name in _OVER_PATH:
            return self._over_path(cx, env, node) if _arguments(cx, node, 2, 2) else unknown(node.span)
        if name == "inner_nodes":
            cx.refuse("inner_nodes() as a value", node.span, "it is the first argument of all(), any() or map()")
            return unknown(node.span)
        if not _arguments(cx, node, 1, 1):
            return unknown(node.span)
        var = self._variable(cx, node.arguments[0])
        if var is None:
            return unknown(node.span)
        if name == "labels" and var.kind != "path":
            return n.Lit(type=T.DYNAMIC, value=[], span=node.span)
        if var.kind != "node":
            cx.refuse(f"{name}() of an edge", node.span, "it takes a node of the pattern")
            return unknown(node.span)
        column, type = _OF_NODE[name]
        return self._column(var, column, type, node.span)

    def _variable(self, cx: Context, node: sx.Expression) -> Var | None:
        found = self.variables.get(node.name.text) if isinstance(node, sx.NameRef) else None
        if found is None:
            cx.refuse("what is no variable of the pattern", node.span, near("", self.variables, "there is"))
        return found

    def _length(self, cx: Context, env: Env, node: sx.Call) -> n.Expr | None:
        (argument,) = node.arguments
        var = self.variables.get(argument.name.text) if isinstance(argument, sx.NameRef) else None
        if var is None or var.kind != "path":
            return None
        var.used["$edges"] = T.DYNAMIC
        return function(cx, "__graph_length", (col(var.column("$edges"), T.DYNAMIC),), node.span)

    def path_of(self, node: sx.Expression) -> tuple[Var, bool] | None:
        """The path that is an argument, and whether its inner nodes are meant."""
        inner = isinstance(node, sx.Call) and node.name.text == "inner_nodes" and len(node.arguments) == 1
        named = node.arguments[0] if inner and isinstance(node, sx.Call) else node
        var = self.variables.get(named.name.text) if isinstance(named, sx.NameRef) else None
        return (var, inner) if var is not None and var.kind == "path" else None

    def element(self, cx: Context, scope: Scope, var: Var, inner: bool, node: sx.Expression, condition: bool) -> n.Expr:
        """An expression over each edge of a path, or each node inside."""
        env = Env(scope)
        env.types = self.graph.properties(not inner)
        env.open = self.graph.nodes.open if inner else self.graph.open
        names = ElementNames(self.graph, nodes=inner, variables=self.variables)
        env.graph = names
        expr = predicate(cx, env, node) if condition else scalar(cx, env, node)
        var.own |= names.functions
        return expr

    def _over_path(self, cx: Context, env: Env, node: sx.Call) -> n.Expr:
        name = node.name.text
        found = self.path_of(node.arguments[0])
        if found is None or self.only is not None:
            hint = "a variable of the pattern such as e in -[e*1..3]->, or inner_nodes(e)"
            cx.refuse(f"{name}() of what is no edge of variable length", node.arguments[0].span, hint)
            return n.Lit(type=T.DYNAMIC if name == "map" else T.BOOL, value=None, span=node.span)
        var, inner = found
        expr = self.element(cx, env.scope, var, inner, node.arguments[1], name != "map")
        return self._list(cx, var, expr, inner, node.span, name)

    def _list(self, cx: Context, var: Var, expr: n.Expr, inner: bool, span: Span, name: str = "map") -> n.Expr:
        value = convert(expr, T.DYNAMIC if name == "map" else T.BOOL)
        values = var.inner_values if inner else var.values
        if value not in values:
            values.append(value)
        column = f"$w{values.index(value)}" if inner else f"$v{values.index(value)}"
        var.used[column] = T.DYNAMIC
        made = {"map": "__graph_array", "all": "__graph_all", "any": "__graph_any"}[name]
        return function(cx, made, (col(var.column(column), T.DYNAMIC),), span)


def mentions(node: Any, names: dict[str, Var]) -> Iterator[tuple[Var, bool]]:
    """The variables that a syntax tree names, and whether by a property of it."""
    stack: list[Any] = [node]
    while stack:
        top = stack.pop()
        if isinstance(top, tuple):
            stack.extend(top)
        elif isinstance(top, sx.Path) and isinstance(top.base, sx.NameRef) and top.base.name.text in names:
            yield names[top.base.name.text], True
        elif isinstance(top, sx.NameRef) and top.name.text in names:
            yield names[top.name.text], False
        elif isinstance(top, sx.Path):
            stack += [top.base] if isinstance(top.member, sx.NameRef) else [top.base, top.member]
        elif isinstance(top, sx.Node):
            stack.extend(getattr(top, f.name) for f in fields(top) if f.name != "span")
