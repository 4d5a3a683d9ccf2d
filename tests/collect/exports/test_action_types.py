"""Exports whose columns are those of several tables: the ActionTypes of their rows tell which."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lurcher.app.add import add
from lurcher.collect.exports.action_types import table_of_action
from lurcher.lake import Lake
from lurcher.schema import known_table

TIME = "2026-01-02T03:04:05.1234567Z"
COLUMNS = ("Timestamp", "DeviceName", "ActionType", "FileName", "ReportId")


def rows(*actions: str) -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS, (TIME, "pc", a, "a.exe", n), strict=True)) for n, a in enumerate(actions)]


def as_csv(found: list[dict[str, Any]]) -> bytes:
    return "\n".join([",".join(COLUMNS), *(",".join(map(str, row.values())) for row in found)]).encode()


def as_api(found: list[dict[str, Any]]) -> bytes:
    schema = [{"Name": c, "Type": "Int64" if c == "ReportId" else "String"} for c in COLUMNS]
    return json.dumps({"Schema": schema, "Results": found}).encode()


def as_powershell(found: list[dict[str, Any]]) -> bytes:
    schema = [{"Name": c, "Type": "String", "AdditionalProperties": {}} for c in COLUMNS]
    return json.dumps({"Results": [{"AdditionalProperties": row} for row in found], "Schema": schema}).encode()


def as_kusto(found: list[dict[str, Any]]) -> bytes:
    columns = [{"name": c, "type": "long" if c == "ReportId" else "string"} for c in COLUMNS]
    return json.dumps(
        {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": [[*r.values()] for r in found]}]}
    ).encode()


def as_parquet(found: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(found), out)
    return out.getvalue()


WRITERS: dict[str, Any] = {
    "a.csv": as_csv,
    "a.json": lambda found: json.dumps(found).encode(),
    "a.jsonl": lambda found: "\n".join(map(json.dumps, found)).encode(),
    "api.json": as_api,
    "graph.json": as_powershell,
    "kusto.json": as_kusto,
    "a.parquet": as_parquet,
}


def put(tmp_path: Path, name: str, content: bytes) -> tuple[dict[str, int], str]:
    lake = Lake.create(tmp_path / "lake", platform="defender")
    (tmp_path / name).write_bytes(content)
    found = add(lake, [tmp_path / name], now=datetime(2026, 1, 3, tzinfo=UTC)).files[0]
    return dict(found.tables), found.skipped


@pytest.mark.parametrize("name", WRITERS)
def test_one_table(tmp_path: Path, name: str) -> None:
    found, _ = put(tmp_path, name, WRITERS[name](rows("FileCreated", "FileDeleted", "FileCreated")))
    assert found == {"DeviceFileEvents": 3}


@pytest.mark.parametrize("name", WRITERS)
def test_several(tmp_path: Path, name: str) -> None:
    found, _ = put(
        tmp_path, name, WRITERS[name](rows("FileCreated", "ProcessCreated", "OpenProcessApiCall", "FileRenamed"))
    )
    assert found == {"DeviceFileEvents": 2, "DeviceProcessEvents": 1, "DeviceEvents": 1}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("action", ["SomethingNew", "LogonSuccess", ""])
def test_what_tells_nothing_is_asked_for(tmp_path: Path, name: str, action: str) -> None:
    """`LogonSuccess` is of a table that has no FileName."""
    found, why = put(tmp_path, name, WRITERS[name](rows("FileCreated", action)))
    assert found == {}
    assert why.startswith("its columns are those of several tables: DeviceEvents, DeviceFileEvents")


def test_the_tables_have_actions() -> None:
    for table in set(table_of_action().values()):
        schema = known_table(table)
        assert schema is not None
        assert schema.column("ActionType") is not None
