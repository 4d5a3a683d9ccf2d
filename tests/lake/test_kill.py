"""kill -9 in the middle of add, collect, optimize and expire: a few, as bench/kill.py does two hundred."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench" / "kill.py"


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
@pytest.mark.skipif(not BENCH.exists(), reason="not in a wheel")
def test_kills_leave_whole_states_and_lose_nothing() -> None:
    # A process of its own: it forks, and must not have a thread.
    done = subprocess.run(
        [sys.executable, str(BENCH), "12", "5"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every state was whole, no row lost, none doubled" in done.stdout
