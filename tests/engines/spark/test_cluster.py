"""Tables of the cluster's catalogue under Defender's names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.engines.test_cases import NOW

from lurcher.app.session import Session
from lurcher.engines.spark import cluster
from lurcher.engines.spark.engine import SparkEngine
from lurcher.errors import LurcherError
from lurcher.kql.types import Column, ScalarType
from lurcher.lake import Lake
from lurcher.lake.settings import ClusterTable
from lurcher.plan.windows import TimeWindow
from lurcher.schema import known_table
from lurcher.sql.dialect import SPARK
from lurcher.sql.printer import Printer

#: The columns of a table that stands for DeviceInfo's, but for one that is called otherwise, one that it has not, and its day.
_OWN = {"Timestamp": ("seen", "TIMESTAMP_NTZ"), "DeviceId": ("deviceid", "STRING")}
_SPARK = {
    ScalarType.STRING: "STRING",
    ScalarType.DATETIME: "TIMESTAMP",
    ScalarType.BOOL: "BOOLEAN",
    ScalarType.INT: "INT",
    ScalarType.LONG: "BIGINT",
    ScalarType.REAL: "DOUBLE",
    ScalarType.DYNAMIC: "STRING",
    ScalarType.GUID: "STRING",
}
_MADE = {
    "Timestamp": "TIMESTAMP_NTZ '2026-01-{day} 12:00:00'",
    "DeviceId": "'d{day}'",
    "DeviceName": "NULL",
    "ClientVersion": "'1'",
}


def _select(day: int, **other: str) -> str:
    items = []
    schema = known_table("DeviceInfo")
    assert schema is not None
    for column in schema.columns:
        if column.name == "OSBuild":
            continue
        name, kind = _OWN.get(column.name, (column.name, _SPARK[column.type]))
        value = {**_MADE, **other}.get(column.name, "NULL").format(day=f"{day:02}")
        items.append(f"CAST({value} AS {kind}) AS `{name}`")
    return f"SELECT {', '.join(items)}, DATE '2026-01-{day:02}' AS seen_on"


@pytest.fixture
def session(engine: str, tmp_path: Path) -> Iterator[Any]:
    """A session over a lake whose DeviceInfo is the view `device-info` of the session's own catalogue."""
    lake = Lake.create(tmp_path / "lake")
    with (lake.path / "lake.toml").open("a", encoding="utf-8") as file:
        file.write("[tables]\nDeviceInfo = { table = '`device info`', columns = { Timestamp = 'seen' }, without = ['OSBuild'],"
                   " day = 'seen_on' }\nDeviceEvents = 'no.such'\n")  # fmt: skip
    lake = Lake.open(lake.path)
    made = Session.open(lake, NOW, engine="spark://127.0.0.1:1")
    runner = SparkEngine(engine, made.tables)
    made._spark = runner
    yield made
    runner.close()


def _have(session: Any, text: str) -> None:
    """The catalogue has this for `device info`."""
    spark = session._spark._connection.session()
    name = "device info" if session._spark.name == "spark:sail" else "`device info`"
    spark.sql(text).createOrReplaceTempView(name)


def test_rows_of_the_cluster(session: Session) -> None:
    _have(session, f"{_select(2)} UNION ALL {_select(3)} UNION ALL {_select(4)}")
    assert session.run_table("DeviceInfo | count").to_pylist() == [{"Count": 3}]
    shown = "project Timestamp, DeviceId, DeviceName, OSBuild | sort by DeviceId asc"
    query = f"DeviceInfo | where Timestamp > datetime(2026-01-03) | {shown}"
    rows = session.run_table(query).to_pylist()
    assert [(r["Timestamp"].replace(tzinfo=None), r["DeviceId"], r["DeviceName"], r["OSBuild"]) for r in rows] == [
        (datetime(2026, 1, day, 12), f"d{day:02}", "", None) for day in (3, 4)
    ]


