"""Templates: parentheses where they are needed, each argument computed once, no name captured."""

from __future__ import annotations

import itertools

import duckdb
import pytest

from lurcher.sql import tree as t
from lurcher.sql.printer import expr_sql
from lurcher.sql.template import Argument, parse_template

A = t.Op("+", (t.Ident("a"), t.Literal(1)))


def fill(text: str, **args: Argument) -> str:
    numbers = itertools.count(1)
    return expr_sql(parse_template(text).fill(args, lambda: next(numbers)))


@pytest.mark.parametrize(
    ("template", "sql"),
    [
        ("{x}", '"a" + 1'),
        ("f({x})", 'f("a" + 1)'),
        ("f({x}, 2)", 'f("a" + 1, 2)'),
        ("{x} % 5", '("a" + 1) % 5'),
        ("{x}::BIGINT", '("a" + 1)::BIGINT'),
        ("CAST({x} AS BIGINT)", 'CAST("a" + 1 AS BIGINT)'),
        ("CASE WHEN b THEN {x} ELSE 0 END", 'CASE WHEN b THEN "a" + 1 ELSE 0 END'),
        ("sum({x}) FILTER (WHERE {x} > 1)", 'sum("a" + 1) FILTER (WHERE ("a" + 1) > 1)'),
        ("'{' || {x}", "'{' || (\"a\" + 1)"),
        ("list({x} {order})", 'list("a" + 1 )'),
    ],
)
def test_an_operand_is_wrapped_unless_it_stands_alone(template: str, sql: str) -> None:
    assert fill(template, x=A) == sql


@pytest.mark.parametrize(
    ("template", "atomic"),
    [
        ("f({x})", True),
        ("f({x})[1]", True),
        ("f({x})::T", True),
        ("({x} + 1)", True),
        ("{x} + 1", False),
        ("f({x}) + g({x})", False),
        ("CASE WHEN {x} THEN 1 END", True),
        ("CASE WHEN {x} THEN 1 END || CASE WHEN {x} THEN 2 END", False),
        ("count(*) FILTER (WHERE {x})", True),
        ("NOT {x}", False),
        ("-{x}", False),
    ],
)
def test_what_needs_no_parentheses_is_known(template: str, atomic: bool) -> None:
    assert parse_template(template).atomic is atomic
    outer = fill("{x}::T", x=parse_template(template).fill({"x": t.Ident("a")}, lambda: 1))
    assert outer.startswith("(") is (not atomic or template.startswith("("))


def test_all_arguments_of_a_repeated_parameter() -> None:
    assert fill("concat({xs...})", xs=(A, t.Literal(2))) == 'concat("a" + 1, 2)'
    with pytest.raises(ValueError, match="stand alone"):
        parse_template("{xs...} + 1")
    with pytest.raises(ValueError, match="no argument"):
        fill("concat({xs...})", xs=())


def test_an_omitted_argument_is_null() -> None:
    assert fill("f({x}, {y})", x=A) == 'f("a" + 1, NULL)'


def test_a_large_argument_is_bound_once() -> None:
    big = t.call("f", A, A)
    assert fill("coalesce({x}, {x})", x=t.Ident("a")) == 'coalesce("a", "a")'
    text = fill("coalesce({x}, {x})", x=big)
    assert text == 'list_transform([f("a" + 1, "a" + 1)], lambda v1__: coalesce("v1__", "v1__"))[1]'


def test_what_differs_each_time_is_bound_once() -> None:
    with duckdb.connect() as db:
        text = fill("{x} - {x}", x=t.call("random"))
        assert db.execute(f"SELECT {text} FROM range(10)").fetchall() == [(0.0,)] * 10


def test_an_operand_is_not_captured_by_a_templates_variable() -> None:
    outer = parse_template("list_transform([1, 2], lambda e__: {x})")
    inner = parse_template("list_sum(list_transform([10], lambda e__: e__ + {n}))")
    numbers = itertools.count(1)
    body = inner.fill({"n": t.Ident("e__")}, lambda: next(numbers))
    with duckdb.connect() as db:
        text = expr_sql(outer.fill({"x": body}, lambda: next(numbers)))
        # The operand mentions a variable that is not the template's own: the template's is renamed.
        assert "e2__" in text or "e1__" in text
        inner_alone = expr_sql(body).replace('"e__"', "5")
        assert db.execute(f"SELECT {inner_alone}").fetchall() == [(15,)]


@pytest.mark.parametrize("text", ["f({x)", "f(x})", "'abc", "{over:rows}"])
def test_a_malformed_template_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="stray"):
        parse_template(text)
