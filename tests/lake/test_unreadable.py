"""What a user may not read is told of in words; a lake can be given to another process."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from pathlib import Path

import deltalake
import pytest

from lurcher.app.add import add
from lurcher.collect import journal
from lurcher.errors import LurcherError
from lurcher.lake import Lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake.create(tmp_path / "lake", platform="sentinel")
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    assert add(lake, [tmp_path / "a.csv"], now=datetime(2026, 1, 3, tzinfo=UTC), table="T_CL").files[0].rows == 1
    return lake


def test_a_table_that_may_not_be_read(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def __init__(self, *_: object) -> None:
            raise OSError("Generic LocalFileSystem error\n  Permission denied (os error 13)\n")

    monkeypatch.setattr(deltalake, "DeltaTable", Refusing)
    with pytest.raises(LurcherError) as caught:
        Lake.open(lake.path).table("T_CL")
    assert caught.value.message == "the table cannot be read: it may not be read by this user"
    assert caught.value.hint == "look at the folder's owner and permissions"


def test_a_journal_that_may_not_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(LurcherError) as caught:
        journal.Journal(tmp_path / "collected" / "x.sqlite")
    assert caught.value.message == "what is found cannot be kept: it may not be written by this user"


def test_a_lake_goes_to_another_process_without_what_it_has_open(lake: Lake) -> None:
    assert lake.table("T_CL") is not None
    there = pickle.loads(pickle.dumps(lake))
    assert (there.path, there.platform, there.settings) == (lake.path, "sentinel", lake.settings)
    assert [t.rows for t in there.tables()] == [1]
