"""What the services write for a value, and what it is here. Worked out from the documentation of the formats."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from lurcher.engines.base import arrow_type
from lurcher.engines.remote.answers import Table
from lurcher.engines.remote.faults import RemoteError
from lurcher.engines.remote.values import arrow_table, joined
from lurcher.kql.types import Column, ScalarType


def values(kind: ScalarType, *given: Any, texts: bool = False) -> list[Any]:
    table = arrow_table(Table((Column("c", kind),), [[v] for v in given], texts))
    assert table.schema.field(0).metadata == {b"kql": kind.value.encode()}
    if kind is not ScalarType.DECIMAL:
        assert table.schema.field(0).type == arrow_type(kind)
    return list(table.column(0).to_pylist())


def time(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        # The seventh digit is cut off, not rounded.
        (ScalarType.DATETIME, "2026-01-02T03:04:05.1234569Z", time(2026, 1, 2, 3, 4, 5, 123456)),
        (ScalarType.DATETIME, "2026-01-02T03:04:05Z", time(2026, 1, 2, 3, 4, 5)),
        (ScalarType.DATETIME, "2026-01-02T03:04:05.5Z", time(2026, 1, 2, 3, 4, 5, 500000)),
        (ScalarType.DATETIME, "0001-01-01T00:00:00Z", time(1, 1, 1)),
        (ScalarType.DATETIME, "9999-12-31T23:59:59.9999999Z", time(9999, 12, 31, 23, 59, 59, 999999)),
        (ScalarType.DATETIME, None, None),
        (ScalarType.TIMESPAN, "1.02:03:04.0000005", ((26 * 60 + 3) * 60 + 4) * 10_000_000 + 5),
        (ScalarType.TIMESPAN, "-00:00:00.0000001", -1),
        (ScalarType.TIMESPAN, "00:10:00", 6_000_000_000),
        (ScalarType.DECIMAL, "1.50", Decimal("1.5")),
        (ScalarType.DECIMAL, "12345678901234567890.123456789012345678", Decimal("12345678901234567890.123456789012345678")),
        (ScalarType.DECIMAL, 3, Decimal(3)),
        (ScalarType.REAL, "Infinity", math.inf),
        (ScalarType.REAL, "-Infinity", -math.inf),
        (ScalarType.REAL, 2, 2.0),
        (ScalarType.LONG, 9223372036854775807, 9223372036854775807),
        (ScalarType.LONG, "-9223372036854775808", -9223372036854775808),
        (ScalarType.INT, -1, -1),
        (ScalarType.BOOL, 1, True),
        (ScalarType.BOOL, False, False),
        (ScalarType.BOOL, None, None),
        (ScalarType.GUID, "74BE27DE-1E4E-49D9-B579-FE0B331D3642", "74be27de-1e4e-49d9-b579-fe0b331d3642"),
        # A string is never null.
        (ScalarType.STRING, None, ""),
        (ScalarType.STRING, "null", "null"),
        (ScalarType.STRING, "a\ud83d", "a\ufffd"),
        (ScalarType.DYNAMIC, ["a\ud83d"], '["a\ufffd"]'),
        (ScalarType.DYNAMIC, {"a": [1, None]}, '{"a":[1,null]}'),
        (ScalarType.DYNAMIC, "t", '"t"'),
        (ScalarType.DYNAMIC, 12345678901234567890, "12345678901234567890"),
    ],
)  # fmt: skip
def test_a_value_is_what_the_service_says(kind: ScalarType, given: Any, expected: Any) -> None:
    assert values(kind, given) == [expected]


def test_what_is_no_number_is_none() -> None:
    assert math.isnan(values(ScalarType.REAL, "NaN")[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1.10}', '{"a": 1.10}'),
        ("[1,2]", "[1,2]"),
        ("5", "5"),
        ("true", "true"),
        ("null", None),
        ("", None),
        ("C:\\Windows", '"C:\\\\Windows"'),
        ("NaN", '"NaN"'),
        ("{broken", '"{broken"'),
    ],
)
def test_a_dynamic_that_comes_as_text_is_read(text: str, expected: str | None) -> None:
    assert values(ScalarType.DYNAMIC, text, texts=True) == [expected]


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (ScalarType.DATETIME, "yesterday"),
        (ScalarType.DATETIME, 5),
        (ScalarType.LONG, "x"),
        (ScalarType.LONG, 2**63),
        (ScalarType.INT, 2**31),
        (ScalarType.LONG, 1.5),
        (ScalarType.BOOL, 2),
        (ScalarType.TIMESPAN, "x:y"),
        (ScalarType.DECIMAL, "much"),
        (ScalarType.DECIMAL, "NaN"),
        (ScalarType.REAL, True),
    ],
)
def test_a_value_of_another_type_is_refused(kind: ScalarType, given: Any) -> None:
    with pytest.raises(RemoteError, match="column c is not of type"):
        values(kind, given)


def test_a_row_that_is_too_short_is_refused() -> None:
    with pytest.raises(RemoteError, match="does not have 2 values"):
        arrow_table(Table((Column("a", ScalarType.LONG), Column("b", ScalarType.LONG)), [[1]]))


def test_decimals_of_parts_have_the_digits_of_the_longest() -> None:
    columns = (Column("d", ScalarType.DECIMAL),)
    parts = [arrow_table(Table(columns, [[v]])) for v in ("1.5", "0.12345678901234567890")]
    assert joined(parts, columns).column(0).to_pylist() == [Decimal("1.5"), Decimal("0.12345678901234567890")]


def test_parts_with_other_columns_are_refused() -> None:
    one, other = (arrow_table(Table((Column(n, ScalarType.LONG),), [[1]])) for n in "ab")
    with pytest.raises(RemoteError, match="different columns"):
        joined([one, other], (Column("a", ScalarType.LONG),))


def test_no_row_still_has_its_columns() -> None:
    table = arrow_table(Table((Column("t", ScalarType.DATETIME), Column("s", ScalarType.STRING)), []))
    assert (len(table), table.column_names) == (0, ["t", "s"])
