"""Values as a test file has them against values of a result."""

from __future__ import annotations

import datetime as dt

import pytest

from lurcher.content.testing.model import Expect, RuleTest
from lurcher.hunt.expectations import differences, equal
from lurcher.kql.types import ScalarType as T


@pytest.mark.parametrize(
    ("wanted", "have", "kind", "same"),
    [
        ("1.10", "1.10", T.STRING, True),
        ("1.10", "1.1", T.STRING, False),
        ("a", "A", T.STRING, False),
        (None, "", T.STRING, True),
        ("", "", T.STRING, True),
        ("", None, T.LONG, True),
        (None, None, T.LONG, True),
        ("0", None, T.LONG, False),
        ("5", 5, T.LONG, True),
        ("five", 5, T.LONG, False),
        ("true", True, T.BOOL, True),
        ("0.1", 0.1, T.REAL, True),
        ("0.3", 0.1 + 0.2, T.REAL, True),
        ("2026-11-19", "2026-11-19T00:00:00.000000Z", T.DATETIME, True),
        ("2026-11-19T01:00:00+01:00", "2026-11-19T00:00:00.000000Z", T.DATETIME, True),
        ("2026-11-19T00:00:01Z", "2026-11-19T00:00:00.000000Z", T.DATETIME, False),
        ("01:00:00", 36_000_000_000, T.TIMESPAN, True),
        ("1.5", "1.500", T.DECIMAL, True),
        (["b", "a"], '["a","b"]', T.DYNAMIC, True),
        (["a", "a"], '["a","b"]', T.DYNAMIC, False),
        ({"x": 1}, '{"x":1}', T.DYNAMIC, True),
        ({"x": 1}, '{"x":true}', T.DYNAMIC, False),
    ],
)
def test_values_are_compared_by_the_type_of_the_column(wanted: object, have: object, kind: T, same: bool) -> None:
    assert equal(wanted, have, kind) is same


def test_a_row_that_says_little_does_not_take_the_row_of_another() -> None:
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    types = {"a": T.STRING, "n": T.LONG}
    rows = ({"a": "x", "n": 1}, {"a": "x", "n": 2}, {"a": "y", "n": 3})

    def wrong(*wanted: dict[str, object]) -> list[str]:
        test = RuleTest("t", "true positive", now, {}, Expect(rows=wanted))  # type: ignore[arg-type]
        return [str(d) for d in differences(test, types, rows, rows, (), {})]

    assert wrong({}, {"a": "x"}, {"n": "1"}) == []
    assert wrong({"a": "x"}, {"a": "x"}, {"a": "x"}) == ["rows: expected 3 rows, got 3 rows, 1 of them not as expected"]
    assert wrong({"b": "x"}) == ["rows: expected a column 'b', got a result without it"]
