"""Text -> syntax tree.

A parser by hand: `cursor` is the place in the tokens, `expressions` climbs one table of precedences, each file of `operators`
declares its words in `registry`, `statements` reads the whole. All errors of a text come in one go; a tree with errors holds
`Broken` and `BrokenOp` nodes and is not bound.
"""

from __future__ import annotations

from dataclasses import dataclass

from lurcher.kql.diagnostics import LU003, Diagnostic
from lurcher.kql.lexer import tokenize
from lurcher.kql.parser import operators, sources  # noqa: F401  They declare the operators and the primaries.
from lurcher.kql.parser.cursor import MAX_DEPTH, Cursor, Stop, too_deep
from lurcher.kql.parser.expressions import expression
from lurcher.kql.parser.split import split_queries
from lurcher.kql.parser.statements import script
from lurcher.kql.source import Source, Span
from lurcher.kql.syntax import Broken, Expression, Script

__all__ = ["MAX_SIZE", "ParseResult", "parse", "parse_expression", "split_queries"]

#: Characters of a query. The service takes 2 MB.
MAX_SIZE = 4_000_000


@dataclass(frozen=True, slots=True)
class ParseResult:
    """What a text says, and what is wrong with it, by place. It stands where no diagnostic is an error."""

    tree: Script
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        return not any(d.is_error for d in self.diagnostics)


def parse(source: Source | str) -> ParseResult:
    """Parse a whole query text. Never raises; what is wrong is in the diagnostics, whose spans are offsets into the text."""
    text = source if isinstance(source, str) else source.text
    p, refused = _cursor(text)
    if refused is not None:
        return ParseResult(Script((), span=Span(0, len(text))), (refused,))
    try:
        tree = script(p)
    except RecursionError:
        return ParseResult(Script((), span=Span(0, len(text))), (_too_deep_for_the_stack(p),))
    return ParseResult(tree, _in_order(p))


def parse_expression(source: Source | str) -> tuple[Expression, tuple[Diagnostic, ...]]:
    """Parse a text that is one scalar expression and nothing else. Never raises; `Broken` where it cannot be read."""
    text = source if isinstance(source, str) else source.text
    p, refused = _cursor(text)
    if refused is not None:
        return Broken(span=Span(0, len(text))), (refused,)
    node: Expression
    try:
        node = expression(p)
        if p.texts[p.pos]:
            p.unexpected()
    except Stop:
        node = Broken(span=Span(0, len(text)))
    except RecursionError:
        return Broken(span=Span(0, len(text))), (_too_deep_for_the_stack(p),)
    return node, _in_order(p)


def _cursor(text: str) -> tuple[Cursor, Diagnostic | None]:
    if len(text) > MAX_SIZE:
        return Cursor(tokenize("")), LU003.at(Span(0, 1), what=f"{len(text)} characters", limit=MAX_SIZE)
    tokens = tokenize(text)
    return Cursor(tokens), too_deep(tokens)


def _too_deep_for_the_stack(p: Cursor) -> Diagnostic:
    # Queries in queries take more of the stack than brackets in brackets.
    return LU003.at(p.here(), what="queries in queries", limit=f"{MAX_DEPTH} brackets, fewer for whole queries")


def _in_order(p: Cursor) -> tuple[Diagnostic, ...]:
    return tuple(sorted(p.diagnostics, key=lambda d: (d.span.start, d.span.end)))
