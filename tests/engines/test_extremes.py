"""Arguments that are hardly ever met give a value or a refusal in words of the language, whatever the engine thinks of them.

`LURCHER_EXTREMES=1 pytest tests/engines/test_extremes.py` runs all calls, else one of so many.
"""

from __future__ import annotations

import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from extremes import calls

from lurcher.app.session import Limits, Session
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Refused

_EVERY = int(os.environ.get("LURCHER_EXTREMES", "61"))
#: Words that only an engine, or Python, uses.
_ENGINES = re.compile(
    r"Error\b|INT(?:8|16|32|64|128)|BIGINT|DOUBLE|VARCHAR|HUGEINT|candidate|exception|the query failed", re.I
)


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.open(None, datetime(2026, 3, 1, tzinfo=UTC), limits=Limits(timeout=30, memory="2GB", threads=1))


def said(session: Session, text: str) -> str:
    """What a query is refused with; empty where it has rows."""
    try:
        for result in session.run(text):
            for batch in result.batches:
                batch.to_pylist()
    except Refused as refused:
        if any(d.span.end <= d.span.start for d in refused.diagnostics):
            return "Error: it has no place"
        return "; ".join(d.message for d in refused.diagnostics)
    except LurcherError as error:
        return f"{error.message}; {error.hint}"
    return ""


def test_no_word_of_the_engine(session: Session) -> None:
    bad = []
    for text in list(calls())[::_EVERY]:
        message = said(session, f"print x = {text}")
        if _ENGINES.search(message) or len(message) > 1_000:
            bad.append((text, message[:300]))
    assert not bad


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("startofyear(now(), 1000000000)", "a number is too large"),
        ("startofday(now(), 9223372036854775807)", "a number is too large"),
        ("datetime_add('year', 1000000000, now())", "a number is too large"),
        ("datetime_add('year', 9000, now())", "before the year 1 or after 9999"),
        ("datetime_add('second', 9000000000000000000, now())", "before the year 1 or after 9999"),
        ("now() + 1000000d * 365", "a number is too large"),
        ("1h * real(inf)", "a number is too large, or none"),
        ("make_string(0x110000)", "no character of the code point 1114112"),
        ("make_string(55296)", "no character of the code point 55296"),
        ("repeat(1, 9223372036854775807)", "larger than may be made"),
        ("range(real(nan), 1.5)", "a number is too large, or none"),
        (r"replace_regex('a', 'a', 'b\\')", "the replacement of a regular expression"),
        ("array_shift_left(dynamic(1), 2147483648)", ""),
    ],
)
def test_what_is_said(text: str, message: str, session: Session) -> None:
    found = said(session, f"print x = {text}")
    assert message in found
    assert not _ENGINES.search(found)
    # As much of what rows hold.
    if "now()" not in text and message:
        again = said(session, f"range i from 1 to 2 step 1 | extend x = {text} | where i > 0")
        assert message in again


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # "If creation is successful, the result is a datetime value, otherwise null."
        ("make_datetime(2017, 1, 1, real(inf))", None),
        ("make_datetime(2017, 1, 1, 0, real(nan))", None),
        ("make_datetime(2017, 1e300, 1)", None),
        ("make_timespan(2147483647, 1, 1, 1)", None),
        # An array of at most 1,048,576 values.
        ("array_length(range(2, 9223372036854775807))", 1_048_576),
        ("array_length(range(1.0, real(inf)))", 1_048_576),
        ("array_length(range(1.0, real(-inf)))", 0),
        ("tostring(array_shift_left(dynamic([1, 2]), 9223372036854775807, 7))", "[7,7]"),
        ("tostring(array_shift_right(dynamic([1, 2]), -9223372036854775807-1))", "[null,null]"),
        # Moved by more places than there are: nothing is left, and none is added.
        ("tostring(array_shift_right(dynamic([1, 2, 3]), 5))", "[null,null,null]"),
        ("tostring(array_shift_left(dynamic([1, 2, 3]), -5, 0))", "[0,0,0]"),
        ("array_index_of(dynamic([1, 2]), 2, 1, 9223372036854775807)", 1),
        ("array_index_of(dynamic([1, 2]), 2, 9223372036854775807)", -1),
        ("substring('abcdef', 1, 10000000000)", "bcdef"),
        ("pow(10, 400)", float("inf")),
        ("array_iff(dynamic(null), 1, 2)", None),
    ],
)
def test_what_is_given(text: str, value: object, session: Session) -> None:
    assert session.run_table(f"print x = {text}").to_pylist() == [{"x": value}]
