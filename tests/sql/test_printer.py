"""The printer: what it writes means what the tree says, and no value or name can end its own quotes."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from lurcher.sql import tree as t
from lurcher.sql.dialect import SPARK
from lurcher.sql.printer import expr_sql, to_sql

ATTACKS = [
    "'; DROP TABLE x; --",
    "\\'; SELECT 1",
    '"; SELECT 1',
    "a\0b",
    "/* */ --",
    "$$x$$",
    "E'\\n'",
    "\n'\n",
    "{x}",
    "%s ? $1 :a",
    "’",
    "\\",
]


@pytest.fixture(scope="module")
def db() -> Any:
    connection = duckdb.connect()
    connection.execute("SET error_on_division_by_zero = false")
    yield connection
    connection.close()


def value_of(db: Any, expr: t.SqlExpr) -> Any:
    return db.execute(to_sql(t.Select((t.SelectItem(expr, "x"),)))).fetchall()[0][0]


@pytest.mark.parametrize("text", ATTACKS)
def test_a_text_comes_out_of_the_engine_as_it_went_in(db: Any, text: str) -> None:
    assert value_of(db, t.Literal(text)) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
@settings(max_examples=200, deadline=None)
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    with duckdb.connect() as db:
        assert value_of(db, t.Literal(text)) == text


@pytest.mark.parametrize("name", [a for a in ATTACKS if "\0" not in a])
def test_any_name_can_be_a_column(db: Any, name: str) -> None:
    query = t.Select((t.SelectItem(t.Ident(name)),), t.QueryFrom(t.Select((t.SelectItem(t.Literal(7), name),)), name))
    result = db.execute(to_sql(query))
    assert (result.description[0][0], result.fetchall()) == (name, [(7,)])


def test_a_name_with_nul_is_no_sql() -> None:
    with pytest.raises(ValueError, match="NUL"):
        expr_sql(t.Ident("a\0b"))


@pytest.mark.parametrize(
    ("literal", "sql", "value"),
    [
        (t.Literal(None), "NULL", None),
        (t.Literal(True), "TRUE", True),
        (t.Literal(-(2**63), "BIGINT"), "CAST(-9223372036854775808 AS BIGINT)", -(2**63)),
        (t.Literal(5, "BIGINT"), "5::BIGINT", 5),
        (t.Literal(1.5), "1.5e0", 1.5),
        (t.Literal(-1e300), "-1e+300", -1e300),
        (t.Literal(float("-inf")), "(-'inf'::DOUBLE)", float("-inf")),
        (t.Literal("{}", "JSON"), "'{}'::JSON", "{}"),
    ],
)
def test_literals(db: Any, literal: t.Literal, sql: str, value: Any) -> None:
    assert expr_sql(literal) == sql
    assert value_of(db, literal) == value


def test_a_timestamp_literal(db: Any) -> None:
    literal = t.Literal("0001-01-01 00:00:00.000001", "TIMESTAMP")
    assert expr_sql(literal) == "TIMESTAMP '0001-01-01 00:00:00.000001'"
    assert value_of(db, t.call("epoch_us", literal)) == -62135596799999999


def test_precedence() -> None:
    a, b, c = t.Ident("a"), t.Ident("b"), t.Ident("c")
    assert expr_sql(t.Op("*", (t.Op("+", (a, b)), c))) == '("a" + "b") * "c"'
    assert expr_sql(t.Op("-", (a, t.Op("-", (b, c))))) == '"a" - ("b" - "c")'
    assert expr_sql(t.Op("-", (t.Op("-", (a, b)), c))) == '"a" - "b" - "c"'
    assert expr_sql(t.Op("AND", (t.Op("OR", (a, b)), c))) == '("a" OR "b") AND "c"'
    assert expr_sql(t.Op("NOT", (t.Op("=", (a, b)),))) == 'NOT ("a" = "b")'
    assert expr_sql(t.Cast(t.Op("-", (a,)), "INTEGER")) == '(-"a")::INTEGER'
    assert expr_sql(t.Op("=", (t.Op("=", (a, b)), c))) == '("a" = "b") = "c"'
    assert expr_sql(t.Field(a, "x")) == '("a")."x"'


def test_spark_has_its_own_quotes_and_casts() -> None:
    query = t.Select((t.SelectItem(t.Cast(t.Literal("it's\\"), "VARCHAR"), "a`b"),))
    assert to_sql(query, SPARK) == "SELECT CAST('it\\'s\\\\' AS STRING) AS `a``b`"


# --- random trees -----------------------------------------------------------------------------------------------------
_NUMBERS = st.integers(-5, 5).map(lambda n: t.Literal(n))
_BOOLS = st.sampled_from([t.TRUE, t.FALSE, t.Literal(None, "BOOLEAN")])


def _numbers(inner: st.SearchStrategy[t.SqlExpr]) -> st.SearchStrategy[t.SqlExpr]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*", "//", "%"]), pair).map(lambda x: t.Op(x[0], x[1])),
        inner.map(lambda x: t.Op("-", (x,))),
        inner.map(lambda x: t.Cast(x, "BIGINT")),
        pair.map(lambda x: t.Case(((t.Op("<", x), x[0]),), x[1])),
        pair.map(lambda x: t.call("coalesce", *x)),
    )


NUMBERS = st.recursive(_NUMBERS, _numbers, max_leaves=8)


def _conditions(inner: st.SearchStrategy[t.SqlExpr]) -> st.SearchStrategy[t.SqlExpr]:
    return st.one_of(
        st.tuples(st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3)).map(
            lambda x: t.Op(x[0], tuple(x[1]))
        ),
        inner.map(lambda x: t.Op("NOT", (x,))),
        inner.map(lambda x: t.Op("IS NULL", (x,))),
        st.tuples(inner, inner).map(lambda x: t.Op("IS DISTINCT FROM", x)),
        st.tuples(st.sampled_from(["=", "<>", "<="]), st.tuples(NUMBERS, NUMBERS)).map(lambda x: t.Op(x[0], x[1])),
        st.tuples(NUMBERS, st.lists(NUMBERS, min_size=1, max_size=2), st.booleans()).map(
            lambda x: t.InValues(x[0], tuple(x[1]), x[2])
        ),
    )


CONDITIONS = st.recursive(_BOOLS, _conditions, max_leaves=6)


def python(node: t.SqlExpr) -> Any:
    """What the tree means, computed without SQL."""
    match node:
        case t.Literal(value):
            return value
        case t.Cast(inner):
            return python(inner)
        case t.Call("coalesce", args):
            return next((v for a in args if (v := python(a)) is not None), None)
        case t.Case(whens, otherwise):
            return next((python(v) for c, v in whens if python(c)), python(otherwise) if otherwise else None)
        case t.InValues(inner, values, negated):
            parts = [python(t.Op("=", (inner, v))) for v in values]
            found = True if True in parts else None if None in parts else False
            return found if not negated or found is None else not found
        case t.Op("AND", args):
            parts = [python(a) for a in args]
            return False if False in parts else None if None in parts else True
        case t.Op("OR", args):
            parts = [python(a) for a in args]
            return True if True in parts else None if None in parts else False
        case t.Op("IS NULL", (inner,)):
            return python(inner) is None
        case t.Op("NOT", (inner,)):
            value = python(inner)
            return None if value is None else not value
        case t.Op("-", (inner,)):
            value = python(inner)
            return None if value is None else -value
        case t.Op("IS DISTINCT FROM", (a, b)):
            return python(a) is not python(b)
        case t.Op(op, (a, b)):
            return _arithmetic(op, python(a), python(b))
    raise TypeError(node)


def _arithmetic(op: str, a: int | None, b: int | None) -> Any:
    if a is None or b is None or (op in ("//", "%") and b == 0):
        return None
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1) if b else 0
    return {
        "+": a + b, "-": a - b, "*": a * b, "//": quotient, "%": a - b * quotient if b else 0,
        "=": a == b, "<>": a != b, "<": a < b, "<=": a <= b,
    }[op]  # fmt: skip


@given(st.one_of(CONDITIONS, NUMBERS))
@settings(max_examples=300, deadline=None)
def test_a_printed_tree_means_what_the_tree_means(node: t.SqlExpr) -> None:
    with duckdb.connect() as db:
        db.execute("SET error_on_division_by_zero = false")
        assert value_of(db, node) == python(node), expr_sql(node)


@given(st.one_of(CONDITIONS, NUMBERS))
@settings(max_examples=60, deadline=None)
def test_a_printed_tree_parses_elsewhere(node: t.SqlExpr) -> None:
    sqlglot.parse_one(to_sql(t.Select((t.SelectItem(node, "x"),))), read="duckdb")


def test_queries_are_laid_out_by_clause() -> None:
    inner = t.Select((t.SelectItem(t.Ident("a")),), t.Table("T"), where=t.Op("=", (t.Ident("a"), t.Literal("x\ny"))))
    query = t.With(
        (t.Cte("c", inner),),
        t.Select((t.SelectItem(t.Star()),), t.QueryFrom(t.Select((t.SelectItem(t.Star()),), t.Table("c")))),
    )
    assert to_sql(query) == (
        'WITH "c" AS (\n  SELECT "a"\n  FROM "T"\n  WHERE "a" = \'x\ny\'\n)\n'
        'SELECT *\nFROM (\n  SELECT *\n  FROM "c"\n)'
    )


def test_a_member_of_a_union_keeps_its_own_limit(db: Any) -> None:
    rows = t.FunctionFrom(t.call("range", t.Literal(5)), "r", ("i",))
    part = t.Select((t.SelectItem(t.Ident("i")),), rows, order=(t.OrderKey(t.Ident("i"), True),), limit=t.Literal(1))
    assert sorted(db.execute(to_sql(t.SetOp("UNION ALL", (part, part)))).fetchall()) == [(4,), (4,)]
