"""Syntax tree -> text, in one layout: one pipe a line, parentheses only where precedence needs them, literals as written.

`parse(format(tree)).tree == tree` for every tree that the parser gives without errors. Comments are not in the tree, and so
not in the text: `lurcher.kql.formatter.layout` lays out a text that people keep, comments and all.
"""

from __future__ import annotations

from lurcher.kql.formatter import operators  # noqa: F401  It declares how each operator is written.
from lurcher.kql.formatter.expressions import expression
from lurcher.kql.formatter.statements import script
from lurcher.kql.syntax import Expression, Script

__all__ = ["format", "format_expression"]


def format(tree: Script) -> str:
    """The text of a whole query, with a line end at its end."""
    return script(tree)


def format_expression(node: Expression) -> str:
    """The text of one expression, scalar or tabular, without a line end."""
    return expression(node, 0, "")
