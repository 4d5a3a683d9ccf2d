"""A disk that takes no more is told of in words, wherever it shows, and the next file is tried all the same."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lurcher.app import add as adding
from lurcher.errors import LurcherError
from lurcher.lake import Lake
from lurcher.report.whole import whole_file

NOW = datetime(2026, 1, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "said", "hint"),
    [
        (errno.ENOSPC, "the disk is full, or its quota is used up", "make room; then add it again"),
        (errno.EDQUOT, "the disk is full, or its quota is used up", "make room; then add it again"),
        (
            errno.EROFS,
            "it may not be written by this user",
            "look at the folder's owner and permissions; then add it again",
        ),
    ],
)
def test_what_cannot_be_kept_of_a_file_is_no_defect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str, hint: str
) -> None:
    lake = Lake.create(tmp_path / "lake", platform="defender")
    good, bad = tmp_path / "b.csv", tmp_path / "a.csv"
    good.write_text("a,b\n1,2\n")
    bad.write_text("a,b\n1,2\n1\n")

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(adding.RejectFile, "add", refuse)
    first, second = adding.add(lake, [bad, good], now=NOW, table="T_CL").files
    assert (first.skipped, first.hint) == (f"what comes of it cannot be kept: {said}", hint)
    assert second.tables == {"T_CL": 1}
    monkeypatch.undo()
    again = adding.add(lake, [bad], now=NOW, table="T_CL").files[0]
    assert (again.tables, again.rejected) == ({"T_CL": 1}, 1)


def test_a_file_that_cannot_be_written_says_what_helps(tmp_path: Path) -> None:
    for number, hint in ((errno.ENOSPC, "make room"), (errno.ENOENT, "check that its folder is there")):
        with pytest.raises(LurcherError) as caught, whole_file(tmp_path / "x.csv"):
            raise OSError(number, os.strerror(number))
        assert caught.value.hint == hint
