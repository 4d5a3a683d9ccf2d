"""Files that hold several queries.

A text that parses whole is one query. Else it is cut at blank lines that stand outside of brackets, unless the line before
ends in `;`, `|`, a comma or an operator, or the one after starts with a pipe or an operator: there the query goes on.
"""

from __future__ import annotations

import re

from lurcher.kql.lexer import tokenize
from lurcher.kql.source import Span
from lurcher.kql.tokens import LIST_OPERATORS, RANGE_OPERATORS, STRING_OPERATORS

_JOINING = (
    frozenset(
        (
            ";",
            "|",
            ",",
            "=",
            "==",
            "!=",
            "<>",
            "<",
            "<=",
            ">",
            ">=",
            "+",
            "-",
            "*",
            "/",
            "%",
            "and",
            "or",
            "by",
            "on",
            ".",
        )
    )
    | STRING_OPERATORS
    | LIST_OPERATORS
    | RANGE_OPERATORS
)
_BLANK_LINE = re.compile(r"\n[ \t\r\f\xa0\u200b\ufeff]*\n")


def split_queries(text: str) -> list[Span]:
    """Where the queries of a text stand, in order, each without the white space and comments around it.

    One span for a text that parses whole; none for a text without a token. Never raises: a piece that does not parse is a
    piece all the same, for its diagnostics to be shown."""
    from lurcher.kql.parser import parse

    tokens = tokenize(text)
    count = len(tokens)
    if count == 0:
        return []
    whole = Span(tokens.starts[0], tokens.end(count - 1))
    if parse(text).ok:
        return [whole]
    spans: list[Span] = []
    depth = 0
    first = 0
    for index in range(count):
        word = tokens.texts[index]
        if index > first and depth == 0 and word not in _JOINING and tokens.texts[index - 1] not in _JOINING:
            between = text[tokens.end(index - 1) : tokens.starts[index]]
            if _BLANK_LINE.search(between):
                spans.append(Span(tokens.starts[first], tokens.end(index - 1)))
                first = index
        if word in ("(", "[", "{"):
            depth += 1
        elif word in (")", "]", "}"):
            depth = max(0, depth - 1)
    spans.append(Span(tokens.starts[first], tokens.end(count - 1)))
    return spans