def test_the_window_reaches_the_day(session: Session) -> None:
    """A row whose day is another one than its time says it is left out with its day."""
    _have(
        session,
        f"{_select(3)} UNION ALL {_select(9, Timestamp=_MADE['Timestamp'].format(day='03'), DeviceId=repr('x'))}",
    )
    query = "DeviceInfo | where Timestamp between (datetime(2026-01-03) .. datetime(2026-01-04)) | project DeviceId"
    assert session.run_table(query).to_pylist() == [{"DeviceId": "d03"}]
    assert session.run_table("DeviceInfo | count").to_pylist() == [{"Count": 2}]


def test_a_table_that_is_not_there(session: Session) -> None:
    with pytest.raises(LurcherError, match=r"the cluster's table no\.such cannot be read"):
        session.run_table("DeviceEvents | count")


def test_a_table_that_lacks_columns(session: Session) -> None:
    _have(session, "SELECT current_timestamp() AS seen, DATE '2026-01-01' AS seen_on")
    with pytest.raises(
        LurcherError, match=r"the cluster's table device info lacks columns of DeviceInfo: .*DeviceId, "
    ) as raised:
        session.run_table("DeviceInfo | count")
    assert "Timestamp" not in raised.value.message


def test_other_types_are_refused_by_name() -> None:
    columns = (Column("A", ScalarType.DATETIME), Column("B", ScalarType.LONG), Column("C", ScalarType.INT))
    with pytest.raises(LurcherError) as raised:
        cluster.items(ClusterTable(("t",)), "T", columns, {"A": "string", "b": "decimal(38,0)", "C": "interval day"})
    assert (
        "A is string, and A is a datetime; b is decimal(38,0), and B is a long; C is interval day"
        in raised.value.message
    )


def test_what_is_made_of_types() -> None:
    columns = tuple(Column(k.value, k) for k in _SPARK)
    fields = {"string": "varchar(10)", "datetime": "date", "bool": "boolean", "int": "smallint", "long": "int", "real": "float",
              "dynamic": "struct<a:int>", "guid": "string"}  # fmt: skip
    made = {
        name: Printer(SPARK).expr(value) for name, value in cluster.items(ClusterTable(("t",)), "T", columns, fields)
    }
    assert made["string"] == "coalesce(`string`, '')"
    assert made["datetime"] == "CAST(`datetime` AS TIMESTAMP)"
    assert made["guid"] == "lower(`guid`)"
    assert made["dynamic"] == "to_json(`dynamic`, map('ignoreNullFields', 'false'))"
    assert made["real"] == "CAST(`real` AS DOUBLE)"


def test_a_window_of_stored_times_and_days() -> None:
    ticks = 621_355_968_000_000_000  # 1970-01-01
    window = TimeWindow(ticks, ticks + 36_000_000_000)
    said = cluster.within(ClusterTable(("t",), day="d"), "Timestamp", window, {"timestamp": "timestamp", "d": "string"})
    assert said is not None
    assert Printer(SPARK).expr(said) == (
        "`timestamp` >= timestamp_micros(CAST(0 AS BIGINT)) AND `timestamp` <= timestamp_micros(CAST(3600000000 AS BIGINT))"
        " AND `d` >= '1970-01-01' AND `d` <= '1970-01-01'"
    )
    with pytest.raises(LurcherError, match="the day of the cluster's table t, d, is bigint"):
        cluster.within(ClusterTable(("t",), day="d"), None, window, {"d": "bigint"})


def test_a_dynamic_text_must_be_json(session: Session) -> None:
    _have(session, _select(2, AdditionalFields="'{{\"a\": 1}}'"))
    query = "DeviceInfo | project x = tostring(AdditionalFields.a)"
    assert session.run_table(query).to_pylist() == [{"x": "1"}]
    _have(session, _select(2, AdditionalFields="'{{a'"))
    session._spark._views = None  # type: ignore[union-attr]
    with pytest.raises(LurcherError, match="no JSON"):
        session.run_table(query)
