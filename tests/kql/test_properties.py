"""What holds for every tree and every text."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from trees import expressions, scripts

from lurcher.kql.formatter import format, format_expression
from lurcher.kql.parser import parse, parse_expression, split_queries
from lurcher.kql.syntax import Binary, Call, Expression, Script
from lurcher.kql.tokens import words

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def _errors(diagnostics: object) -> list[str]:
    # A name may be declared twice in a random tree; that is no matter of its text.
    return [d.message for d in diagnostics if d.is_error and d.code not in ("KS201", "KS182", "KS183", "KS005")]  # type: ignore[attr-defined]


@settings(max_examples=400, deadline=None, suppress_health_check=_SLOW)
@given(expressions)
def test_an_expression_is_read_back_as_it_was(node: Expression) -> None:
    result = parse(f"let x = ({format_expression(node)});")
    assert _errors(result.diagnostics) == []
    assert result.tree.statements[0].value == node  # type: ignore[attr-defined]


@settings(max_examples=300, deadline=None, suppress_health_check=_SLOW)
@given(scripts)
def test_a_script_is_read_back_as_it_was(tree: Script) -> None:
    text = format(tree)
    result = parse(text)
    assert _errors(result.diagnostics) == []
    assert result.tree == tree
    assert format(result.tree) == text


_VOCABULARY = [
    *words(
        "T a b where take summarize by join on kind = == ( ) [ ] { } | ; , . .. * + - and or has in !in between not let set"
    ),
    *words(
        "1 1d 'x' \"y\" ' \" ``` dynamic( datetime( datatable extend project union print range from to step mv-apply"
    ),
    *words(
        "typeof toscalar materialize evaluate render with parse externaldata declare pattern query_parameters scan => :"
    ),
    *words(
        "graph-match - > < & && “ ” \\ # // restrict access macro-expand find search fork facet partition true null"
    ),
    "\n",
    "\n\n",
]


@settings(max_examples=600, deadline=None, suppress_health_check=_SLOW)
@given(st.lists(st.sampled_from(_VOCABULARY), max_size=40))
def test_no_text_makes_the_parser_raise(pieces: list[str]) -> None:
    text = " ".join(pieces)
    result = parse(text)
    for d in result.diagnostics:
        assert 0 <= d.span.start <= d.span.end <= len(text) + 1
    if result.ok and not any(d.code.startswith("LU") for d in result.diagnostics):
        assert parse(format(result.tree)).tree == result.tree
    parse_expression(text)
    assert all(0 <= s.start <= s.end <= len(text) for s in split_queries(text))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_no_characters_make_the_parser_raise(text: str) -> None:
    parse(text)
    parse_expression(text)
    split_queries(text)


def test_a_damaged_query_gives_diagnostics() -> None:
    whole = "let f = (a:string) { T | where b == a and c in ('x', 'y') | summarize count() by bin(t, 1d) };\nf('z') | join (U) on k"
    dice = random.Random(7)
    for _ in range(600):
        chars = list(whole)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(chars))
            chars[at] = dice.choice(["", "(", ")", "|", "'", ";", "}", " ", "\n", ","])
        parse("".join(chars))


def test_deep_brackets_are_refused_at_the_bracket_that_is_too_deep() -> None:
    for opening, closing in (("(", ")"), ("f(", ")"), ("a[", "]"), ("not(", ")"), ("dynamic([", "])")):
        text = "print " + opening * 10_000 + "1" + closing * 10_000
        (d,) = parse(text).diagnostics
        assert d.code == "LU003"
        assert text[d.span.start] in "(["


def test_a_hundred_brackets_are_read() -> None:
    for opening, closing in (("(", ")"), ("f(", ")"), ("a[", "]"), ("toscalar(", ")"), ("a in (", ")")):
        text = "print " + opening * 95 + "1" + closing * 95
        tree = parse(text)
        assert tree.diagnostics == ()
        assert parse(format(tree.tree)).tree == tree.tree


def test_deep_queries_are_read_or_refused() -> None:
    text = "T" + " | join (U" * 90 + ") on k" * 90
    assert [d.code for d in parse(text).diagnostics] in ([], ["LU003"])


@pytest.mark.parametrize("op", ["or", "and", "+", "*"])
def test_ten_thousand_operators_in_a_row_take_no_stack(op: str) -> None:
    text = f" {op} ".join(f"a{i}" for i in range(10_000))
    node, diagnostics = parse_expression(text)
    assert diagnostics == ()
    assert isinstance(node, Binary)
    assert format_expression(node) == text
    assert parse_expression(text)[0] == node
    assert hash(parse_expression(text)[0]) == hash(node)


def test_long_paths_and_lists_take_no_stack() -> None:
    node, diagnostics = parse_expression("a" + ".b[0]" * 5_000)
    assert diagnostics == ()
    assert parse_expression(format_expression(node))[0] == node
    listed, diagnostics = parse_expression("f(" + ", ".join(["1"] * 20_000) + ")")
    assert diagnostics == ()
    assert isinstance(listed, Call)
    assert len(listed.arguments) == 20_000


def test_prose_does_not_give_a_thousand_diagnostics() -> None:
    assert len(parse("this is no query (at all)\n" * 5_000).diagnostics) <= 100
