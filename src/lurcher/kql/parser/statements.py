"""Statements, function bodies, and the whole of a query text."""

from __future__ import annotations

from collections.abc import Callable

from lurcher.kql.diagnostics import KS005, KS006, KS198, KS201
from lurcher.kql.parser import suggestions
from lurcher.kql.parser.cursor import Cursor, Stop
from lurcher.kql.parser.expressions import path, pipeline
from lurcher.kql.parser.literals import string_literal
from lurcher.kql.parser.names import wildcard
from lurcher.kql.parser.parameters import parameter
from lurcher.kql.parser.schemas import function_param, function_params, in_brackets, signed_literal
from lurcher.kql.syntax import (
    AliasStatement,
    EntityGroup,
    Expression,
    Function,
    FunctionParam,
    LetStatement,
    Literal,
    NameRef,
    ParametersStatement,
    PatternCase,
    PatternStatement,
    QueryStatement,
    RestrictStatement,
    Script,
    SetStatement,
    Statement,
)
from lurcher.kql.tokens import REFERABLE, TokenKind

_SEMICOLON = frozenset((";",))


def script(p: Cursor) -> Script:
    found = statements(p, "")
    return Script(found, span=p.span(0))


def statements(p: Cursor, closing: str) -> tuple[Statement, ...]:
    """Statements up to a closing bracket (or to the end of the text, for `""`), which is not taken."""
    found: list[Statement] = []
    declared: set[str] = set()
    while p.texts[p.pos] != closing:
        start = p.pos
        depth = len(p.open)
        try:
            node = _statement(p)
            found.append(node)
            if isinstance(node, LetStatement):
                if node.name.text in declared:
                    p.say(KS201.at(node.name.span, name=node.name.text))
                declared.add(node.name.text)
            text = p.texts[p.pos]
            if text == closing or p.accept(";"):
                continue
            _between_statements(p)
        except Stop:
            del p.open[depth:]
            if closing:
                raise
            p.skip_to(_SEMICOLON)
            if p.pos == start or p.texts[p.pos] == ";":
                p.pos += 1 if p.texts[p.pos] else 0
    return tuple(found)


def _between_statements(p: Cursor) -> None:
    """A `;` is missing. A new line with a word starts the next statement, so that what is wrong there is found too."""
    text = p.texts[p.pos]
    if not text:
        p.fail(KS005, p.gap(), expected="';'")
    if p.kinds[p.pos] == TokenKind.WORD and p.on_new_line(p.pos) and not p.open:
        hint = "is a ; or a | missing at the end of the line before?"
        if p.pos not in p.tainted and p.pos - 1 not in p.tainted:
            p.say(KS005.at(p.gap(), expected="';'", hint=hint))
        return
    if p.kinds[p.pos] in (TokenKind.WORD, TokenKind.STRING, TokenKind.LONG):
        p.fail(KS005, p.here(), expected="an operator, | or ;", hint=suggestions.after_operator(p))
    p.unexpected(suggestions.after_operator(p))


def _statement(p: Cursor) -> Statement:
    start = p.pos
    text = p.texts[start]
    if p.kinds[start] == TokenKind.WORD and text in _STATEMENTS and _starts_statement(p, text):
        p.pos += 1
        return _STATEMENTS[text](p, start)
    if text in (";", "|", "}", ")", "]"):
        hint = "a query starts with a table" if text == "|" else ""
        p.fail(KS198, p.here(), text=text, hint=hint)
    return QueryStatement(pipeline(p), span=p.span(start))


def _starts_statement(p: Cursor, text: str) -> bool:
    """`let`, `alias` and their like are names too: what comes next decides."""
    after, kind = p.texts[p.pos + 1], p.kinds[p.pos + 1]
    match text:
        case "let":
            return after not in ("", "|", ";", ")", "}", ".", "(")
        case "set":
            return True
        case "declare":
            return after in ("query_parameters", "pattern")
        case "restrict":
            return after == "access"
        case _:
            return after == "database" and kind == TokenKind.WORD


def _let(p: Cursor, start: int) -> Statement:
    # What is declared here is referred to bare: neither class of half-free words will do.
    if p.texts[p.pos] in REFERABLE:
        p.check_name(declared=True)
    name = p.name("a name after let")
    if p.texts[p.pos] != "=":
        hint = f"for a name with signs write ['{name.text}...']" if p.texts[p.pos] == "-" else "let name = value;"
        p.fail(KS005, p.here(), expected="=", hint=hint)
    p.pos += 1
    if _is_function(p):
        return LetStatement(name, _function(p), span=p.span(start))
    if p.texts[p.pos] == "entity_group" and p.texts[p.pos + 1] == "[":
        return LetStatement(name, entity_group(p), span=p.span(start))
    if p.texts[p.pos] == "{" and not (p.kinds[p.pos + 1] == TokenKind.WORD and p.texts[p.pos + 2] == "}"):
        p.fail(KS006, p.here(), expected="a value", hint="a function has parameters, even if none: () { ... }")
    return LetStatement(name, pipeline(p), span=p.span(start))


def entity_group(p: Cursor) -> EntityGroup:
    """`entity_group [cluster('a').database('b'), ...]`."""
    start = p.pos
    p.pos += 1
    members = in_brackets(p, "[", path, "]")
    return EntityGroup(members, span=p.span(start))


