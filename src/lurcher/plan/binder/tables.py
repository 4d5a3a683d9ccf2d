"""Tabular expressions: names of tables, pipes, datatables, and what gives a table by a call."""

from __future__ import annotations

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS171, KS174, KS175, KS204, KS205, LU002, LU003, LU024
from lurcher.kql.source import Span
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder import cloud, patterns
from lurcher.plan.binder.calls import as_table, call_user
from lurcher.plan.binder.context import (
    GRAPH_OPERATORS,
    OPERATORS,
    SOURCES,
    Context,
    Env,
    FunctionValue,
    Graph,
    Rel,
    ScalarValue,
    Scope,
    TableValue,
    near,
)
from lurcher.plan.binder.expressions import constant_text, convert, scalar
from lurcher.plan.binder.external import externaldata
from lurcher.plan.supplies import PLACES, supplies_of

T = ScalarType
NO_ROWS = n.Values(rows=((),), columns=())
#: Operators in a pipe, and columns of all operators of a text with all functions in it written out.
MAX_OPERATORS = 1_000
MAX_CELLS = 300_000
#: Values of one datatable: written as SQL, more would take the engine many seconds and gigabytes.
MAX_VALUES = 50_000


def bind_any(cx: Context, env: Env, node: sx.Expression) -> n.Expr | Rel:
    """Bind what may be a value or a table (`let x = ...`, the argument of toscalar)."""
    if (pattern := patterns.pattern_of(env.scope, node)) is not None:
        return patterns.applied(cx, env.scope, pattern, node)
    if isinstance(node, (sx.Pipe, sx.DataTable, sx.ExternalData)):
        return relation(cx, env.scope, node)
    if isinstance(node, sx.NameRef):
        name = node.name.text
        if name in env.types and not node.name.pattern:
            return scalar(cx, env, node)
        found = env.scope.find(name)
        if isinstance(found, TableValue):
            return found.rel
        if isinstance(found, FunctionValue):
            return call_user(cx, env, found, (), node.span)
        if found is None and not env.open and (cx.catalog.table(name) is not None or cloud.is_bare(name)):
            return table(cx, env.scope, node)
        return scalar(cx, env, node)
    if isinstance(node, sx.Call):
        found = env.scope.find(node.name.text)
        if isinstance(found, FunctionValue):
            return call_user(cx, env, found, node.arguments, node.span)
        if isinstance(found, TableValue):
            return found.rel
        if node.name.text in _CALLS or cloud.is_function(node.name.text):
            return table(cx, env.scope, node)
        return scalar(cx, env, node)
    if isinstance(node, sx.Path) and _is_database(env.scope, node.base):
        return table(cx, env.scope, node)
    return scalar(cx, env, node)


def table_in_list(cx: Context, env: Env, node: sx.Expression) -> Rel | None:
    """The table in `x in (T)`; None where there is a value."""
    if (pattern := patterns.pattern_of(env.scope, node)) is not None:
        return patterns.applied(cx, env.scope, pattern, node)
    if isinstance(node, (sx.Literal, sx.DynamicLiteral)):
        return None
    if isinstance(node, sx.NameRef):
        name = node.name.text
        if name in env.types or (env.outer is not None and name in env.outer):
            return None
        found = env.scope.find(name)
        if isinstance(found, TableValue):
            return tabular(cx, found.rel, node.span)
        if isinstance(found, FunctionValue):
            result = call_user(cx, env, found, (), node.span)
            return tabular(cx, result, node.span) if isinstance(result, Rel) else None
        if found is None and (cx.catalog.table(name) is not None or cloud.is_bare(name)):
            return table(cx, env.scope, node)
        return None
    if isinstance(node, sx.Call):
        found = env.scope.find(node.name.text)
        if isinstance(found, FunctionValue):
            body = found.node.body
            if isinstance(body, (sx.Pipe, sx.DataTable, sx.ExternalData, sx.NameRef)):
                result = call_user(cx, env, found, node.arguments, node.span)
                return tabular(cx, result, node.span) if isinstance(result, Rel) else None
            return None
        if node.name.text in _CALLS or cloud.is_function(node.name.text):
            return table(cx, env.scope, node)
        return None
    if isinstance(node, (sx.Pipe, sx.DataTable, sx.ExternalData)):
        return table(cx, env.scope, node)
    if isinstance(node, sx.Path) and _is_database(env.scope, node.base):
        return table(cx, env.scope, node)
    return None


