"""docs/python.md runs as it stands; `#=>` says what a line gives. So does the notebook."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import fleet

PAGE = fleet.ROOT / "docs" / "python.md"
NOTEBOOK = fleet.ROOT / "examples" / "notebook.ipynb"


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    made = fleet.make_exports(tmp_path / "fleet")
    shutil.copytree(made / "exports", tmp_path / "exports")
    shutil.copytree(fleet.CONTENT, tmp_path / "rules")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    checked = 0
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        lines = block.splitlines()
        for statement in ast.parse(block).body:
            last = lines[statement.end_lineno - 1]
            text = ast.get_source_segment(block, statement)
            assert text is not None
            if "#=>" not in last:
                exec(text, names)  # noqa: S102
                continue
            assert repr(eval(text, names)) == last.partition("#=>")[2].strip(), text  # noqa: S307
            checked += 1
        said = [line.removeprefix("# ") for line in lines if line.startswith("# ")]
        if said:
            # Nothing but the hint's list of all columns may be shortened on the page.
            assert capsys.readouterr().out.splitlines() == said
    assert checked >= 15


def test_the_notebook_runs(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    examples = tmp_path / "examples"
    shutil.copytree(fleet.ROOT / "examples" / "fleet", examples / "fleet")
    shutil.copytree(fleet.CONTENT, tmp_path / "content" / "rmm")
    book = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(
        book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(examples)}}
    ).execute()
    outputs = [[dict(o) for o in c.outputs] for c in book.cells if c.cell_type == "code"]
    shown = [o["data"] for cell in outputs for o in cell if "data" in o]
    assert any("18,008 rows added" in d["text/plain"] and "<table>" in d["text/html"] for d in shown)
    assert any("data:image/svg+xml;base64," in d.get("text/html", "") for d in shown)
    error = outputs[-1][0]
    assert error["output_type"] == "error"
    assert error["traceback"] == [
        "<query>:1:29: error: the name 'FileNam' does not refer to any known column, table, variable or function [KS142]\n"
        "1 | DeviceProcessEvents | where FileNam =~ 'svchost32.exe'\n"
        "  |                             ^^^^^^^\n"
        "  = hint: did you mean FileName?"
    ]
