"""Exports and answers of Log Analytics, Sentinel, Defender, Graph and Kusto, as their documentation describes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lurcher.app.add import FileOutcome, add
from lurcher.lake import Lake

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TIME = "2025-01-02T03:04:05.1234567Z"
WHEN = datetime(2025, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "case", platform="sentinel")


def put(lake: Lake, name: str, content: Any, table: str | None = None, **more: Any) -> FileOutcome:
    path = lake.path.parent / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return add(lake, [path], now=NOW, table=table, **more).files[0]


def rows(lake: Lake, table: str) -> list[dict[str, Any]]:
    """What the rows of a table have."""
    found = lake.table(table)
    return [{k: v for k, v in r.items() if v not in (None, "")} for r in found.arrow().to_pylist()] if found else []


# --- Log Analytics ---


def test_csv_of_the_log_analytics_portal(lake: Lake) -> None:
    text = (
        '\ufeff"TenantId","TimeGenerated [UTC]",Account,EventID,Computer,Type\r\n'
        't,"1/13/2025, 12:00:00.000 AM",x,4624,pc1,SecurityEvent\r\n'
        't,"1/2/2025, 3:04:05.123 PM",y,4625,pc1,SecurityEvent\r\n'
    )
    outcome = put(lake, "query_data.csv", text)
    assert (outcome.tables, outcome.rejected) == ({"SecurityEvent": 2}, 0)
    assert sorted((r["TimeGenerated"], r["EventID"]) for r in rows(lake, "SecurityEvent")) == [
        (datetime(2025, 1, 2, 15, 4, 5, 123000, tzinfo=UTC), 4625),
        (datetime(2025, 1, 13, tzinfo=UTC), 4624),
    ]


@pytest.mark.parametrize("zone", ["Local Time", "W. Europe Standard Time", "UTC+02:00", "Europe/Berlin"])
def test_times_of_a_portal_in_another_zone_are_refused(lake: Lake, zone: str) -> None:
    outcome = put(lake, "x.csv", f"TimeGenerated [{zone}],Type\n2025-01-02T03:04:05Z,Heartbeat\n")
    assert outcome.skipped == f"the times of 'TimeGenerated' are in the zone '{zone}'"
    assert "UTC" in outcome.hint


def test_brackets_that_are_no_zone_are_part_of_the_name(lake: Lake) -> None:
    put(lake, "x.csv", "TimeGenerated [UTC],Size [MB]\n2025-01-02T03:04:05Z,5\n", "Own_CL")
    assert rows(lake, "Own_CL") == [{"TimeGenerated": datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC), "Size [MB]": 5}]


def test_dates_of_a_portal_that_tell_nothing_are_refused(lake: Lake) -> None:
    text = 'TimeGenerated [UTC],Type\n"1/2/2025, 12:00:00.000 AM",Heartbeat\n'
    assert "which is the day" in put(lake, "x.csv", text).skipped
    assert put(lake, "x.csv", text, date_order="mdy").rows == 1


def test_csv_of_several_tables(lake: Lake) -> None:
    text = f"TimeGenerated,Computer,Type,Odd\n{TIME},a,Heartbeat,1\n{TIME},b,Event,2\n{TIME},c,Own_CL,3\n"
    assert put(lake, "x.csv", text).tables == {"Heartbeat": 1, "Event": 1, "Own_CL": 1}
    assert rows(lake, "Event") == [{"TimeGenerated": WHEN, "Computer": "b", "Type": "Event", "Odd": 2}]


LA = {
    "tables": [
        {
            "name": "PrimaryResult",
            "columns": [
                {"name": "TimeGenerated", "type": "datetime"},
                {"name": "Computer", "type": "string"},
                {"name": "EventID", "type": "int"},
                {"name": "Own", "type": "dynamic"},
                {"name": "Took", "type": "timespan"},
                {"name": "Share", "type": "real"},
            ],
            "rows": [
                [TIME, "pc1", 4624, '{"a": [1]}', "1.02:03:04.5000000", 0.5],
                [TIME, "pc2", None, None, None, "NaN"],
                [TIME, "pc3"],
                [TIME, "pc4", "x", None, None, None],
            ],
        }
    ]
}


@pytest.mark.parametrize("indent", [None, 2])
def test_answer_of_the_log_analytics_api(lake: Lake, indent: int | None) -> None:
    outcome = put(lake, "x.json", json.dumps(LA, indent=indent), "SecurityEvent")
    assert (outcome.format, outcome.tables) == ("table-json", {"SecurityEvent": 2})
    first = min(rows(lake, "SecurityEvent"), key=lambda r: r["Computer"])
    assert first == {
        "TimeGenerated": WHEN, "Computer": "pc1", "EventID": 4624, "Own": '{"a": [1]}', "Took": 937_845_000_000, "Share": 0.5,
    }  # fmt: skip
    told = [json.loads(line) for line in Path(outcome.rejects).read_text().splitlines()]
    assert [(r["row"], r["reason"]) for r in told] == [
        (3, "not a list of 6 values"),
        (4, "EventID: 'x' is not of type int"),
    ]


def test_an_answer_that_is_not_whole_says_so(lake: Lake) -> None:
    outcome = put(lake, "x.json", {**LA, "error": {"code": "PartialError", "message": "too many"}}, "SecurityEvent")
    assert outcome.notes == ["the answer says that it is not whole: too many"]


def test_answers_of_kusto(lake: Lake) -> None:
    first = {
        "Tables": [
            {
                "TableName": "Table_0",
                "Columns": [{"ColumnName": "TimeGenerated", "DataType": "DateTime", "ColumnType": "datetime"},
                            {"ColumnName": "ok", "DataType": "SByte", "ColumnType": "bool"}],
                "Rows": [[TIME, 1]],
            },
            {"TableName": "Table_1", "Columns": [{"ColumnName": "Value", "DataType": "String"}], "Rows": [["statistics"]]},
        ]
    }  # fmt: skip
    second = [
        {"FrameType": "DataSetHeader", "IsProgressive": False, "Version": "v2.0"},
        {"FrameType": "DataTable", "TableKind": "QueryProperties", "Columns": [], "Rows": []},
        {
            "FrameType": "DataTable", "TableKind": "PrimaryResult",
            "Columns": [{"ColumnName": "TimeGenerated", "ColumnType": "datetime"}, {"ColumnName": "ok", "ColumnType": "bool"}],
            "Rows": [[TIME, False]],
        },
    ]  # fmt: skip
    for name, answer in (("1.json", first), ("2.json", second)):
        assert put(lake, name, answer, "Own_CL").tables == {"Own_CL": 1}
    assert sorted(r["ok"] for r in rows(lake, "Own_CL")) == [False, True]


PATH = "am-securityevent/WorkspaceResourceId=/subscriptions/x/y=2025/m=01/d=02/h=03/m=00/PT05M.json"


def exported(**more: Any) -> str:
    return json.dumps({"TimeGenerated": TIME, "Computer": "pc1", "EventID": 4624, **more})


def test_data_export_says_its_table_by_its_type_or_its_container(lake: Lake) -> None:
    assert put(lake, PATH, exported() + "\r\n").tables == {"SecurityEvent": 1}
    outcome = put(lake, "x.json", exported(Type="SecurityEvent") + "\n" + exported(Type="Event") + "\n")
    assert (outcome.format, outcome.tables) == ("log-analytics-export", {"SecurityEvent": 1, "Event": 1})
    hub = {"records": [json.loads(exported(Type="Own_CL", Custom_s="a")), {"Type": "no table"}]}
    outcome = put(lake, "y.json", hub)
    assert (outcome.tables, outcome.reasons) == ({"Own_CL": 1}, {"its Type names no table": 1})
    assert rows(lake, "Own_CL")[0]["Custom_s"] == "a"


def test_rows_that_an_export_repeats_are_known_by_their_id_and_equal_ones_without_stay(lake: Lake) -> None:
    one, two, plain = exported(_ItemId="1"), exported(_ItemId="2"), exported()
    outcome = put(lake, PATH, "\n".join([one, two, one, plain, plain]))
    assert (outcome.rows, outcome.repeated) == (4, 1)
    outcome = put(lake, PATH.replace("PT05M", "PT05M_1"), "\n".join([two, plain]))
    assert (outcome.rows, outcome.repeated) == (1, 1)


# --- Sentinel rows in public sets ---


def test_suffixes_of_unions_are_taken_off_where_the_table_has_the_column(lake: Lake) -> None:
    row = {
        "TimeGenerated": TIME, "EventID_int": 4624, "Computer_s": "pc1", "Odd_s": "x", "Account": "a", "Account_string": "b",
        "Level_d": 1, "Level_long": 2, "Type": "SecurityEvent",
    }  # fmt: skip
    outcome = put(lake, "x.json", row)
    assert rows(lake, "SecurityEvent") == [
        {
            "TimeGenerated": WHEN, "EventID": 4624, "Computer": "pc1", "Odd_s": "x", "Account": "a", "Account_string": "b",
            "Level_d": 1, "Level_long": 2, "Type": "SecurityEvent",
        }
    ]  # fmt: skip
    assert outcome.notes == ["EventID_int was taken as EventID", "Computer_s was taken as Computer"]
    text = ",".join(row) + "\n" + ",".join(map(str, row.values())) + "\n"
    assert put(lake, "x.csv", text).tables == {"SecurityEvent": 1}
    assert [r["EventID"] for r in rows(lake, "SecurityEvent")] == [4624, 4624]


def test_event_data_stays_as_the_set_has_it(lake: Lake) -> None:
    xml = '<EventData><Data Name="Image">C:\\a.exe</Data></EventData>'
    put(lake, "1.json", {"TimeGenerated": TIME, "EventData": xml, "Type": "Event"})
    put(lake, "2.json", {"TimeGenerated": TIME, "EventData": {"Image": "C:\\a.exe"}, "Type": "WindowsEvent"})
    assert rows(lake, "Event")[0]["EventData"] == xml
    assert json.loads(rows(lake, "WindowsEvent")[0]["EventData"]) == {"Image": "C:\\a.exe"}


# --- Defender and Graph ---


def test_defenders_portal_in_iso(lake: Lake) -> None:
    text = f"Timestamp,DeviceId,DeviceName,ActionType,ProcessCommandLine,FileName\n{TIME},d,pc1,ProcessCreated,x,z\n"
    assert put(lake, "New query.csv", text, "DeviceProcessEvents").rows == 1
    assert rows(lake, "DeviceProcessEvents")[0]["Timestamp"] == WHEN


def test_answer_of_graph(lake: Lake) -> None:
    answer = {
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.security.huntingQueryResults",
        "schema": [{"name": "Timestamp", "type": "DateTime"}, {"name": "ProcessId", "type": "Int64"}],
        "results": [{"Timestamp": TIME, "ProcessId@odata.type": "#Int64", "ProcessId": 5}],
    }
    assert put(lake, "x.json", answer, "DeviceProcessEvents").rows == 1
    assert rows(lake, "DeviceProcessEvents") == [{"Timestamp": WHEN, "ProcessId": 5}]


def test_a_list_of_odata(lake: Lake) -> None:
    put(lake, "x.json", json.dumps({"@odata.context": "x", "value": [{"id": 1}, {"id": 2}]}, indent=1), "T")
    assert [r["id"] for r in rows(lake, "T")] == [1, 2]
    put(lake, "y.json", '{"name": "a", "value": [{"id": 1}]}\n{"name": "b", "value": []}\n', "U")
    assert [r["name"] for r in rows(lake, "U")] == ["a", "b"]


def test_parquet_says_its_tables_by_type(lake: Lake) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "TimeGenerated": pa.array([WHEN] * 3, pa.timestamp("us", "UTC")),
            "Computer": ["a", "b", "c"],
            "EventID": [4624, 4625, 2**40],
            "Type": ["SecurityEvent", "Event", "SecurityEvent"],
        }
    )
    path = lake.path.parent / "x.parquet"
    pq.write_table(table, path)
    outcome = add(lake, [path], now=NOW).files[0]
    assert (outcome.tables, outcome.reasons) == (
        {"SecurityEvent": 1, "Event": 1},
        {f"EventID: {2**40} does not fit int": 1},
    )
    told = [json.loads(line) for line in Path(outcome.rejects).read_text().splitlines()]
    assert [r["row"] for r in told] == [3]


def test_a_blob_of_an_export_that_grew_gives_what_is_new(lake: Lake) -> None:
    assert put(lake, PATH, exported() + "\n" + exported() + "\n").rows == 2
    assert put(lake, PATH, exported() + "\n" + exported() + "\n" + exported(Computer="pc2") + "\n").rows == 1
    assert sorted(r["Computer"] for r in rows(lake, "SecurityEvent")) == ["pc1", "pc1", "pc2"]
