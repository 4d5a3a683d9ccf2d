"""Statements: let, set, query parameters, and the queries themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS201, LU011
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder import sketches
from lurcher.plan.binder.calls import bounded, reads_row
from lurcher.plan.binder.context import Context, Env, FunctionValue, PatternValue, Rel, ScalarValue, Scope, TableValue
from lurcher.plan.binder.expressions import convert, scalar
from lurcher.plan.binder.tables import bind_any, table, tabular, unknown_table

T = ScalarType


def script(cx: Context, tree: sx.Script) -> tuple[n.Query, ...]:
    """Bind a whole text: a query for each statement that is a result."""
    scope = Scope()
    declared: list[FunctionValue] = []
    queries: list[n.Query] = []
    for statement in tree.statements:
        cx.render = None
        cx.extra = []
        if isinstance(statement, sx.QueryStatement):
            scope = Scope(scope)
            cx.statement_scope = scope
            pipe = statement.expression
            cx.last = pipe.operators[-1] if isinstance(pipe, sx.Pipe) and pipe.operators else None
            result = bind_any(cx, Env(scope), pipe)
            if isinstance(result, Rel):
                result = tabular(cx, result, statement.span)
                queries.append(n.Query(plan=result.plan, render=cx.render))
                queries += (n.Query(plan=plan) for plan in cx.extra)
            elif result.type is not T.UNKNOWN:
                queries.append(n.Query(plan=_single(result)))
        else:
            scope = _declare(cx, scope, statement, declared)
    for function in declared:
        if id(function.node) not in cx.called:
            _check_uncalled(cx, function)
    if cx.sketched:
        sketches.check(cx, tuple(queries))
    return tuple(queries)


def _single(value: n.Expr) -> n.Plan:
    """A value as a result of its own: the service shows it as print does."""
    from lurcher.kql.types import Column

    row = n.Values(rows=((),), columns=())
    return n.Project(input=row, items=(("print_0", value),), columns=(Column("print_0", value.type),), span=value.span)


def _declare(cx: Context, scope: Scope, statement: sx.Statement, declared: list[FunctionValue]) -> Scope:
    """The scope after a statement. Each let opens one, so that what comes before never sees what comes after."""
    handler = _STATEMENTS.get(type(statement))
    if handler is None:
        cx.refuse("this statement", statement.span)
        return scope
    inner = Scope(scope)
    cx.statement_scope = inner
    handler(cx, inner, statement, declared)
    return inner


def _let(cx: Context, scope: Scope, statement: sx.LetStatement, declared: list[FunctionValue]) -> None:
    name = statement.name.text
    outer = scope.parent or scope
    value = statement.value
    if isinstance(value, sx.Function):
        function = FunctionValue(value, outer, name)
        declared.append(function)
        scope.names[name] = function
        return
    if isinstance(value, sx.EntityGroup):
        cx.refuse("entity_group", value.span, "a lake is one database: union the tables")
        scope.names[name] = TableValue(unknown_table(value.span))
        return
    env = _env(cx, outer)
    result = bind_any(cx, env, value)
    if isinstance(result, Rel):
        scope.names[name] = TableValue(result)
    else:
        result = bounded(cx, result, statement.span)
        scope.names[name] = ScalarValue(result, env.row if reads_row(result) else None)


def _env(cx: Context, scope: Scope) -> Env:
    """Where a statement's values stand: in a function, over the row that it is called for."""
    env = Env(scope)
    if cx.row is not None:
        env.row = cx.row
    return env


def _set(cx: Context, scope: Scope, statement: sx.SetStatement, declared: list[FunctionValue]) -> None:
    """Most options of the service (`set notruncation`) change how a query runs there, not what it means; bin_auto() reads its
    own."""
    reads = statement.value is not None and statement.name.text.startswith("query_bin_auto")
    value = scalar(cx, Env(scope), statement.value) if reads and statement.value is not None else None
    cx.options[statement.name.text] = value if isinstance(value, n.Lit) else None


