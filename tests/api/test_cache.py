"""A case keeps in memory what it is asked again, and nobody can tell but by the time it takes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "engines"))
from test_hot import append

import lurcher
from lurcher.errors import LurcherError
from lurcher.lake import Lake

AT = "2026-01-10T12:00:00Z"
QUERY = "A | where Timestamp > ago(3000d) | summarize n = count(), top = max(i) by Device | sort by Device asc"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake.create(tmp_path / "case")
    for i in range(4):
        append(lake, f"s{i}", count=7_000)
    return lake


def test_queries_of_a_case_are_answered_from_memory_and_see_what_is_added(lake: Lake) -> None:
    case = lurcher.open(lake.path, as_of=AT)
    first = case.query(QUERY).dicts()
    assert [case.query(QUERY).dicts() for _ in range(3)] == [first] * 3
    hot = case._kept()
    assert hot is not None
    assert hot.stats()["answered"] >= 2
    assert hot.stats()["rows"] >= 20_000
    append(Lake.open(lake.path), "other")
    assert len(case.query(QUERY)) == len(first) + 3
    assert case.query("A | count").value() == 28_040


def test_files_beside_the_case_and_other_limits(lake: Lake, tmp_path: Path) -> None:
    case = lurcher.open(lake.path, as_of=AT)
    file = tmp_path / "x.csv"
    file.write_text("a,b\n1,2\n")
    for _ in range(3):
        assert len(case.query("X_CL | count", data=file, table="X_CL")) == 1
        assert case.query("A | count", threads=1).value() == 28_000
        assert case.query("A | count", memory_limit="1GB").value() == 28_000
        assert case.query("A | count").value() == 28_000


def test_no_cache(lake: Lake) -> None:
    case = lurcher.open(lake.path, as_of=AT, cache=0)
    assert case._kept() is None
    assert case.query(QUERY).dicts() == lurcher.open(lake.path, as_of=AT, cache="500MB").query(QUERY).dicts()


@pytest.mark.parametrize("cache", ["much", 7, True, "-1GB"])
def test_a_cache_that_is_no_size(lake: Lake, cache: object) -> None:
    with pytest.raises(LurcherError, match="is no size"):
        lurcher.open(lake.path, cache=cache)  # type: ignore[arg-type]


def test_a_cache_is_of_the_case(lake: Lake) -> None:
    case = lurcher.open(lake.path)
    with pytest.raises(LurcherError, match="the cache is a case's"):
        case.query("A | count", cache="1GB")
    with pytest.raises(LurcherError, match="the cache is a case's"):
        lurcher.query("print 1", cache="1GB")