def table(cx: Context, scope: Scope, node: sx.Expression) -> Rel:
    """Bind an expression that must be a table."""
    return tabular(cx, relation(cx, scope, node), node.span)


def tabular(cx: Context, rel: Rel, span: Span) -> Rel:
    """What must be a table, and no graph."""
    if not isinstance(rel, Graph):
        return rel
    cx.refuse("a graph where a table is expected", span, "graph-match or graph-to-table makes a table of it")
    return unknown_table(span)


def relation(cx: Context, scope: Scope, node: sx.Expression) -> Rel:
    """Bind an expression that must be a table or a graph."""
    if (pattern := patterns.pattern_of(scope, node)) is not None:
        return patterns.applied(cx, scope, pattern, node)
    if isinstance(node, sx.Pipe):
        return pipe(cx, scope, node)
    if isinstance(node, sx.NameRef):
        return named_table(cx, scope, node)
    if isinstance(node, sx.DataTable):
        return _datatable(cx, scope, node)
    if isinstance(node, sx.ExternalData):
        return externaldata(cx, scope, node, _declared(cx, node.columns))
    if isinstance(node, sx.Call):
        return _call(cx, scope, node)
    if isinstance(node, sx.Path):
        return _path(cx, scope, node)
    if isinstance(node, sx.Broken):
        return unknown_table(node.span)
    return as_table(cx, scalar(cx, Env(scope), node), node.span)


def unknown_table(span: Span) -> Rel:
    """What stands for a table that has an error: every name may be its column."""
    return Rel(n.Values(rows=(), columns=(), span=span), open=True)


def pipe(cx: Context, scope: Scope, node: sx.Pipe, rel: Rel | None = None) -> Rel:
    """A source and its operators. `rel` is the relation that a body in parentheses goes on from."""
    if node.source is not None or rel is None:
        # A query of its own sees nothing of the row that a query around it is applied to.
        saved, cx.outer = cx.outer, None
        try:
            return _pipe(cx, scope, node, None)
        finally:
            cx.outer = saved
    return _pipe(cx, scope, node, rel)


def _pipe(cx: Context, scope: Scope, node: sx.Pipe, rel: Rel | None) -> Rel:
    operators = node.operators
    if node.source is not None:
        rel = relation(cx, scope, node.source)
    elif rel is None:
        first, operators = operators[0], operators[1:]
        start = SOURCES.get(type(first))
        if start is not None:
            rel = start(cx, scope, first)
        else:
            cx.say(KS174, first.span, name=operator_name(first))
            rel = unknown_table(first.span)
    if len(operators) > MAX_OPERATORS:
        return _too_large(cx, operators[MAX_OPERATORS].span, f"{len(operators)} operators in one pipe", MAX_OPERATORS)
    for op in operators:
        cx.cells += 1 + len(rel.columns)
        if cx.cells > MAX_CELLS:
            return _too_large(cx, op.span, "the columns of all its operators", MAX_CELLS)
        handler = OPERATORS.get(type(op))
        if isinstance(rel, Graph) and type(op) not in GRAPH_OPERATORS:
            rel = tabular(cx, rel, op.span)
        elif not isinstance(rel, Graph) and type(op) in GRAPH_OPERATORS:
            if not rel.open or not any(d.is_error for d in cx.diagnostics):
                cx.refuse(f"{operator_name(op)} of a table", op.span, "make-graph makes a graph of it first")
            rel = unknown_table(op.span)
        elif handler is not None:
            rel = handler(cx, scope, rel, op)
        elif type(op) in SOURCES:
            cx.say(KS175, op.span, name=operator_name(op))
        else:
            cx.refuse(f"the operator {operator_name(op)}", op.span)
            rel = Rel(rel.plan, open=True)
    return rel


