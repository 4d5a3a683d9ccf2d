"""Statements -> text."""

from __future__ import annotations

from lurcher.kql.formatter import words
from lurcher.kql.formatter.expressions import (
    FUNCTION_WRITER,
    columns,
    comma,
    expression,
    in_parentheses,
    parameter,
    setting,
)
from lurcher.kql.syntax import (
    AliasStatement,
    Function,
    FunctionParam,
    LetStatement,
    ParametersStatement,
    PatternStatement,
    QueryStatement,
    RestrictStatement,
    Script,
    SetStatement,
    Statement,
    TabularType,
)

_STEP = "    "


def script(tree: Script) -> str:
    parts = [statement(s, "") + ";" for s in tree.statements]
    if parts and isinstance(tree.statements[-1], QueryStatement):
        parts[-1] = parts[-1][:-1]
    return "\n".join(parts) + "\n" if parts else ""


def statement(node: Statement, indent: str) -> str:
    match node:
        case QueryStatement():
            return expression(node.expression, 0, indent)
        case LetStatement():
            value = expression(node.value, 0, indent)
            if value.startswith("view(") and not isinstance(node.value, Function):
                value = in_parentheses(node.value, indent)  # else read as a function
            return f"let {words.name(node.name)} = {value}"
        case SetStatement():
            return f"set {words.name(node.name)}" + ("" if node.value is None else f" = {setting(node.value, indent)}")
        case ParametersStatement():
            return f"declare query_parameters({params(node.params, indent)})"
        case AliasStatement():
            return f"alias database {words.name(node.name)} = {expression(node.value, 0, indent)}"
        case RestrictStatement():
            tail = ", ".join(parameter(p, indent) for p in node.properties)
            return f"restrict access to ({comma(node.targets, indent)})" + (f" with ({tail})" if tail else "")
        case PatternStatement():
            return _pattern(node, indent)
        case _:
            raise ValueError(f"{type(node).__name__} has no text")


def _pattern(node: PatternStatement, indent: str) -> str:
    head = f"declare pattern {words.name(node.name)}"
    if not node.cases:
        return head
    where = "" if node.path is None else f"[{params((node.path,), indent)}]"
    inner = indent + _STEP
    cases = []
    for case in node.cases:
        path = "" if case.path is None else f".[{expression(case.path, 1, indent)}]"
        cases.append(f"{inner}({comma(case.values, inner)}){path} = {{ {expression(case.body, 0, inner)} }};")
    return f"{head} = ({params(node.params, indent)}){where} {{\n" + "\n".join(cases) + f"\n{indent}}}"


def params(items: tuple[FunctionParam, ...], indent: str) -> str:
    return ", ".join(_param(p, indent) for p in items)


def _param(node: FunctionParam, indent: str) -> str:
    if isinstance(node.type, TabularType):
        type_ = "(*)" if node.type.star else f"({columns(node.type.columns)})"
    else:
        type_ = str(node.type)
    default = "" if node.default is None else f" = {expression(node.default, 1, indent)}"
    return f"{words.name(node.name)}:{type_}{default}"


def function(node: Function, indent: str) -> str:
    inner = indent + _STEP
    parts = [statement(s, inner) + ";" for s in node.statements]
    if node.body is not None:
        parts.append(expression(node.body, 0, inner))
    head = f"{'view' if node.view else ''}({params(node.params, indent)})"
    if not parts:
        return f"{head} {{}}"
    return f"{head} {{\n" + "\n".join(inner + part for part in parts) + f"\n{indent}}}"


FUNCTION_WRITER.append(function)