def _parameters(cx: Context, scope: Scope, statement: sx.ParametersStatement, declared: list[FunctionValue]) -> None:
    for param in statement.params:
        name = param.name.text
        if isinstance(param.type, sx.TabularType):
            cx.refuse("a tabular query parameter", param.span)
            continue
        if name in scope.names:
            cx.say(KS201, param.span, name=name)
        if name in cx.parameters:
            expr: n.Expr = n.Lit(type=param.type, value=cx.parameters[name], span=param.span)
        elif param.default is not None:
            expr = convert(scalar(cx, Env(scope), param.default), param.type)
        else:
            # Microsoft's binder takes a text whose parameters nobody has set yet; it cannot run.
            expr = n.Lit(type=param.type, value=None, span=param.span)
            cx.refuse(
                f"the query parameter '{name}' without a value", param.span, "give it a default: name:type = value"
            )
        scope.names[name] = ScalarValue(expr)


def _pattern(cx: Context, scope: Scope, statement: sx.PatternStatement, declared: list[FunctionValue]) -> None:
    for param in (*statement.params, *((statement.path,) if statement.path is not None else ())):
        if param.type is not T.STRING:
            cx.say(LU011, param.span, message="a parameter of a pattern is a string")
    tables: dict[tuple[str | None, ...], Rel] = {}
    for case in statement.cases:
        rel = table(cx, Scope(scope.parent), case.body)
        path = case.path.value if isinstance(case.path, sx.Literal) else None
        if len(case.values) != len(statement.params) or (path is None) != (statement.path is None):
            cx.say(LU011, case.span, message=f"a case of {statement.name.text} has other arguments than the pattern")
        # Which of two cases for the same texts it is, nobody says.
        elif (key := (*(value.value for value in case.values), path)) in tables:
            cx.refuse("two cases of a pattern for the same texts", case.span)
        else:
            tables[key] = rel
    scope.names[statement.name.text] = PatternValue(statement.name.text, tables)


def _alias(cx: Context, scope: Scope, statement: sx.AliasStatement, declared: list[FunctionValue]) -> None:
    cx.refuse("alias database", statement.span, "a lake is one database: name its tables alone")
    scope.names[statement.name.text] = TableValue(unknown_table(statement.span))


def _restrict(cx: Context, scope: Scope, statement: sx.RestrictStatement, declared: list[FunctionValue]) -> None:
    cx.refuse("restrict access", statement.span, "who may read what is the service's to say: leave it out")


_Handler = Callable[[Context, Scope, Any, "list[FunctionValue]"], None]
_STATEMENTS: dict[type[sx.Statement], _Handler] = {
    sx.LetStatement: _let,
    sx.SetStatement: _set,
    sx.ParametersStatement: _parameters,
    sx.PatternStatement: _pattern,
    sx.AliasStatement: _alias,
    sx.RestrictStatement: _restrict,
}


def function_body(cx: Context, scope: Scope, function: sx.Function) -> n.Expr | Rel:
    """The value of a function's body in a scope that has its parameters."""
    saved = cx.statement_scope
    declared: list[FunctionValue] = []
    for statement in function.statements:
        scope = _declare(cx, scope, statement, declared)
    cx.statement_scope = scope
    try:
        if function.body is None:
            cx.say(LU011, function.span, message="a function ends in an expression")
            return n.Lit(type=T.UNKNOWN, value=None, span=function.span)
        return bind_any(cx, _env(cx, scope), function.body)
    finally:
        cx.statement_scope = saved


def _check_uncalled(cx: Context, function: FunctionValue) -> None:
    """Bind the body of a function that nobody calls: for the errors in it."""
    scope = Scope(function.scope)
    for param in function.node.params:
        if isinstance(param.type, sx.TabularType):
            from lurcher.kql.types import Column

            columns = tuple(Column(c.name.text, c.type) for c in param.type.columns)
            scope.names[param.name.text] = TableValue(Rel(n.Values(rows=(), columns=columns), open=param.type.star))
        else:
            value = n.Call(type=param.type, function=_PLACEHOLDER, args=(), span=param.span)
            scope.names[param.name.text] = ScalarValue(value)
    cx.calls.append(function.name)
    kept = len(cx.diagnostics)
    function_body(cx, scope, function.node)
    cx.calls.pop()
    # What is not supported does no harm in a function that nobody calls.
    cx.diagnostics[kept:] = [d for d in cx.diagnostics[kept:] if d.kind == "semantic"]


def _placeholder() -> Any:
    from lurcher.functions.registry import FunctionKind, Overload
    from lurcher.functions.signature import Returns

    return Overload("parameter", FunctionKind.SCALAR, (), Returns("custom"), "A parameter of a function.", None)


_PLACEHOLDER = _placeholder()
