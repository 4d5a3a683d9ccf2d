"""Operators over several tables, and those that call something."""

from __future__ import annotations

from lurcher.kql.diagnostics import KS005, KS006, KS006_CLAUSE, KS182, KS183
from lurcher.kql.parser.cursor import Cursor
from lurcher.kql.parser.expressions import call, expression, expression_list, path, pipeline
from lurcher.kql.parser.names import wildcard
from lurcher.kql.parser.operators.groups import subquery
from lurcher.kql.parser.parameters import JOIN, LOOKUP, UNION, Spec, parameters
from lurcher.kql.parser.registry import OPERATORS, operator
from lurcher.kql.parser.schemas import ALL_TYPES, column_decl, in_brackets, scalar_type
from lurcher.kql.parser.statements import entity_group, statements
from lurcher.kql.syntax import (
    Binary,
    Call,
    ColumnDecl,
    EvaluateOp,
    Expression,
    FacetOp,
    FindColumn,
    FindOp,
    ForkBranch,
    ForkOp,
    InvokeOp,
    JoinOp,
    LookupOp,
    MacroExpandOp,
    NameRef,
    Operator,
    Parameter,
    Path,
    SearchOp,
    UnionOp,
)
from lurcher.kql.tokens import TokenKind

_ENDS = frozenset(("", "|", ";", ")", "}"))


@operator("join")
def _join(p: Cursor, start: int) -> Operator:
    right, conditions, where, settings = _join_parts(p, start, JOIN)
    return JoinOp(right, conditions, where, settings, span=p.span(start))


@operator("lookup")
def _lookup(p: Cursor, start: int) -> Operator:
    right, conditions, where, settings = _join_parts(p, start, LOOKUP)
    return LookupOp(right, conditions, where, settings, span=p.span(start))


def _join_parts(
    p: Cursor, start: int, spec: Spec
) -> tuple[Expression, tuple[Expression, ...], Expression | None, tuple[Parameter, ...]]:
    settings = parameters(p, spec)
    right = path(p)
    if p.accept("on"):
        conditions = expression_list(p)
        for condition in conditions:
            _check_condition(p, condition)
        return right, conditions, None, settings
    if p.accept("where"):
        return right, (), expression(p), settings
    if spec is LOOKUP:
        p.fail(KS006, p.gap(), expected="on", hint="lookup (...) on DeviceId")
    p.say(KS006_CLAUSE.at(p.span(start), expected="on", hint="join (...) on DeviceId"))
    return right, (), None, settings


def _check_condition(p: Cursor, condition: Expression) -> None:
    """Names of columns, `$left.a == $right.b`, and those joined by `and`."""
    pending = [condition]
    while pending:
        node = pending.pop()
        match node:
            case NameRef():
                continue
            case Binary("and", left, right):
                pending += [right, left]
            case Binary("==", left, right):
                for side, which, expected in ((left, "the left side", "$left"), (right, "the right side", "$right")):
                    match side:
                        case Path(NameRef(name)) if name.text == expected:
                            continue
                    hint = "write $left.a == $right.b" if expected == "$left" else ""
                    p.say(KS183.at(side.span, side=which, expected=expected, hint=hint))
            case _:
                p.say(KS182.at(node.span, hint="make a column with extend, and join on that"))


@operator("union", place="either")
def _union(p: Cursor, start: int) -> Operator:
    settings = parameters(p, UNION)
    tables = [_table(p)]
    while p.accept(","):
        tables.append(_table(p))
    if p.texts[p.pos] not in _ENDS:
        p.fail(KS005, p.here(), expected=", or |", hint="tables of a union are separated by commas")
    return UnionOp(tuple(tables), settings, span=p.span(start))


def _table(p: Cursor) -> Expression:
    """A table, a pattern of tables, a path to either, a call, or a query in parentheses."""
    text = p.texts[p.pos]
    if text == "(":
        return path(p)
    if text != "[" and (
        p.kinds[p.pos] != TokenKind.WORD or text in ("toscalar", "totable", "datatable", "externaldata")
    ):
        if text != "*" and p.kinds[p.pos] != TokenKind.LONG:
            p.fail(KS006, p.here(), expected="a table")
    elif p.texts[p.pos + 1] in ("(", "."):
        return path(p, patterns=True)
    return wildcard(p, "a table")


def _in_clause(p: Cursor) -> tuple[Expression, ...]:
    return in_brackets(p, "(", _table, ")") if p.accept("in") else ()


@operator("search", place="either")
def _search(p: Cursor, start: int) -> Operator:
    settings = parameters(p, {"kind": ("default", "case_insensitive", "case_sensitive")})
    tables = _in_clause(p) if p.texts[p.pos + 1] == "(" else ()
    if p.texts[p.pos] == "*" and p.texts[p.pos + 1] in _ENDS:
        return SearchOp(wildcard(p), tables, settings, span=p.span(start))
    return SearchOp(expression(p), tables, settings, span=p.span(start))


