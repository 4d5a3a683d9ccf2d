"""Who came back: what the documentation leaves open stops the query where it comes up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lurcher.app.session import Session
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Refused

LONGS = "datatable(id:long, at:long)[1, 0, 2, 0, 2, 10, 3, 11] | "
SKETCHES = "range x from 1 to 4 step 1 | summarize a = hll(x), b = hll(x) by x % 2 | project a, b | "


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.open(None, datetime(2026, 3, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LONGS + "evaluate activity_metrics(id, at, 0, 29, 10)", "where a window has no row"),
        (LONGS + "evaluate activity_metrics(id, at, 0, 20, 10) | count", "where a window has no row"),
        (LONGS + "where at > 0 | evaluate activity_metrics(id, at, 0, 19, 10)", "where a window has no row"),
        (LONGS + "where at != 10 and at != 11 | evaluate activity_metrics(id, at, -10, 9, 10)", "has no row"),
        (LONGS + "evaluate activity_metrics(id, at, -3, 19, 10)", "no whole multiple of the window"),
        (
            "datatable(id:long, at:long)[1, 0, long(null), 0] | evaluate activity_metrics(id, at, 0, 9, 10)",
            "an id is null",
        ),
        (LONGS + "where id < 3 | evaluate new_activity_metrics(id, at, 0, 19, 10) | count", "a window has no new id"),
        (LONGS + "where id < 3 | evaluate new_activity_metrics(id, at, 0, 19, 10, 10)", "a window has no new id"),
        (LONGS + "evaluate new_activity_metrics(id, at, 0, 20, 10)", "an End that a window begins at"),
        (LONGS + "evaluate new_activity_metrics(id, at, 0, 19, 10, 5)", "a cohort that no window begins with"),
        (LONGS + "evaluate new_activity_metrics(id, at, 0, 19, 10, 30)", "a cohort that no window begins with"),
        (LONGS + "evaluate new_activity_metrics(id, at, 0, 9000000000, 1)", "more than 1,000 windows"),
        ("datatable(a:string, n:long)['x', long(null)] | evaluate narrow()", "a number that is null"),
        (SKETCHES + "evaluate dcount_intersect(a, b) | project s1", "over several rows"),
    ],
)
def test_nothing_is_guessed(text: str, message: str, session: Session) -> None:
    with pytest.raises(LurcherError, match=message) as caught:
        list(session.run(text)[0].batches)
    assert caught.value.kind == "unsupported"
    assert "\\n" not in str(caught.value)


def test_a_timeline_named_like_a_count(session: Session) -> None:
    with pytest.raises(Refused, match="named like its counts"):
        session.run("datatable(id:long, churn_rate:long)[1, 0] | evaluate activity_metrics(id, churn_rate, 0, 9, 10)")


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("datatable(id:string, at:datetime)[] | evaluate activity_metrics(id, at, ago(7d), now(), 1d) | count", [(0,)]),
        (LONGS + "evaluate activity_metrics(id, at, 0, 19, 10) | project dcount_newvalues", [(2,), (1,)]),
        (
            LONGS
            + "extend at = toint(at) | evaluate activity_metrics(id, at, 0, 19, 10) | getschema | project ColumnType | take 1",
            [("int",)],
        ),
        (
            LONGS
            + "extend at = toint(at) | evaluate new_activity_metrics(id, at, 0, 19, 10) | project gettype(to_at), to_at",
            [("int", 0), ("int", 10), ("int", 10)],
        ),
        (
            "datatable(id:string, at:datetime)['a', datetime(2026-03-09 10:00)]"
            " | evaluate activity_metrics(id, at, startofday(ago(1d)), startofday(now()) - 1tick, 1d) | project at, dcount_values",
            [(datetime(2026, 3, 9, tzinfo=UTC), 1)],
        ),
    ],
)
def test_what_is_known_is_told(text: str, rows: list[tuple[object, ...]], session: Session) -> None:
    found = [tuple(row.values()) for batch in session.run(text)[0].batches for row in batch.to_pylist()]
    assert found == rows
