"""`lurcher check` as a pipeline runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from lurcher.app import check as module
from lurcher.cli.commands.check import command

ROOT = Path(__file__).parents[2]

RULE = """\
id: 11111111-2222-3333-4444-{number:012}
name: Rule {number}
description: Words.
tactics: [Execution]
relevantTechniques: [T1059]
query: |
  DeviceProcessEvents
  | where Timestamp > ago(1h) and {condition}
"""


def lurcher(*argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lurcher", "check", *argv], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "good.yaml").write_text(RULE.format(number=1, condition="FileName has 'x'"), encoding="utf-8")
    (folder / "note.yaml").write_text(RULE.format(number=2, condition="FileName contains 'word'"), encoding="utf-8")
    return folder


def test_what_fails_the_run(rules: Path, tmp_path: Path) -> None:
    assert lurcher("rules", cwd=tmp_path).returncode == 0
    assert lurcher("rules", "--fail-on", "note", cwd=tmp_path).returncode == 1
    text = RULE.format(number=3, condition="FileName has 'x'").replace("T1059", "T1003")
    (rules / "warning.yaml").write_text(text, encoding="utf-8")
    assert lurcher("rules", cwd=tmp_path).returncode == 1
    assert lurcher("rules", "--fail-on", "error", cwd=tmp_path).returncode == 0
    (rules / "error.yaml").write_text(RULE.format(number=4, condition="Fil == 'x'"), encoding="utf-8")
    assert lurcher("rules", "--fail-on", "error", cwd=tmp_path).returncode == 1
    assert lurcher("nowhere", cwd=tmp_path).returncode == 2
    assert lurcher("rules", "--baseline", "rules/good.yaml", cwd=tmp_path).returncode == 2


def test_formats_and_files(rules: Path, tmp_path: Path) -> None:
    done = lurcher("rules", "--format", "sarif", "--output", "out.sarif", cwd=tmp_path)
    assert done.stdout == "2 rules: 0 errors, 0 warnings, 1 note\n"
    results = json.loads((tmp_path / "out.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    assert [r["ruleId"] for r in results] == ["LU320"]
    assert results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "rules/note.yaml"
    done = lurcher("rules", "--format", "github", "--sarif", "also.sarif", cwd=tmp_path)
    assert done.stdout.startswith("::notice file=rules/note.yaml,line=8,")
    assert (tmp_path / "also.sarif").read_text(encoding="utf-8") == (tmp_path / "out.sarif").read_text(encoding="utf-8")
    data = json.loads(lurcher("rules", "--format", "json", cwd=tmp_path).stdout)
    assert (data["rules"], data["running"]) == (2, 2)
    assert data["summary"] == [
        {"code": "LU320", "severity": "note", "count": 1, "files": 1, "silenced": 0, "fixable": 0,
         "message": data["summary"][0]["message"]},
    ]  # fmt: skip
    summary = lurcher("rules", "--summary", cwd=tmp_path).stdout.splitlines()
    assert summary[0].split()[:3] == ["1", "LU320", "note"]
    done = lurcher("rules", "--baseline", "out.sarif", "--fail-on", "note", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (
        0,
        "2 rules: 0 errors, 0 warnings, 0 notes, 1 known from the baseline, 0 of it gone\n",
    )


def test_many_processes_say_what_one_says(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    for i in range(module.FEW + 30):
        # Every tenth has an id that another has, and every seventh is broken.
        text = RULE.format(number=i - i % 10 // 9, condition="Fil == 'x'" if i % 7 == 0 else "FileName contains 'word'")
        (folder / f"{i:03}.yaml").write_text(text, encoding="utf-8")
    one = lurcher("rules", "--format", "json", "--jobs", "1", cwd=tmp_path)
    many = lurcher("rules", "--format", "json", "--jobs", "2", cwd=tmp_path)
    assert one.stdout == many.stdout
    assert (one.returncode, many.returncode, many.stderr) == (1, 1, "")
    assert '"LU203"' in many.stdout


def test_the_hooks_and_the_action_name_options_that_there_are(rules: Path, tmp_path: Path) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    (tmp_path / "compose.yaml").write_text("services:\n  a: {}\n", encoding="utf-8")
    (rules / "good.test.yaml").write_text("tests: []\n", encoding="utf-8")
    for hook in hooks:
        words = hook["entry"].split()
        assert words[:2] == ["lurcher", "check"]
        done = lurcher(*words[2:], "rules/good.yaml", "rules/good.test.yaml", "compose.yaml", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert lurcher(*words[2:], "compose.yaml", cwd=tmp_path).returncode == 0
        assert re.search(hook["files"], "a/b.yml")
        assert not re.search(hook["files"], "a/b.md")
        assert re.search(hook["exclude"], "rules/good.test.yaml")
        assert re.search(hook["exclude"], ".github/workflows/a.yml")
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    script = next(s["run"] for s in action["runs"]["steps"] if "lurcher/bin/lurcher" in s.get("run", ""))
    options = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
    assert set(re.findall(r"(?<![\w$])--[a-z-]+", script)) <= options
    used = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text(encoding="utf-8")))
    assert used == set(action["inputs"])


def test_the_script_of_the_action_runs(rules: Path, tmp_path: Path) -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    script = next(s["run"] for s in action["runs"]["steps"] if "lurcher/bin/lurcher" in s.get("run", ""))
    folder = tmp_path / "lurcher" / "bin"
    folder.mkdir(parents=True)
    program = folder / "lurcher"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lurcher "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    env = {
        **os.environ, "RUNNER_TEMP": str(tmp_path), "PATHS": "rules/good.yaml\n\nrules/note.yaml\n", "FAIL_ON": "warning",
        "NOTES": "true", "BASELINE": "", "SARIF": "out.sarif",
    }  # fmt: skip
    argv = ["bash", "-eo", "pipefail", "-c", script]
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("::notice file=rules/note.yaml")
    assert (tmp_path / "out.sarif").is_file()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for processes in /proc")
def test_workers_end_with_the_process_that_they_work_for(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    for i in range(3000):
        (folder / f"{i:04}.yaml").write_text(RULE.format(number=i, condition="FileName has 'x'"), encoding="utf-8")
    argv = [sys.executable, "-m", "lurcher", "check", "rules", "--jobs", "2"]
    with subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        workers: set[int] = set()
        until = time.monotonic() + 30
        while len(workers) < 2 and process.poll() is None and time.monotonic() < until:
            workers = {c for c in children_of(process.pid) if b"spawn_main" in command_line(c)}
            time.sleep(0.05)
        process.kill()
    assert len(workers) == 2
    until = time.monotonic() + 30
    while any(b"spawn_main" in command_line(w) for w in workers) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(b"spawn_main" in command_line(w) for w in workers)


def children_of(pid: int) -> list[int]:
    try:
        return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
