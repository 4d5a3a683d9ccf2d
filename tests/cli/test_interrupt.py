"""Who waits for a query can stop waiting: Ctrl-C, --timeout, a limit on memory."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

#: Minutes of work, in one operator of the engine.
LONG = "range x from 1 to 2000000000 step 1 | extend y = hash_sha256(tostring(x)) | summarize dcount(y)"


def start(*argv: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "lurcher", "query", *argv],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_ends_a_query_that_runs(tmp_path: Path) -> None:
    process = start(LONG, cwd=tmp_path)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(4)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err.strip() == "interrupted"


def test_a_timeout_ends_a_query_that_runs(tmp_path: Path) -> None:
    process = start("--timeout", "0.5", LONG, cwd=tmp_path)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "longer than 0.5 s" in err


def test_a_limit_on_memory_is_kept_and_told(tmp_path: Path) -> None:
    process = start("--memory-limit", "60MB", LONG.replace("2000000000", "30000000"), cwd=tmp_path)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "more memory" in err


@pytest.mark.parametrize("limit", ["much", "-1", ""])
def test_a_limit_that_is_none_is_told(limit: str, tmp_path: Path) -> None:
    process = start("--memory-limit", limit, "print 1", cwd=tmp_path)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "Traceback" not in err
    assert "unforeseen" not in err


#: Some seconds of the compiler's work: a megabyte of comparisons.
WIDE = "datatable(a:long)[1] | where " + " or ".join(f"a + {i} == {i + 2}" for i in range(45_000))


def test_a_timeout_counts_the_compiler_too(tmp_path: Path) -> None:
    (tmp_path / "wide.kql").write_text(WIDE)
    process = start("--timeout", "0.5", "--sql", "-f", "wide.kql", cwd=tmp_path)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    assert "longer than 0.5 s" in err
    assert "Traceback" not in err


def test_ctrl_c_ends_the_compiler(tmp_path: Path) -> None:
    (tmp_path / "wide.kql").write_text(WIDE)
    process = start("--sql", "-f", "wide.kql", cwd=tmp_path)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.strip()) == (130, "", "interrupted")
    assert time.monotonic() - began < 3


def test_a_job_that_ignores_signals_has_its_time_all_the_same(tmp_path: Path) -> None:
    """What a shell starts with `&` in a script ignores SIGINT."""
    (tmp_path / "wide.kql").write_text(WIDE)
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); from lurcher.cli import main; sys.exit(main())"
    argv = [sys.executable, "-c", code, "query", "--timeout", "0.5", "--sql", "-f", "wide.kql"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "longer than 0.5 s" in done.stderr