def _too_large(cx: Context, span: Span, what: str, limit: int) -> Rel:
    # Said once: all that follows is too large as well.
    if not any(d.code == LU003.code for d in cx.diagnostics):
        cx.say(LU003, span, what=what, limit=limit)
    return unknown_table(span)


def operator_name(op: sx.Operator) -> str:
    """`MvExpandOp` -> `mv-expand`: as the language spells it."""
    letters = type(op).__name__.removesuffix("Op")
    return "".join(("-" if i and c.isupper() else "") + c.lower() for i, c in enumerate(letters))


def named_table(cx: Context, scope: Scope, node: sx.NameRef, *, fuzzy: bool = False) -> Rel:
    name = node.name.text
    found = scope.find(name)
    if isinstance(found, TableValue):
        return found.rel
    if isinstance(found, FunctionValue):
        return as_table(cx, call_user(cx, Env(scope), found, (), node.span), node.span)
    if isinstance(found, ScalarValue):
        return as_table(cx, found.expr, node.span)
    rel = scan(cx, name)
    if rel is not None:
        return rel
    if cloud.is_bare(name):
        return cloud.call(cx, Env(scope), sx.Call(node.name, (), span=node.span), None)
    if fuzzy:
        cx.say(KS205, node.span, name=name)
    else:
        pool = [*cx.catalog.table_names(), *(k for k, v in scope.all().items() if isinstance(v, TableValue))]
        cx.say(KS204, node.span, name=name, hint=near(name, pool))
    return unknown_table(node.span)


def scan(cx: Context, name: str) -> Rel | None:
    """A table of the catalogue: one node a name, so that a table which is read twice is seen to be one."""
    scans = cx.scans_aside if cx.aside else cx.scans
    found = scans.get(name)
    if found is None:
        schema = cx.catalog.table(name)
        if schema is None:
            return None
        found = scans[name] = Rel(n.Scan(table=name, columns=schema.columns, aside=cx.aside), open=schema.open)
    return found


# --- literal rows ----------------------------------------------------------------------------------------------------------
def _datatable(cx: Context, scope: Scope, node: sx.DataTable) -> Rel:
    columns = _declared(cx, node.columns)
    if len(node.values) > MAX_VALUES:
        hint = "put the rows into a file: --data, or externaldata with --map-url"
        cx.say(LU003, node.span, what=f"{len(node.values)} values in a datatable", limit=MAX_VALUES, hint=hint)
        return Rel(n.Values(rows=(), columns=columns, span=node.span))
    width = max(1, len(node.columns))
    types = [c.type for c in node.columns]
    env = Env(scope)
    cells: list[n.Expr] = []
    for i, value in enumerate(node.values):
        wanted = types[i % width] if types else T.UNKNOWN
        if type(value) is sx.Literal and value.type is wanted and value.value is not None:
            cells.append(n.Lit(type=wanted, value=value.value, span=value.span))
        else:
            cells.append(_cell(scalar(cx, env, value), wanted))
    rows = tuple(tuple(cells[i : i + width]) for i in range(0, len(cells) - width + 1, width))
    return Rel(n.Values(rows=rows, columns=columns, span=node.span))


def _cell(value: n.Expr, wanted: ScalarType) -> n.Expr:
    if isinstance(value, n.Lit) and wanted is T.DYNAMIC and value.type is not T.DYNAMIC and value.value is not None:
        return convert(value, T.DYNAMIC)
    return convert(value, wanted)


def _declared(cx: Context, decls: tuple[sx.ColumnDecl, ...]) -> tuple[Column, ...]:
    columns: list[Column] = []
    seen: set[str] = set()
    for decl in decls:
        if decl.name.text in seen:
            cx.say(KS171, decl.name.span, name=decl.name.text)
        seen.add(decl.name.text)
        columns.append(Column(decl.name.text, decl.type))
    return tuple(columns)


