"""Aggregates over small tables; the values are the documentation's or counted by hand."""

from __future__ import annotations

import json
import math
from itertools import count
from typing import Any

import duckdb
import pytest

import lurcher.functions  # noqa: F401
from lurcher.functions.registry import FunctionKind, overloads
from lurcher.functions.resolve import CLASSES
from lurcher.functions.udf import load_udf
from lurcher.kql.types import ScalarType
from lurcher.sql import tree as t
from lurcher.sql.printer import expr_sql
from lurcher.sql.template import parse_template

pytest.importorskip("numpy")
A, B = t.Ident("a"), t.Ident("b")
EMPTY = "(NULL::BIGINT, NULL::BIGINT)"


def aggregate(name: str, types: str, rows: str, *args: t.SqlExpr) -> Any:
    """The value of an aggregate over `rows` (`(1), (2)` of columns a, b, ...); `types` are the first argument's KQL type and,
    after it, nothing."""
    wanted = ScalarType(types)
    row = next(
        r
        for r in overloads(FunctionKind.AGGREGATE, name)
        if r.sql is not None
        and _takes(r.params[0].types if r.params else (), wanted)
        and sum(1 for p in r.params if not p.optional) <= len(args)
        and (len(args) <= len(r.params) or any(p.repeated for p in r.params))
    )
    number = count()
    if isinstance(row.sql, str):
        given = dict(zip((p.name for p in row.params), args, strict=False))
        sql = parse_template(row.sql).fill(given, lambda: next(number))
    else:
        assert row.sql is not None
        sql = row.sql(*args)
    connection = duckdb.connect()
    if row.udf:
        function = load_udf(row.udf)
        connection.create_function(
            function.name,
            function.function,
            list(function.params),
            function.returns,
            type="arrow",
            null_handling="special",
        )
    return connection.execute(f"SELECT {expr_sql(sql)} FROM (VALUES {rows}) AS v(a, b)").fetchall()[0][0]


def _takes(types: tuple[Any, ...], wanted: ScalarType) -> bool:
    return not types or wanted in types or any(wanted in CLASSES.get(k, ()) for k in types) or "boxed" in types


def number(value: float) -> t.SqlExpr:
    return t.Literal(value)


def test_nulls_are_passed_over() -> None:
    rows = "(1::BIGINT, 0), (NULL, 0), (3, 0)"
    assert aggregate("sum", "long", rows, A) == 4
    assert aggregate("avg", "long", rows, A) == 2.0
    assert aggregate("dcount", "long", rows, A) == 2
    assert aggregate("min", "long", rows, A) == 1


def test_without_values_sums_are_zero_and_an_average_is_nan() -> None:
    assert aggregate("sum", "long", EMPTY, A) == 0
    assert math.isnan(aggregate("avg", "long", EMPTY, A))
    assert json.loads(aggregate("make_set", "long", EMPTY, A)) == []


def test_counts_count_rows_and_conditions() -> None:
    assert aggregate("count", "long", "(1, 0), (NULL, 0)", A) == 2
    assert aggregate("countif", "bool", "(true, 0), (false, 0), (NULL, 0)", A) == 1


def test_a_conditional_sum_takes_the_rows_that_fulfil_it() -> None:
    assert aggregate("sumif", "long", "(9, false), (18, false), (25, true), (7, true)", A, B) == 32


def test_a_percentile_is_the_nearest_rank() -> None:
    assert aggregate("percentile", "real", "(1.5::DOUBLE, 0), (2.25, 0)", A, number(50)) == 1.5
    ten = ", ".join(f"({n}, 0)" for n in range(10))
    assert [aggregate("percentile", "long", ten, A, number(p)) for p in (0, 100)] == [0, 9]


@pytest.mark.parametrize(("percentile", "value"), [(50, 20), (75, 20), (99.9, 40)])
def test_weights_count_as_so_many_values(percentile: float, value: int) -> None:
    rows = "(10::BIGINT, 8::BIGINT), (20, 6), (30, 3), (40, 1)"
    assert aggregate("percentilew", "long", rows, A, B, number(percentile)) == value


def test_the_row_of_an_extreme_is_kept_where_all_are_null() -> None:
    assert aggregate("__arg_max", "string", "('x', 1), ('y', 2)", A, B) == "y"
    assert aggregate("__arg_min", "string", "('x', 1), ('y', 2)", A, B) == "x"
    assert aggregate("__arg_max", "string", "('x', NULL::INTEGER)", A, B) == "x"


def test_a_set_has_no_value_twice_and_honours_its_limit() -> None:
    rows = "(1::BIGINT, 0), (2, 0), (3, 0), (1, 0)"
    assert json.loads(aggregate("make_set", "long", rows, A)) == [1, 2, 3]
    assert json.loads(aggregate("make_set", "long", rows, A, t.Literal(2))) == [1, 2]


def test_the_elements_of_dynamic_arrays_count_one_by_one() -> None:
    rows = """('["A1","A2"]'::JSON, 0), ('["A2","C1"]'::JSON, 0), ('"X"'::JSON, 0)"""
    assert json.loads(aggregate("make_set", "dynamic", rows, A)) == ["A1", "A2", "C1", "X"]


def test_a_list_keeps_what_is_there_and_honours_its_limit() -> None:
    rows = "('1'::JSON, 0), ('3'::JSON, 0), (NULL, 0), ('2'::JSON, 0)"
    assert json.loads(aggregate("make_list", "dynamic", rows, A)) == [1, 3, 2]
    assert json.loads(aggregate("make_list", "dynamic", rows, A, t.Literal(2))) == [1, 3]
    assert json.loads(aggregate("make_list_with_nulls", "dynamic", rows, A)) == [1, 3, None, 2]


def test_bags_are_merged() -> None:
    rows = """('{"p":1}'::JSON, 0), ('{"q":2}'::JSON, 0), (NULL, 0), ('5'::JSON, 0)"""
    assert json.loads(aggregate("make_bag", "dynamic", rows, A)) == {"p": 1, "q": 2}


def test_spread_of_a_sample_and_of_a_population() -> None:
    five = ", ".join(f"({n}, 0)" for n in range(1, 6))
    assert aggregate("variancep", "long", five, A) == 2.0
    assert aggregate("variance", "long", five, A) == 2.5
    pairs = "(1.0, 14.0), (2.0, 10.0), (3.0, 17.0), (4.0, 20.0), (5.0, 50.0)"
    assert aggregate("covariance", "real", pairs, A, B) == pytest.approx(20.5)
    assert aggregate("covariancep", "real", pairs, A, B) == pytest.approx(16.4)


def test_bits_of_all_values() -> None:
    rows = "(4294967295, 0), (4294963215, 0), (3489660925, 0), (4211015679, 0)"
    assert aggregate("binary_all_and", "long", rows, A) == 0xCAFEF00D
