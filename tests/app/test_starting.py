"""Ctrl-C while processes are starting: only the one that started them answers it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
import signal, sys, time
from datetime import UTC, datetime
from pathlib import Path

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LINE = '{"time": "2025-01-02T03:04:05Z", "category": "AdvancedHunting-DeviceEvents", "properties": {"ReportId": %d}}\\n'

def work(bench, part):
    return part

def lake_and_files(folder):
    from lurcher.lake import Lake
    files = [folder / f"{n}.json" for n in range(2)]
    for n, file in enumerate(files):
        file.write_text("".join(LINE % (n * 100000 + i) for i in range(20000)))
    return Lake.create(folder / "lake"), files

def apart(folder):
    from lurcher.app import add, apart
    from lurcher.collect.exports import lines
    apart.WORTH, lines.BLOCK = 1, 10_000
    lake, files = lake_and_files(folder)
    add.add(lake, files[:1], now=NOW, workers=2)

def together(folder):
    from lurcher.app import add, together
    together._WORTH = 1
    lake, files = lake_and_files(folder)
    add.add(lake, files, now=NOW, workers=2)

def check(folder):
    from lurcher.app import check
    from lurcher.app.session import Session
    list(check._in_processes([[], []], Session.open(None, NOW), False, 2))

def testing(folder):
    from lurcher.app import testing
    list(testing.spread(work, [1, 2, 3], 2))

if __name__ == "__main__":
    # What runs in the background has Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        globals()[sys.argv[1]](Path(sys.argv[2]))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
else:
    print("starting", flush=True)
    time.sleep(1)
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="there Ctrl-C cannot be held back")
@pytest.mark.parametrize("what", ["apart", "together", "check", "testing"])
def test_ctrl_c_is_answered_by_the_one_that_starts_processes(what: str, tmp_path: Path) -> None:
    script = tmp_path / "starting.py"
    script.write_text(_SCRIPT)
    child = subprocess.Popen(
        [sys.executable, script, what, tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "starting\n"
    os.killpg(child.pid, signal.SIGINT)
    said, complained = child.communicate(timeout=60)
    assert complained == ""
    assert child.returncode == 0
    assert "interrupted" in said.splitlines()
