"""Unions of all tables: cheap where nothing is, and right where something is."""

import pyarrow as pa
import pytest

from lurcher.engines.duckdb import DuckDBEngine
from lurcher.errors import LurcherError
from lurcher.plan.catalog import KnownTables
from lurcher.plan.compile import compile_text


class Tables(KnownTables):
    __slots__ = ("rows",)

    def __init__(self, **rows: pa.Table) -> None:
        object.__setattr__(self, "rows", rows)

    def data(self, name: str):
        return self.rows.get(name)


def run(query: str, tables: Tables):
    compiled = compile_text(query, tables, 0).checked()
    return DuckDBEngine(tables).run(compiled.queries[0]).table()


LAKE = Tables(
    AlertEvidence=pa.table({"Title": ["x abc", "z"]}),
    DeviceInfo=pa.table({"DeviceName": ["abc", "abcd"]}),
)


def test_tables_without_rows_are_not_in_the_sql():
    compiled = compile_text("union * | count", LAKE, 0).checked()
    sql = DuckDBEngine(LAKE).sql(compiled.queries[0].plan)
    assert "DeviceInfo" in sql
    assert "DeviceNetworkEvents" not in sql
    assert run("union * | count", LAKE).to_pylist() == [{"Count": 4}]


def test_no_table_has_rows():
    assert run('search "x"', Tables()).num_rows == 0
    assert run("union * | count", Tables()).to_pylist() == [{"Count": 0}]


def test_columns_that_do_not_clash():
    found = run("union withsource=T * | project T, Title, DeviceName", LAKE).to_pylist()
    assert sorted(tuple(r.values()) for r in found) == [
        ("AlertEvidence", "x abc", ""),
        ("AlertEvidence", "z", ""),
        ("DeviceInfo", "", "abc"),
        ("DeviceInfo", "", "abcd"),
    ]


def test_rows_whose_type_has_no_column_are_refused():
    odd = Tables(GoogleWorkspaceReports=pa.table({"Timestamp": ["a"]}))
    with pytest.raises(LurcherError, match="GoogleWorkspaceReports"):
        run("union withsource=T * | project Timestamp", odd)


def test_a_table_is_searched_in_columns_that_the_union_has_no_place_for():
    odd = Tables(
        GoogleWorkspaceReports=pa.table({"Timestamp": ["noon abc"]}), DeviceInfo=pa.table({"DeviceName": ["x"]})
    )
    assert run('search "abc" | project $table', odd).to_pylist() == [{"$table": "GoogleWorkspaceReports"}]
    assert run('search "abc" or "x" | count', odd).to_pylist() == [{"Count": 2}]
    assert run('search not("abc") | project $table', odd).to_pylist() == [{"$table": "DeviceInfo"}]
    with pytest.raises(LurcherError, match="GoogleWorkspaceReports") as caught:
        run('search "abc" | project Timestamp', odd)
    assert caught.value.hint == "project the columns that you want, or name the tables"
