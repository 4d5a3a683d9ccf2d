"""Names of columns that come from data are names, whatever they look like: in SQL and in what comes out."""

from __future__ import annotations

import csv
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from lurcher.app.session import Limits, Session
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Refused

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = [
    'x"; DROP TABLE t; --',
    "x'; COPY (SELECT 1) TO '/tmp/lurcher-stolen'; --",
    "a\"b'c`d",
    "a\\",
    'a\\"b',
    "*",
    "/* x",
    "-- x",
    "$1 ? :a {0} %s {value}",
    "order 1",
    "row 1",
    "v1__",
    "k",
    " ",
    "a.b[0]",
    "ａｄｍｉｎ",
    # The first letter is Cyrillic: a look-alike is another name.
    "\u0430dmin",
    "\u202eevil",
    "a\u0301",
    "\u00e1",
    "tab\tand\nline",
    "n" * 5_000,
]


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.open(None, NOW, limits=Limits(threads=1))


def text(value: str) -> str:
    """The value as a string literal of KQL."""
    return json.dumps(value, ensure_ascii=True)


def rows(values: list[str]) -> str:
    return f"datatable(k:string, v:long)[{', '.join(f'{text(name)}, {i}' for i, name in enumerate(values, 1))}]"


@pytest.mark.parametrize("name", NAMES)
def test_pivot(name: str, session: Session) -> None:
    found = session.run_table(f"{rows(['other', name])} | extend g = 1 | evaluate pivot(k, sum(v), g)")
    assert dict(found.to_pylist()[0]) == {"g": 1, "other": 1, name: 2}


@pytest.mark.parametrize("name", NAMES)
def test_bag_unpack(name: str, session: Session) -> None:
    """What is no name of a column is refused as that, unless it is said."""
    made = f"{rows([name])} | project d = bag_pack(k, v, 'other', 'o')"
    for prefix in ("", "p_"):
        try:
            found = session.run_table(f"{made} | evaluate bag_unpack(d, '{prefix}')")
        except Refused as error:
            refused = error
        else:
            assert found.to_pylist() == [{f"{prefix}{name}": 1, f"{prefix}other": "o"}]
            continue
        assert [d.code for d in refused.diagnostics] == ["LU001"]
        assert "no name of a column" in str(refused)
    said = session.run_table(f"{made} | evaluate bag_unpack(d) : ([{text(name)}]:long)")
    assert said.to_pylist() == [{name: 1}]


def test_pivot_of_all_at_once(session: Session) -> None:
    found = session.run_table(f"{rows(NAMES)} | evaluate pivot(k, sum(v))")
    assert found.to_pylist() == [{name: i for i, name in enumerate(NAMES, 1)}]


def test_a_nul_is_kept_or_refused_in_words(session: Session) -> None:
    for query in (
        f"{rows([])[:-1]}{text(chr(97) + chr(0) + chr(98))}, 1] | evaluate pivot(k, sum(v))",
        f"print d = bag_pack({text(chr(97) + chr(0) + chr(98))}, 1) | evaluate bag_unpack(d)",
    ):
        try:
            found = session.run_table(query)
        except (Refused, LurcherError) as error:
            said = str(error)
        else:
            assert found.column_names == ["a\0b"]
            continue
        assert "Error" not in said


def test_thousands_of_names_are_columns_or_refused_soon(session: Session) -> None:
    began = time.monotonic()
    found = session.run_table(
        "range x from 1 to 300 step 1 | summarize d = make_bag(bag_pack(strcat('n_', x), x)) | evaluate bag_unpack(d)"
    )
    assert sorted(found.column_names) == sorted(f"n_{i}" for i in range(1, 301))
    for query in (
        "range x from 1 to 6000 step 1 | summarize d = make_bag(bag_pack(strcat('n', x), x)) | evaluate bag_unpack(d)",
        "range x from 1 to 6000 step 1 | project k = strcat('n', x) | evaluate pivot(k)",
    ):
        with pytest.raises(Refused, match="that makes more than"):
            session.run_table(query)
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("name", [n for n in NAMES if n.strip() and n[0] != "$"])
def test_properties_of_a_graph(name: str, session: Session) -> None:
    quoted = f"[{text(name)}]"
    found = session.run_table(
        f"datatable(s:string, d:string, {quoted}:long)['a', 'b', 7] | make-graph s --> d"
        f" | graph-match (x)-[e]->(y) project out = e.{quoted}, {quoted} = e.{quoted}"
    )
    assert [list(row.values()) for row in found.to_pylist()] == [[7, 7]]
    assert found.column_names == ["out", name]


@pytest.mark.parametrize("name", [n for n in NAMES if n.strip() and "\n" not in n])
def test_headers_of_files(name: str, tmp_path: Path) -> None:
    path = tmp_path / "Mine.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["Other", name, "C", "D", "E"], ["o", "7", "c", "d", "e"]])
    found = Session.open(None, NOW, files=[path], table="Mine", limits=Limits(threads=1)).run_table("Mine")
    assert isinstance(found, pa.Table)
    assert found.column_names[:2] == ["Other", name]
    assert [str(v) for v in list(found.to_pylist()[0].values())[:2]] == ["o", "7"]


def test_nothing_was_written() -> None:
    assert not Path("/tmp/lurcher-stolen").exists()
