"""What is not documented is refused where the rows ask for it, and only there."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lurcher.app.session import Session
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Refused

QUOTED = "pair_delimiter=',', kv_delimiter='=', quote='\"'"
GREEDY = "pair_delimiter=' ', kv_delimiter='=', greedy=true"
SERIES = "datatable(x:long, y:long)[3, long(null), 11, 4] | make-series count() on "
ARRAYS = "datatable(i:long, a:dynamic)[1, dynamic([1, 2]), 2, dynamic([])] | "


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.open(None, datetime(2026, 3, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"print s = 'a=x\"y\",b=2' | parse-kv s as (a:string) with ({QUOTED})", "is not documented"),
        (f"print s = 'a=\"x' | parse-kv s as (a:string) with ({QUOTED})", "is not documented"),
        (f"print s = 'a=\" x\"' | parse-kv s as (a:string) with ({QUOTED})", "is not documented"),
        (
            f"print s = 'a=x\\\\,b=2' | parse-kv s as (a:string) with ({QUOTED}, escape='\\\\')",
            "an escape outside of quotes",
        ),
        (
            f"print s = 'a=\"x\\\\n\"' | parse-kv s as (a:string) with ({QUOTED}, escape='\\\\')",
            "an escape before another sign",
        ),
        (
            f"print s = 'a=x z=1 b=2' | parse-kv s as (a:string, b:long) with ({GREEDY})",
            "a key in it that is not asked for",
        ),
        (
            f"print s = 'a=x ab=1 b=2' | parse-kv s as (a:string, b:long) with ({GREEDY})",
            "a key that ends like another",
        ),
        ("print s = 'one a:1' | parse-kv s as (a:string)", "cut into keys and values in two ways"),
        ("print s = 'a:\u00e9' | parse-kv s as (a:string)", "letters that are not English"),
        ("print s = 'a= x' | parse-kv s as (a:string) with (regex=@'(a)=(.*)')", "is not documented"),
        (SERIES + "x in range(1, 12, 5)", "whose start is no multiple of its step"),
        (SERIES + "x in range(0, 10, 5)", "rows after its stop in the step of the stop"),
        (SERIES + "x from 0 to 3000000 step 1", "more than 1,048,576 steps"),
        (SERIES + "y step 5", "without a value on the axis"),
        (ARRAYS + "mv-apply a to typeof(long) on (summarize s = sum(a))", "over an array that is empty or null"),
        (ARRAYS + "mv-apply a to typeof(long) on (where a > 1 | count)", "over an array that is empty or null"),
        ("print geo_point_buffer(10, 10, 5)", "a buffer's points is not published"),
        ('print geo_line_simplify(dynamic({"type":"LineString","coordinates":[[1,1],[2,2]]}), 10)', "is not published"),
        ("print geo_simplify_polygons_array(dynamic([]))", "is not published"),
        ("print dynamic(2.5) * 2", "a whole number with a dynamic value that is none"),
        ("datatable(d:dynamic)[1, dynamic(0.5)] | project 7 - d", "a whole number with a dynamic value that is none"),
        ("print datetime(9999-12-31) + 2d", "a time before the year 1 or after 9999"),
        ("print datetime(0001-01-01) - 1d", "a time before the year 1 or after 9999"),
    ],
)
def test_nothing_is_guessed(text: str, message: str, session: Session) -> None:
    with pytest.raises(LurcherError, match=message) as caught:
        list(session.run(text)[0].batches)
    assert caught.value.kind == "unsupported"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (
            ARRAYS + "where array_length(a) > 0 | mv-apply a to typeof(long) on (summarize s = sum(a)) | project i, s",
            [(1, 3)],
        ),
        (ARRAYS + "mv-apply a to typeof(long) on (summarize s = sum(a) by a) | project i, s", [(1, 1), (1, 2)]),
        (ARRAYS + "mv-apply a to typeof(long) on (where a > 1) | project i, a", [(1, 2)]),
    ],
)
def test_rows_that_ask_nothing_are_answered(text: str, rows: list[tuple[int, int]], session: Session) -> None:
    found = session.run_table(text).to_pylist()
    assert sorted(tuple(row.values()) for row in found) == rows


@pytest.mark.parametrize(
    ("text", "construct", "place"),
    [
        (
            'print extract(@"(?<=user=)\\w+", 0, "user=ann")',
            "the regular expression has (?<=, which KQL's (RE2) have not",
            6,
        ),
        ('print 1, "aa" matches regex @"(a)\\1"', "the regular expression has \\1, which KQL's (RE2) have not", 9),
        ('print format_datetime(now(), "qq")', "format_datetime(): 'qq' is no format specifier of KQL", 6),
        ("print round(1.5, long(null))", "round() to null digits", 6),
    ],
)
def test_what_a_function_refuses_has_its_place(text: str, construct: str, place: int, session: Session) -> None:
    with pytest.raises(Refused) as caught:
        session.run(text)
    (found,) = caught.value.diagnostics
    assert (found.construct, found.span.start) == (construct, place)
