"""What a mistake was probably meant to be: the hints of diagnostics."""

from __future__ import annotations

from collections.abc import Iterable

from lurcher.kql.parser.cursor import Cursor
from lurcher.kql.parser.registry import OPERATORS
from lurcher.kql.tokens import TokenKind

_WORDS = {
    "boolean": "write bool(...), or tobool(x)",
    "string": "write tostring(x)",
    "materialize": "materialize(...) stands alone: let x = materialize(...);",
    "external_data": "write externaldata",
}
_SIGNS = {
    "!": "a negation is the function not(...)",
    "*": "* stands before an operator (* has 'x'), not alone",
    ".": "a number starts with a digit: 0.5",
    ")": "is there a comma too many, or an operand missing?",
    "]": "is there a comma too many?",
}
_NAMESAKES = {
    "filter": "where",
    "select": "project",
    "group": "summarize",
    "order-by": "order",
    "sort-by": "sort",
    "head": "take",
}
_OPERATORS_ELSEWHERE = {
    "AND": "and",
    "OR": "or",
    "NOT": "not(...)",
    "not": "write !in, !has, !contains, or not(...)",
    "LIKE": "write contains, has or matches regex",
    "IN": "in",
    "is": "write isnull(x), isnotnull(x) or isempty(x)",
    "notin": "!in",
    "matches": "the operator is `matches regex`, with one space",
    "&&": "and",
    "=": "two values are compared with ==",
    "!": "an operator that negates has no space after its !: !has",
}


def for_word(text: str) -> str:
    if text in _WORDS:
        return _WORDS[text]
    if text in OPERATORS:
        return f"is a | missing before {text}?"
    return ""


def for_sign(p: Cursor) -> str:
    """For a sign where an expression was expected."""
    before, text, after = p.texts[p.pos - 1] if p.pos else "", p.texts[p.pos], p.texts[p.pos + 1]
    if (before, text) == ("-", "-") or (text, after) == ("/", "*"):
        return "comments start with //"
    if text == "=" and before in ("=", "=="):
        return "two values are compared with =="
    return _SIGNS.get(text, "")


def for_operator(p: Cursor) -> str:
    """For what stands after a pipe and is no operator."""
    text = p.texts[p.pos]
    if text == "|":
        return "one | is enough; the logical operator is `or`"
    if p.kinds[p.pos] != TokenKind.WORD:
        return ""
    lower = text.lower()
    if lower in OPERATORS:
        return f"did you mean {lower}? (case counts)"
    if lower in _NAMESAKES:
        return f"did you mean {_NAMESAKES[lower]}?"
    after = p.texts[p.pos + 1]
    if after in ("in", "has", "contains", "==", "=~", "!=", "startswith", "has_any", "in~", "!in"):
        return f"did you mean where {text} {after} ...?"
    if after == "=":
        return f"did you mean extend {text} = ...?"
    return nearest(text, OPERATORS)


def nearest(text: str, known: Iterable[str]) -> str:
    import difflib

    close = difflib.get_close_matches(text.lower(), list(known), 1, 0.7)
    return f"did you mean {close[0]}?" if close else ""


def after_operator(p: Cursor) -> str:
    """For what stands where a pipe or the end was expected."""
    text = p.texts[p.pos]
    if p.texts[p.pos - 1] == "not":
        return "not is a function: write not(...)"
    if text in _OPERATORS_ELSEWHERE:
        hint = _OPERATORS_ELSEWHERE[text]
        return hint if " " in hint else f"write {hint}"
    if text in OPERATORS:
        return f"is a | missing before {text}?"
    if text == "let" or (p.on_new_line(p.pos) and p.kinds[p.pos] == TokenKind.WORD):
        return "is a ; or a | missing before this line?"
    if text in (")", "]", "}"):
        return "nothing is open that this closes"
    return ""


def in_arguments(text: str) -> str:
    if text == "|":
        return "a query as an argument stands in parentheses of its own: f((T | take 1))"
    return ""
