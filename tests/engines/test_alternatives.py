"""Many comparisons with constants are one list, and mean what they meant."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from lurcher.app.session import Session

ROWS = "datatable(a:long, s:string)[1, 'k1', 2, 'k2', long(null), '', 99, 'K1'] | "
FEW, MANY = 3, 40


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.open(None, datetime(2026, 3, 1, tzinfo=UTC))


def joined(op: str, test: str, count: int) -> str:
    return f" {op} ".join(test.format(i=i) for i in range(1, count + 1))


@pytest.mark.parametrize(
    ("op", "test", "found"),
    [
        ("or", "a == {i}", [1, 2]),
        ("or", "{i} == a", [1, 2]),
        # Null is unequal to each of them.
        ("and", "a != {i}", [None, 99]),
        ("or", "s == 'k{i}'", [1, 2]),
        ("and", "s != 'k{i}'", [None, 99]),
        # Lower case on both sides.
        ("or", "s =~ 'k{i}'", [1, 2, 99]),
        # Nothing to make a list of.
        ("and", "a == {i}", []),
        ("or", "a != {i}", [1, 2, None, 99]),
    ],
)
def test_what_they_mean(op: str, test: str, found: list[int | None], session: Session) -> None:
    for count in (FEW, MANY):
        rows = session.run_table(f"{ROWS}where {joined(op, test, count)} | project a").to_pylist()
        assert [row["a"] for row in rows] == found


@pytest.mark.parametrize(
    ("op", "test", "values"),
    [
        ("or", "a == {i}", [True, True, False, False]),
        ("and", "a != {i}", [False, False, True, True]),
    ],
)
def test_as_a_value(op: str, test: str, values: list[bool], session: Session) -> None:
    for count in (FEW, MANY):
        rows = session.run_table(f"{ROWS}project x = {joined(op, test, count)}").to_pylist()
        assert [row["x"] for row in rows] == values


def test_between_others(session: Session) -> None:
    text = f"{ROWS}where s startswith 'K' and a != 77 and {joined('and', 'a != {i}', 20)} and s != '' | project a"
    assert session.run_table(text).to_pylist() == [{"a": 99}]


def test_twenty_thousand(session: Session) -> None:
    began = time.monotonic()
    assert session.run_table(f"{ROWS}where {joined('or', 'a == {i}', 20_000)} | count").to_pylist() == [{"Count": 3}]
    assert session.run_table(f"{ROWS}where a !in ({joined(',', '{i}', 5_000)}) | count").to_pylist() == [{"Count": 1}]
    assert time.monotonic() - began < 10


def test_thousands_of_conditions_under_and(session: Session) -> None:
    """Null is not true, so that a row whose number is null is in neither."""
    began = time.monotonic()
    for test, found in (("a > -{i}", [1, 2, 99]), ("s !contains 'x{i}'", [1, 2, None, 99]), ("a + {i} > 4", [99])):
        text = f"{ROWS}where {joined('and', test, 2_000)} | project a"
        assert [row["a"] for row in session.run_table(text).to_pylist()] == found
    assert time.monotonic() - began < 20
