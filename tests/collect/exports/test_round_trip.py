"""What a lake gives comes back into a lake as it was, in each form that is written."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lurcher.app.add import add
from lurcher.app.session import Session
from lurcher.kql.types import Column
from lurcher.kql.types import ScalarType as T
from lurcher.lake import Lake, SourceId
from lurcher.lake.layout import arrow_type
from lurcher.report.results import write_result
from lurcher.schema import TableSchema

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FORMS = ("csv", "json", "jsonl", "parquet")
KINDS = (T.BOOL, T.INT, T.LONG, T.REAL, T.DECIMAL, T.DATETIME, T.TIMESPAN, T.GUID, T.STRING, T.DYNAMIC)
SCHEMA = TableSchema("T", tuple(Column(f"{k.value} ({k.value})" if k is T.GUID else k.value, k) for k in KINDS))

longs = st.integers(-(2**63), 2**63 - 1)
# A NUL cannot be in a cell of CSV: such rows are rejected there.
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20) | st.sampled_from(
    [
        "",
        " ",
        '"',
        '""',
        "a,b",
        "x\ny",
        "x\r\ny",
        "\r",
        "\t",
        "null",
        "NULL",
        "-",
        "1",
        "true",
        "\ufeff",
        "\u202e",
        "é日😀",
        "=1+1",
        "[",
        "{}",
    ]
)
plain = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    # JSON cannot tell a real beyond 64 bits from an integer of which digits are lost: such a row is rejected.
    | st.floats(-(2.0**62), 2.0**62)
    | texts
)
nested = st.lists(plain | st.dictionaries(texts, plain, max_size=3), max_size=3) | st.dictionaries(
    texts, plain, max_size=3
)
values: dict[T, st.SearchStrategy[Any]] = {
    T.BOOL: st.booleans(),
    T.INT: st.integers(-(2**31), 2**31 - 1),
    T.LONG: longs,
    T.REAL: st.floats(),
    T.DECIMAL: st.decimals(-(10**19), 10**19, allow_nan=False, places=18),
    T.DATETIME: st.datetimes().map(lambda d: d.replace(tzinfo=UTC)),
    T.TIMESPAN: longs,
    T.GUID: st.uuids().map(str),
    T.STRING: texts,
    T.DYNAMIC: nested.map(lambda v: json.dumps(v)),
}
rows = st.lists(
    st.tuples(*(values[k] if k is T.STRING else st.none() | values[k] for k in KINDS)), min_size=1, max_size=6
)


def same(value: Any, kind: T) -> Any:
    """A value as it is compared: dynamics by what they say, reals with NaN equal to itself."""
    if kind is T.DYNAMIC and value is not None:
        return json.dumps(json.loads(value), sort_keys=True)
    return repr(value) if kind is T.REAL else value


def held(lake: Lake) -> list[tuple[Any, ...]]:
    table = lake.table("T")
    assert table is not None
    found = ([same(v, k) for v, k in zip(row.values(), KINDS, strict=True)] for row in table.arrow().to_pylist())
    return sorted(map(tuple, found), key=repr)


def filled(path: Path, given_rows: list[tuple[Any, ...]]) -> Lake:
    lake = Lake.create(path)
    arrays = [pa.array([r[i] for r in given_rows], arrow_type(k)) for i, k in enumerate(KINDS)]
    batch = pa.RecordBatch.from_arrays(arrays, [c.name for c in SCHEMA.columns])
    lake.append("T", [batch], source=SourceId.of_content("rows", repr(given_rows).encode(), NOW), schema=SCHEMA)
    return lake


@pytest.mark.parametrize("form", FORMS)
# One lake costs more than many rows; shrinking would take minutes, and a row that differs says what is wrong.
@settings(
    max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(given_rows=rows)
def test_rows_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, form: str, given_rows: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("trip")
    lake = filled(folder / "from", given_rows)
    file = folder / f"T.{form}"
    write_result(Session.open(lake, NOW).run("T")[0], form, file)
    back = filled(folder / "to", [])
    outcome = add(back, [file], now=NOW, table="T").files[0]
    assert (outcome.skipped, outcome.reasons) == ("", {})
    came, went = held(back), held(lake)
    assert [r for r in zip(came, went, strict=True) if r[0] != r[1]] == []


def test_a_parquet_file_of_lurcher_brings_its_types(tmp_path: Path) -> None:
    row = (True, 1, 2, math.inf, Decimal("0.5"), NOW, 5, "74be27de-1e4e-49d9-b579-fe0b331d3642", "", '"text"')
    lake = filled(tmp_path / "from", [row])
    write_result(Session.open(lake, NOW).run("T")[0], "parquet", tmp_path / "x.parquet")
    back = Lake.create(tmp_path / "to")
    add(back, [tmp_path / "x.parquet"], now=NOW, table="T")
    table = back.table("T")
    assert table is not None
    assert [(c.name, c.type) for c in table.schema.columns] == [(c.name, c.type) for c in SCHEMA.columns]
    assert held(back) == held(lake)


def test_the_ends_of_timespans_and_times(tmp_path: Path) -> None:
    ends = (timedelta.min, timedelta.max)
    assert ends  # timespans of .NET go further than Python's
    nothing = [None] * len(KINDS)
    given_rows = []
    for kind, ends_of in ((T.TIMESPAN, (-(2**63), 2**63 - 1)), (T.DATETIME, (datetime.min, datetime.max))):
        for end in ends_of:
            row = list(nothing)
            row[KINDS.index(kind)] = end.replace(tzinfo=UTC) if isinstance(end, datetime) else end
            row[KINDS.index(T.STRING)] = ""
            given_rows.append(tuple(row))
    lake = filled(tmp_path / "from", given_rows)
    for form in FORMS:
        write_result(Session.open(lake, NOW).run("T")[0], form, tmp_path / f"x.{form}")
        back = filled(tmp_path / form, [])
        assert add(back, [tmp_path / f"x.{form}"], now=NOW, table="T").rows == 4, form
        assert held(back) == held(lake), form


def test_rows_of_one_empty_cell_are_rows(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "case")
    (tmp_path / "x.csv").write_text('s\n""\n\n"a"\n""\n5" disk\n')
    assert add(lake, [tmp_path / "x.csv"], now=NOW, table="T").rows == 4
