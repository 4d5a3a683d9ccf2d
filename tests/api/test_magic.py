"""`%%kql` in IPython."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import lurcher

pytest.importorskip("IPython")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(tmp_path)
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config)
    shell.run_line_magic("load_ext", "lurcher")
    yield shell
    InteractiveShell.clear_instance()


def test_the_cell_is_a_query_of_the_case(shell: Any, tmp_path: Path) -> None:
    # Without a case the services' tables are known, and empty.
    assert shell.run_cell_magic("kql", "", "DeviceInfo | count").value() == 0
    shell.user_ns["case"] = lurcher.init(tmp_path / "a")
    assert (
        shell.run_cell_magic(
            "kql", "--as-of 2026-01-01 --timeout 20", "print year = datetime_part('year', now())"
        ).value()
        == 2026
    )
    assert shell.run_cell_magic("kql", "-o kept", "print 7") is None
    assert shell.user_ns["kept"].value() == 7
    assert shell.run_line_magic("kql", "print 8").value() == 8
    assert shell.run_cell_magic("kql", "case", "print 1; print 2").value() == 2


def test_several_cases_are_named(shell: Any, tmp_path: Path) -> None:
    shell.user_ns["a"] = lurcher.init(tmp_path / "a")
    shell.user_ns["same"] = shell.user_ns["a"]
    assert shell.run_cell_magic("kql", "", "print 1").value() == 1
    shell.user_ns["b"] = lurcher.init(tmp_path / "b")
    with pytest.raises(lurcher.LurcherError, match="several cases") as error:
        shell.run_cell_magic("kql", "", "print 1")
    assert error.value.hint == "say which: %%kql a (of a, b, same)"
    assert shell.run_cell_magic("kql", "b", "print 1").value() == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nosuch", "nosuch is no case"),
        ("a b", "'b' is one too many"),
        ("-o", "-o needs a value"),
        ("-o 1x", "is no name of a variable"),
        ("--nope 1", "there is no option --nope"),
        ("--timeout soon", "no number of seconds"),
        ("'", "No closing quotation"),
    ],
)
def test_a_line_that_is_none_is_told(shell: Any, line: str, said: str) -> None:
    with pytest.raises(lurcher.LurcherError, match=said):
        shell.run_cell_magic("kql", line, "print 1")


def test_a_refusal_is_shown_without_a_traceback(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    result = shell.run_cell("%%kql\nDeviceInfo | where Nope == 1")
    assert isinstance(result.error_in_exec, lurcher.Refused)
    said = capsys.readouterr().out
    assert "<query>:1:20: error: the name 'Nope'" in said
    assert "Traceback" not in said


def test_a_cell_is_explained(shell: Any, tmp_path: Path) -> None:
    shell.user_ns["case"] = lurcher.init(tmp_path / "a")
    found = shell.run_cell_magic("kql", "--explain --timeout 20", "DeviceInfo | count")
    assert "where the time went" in repr(found)
    assert "Where the time went" in found._repr_html_()
    assert found.dict()["queries"][0]["measured"]["rows"] == 1
    assert shell.run_cell_magic("kql", "--explain -o kept", "print 1") is None
    page = shell.user_ns["kept"].write(tmp_path / "plan.html")
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
