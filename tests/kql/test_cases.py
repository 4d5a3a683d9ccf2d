"""The case files of the language: tokens, trees, errors."""

from __future__ import annotations

import pytest

from cases import Case, load
from lurcher.kql.diagnostics import render
from lurcher.kql.formatter import format
from lurcher.kql.lexer import tokenize
from lurcher.kql.parser import parse
from lurcher.kql.source import Source
from lurcher.kql.syntax import Node
from lurcher.kql.syntax.base import meaning_fields
from lurcher.kql.tokens import TokenKind


@pytest.mark.parametrize("case", load("tokens"), ids=str)
def test_tokens(case: Case, accept: bool) -> None:
    tokens = tokenize(case.input)
    lines = [f"{TokenKind(tokens.kinds[i]).name} {tokens.texts[i]!r}" for i in range(len(tokens))]
    lines += [f"{d.code} {d.message}" for d in tokens.diagnostics]
    case.check("\n".join(lines), accept)


@pytest.mark.parametrize("case", load("syntax"), ids=str)
def test_syntax(case: Case, accept: bool) -> None:
    result = parse(case.input)
    assert result.diagnostics == ()
    case.check(format(result.tree) if case.directive == "format" else shown(result.tree), accept)
    assert parse(format(result.tree)).tree == result.tree


@pytest.mark.parametrize("case", load("errors", "syntax"), ids=str)
def test_errors(case: Case, accept: bool) -> None:
    case.check(render(parse(case.input).diagnostics, Source(case.input)), accept)


def shown(value: object, indent: str = "") -> str:
    """A tree as an outline: one node a line, what is empty left out."""
    if not isinstance(value, Node):
        return repr(value) if not hasattr(value, "value") else str(value)
    leaves: list[str] = []
    below: list[str] = []
    for name in meaning_fields(type(value)):
        item = getattr(value, name)
        if item is False or item is None or item in ("", ()):
            continue
        if isinstance(item, Node):
            below.append(f"{indent}  {name}: {shown(item, indent + '  ')}")
        elif isinstance(item, tuple):
            below += [f"{indent}  {name}: {shown(part, indent + '  ')}" for part in item]
        else:
            leaves.append(f"{shown(item)}")
    return "\n".join([" ".join([type(value).__name__, *leaves]), *below])
