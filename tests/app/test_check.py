"""What `check` counts in a lake, and what it says where it cannot."""

from pathlib import Path
from typing import Any

import pytest

import fleet
from lurcher.app.check import check
from lurcher.app.query import open_session
from lurcher.errors import LurcherError
from lurcher.lake import Lake


def test_figures_that_cannot_be_had_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = open_session(Lake.open(fleet.make_case(tmp_path)), fleet.NOW, "latest")

    def broken(kql: Any) -> Any:
        raise LurcherError("the disk is gone")

    monkeypatch.setattr(session, "run_table", broken)
    report = check([fleet.PUBLISHED], session)
    told = [p for p in report.problems if p.code == "LX214"]
    assert len(told) == 4  # the fifth is not in force, whatever the data are
    assert all("the disk is gone" in p.message for p in told)


def test_a_query_with_errors_is_told_once(tmp_path: Path) -> None:
    session = open_session(Lake.open(fleet.make_case(tmp_path)), fleet.NOW, "latest")
    rule = tmp_path / "rule.yaml"
    rule.write_text(
        "name: x\nquery: |\n  DeviceFileCertificateInfo | where Signr has 's'\nexclusions:\n"
        "  - id: e\n    scenario: s\n    when: process.name == 'x.exe'\n",
        encoding="utf-8",
    )
    codes = [p.code for p in check([rule], session).problems]
    assert codes.count("KS142") == 1
    assert "LX214" not in codes


def test_a_long_line_is_shown_around_its_caret(tmp_path: Path) -> None:
    session = open_session(None, fleet.NOW, None)
    query = "DeviceEvents | where FileName in (" + ", ".join(f"'{i}'" for i in range(20_000)) + ") and Nme == 'x'"
    (tmp_path / "rule.kql").write_text(query, encoding="utf-8")
    (row,) = [r for r in check([tmp_path], session).problems if r.code == "KS142"]
    first, source, caret, *_ = row.rendered.split("\n")
    assert len(source) < 1000
    assert source[caret.index("^") :].startswith("Nme")
    assert caret.count("^") == 3
    assert (row.column, len(row.text)) == (query.index("Nme") + 1, 1000)
    assert first.startswith(f"{tmp_path / 'rule.kql'}:1:{row.column}: error: ")