def _is_function(p: Cursor) -> bool:
    """`(a:string) {`, `() {`, `view (`: told from a query in parentheses by the brace or by the first colon."""
    text, after = p.texts[p.pos], p.texts[p.pos + 1]
    if text == "view":
        return after == "("
    if text != "(":
        return False
    if after == ")":
        return True
    index = p.pos + 1
    if p.texts[index] == "[":
        while p.texts[index] not in ("]", ""):
            index += 1
    elif p.kinds[index] != TokenKind.WORD:
        return False
    if p.texts[index + 1] == ":":
        return True
    end = p.matches.get(p.pos)
    return end is not None and p.texts[end + 1] in ("{", "=>")


def _function(p: Cursor) -> Function:
    start = p.pos
    view = p.accept("view")
    params = function_params(p)
    if p.texts[p.pos] != "{":
        p.fail(KS005, p.here(), expected="{", hint="a function is (a:string) { ... }")
    found, body = _body(p)
    return Function(params, found, body, view, span=p.span(start))


def _body(p: Cursor) -> tuple[tuple[Statement, ...], Expression | None]:
    """`{ let ...; expression }`: at most one expression, the last."""
    p.enter("{")
    found: list[Statement] = []
    body: Expression | None = None
    declared: set[str] = set()
    depth = len(p.open)
    while p.texts[p.pos] not in ("}", ""):
        at = p.pos
        try:
            if body is not None or p.texts[p.pos] == "set":
                p.fail(KS005, p.here(), expected="}", hint="a function has one result, its last expression")
            node = _statement(p)
            if isinstance(node, QueryStatement):
                body = node.expression
            else:
                found.append(node)
                if isinstance(node, LetStatement):
                    if node.name.text in declared:
                        p.say(KS201.at(node.name.span, name=node.name.text))
                    declared.add(node.name.text)
            if p.texts[p.pos] != "}" and not p.accept(";"):
                _between_statements(p)
                p.unexpected()
        except Stop:
            del p.open[depth:]
            if p.open[-1] not in p.matches:
                raise
            p.skip_to(_SEMICOLON)
            p.accept(";")
            if p.pos == at:
                raise
    p.leave("}")
    return tuple(found), body


def _set(p: Cursor, start: int) -> Statement:
    name = p.name("an option")
    value: Expression | None = None
    if p.accept("="):
        at = p.pos
        if p.texts[at] == "[" or (p.kinds[at] == TokenKind.WORD and p.texts[at] not in _LITERAL_WORDS):
            value = NameRef(p.name(), span=p.span(at))
        else:
            value = signed_literal(p)
    return SetStatement(name, value, span=p.span(start))


_LITERAL_WORDS = frozenset(("dynamic", "true", "false", "True", "False", "TRUE", "FALSE"))


def _declare(p: Cursor, start: int) -> Statement:
    if p.accept("query_parameters"):
        if p.texts[p.pos] == "(" and p.texts[p.pos + 1] == ")":
            p.pos += 1
            p.fail(KS006, p.here(), expected="a parameter")
        return ParametersStatement(function_params(p), span=p.span(start))
    p.expect("pattern")
    name = p.name("a pattern", declared=True)
    if not p.accept("="):
        return PatternStatement(name, span=p.span(start))
    params = function_params(p)
    path_param: FunctionParam | None = None
    if p.texts[p.pos] == "[":
        path_param = in_brackets(p, "[", function_param, "]")[0]
    p.enter("{")
    cases: list[PatternCase] = []
    while p.texts[p.pos] != "}":
        cases.append(_pattern_case(p))
        p.expect(";", "every case of a pattern ends with a ;")
    if not cases:
        p.fail(KS006, p.here(), expected="a case of the pattern")
    p.leave("}")
    return PatternStatement(name, params, path_param, tuple(cases), span=p.span(start))


def _pattern_case(p: Cursor) -> PatternCase:
    start = p.pos
    values = in_brackets(p, "(", _string, ")")
    where: Expression | None = None
    if p.accept("."):
        p.enter("[")
        where = _string(p)
        p.leave("]")
    p.expect("=")
    p.enter("{")
    body = pipeline(p)
    p.accept(";")
    p.leave("}")
    return PatternCase(values, where, body, span=p.span(start))


def _string(p: Cursor) -> Literal:
    if p.kinds[p.pos] != TokenKind.STRING:
        p.fail(KS006, p.here(), expected="a string")
    return string_literal(p)


def _alias(p: Cursor, start: int) -> Statement:
    p.expect("database")
    name = p.name(declared=True)
    p.expect("=")
    return AliasStatement(name, path(p), span=p.span(start))


def _restrict(p: Cursor, start: int) -> Statement:
    p.expect("access")
    p.expect("to")
    targets = in_brackets(p, "(", _target, ")")
    settings = in_brackets(p, "(", parameter, ")") if p.accept("with") else ()
    return RestrictStatement(targets, settings, span=p.span(start))


def _target(p: Cursor) -> Expression:
    return path(p, patterns=True) if p.texts[p.pos + 1] in ("(", ".") else wildcard(p, "a table")


_STATEMENTS: dict[str, Callable[[Cursor, int], Statement]] = {
    "let": _let,
    "set": _set,
    "declare": _declare,
    "alias": _alias,
    "restrict": _restrict,
}
