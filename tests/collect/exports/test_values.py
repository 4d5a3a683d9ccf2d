"""Value readers on anything: they give a value of the type, or say why not, and never raise but their own error."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.json_values import json_array, json_value
from lurcher.collect.exports.text_values import text_array, text_value
from lurcher.collect.exports.times import parse
from lurcher.kql.types import ScalarType as T
from lurcher.lake.layout import arrow_type

KINDS = [T.STRING, T.BOOL, T.INT, T.LONG, T.REAL, T.DECIMAL, T.DATETIME, T.TIMESPAN, T.GUID, T.DYNAMIC]
#: Text that looks like values, and text that does not.
texts = st.one_of(
    st.text(),
    st.from_regex(r"-?\d{1,25}(\.\d{1,25})?([eE]-?\d{1,5})?", fullmatch=True),
    st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?", fullmatch=True),
    st.from_regex(r"\d{1,2}/\d{1,2}/\d{4},? \d{1,2}:\d\d(:\d\d)?( [AP]M)?", fullmatch=True),
    st.from_regex(r"-?(\d{1,9}\.)?\d{1,2}:\d\d:\d\d(\.\d{1,7})?", fullmatch=True),
    st.from_regex(r"\{?[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\}?", fullmatch=True),
    st.sampled_from(["NaN", "inf", "-Infinity", "1_0", "١", "true", " ", "[", '{"a":1}', "\u202f", "1e400", "sNaN"]),
).filter(lambda s: not re.search("[\ud800-\udfff]", s))
plain = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))


def context() -> ReadContext:
    return ReadContext(lambda name: None, "x")


@settings(max_examples=60, deadline=None)
@given(st.lists(texts, max_size=5), st.sampled_from(KINDS))
def test_cells_give_values_or_reasons(cells: list[str], kind: T) -> None:
    array, bad = text_array(pa.array(cells, pa.string()), kind, context())
    array.validate(full=True)
    assert (array.type, len(array)) == (arrow_type(kind), len(cells))
    for i, cell in enumerate(cells):
        # The fast way for a whole column and the slow way for one value are one reading.
        one, alone = text_array(pa.array([cell], pa.string()), kind, context())
        assert (0 in alone) == (i in bad)
        assert str(one[0].as_py()) == str(array[i].as_py())
        if i in bad:
            assert array[i].as_py() is None


@settings(max_examples=60, deadline=None)
@given(st.lists(values, max_size=5), st.sampled_from(KINDS))
def test_json_gives_values_or_reasons(given_values: list[Any], kind: T) -> None:
    array, bad = json_array(given_values, kind, context())
    array.validate(full=True)
    assert (array.type, len(array)) == (arrow_type(kind), len(given_values))
    for i, value in enumerate(given_values):
        one, alone = json_array([value], kind, context())
        assert (0 in alone) == (i in bad)
        assert str(one[0].as_py()) == str(array[i].as_py())


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(KINDS))
def test_any_text_at_all_raises_nothing_but_value_error(data: bytes, kind: T) -> None:
    text = data.decode("utf-8", "replace")
    for read in (text_value, json_value):
        with suppress(ValueError, ArithmeticError):
            read(text, kind, context())


@given(st.datetimes(), st.integers(-14 * 60, 14 * 60))
def test_a_time_that_is_written_is_read_back(when: datetime, offset: int) -> None:
    sign, minutes = ("-" if offset < 0 else "+"), abs(offset)
    text = f"{when.isoformat()}{sign}{minutes // 60:02}:{minutes % 60:02}"
    expected = (when.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) - timedelta(minutes=offset)
    with suppress(OverflowError):
        assert parse(text, context()) == expected // timedelta(microseconds=1)
    array, bad = text_array(pa.array([text]), T.DATETIME, context())
    assert bad or array.cast(pa.int64())[0].as_py() == expected // timedelta(microseconds=1)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=18, min_value=-(10**19), max_value=10**19))
def test_a_decimal_keeps_its_digits(value: Decimal) -> None:
    array, bad = text_array(pa.array([str(value)]), T.DECIMAL, context())
    assert (bad, array[0].as_py()) == ({}, value)


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_long_keeps_its_digits(value: int) -> None:
    for array, bad in (
        text_array(pa.array([str(value)]), T.LONG, context()),
        json_array([value], T.LONG, context()),
        json_array([str(value)], T.LONG, context()),
    ):
        assert (bad, array[0].as_py()) == ({}, value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1.5", T.LONG),
        ("9223372036854775808", T.LONG),
        ("2147483648", T.INT),
        ("yes", T.BOOL),
        ("2025-02-30T00:00:00Z", T.DATETIME),
        ("1735787045", T.DATETIME),
        ("24:00:00", T.TIMESPAN),
        ("1,5", T.REAL),
        ("0.0000000000000000001", T.DECIMAL),
    ],
)
def test_what_is_rejected(text: str, kind: T) -> None:
    assert list(text_array(pa.array([text]), kind, context())[1]) == [0]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ("{no json", '"{no json"'),
        ("12", '"12"'),
        ("", None),
    ],
)
def test_dynamic_text_in_json(text: str, kept: str | None) -> None:
    array, bad = json_array([text], T.DYNAMIC, context())
    assert (bad, array[0].as_py()) == ({}, kept)
    assert kept is None or json.loads(kept) is not None