@operator("find", place="either")
def _find(p: Cursor, start: int) -> Operator:
    settings = parameters(p, {"withsource": None, "with_source": None})
    tables: tuple[Expression, ...] = ()
    if p.texts[p.pos] == "in" and p.texts[p.pos + 1] == "(":
        tables = _in_clause(p)
        p.expect("where", "after in (...) comes where")
    else:
        p.accept("where")
    predicate = expression(p)
    smart = p.accept("project-smart")
    project: list[FindColumn] = []
    if not smart and p.accept("project"):
        project.append(_find_column(p))
        while p.accept(","):
            project.append(_find_column(p))
    return FindOp(predicate, tables, tuple(project), smart, (), settings, span=p.span(start))


def _find_column(p: Cursor) -> FindColumn:
    start = p.pos
    if p.texts[start] == "*":
        p.pos += 1
        return FindColumn(None, star=True, span=p.span(start))
    if p.texts[start] == "pack" and p.texts[start + 1] == "(":
        p.pos += 1
        p.enter("(")
        p.expect("*")
        p.leave(")")
        return FindColumn(None, pack_all=True, span=p.span(start))
    if p.texts[start] == "pack_all" and p.texts[start + 1] == "(":
        # The manual writes it, Microsoft's parser does not know it.
        name = p.name("a column")
        p.enter("(")
        p.leave(")")
        return FindColumn(name, pack_all=True, span=p.span(start))
    name = p.name("a column")
    type_ = scalar_type(p, ALL_TYPES) if p.accept(":") else None
    return FindColumn(name, type_, span=p.span(start))


@operator("invoke")
def _invoke(p: Cursor, start: int) -> Operator:
    return InvokeOp(_plain_call(p), span=p.span(start))


def _plain_call(p: Cursor) -> Call:
    start = p.pos
    if p.kinds[start] != TokenKind.WORD:
        p.fail(KS006, p.here(), expected="a call")
    p.check_name()
    p.pos += 1
    if p.texts[p.pos] != "(":
        p.fail(KS005, p.here(), expected="(", hint=f"write {p.texts[start]}(...)")
    return call(p, start)


@operator("evaluate", place="either")
def _evaluate(p: Cursor, start: int) -> Operator:
    settings = parameters(p, {"hint.distribution": None, "hint.remote": ("auto", "local")})
    plugin = _plain_call(p)
    schema: tuple[ColumnDecl, ...] | None = None
    open_schema = False
    if p.accept(":"):
        p.enter("(")
        columns: list[ColumnDecl] = []
        open_schema = p.accept("*")
        if p.texts[p.pos] != ")":
            if open_schema:
                p.expect(",")
            columns.append(column_decl(p))
            while p.accept(","):
                columns.append(column_decl(p))
        p.leave(")")
        schema = tuple(columns)
    return EvaluateOp(plugin, schema, open_schema, settings, span=p.span(start))


@operator("fork")
def _fork(p: Cursor, start: int) -> Operator:
    branches: list[ForkBranch] = []
    while p.texts[p.pos] not in _ENDS:
        at = p.pos
        name = None
        if p.texts[at] != "(":
            name = p.name("a branch", declared=True)
            p.expect("=")
        if p.texts[p.pos] != "(":
            p.fail(KS005, p.here(), expected="(")
        branches.append(ForkBranch(name, _operators_or_query(p), span=p.span(at)))
        if p.texts[p.pos] == ",":
            p.unexpected("branches of a fork stand one after the other, without commas")
    if not branches:
        p.fail(KS006, p.here(), expected="a branch in parentheses")
    return ForkOp(tuple(branches), span=p.span(start))


def _operators_or_query(p: Cursor) -> Expression:
    """`( operator | ... )`, or a query of its own in the same parentheses."""
    if p.texts[p.pos + 1] in OPERATORS and p.texts[p.pos + 2] != ".":
        return subquery(p)
    p.enter("(")
    body = pipeline(p)
    p.leave(")")
    return body


@operator("facet")
def _facet(p: Cursor, start: int) -> Operator:
    p.expect("by")
    columns = expression_list(p)
    body: Expression | None = None
    if p.accept("with"):
        body = subquery(p) if p.texts[p.pos] == "(" else pipeline(p, headless=True)
    return FacetOp(columns, body, span=p.span(start))


@operator("macro-expand", place="either")
def _macro_expand(p: Cursor, start: int) -> Operator:
    settings = parameters(p, {"isfuzzy": None, "__isFuzzy": None, "best_effort": None, "force_remote": None})
    if p.texts[p.pos] == "entity_group" and p.texts[p.pos + 1] == "[":
        entities: Expression = entity_group(p)
    else:
        entities = path_before_parenthesis(p)
    scope = p.name(declared=True) if p.accept("as") else None
    p.enter("(")
    body = statements(p, ")")
    p.leave(")")
    return MacroExpandOp(entities, scope, body, settings, span=p.span(start))


def path_before_parenthesis(p: Cursor) -> Expression:
    """A name that the parenthesis after it does not make a call."""
    name = p.name("an entity group")
    return NameRef(name, span=name.span)
