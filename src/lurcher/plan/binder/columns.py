"""Operators on columns: extend, project and its kin, serialize, getschema."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS109, KS110, KS142, KS171
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, Scope, col, keep, near, operator, project
from lurcher.plan.binder.expressions import scalar
from lurcher.plan.binder.names import Namer
from lurcher.plan.binder.rows import environment, named, windowed
from lurcher.plan.binder.tuples import several

T = ScalarType


def matching(names: Iterable[str], pattern: str) -> list[str]:
    """The names that a wildcard stands for, in order."""
    regex = wildcard(pattern)
    return [name for name in names if regex.match(name)]


@lru_cache(maxsize=256)
def wildcard(pattern: str) -> re.Pattern[str]:
    return re.compile("^" + ".*".join(re.escape(p) for p in pattern.split("*")) + "$", re.DOTALL)


@operator(sx.ExtendOp)
def _extend(cx: Context, scope: Scope, rel: Rel, op: sx.ExtendOp) -> Rel:
    return extended(cx, scope, rel, op.columns, op)


@operator(sx.SerializeOp)
def _serialize(cx: Context, scope: Scope, rel: Rel, op: sx.SerializeOp) -> Rel:
    return extended(cx, scope, rel, op.columns, op) if op.columns else rel


def extended(cx: Context, scope: Scope, rel: Rel, nodes: tuple[sx.Expression, ...], op: sx.Operator) -> Rel:
    env = environment(cx, scope, rel)
    new: dict[str, n.Expr] = {}
    namer = Namer((name.text for c in nodes if isinstance(c, sx.Named) for name in c.names), env.types)
    for node in nodes:
        tuple_items = several(cx, env, node)
        if tuple_items is not None:
            for name, expr in tuple_items:
                new[namer.derived(name)] = expr
            continue
        inner = node.expression if isinstance(node, sx.Named) else node
        expr = scalar(cx, env, inner)
        new[named(cx, namer, node, expr)] = expr
    wide = windowed(cx, rel, env, op.span)
    items = [(c.name, new.pop(c.name) if c.name in new else col(c.name, c.type)) for c in rel.columns]
    return project(wide, [*items, *new.items()], op.span)


@operator(sx.ProjectOp)
def _project(cx: Context, scope: Scope, rel: Rel, op: sx.ProjectOp) -> Rel:
    env = environment(cx, scope, rel)
    items: list[n.Item] = []
    namer = Namer(name.text for c in op.columns if isinstance(c, sx.Named) for name in c.names)
    for node in op.columns:
        tuple_items = several(cx, env, node)
        if tuple_items is not None:
            items += [(namer.derived(name), expr) for name, expr in tuple_items]
            continue
        inner = node.expression if isinstance(node, sx.Named) else node
        expr = scalar(cx, env, inner)
        items.append((named(cx, namer, node, expr), expr))
    return project(windowed(cx, rel, env, op.span), items, op.span)


def chosen(cx: Context, rel: Rel, nodes: tuple[sx.Expression, ...]) -> list[str]:
    """The columns that a list of names and wildcards stands for, each once, in the order of the list."""
    names = [c.name for c in rel.columns]
    known = set(names)
    found: dict[str, None] = {}
    for node in nodes:
        if isinstance(node, sx.Star):
            found.update(dict.fromkeys(names))
        elif isinstance(node, sx.NameRef) and node.name.pattern:
            found.update(dict.fromkeys(matching(names, node.name.text)))
        elif isinstance(node, sx.NameRef):
            if node.name.text in known:
                found[node.name.text] = None
            elif not rel.open:
                cx.say(KS142, node.span, name=node.name.text, hint=near(node.name.text, names, "there is"))
        else:
            cx.say(KS109, node.span)
    return list(found)


@operator(sx.ProjectAwayOp)
def _project_away(cx: Context, scope: Scope, rel: Rel, op: sx.ProjectAwayOp) -> Rel:
    gone = set(chosen(cx, rel, op.columns))
    return project(rel, keep(c for c in rel.columns if c.name not in gone), op.span)


@operator(sx.ProjectKeepOp)
def _project_keep(cx: Context, scope: Scope, rel: Rel, op: sx.ProjectKeepOp) -> Rel:
    kept = set(chosen(cx, rel, op.columns))
    return project(rel, keep(c for c in rel.columns if c.name in kept), op.span)


@operator(sx.ProjectRenameOp)
def _project_rename(cx: Context, scope: Scope, rel: Rel, op: sx.ProjectRenameOp) -> Rel:
    names = {c.name: c.name for c in rel.columns}
    for node in op.columns:
        if not isinstance(node, sx.Named) or not isinstance(node.expression, sx.NameRef):
            cx.say(KS110, node.span)
            continue
        old = node.expression.name.text
        if old not in names:
            if not rel.open:
                cx.say(KS142, node.expression.span, name=old, hint=near(old, names, "there is"))
            continue
        names[old] = node.names[0].text
    items: list[n.Item] = []
    taken: set[str] = set()
    for column in rel.columns:
        name = names[column.name]
        if name in taken:
            cx.say(KS171, op.span, name=name)
            continue
        taken.add(name)
        items.append((name, col(column.name, column.type)))
    return project(rel, items, op.span)


@operator(sx.ProjectReorderOp)
def _project_reorder(cx: Context, scope: Scope, rel: Rel, op: sx.ProjectReorderOp) -> Rel:
    found: dict[str, None] = {}
    listed = {i.column.name.text for i in op.columns if isinstance(i.column, sx.NameRef) and not i.column.name.pattern}
    for item in op.columns:
        names = chosen(cx, rel, (item.column,))
        if isinstance(item.column, sx.NameRef) and not item.column.name.pattern and names and names[0] in found:
            cx.say(KS171, item.column.span, name=names[0])
        if isinstance(item.column, sx.Star) or (isinstance(item.column, sx.NameRef) and item.column.name.pattern):
            # A wildcard stands for what no other item names.
            names = [name for name in names if name not in listed]
        if item.order.startswith("granny"):
            names.sort(key=_granny, reverse=item.order.endswith("desc"))
        elif item.order:
            names.sort(reverse=item.order == "desc")
        found.update(dict.fromkeys(names))
    types = {c.name: c for c in rel.columns}
    rest = [c for c in rel.columns if c.name not in found]
    return project(rel, keep([*(types[name] for name in found), *rest]), op.span)


def _granny(name: str) -> list[tuple[int, int, str]]:
    """Digits in a name sort by their number: a2 before a10."""
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in re.split(r"(\d+)", name) if p]


@operator(sx.ProjectByNamesOp)
def _project_by_names(cx: Context, scope: Scope, rel: Rel, op: sx.ProjectByNamesOp) -> Rel:
    names: list[str] = []
    for node in op.columns:
        expr = scalar(cx, Env(scope), node)
        value = expr.value if isinstance(expr, n.Lit) else None
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(v, str) for v in values):
            cx.refuse("project-by-names of names that are no constants", node.span)
            continue
        names += [v for v in values if isinstance(v, str)]
    types = {c.name: c for c in rel.columns}
    picked = [
        found for name in names for found in (matching(types, name) if "*" in name else [name] if name in types else [])
    ]
    return project(rel, keep(types[name] for name in dict.fromkeys(picked)), op.span)


#: .NET's names of KQL's types, as getschema shows them.
_DOTNET = {
    T.BOOL: "System.SByte",
    T.INT: "System.Int32",
    T.LONG: "System.Int64",
    T.REAL: "System.Double",
    T.DECIMAL: "System.Data.SqlTypes.SqlDecimal",
    T.STRING: "System.String",
    T.DATETIME: "System.DateTime",
    T.TIMESPAN: "System.TimeSpan",
    T.GUID: "System.Guid",
    T.DYNAMIC: "System.Object",
}


@operator(sx.GetSchemaOp)
def _getschema(cx: Context, scope: Scope, rel: Rel, op: sx.GetSchemaOp) -> Rel:
    columns = (
        Column("ColumnName", T.STRING),
        Column("ColumnOrdinal", T.INT),
        Column("DataType", T.STRING),
        Column("ColumnType", T.STRING),
    )

    def text(value: str) -> n.Lit:
        return n.Lit(type=T.STRING, value=value, span=op.span)

    rows = tuple(
        (text(c.name), n.Lit(type=T.INT, value=i, span=op.span), text(_DOTNET.get(c.type, "")), text(c.type))
        for i, c in enumerate(rel.columns)
    )
    return Rel(n.Values(rows=rows, columns=columns, span=op.span))
