"""The tutorial's commands run as they stand there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lurcher.cli import main

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorial.md"
#: What ends with another code than 0, and why the page says so.
ENDS = {
    "check": 1,
    "exclusions content/rmm/ninjarmm": 1,
}


def lines() -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


def test_the_page_goes_through_all_stages() -> None:
    said = "\n".join(lines())
    for word in ("check", "test", "hunt", "exclusions", "exclude", "findings", "export", "report"):
        assert f"lurcher {word} " in said + " " or f"lurcher {word}\n" in said, word


def test_its_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("content", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    said: dict[str, str] = {}
    for line in lines():
        words = shlex.split(line)
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            monkeypatch.setenv(name, value)
            continue
        if words[0] == "python":
            subprocess.run([sys.executable, *words[1:]], check=True)
            continue
        assert words[0] == "lurcher", line
        capsys.readouterr()
        code = main(words[1:])
        told = capsys.readouterr()
        said[line] = told.out
        expected = next((c for start, c in ENDS.items() if line.startswith(f"lurcher {start}")), 0)
        assert code == expected, f"{line}\n{told.out[-2000:]}\n{told.err}"
    checked = next(text for line, text in said.items() if line.startswith("lurcher check"))
    assert "misses NinjaOne LLC" in checked
    hunted = said["lurcher hunt content/rmm/ninjarmm-file-signature.page.txt --as-of latest"]
    assert "findings: 5 new, 1 suppressed" in hunted
    ours = said["lurcher hunt content/rmm/ninjaone-file-signature.yaml --as-of latest"]
    assert "srv-app02.corp.example" in ours
    assert "closed" in said["lurcher findings 1"]
    assert "HIDES: renamed" in next(t for line, t in said.items() if "--red-team" in line)
    assert (tmp_path / "hunt.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list((tmp_path / "deploy").glob("*.json"))
    assert (tmp_path / "layer.json").is_file()
