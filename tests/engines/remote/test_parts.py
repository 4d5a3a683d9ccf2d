"""Which queries may be asked in parts of their time, and what the parts are."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pyarrow as pa
import pytest

from lurcher.app.session import Session, Tables
from lurcher.engines.remote.parts import Splittable, splittable
from lurcher.engines.remote.spans import Span, ticks_of
from lurcher.schema import known_table

NOW = datetime(2026, 3, 10, tzinfo=UTC)


def session() -> Session:
    """Events of ten days, one an hour, on two devices; which device it was is looked up."""
    times = [NOW - timedelta(hours=h) for h in range(240)]
    schema = known_table("DeviceEvents")
    assert schema is not None
    events = pa.table(
        {
            "Timestamp": pa.array(times, pa.timestamp("us", "UTC")),
            "DeviceId": [f"d{h % 2}" for h in range(240)],
            "ActionType": [f"a{h}" for h in range(240)],
            "AdditionalFields": ['{"x": [1, 2]}'] * 240,
        }
    )
    info = known_table("DeviceInfo")
    assert info is not None
    devices = pa.table(
        {
            "Timestamp": pa.array([NOW] * 2, pa.timestamp("us", "UTC")),
            "DeviceId": ["d0", "d1"],
            "DeviceName": ["n0", "n1"],
        }
    )
    return Session(
        Tables(files={"DeviceEvents": (schema, whole(events, schema)), "DeviceInfo": (info, whole(devices, info))}), NOW
    )


def whole(rows: pa.Table, schema: object) -> pa.Table:
    from lurcher.engines.base import arrow_type
    from lurcher.kql.types import ScalarType
    from lurcher.schema import TableSchema

    assert isinstance(schema, TableSchema)
    arrays = []
    for column in schema.columns:
        if column.name in rows.column_names:
            arrays.append(rows[column.name])
        elif column.type is ScalarType.STRING:
            arrays.append(pa.repeat("", len(rows)))
        else:
            arrays.append(pa.nulls(len(rows), arrow_type(column.type)))
    return pa.table(arrays, names=[c.name for c in schema.columns])


def how(kql: str) -> Splittable | str:
    return splittable(session().compile(kql), "Timestamp")


@pytest.mark.parametrize(
    "kql",
    [
        "DeviceEvents",
        "DeviceEvents | where Timestamp > ago(5d) and DeviceId == 'd1' | project Timestamp, ActionType",
        "DeviceEvents // all of them\n| extend x = strlen(ActionType) | project-away DeviceId",
        "let d = 'd0';\nDeviceEvents | where DeviceId == d | project-rename When = Timestamp",
        "DeviceEvents | where DeviceId in ((DeviceInfo | where DeviceName == 'n1' | project DeviceId))",
        "DeviceEvents | join kind=inner (DeviceInfo | project DeviceId, DeviceName) on DeviceId | project ActionType, DeviceName",
        "DeviceEvents | join kind=leftanti (DeviceInfo | where DeviceName == 'n1') on DeviceId",
        "DeviceEvents | lookup kind=leftouter (DeviceInfo | project DeviceId, DeviceName) on DeviceId",
        "DeviceEvents | extend f = parse_json(AdditionalFields) | mv-expand y = f.x | project ActionType, y",
        "DeviceEvents | where Timestamp between (ago(3d) .. ago(1d)) | sort by Timestamp desc | project Timestamp, ActionType",
        "DeviceEvents | project T = Timestamp, ActionType | order by T asc",
    ],
)
def test_the_parts_of_a_query_are_the_whole(kql: str) -> None:
    run = session()
    cut = splittable(run.compile(kql), "Timestamp")
    assert isinstance(cut, Splittable), cut
    all_rows = run.run_table(kql).to_pylist()
    assert all_rows
    bounds = [ticks_of(NOW - timedelta(hours=h)) for h in (400, 120, 50, 49, 0)]
    spans = [Span(a, b) for a, b in pairwise(bounds)] + [Span(bounds[-1], None)]
    parts = [run.run_table(cut.part(span)).to_pylist() for span in spans]
    if cut.descending:
        parts.reverse()
    rows = [row for part in parts for row in part]
    if cut.descending is None:
        assert sorted(map(str, rows)) == sorted(map(str, all_rows))
    else:
        assert rows == all_rows


@pytest.mark.parametrize(
    ("kql", "why"),
    [
        ("DeviceEvents | summarize count() by DeviceId", "groups"),
        ("DeviceEvents | count", "groups"),
        ("DeviceEvents | distinct DeviceId", "groups"),
        ("DeviceEvents | summarize arg_max(Timestamp, *) by DeviceId", "keeps one row|groups"),
        ("DeviceEvents | take 10", "first rows"),
        ("DeviceEvents | top 10 by Timestamp", "first rows"),
        ("DeviceEvents | sample 10", "at random"),
        ("DeviceEvents | sort by ActionType asc", "another order"),
        ("DeviceEvents | sort by Timestamp asc | extend p = prev(ActionType)", "compares"),
        ("DeviceEvents | join (DeviceInfo) on DeviceId", "keeps one row"),
        ("DeviceEvents | join kind=fullouter (DeviceInfo) on DeviceId", "do not each come"),
        ("DeviceInfo | join kind=rightsemi (DeviceEvents) on DeviceId", "does not begin"),
        ("DeviceEvents | join kind=inner (DeviceEvents) on DeviceId", "with itself"),
        ("union DeviceEvents, DeviceInfo", "several tables"),
        ("let DeviceEvents = DeviceInfo; DeviceEvents", "does not begin"),
        ("let t = DeviceEvents; t | where DeviceId == 'd1'", "does not begin"),
        ("DeviceEvents; DeviceInfo", "several results"),
        ("DeviceEvents | where Nonsense == 1", "does not understand"),
        ("DeviceEvents | make-series count() on Timestamp step 1d", "series|do not each come|groups"),
        ("print 1", "do not each come"),
    ],
)
def test_what_works_on_many_rows_at_once_is_not_asked_in_parts(kql: str, why: str) -> None:
    said = how(kql)
    assert isinstance(said, str), said
    assert re.search(why, said), said


def test_the_queries_own_time_is_where_the_parts_begin_and_end() -> None:
    cut = how("DeviceEvents | where Timestamp > ago(5d) | where Timestamp < ago(1d)")
    assert isinstance(cut, Splittable)
    assert cut.span.start == ticks_of(NOW - timedelta(days=5))
    assert cut.span.stop == ticks_of(NOW - timedelta(days=1)) + 1
