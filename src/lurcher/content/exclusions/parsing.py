"""The seam to the language's parser and formatter."""

from __future__ import annotations

from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import Source
from lurcher.kql.syntax import Expression, Script


def expression(text: str) -> tuple[Expression, tuple[Diagnostic, ...]]:
    """A scalar expression, `Broken` where it cannot be read."""
    from lurcher.kql.parser import parse_expression

    return parse_expression(Source(text, "<when>"))


def script(text: str) -> tuple[Script, tuple[Diagnostic, ...]]:
    """A whole query."""
    from lurcher.kql.parser import parse

    parsed = parse(Source(text))
    return parsed.tree, parsed.diagnostics


def text(node: Script | Expression) -> str:
    """A tree as the formatter prints it."""
    from lurcher.kql import formatter

    return formatter.format(node) if isinstance(node, Script) else formatter.format_expression(node)