# --- calls -----------------------------------------------------------------------------------------------------------------
def _call(cx: Context, scope: Scope, node: sx.Call) -> Rel:
    name = node.name.text
    found = scope.find(name)
    if isinstance(found, FunctionValue):
        return as_table(cx, call_user(cx, Env(scope), found, node.arguments, node.span), node.span)
    if isinstance(found, TableValue):
        return found.rel
    if name in _CALLS:
        return _CALLS[name](cx, scope, node)
    if cloud.is_function(name):
        return cloud.call(cx, Env(scope), node, None)
    if name in PLACES:
        return _foreign(cx, scope, node, name)
    return as_table(cx, scalar(cx, Env(scope), node), node.span)


def _materialize(cx: Context, scope: Scope, node: sx.Call) -> Rel:
    if not node.arguments:
        return as_table(cx, scalar(cx, Env(scope), node), node.span)
    rel = table(cx, scope, node.arguments[0])
    return rel.over(n.Shared(input=rel.plan, columns=rel.columns, span=node.span))


def _table(cx: Context, scope: Scope, node: sx.Call) -> Rel:
    name = constant_text(cx, scope, node.arguments[0], "the name of the table") if node.arguments else None
    if name is None:
        return unknown_table(node.span)
    return named_table(cx, Scope(), sx.NameRef(sx.Name(name, span=node.span), span=node.arguments[0].span))


_CALLS = {"materialize": _materialize, "table": _table, "__table": _table}


def _is_database(scope: Scope, node: sx.Expression) -> bool:
    if isinstance(node, sx.Path):
        return _is_database(scope, node.base)
    if isinstance(node, sx.Call):
        return node.name.text in PLACES and scope.find(node.name.text) is None
    return isinstance(node, sx.NameRef) and node.name.text in ("$database_alias",)


def _path(cx: Context, scope: Scope, node: sx.Path) -> Rel:
    if not _is_database(scope, node.base):
        return as_table(cx, scalar(cx, Env(scope), node), node.span)
    calls = _database_calls(node.base)
    if not isinstance(node.member, sx.NameRef):
        return _foreign(cx, scope, node, "a function of another database")
    what = calls[-1].name.text if calls else "database"
    name = node.member.name.text
    here = next((c for c in calls if supplies_of(cx.catalog).is_here(c.name.text, _argument(cx, scope, c))), None)
    local = what in ("workspace", "app", "resource") or (what == "database" and len(calls) == 1)
    rel = scan(cx, name) if local or here is not None else None
    if here is not None:
        if rel is None:
            hint = near(name, cx.catalog.table_names()) or f"add its rows: lurcher add FILE --table {name}"
            cx.say(LU024, node.span, what=f"the table '{name}' of {what}()", hint=hint)
        return rel or unknown_table(node.span)
    cx.say(LU002, node.span, what=f"reading from elsewhere ({what}())", hint=_here_hint(cx, scope, calls))
    if rel is None and local:
        cx.say(KS204, node.member.span, name=name, hint=near(name, cx.catalog.table_names()))
    return rel or unknown_table(node.span)


def _argument(cx: Context, scope: Scope, call: sx.Call) -> str:
    """The constant that a database is called by; `` where there is none."""
    if len(call.arguments) != 1:
        return ""
    expr = scalar(cx, Env(scope), call.arguments[0])
    return expr.value if isinstance(expr, n.Lit) and isinstance(expr.value, str) else ""


def _here_hint(cx: Context, scope: Scope, calls: list[sx.Call]) -> str:
    if not calls:
        return "name the table alone: the lake's is read"
    name = _argument(cx, scope, calls[-1])
    place = calls[-1].name.text + (f":{name}" if name else "")
    return f"--here '{place}' reads the lake's own tables in its place (lake.toml: [elsewhere] here = [\"{place}\"])"


def _database_calls(node: sx.Expression) -> list[sx.Call]:
    if isinstance(node, sx.Path):
        return _database_calls(node.base) + ([node.member] if isinstance(node.member, sx.Call) else [])
    return [node] if isinstance(node, sx.Call) else []


def _foreign(cx: Context, scope: Scope, node: sx.Expression, what: str) -> Rel:
    cx.say(LU002, node.span, what=f"reading from elsewhere ({what}())")
    return unknown_table(node.span)
