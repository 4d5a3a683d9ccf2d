"""`spark:local`: what it needs, told where it is missing; its process ends with ours."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lurcher.engines.spark.connect import need_address
from lurcher.engines.spark.local import LocalSpark, installed
from lurcher.errors import LurcherError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="programs of a shell")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Spark and a Java that only say what they are."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    for folder in ("bin", "jars"):
        (tmp_path / folder).mkdir()
    (tmp_path / "jars" / "spark-connect_2.13-4.1.0.jar").touch()
    _program(tmp_path / "bin" / "spark-submit", 'echo "Exception in thread main: no room"; exit 3')
    _program(tmp_path / "bin" / "java", "echo 'openjdk version \"17.0.15\" 2025-04-15' >&2")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_what_is_installed(home: Path) -> None:
    found = installed()
    assert (found.spark, found.spark_version, found.java_version) == (home, "4.1.0", "17.0.15")


def test_it_is_an_engine() -> None:
    assert need_address("spark:local") == "spark:local"


@pytest.mark.parametrize(
    ("version", "told"),
    [("openjdk version \"11.0.2\"", "needs Java 17 or newer, and .* is 11.0.2"), ('java version "1.8.0_392"', "is 1.8.0_392"),
     ("no JVM", "does not tell its version")],
)  # fmt: skip
def test_a_java_that_will_not_do(home: Path, version: str, told: str) -> None:
    _program(home / "bin" / "java", f"echo '{version}'")
    with pytest.raises(LurcherError, match=told) as raised:
        installed()
    assert "install Java 17 or newer" in raised.value.hint


def test_no_java(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "bin" / "java").unlink()
    monkeypatch.setenv("PATH", str(home / "bin"))
    with pytest.raises(LurcherError, match="needs Java, which is not installed"):
        installed()
    monkeypatch.setenv("JAVA_HOME", str(home / "none"))
    with pytest.raises(LurcherError, match="does not start"):
        installed()


def test_a_spark_that_will_not_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "jars" / "spark-connect_2.13-4.1.0.jar").rename(home / "jars" / "spark-connect_2.12-3.5.1.jar")
    with pytest.raises(LurcherError, match=r"is 3\.5\.1"):
        installed()
    (home / "jars" / "spark-connect_2.12-3.5.1.jar").unlink()
    with pytest.raises(LurcherError, match="has no Spark Connect"):
        installed()
    monkeypatch.setenv("SPARK_HOME", str(home / "none"))
    with pytest.raises(LurcherError, match="there is no Spark in SPARK_HOME") as raised:
        installed()
    assert "pyspark[connect]" in raised.value.hint


def test_one_that_does_not_start_says_why(home: Path) -> None:
    server = LocalSpark()
    with pytest.raises(LurcherError, match="Spark did not start: Exception in thread main: no room"):
        server.start()
    assert not Path(server._folder).exists()


def test_the_process_ends_with_ours(tmp_path: Path) -> None:
    """Killed, it cannot stop anything; the keeper sees that its input has ended."""
    folder = tmp_path / "spark"
    folder.mkdir()
    keep = f"[sys.executable, '-m', 'lurcher.engines.spark.keeper', {str(folder)!r}, 'sh', '-c', 'echo $$; exec sleep 300']"
    ours = (f"import os, subprocess, sys, time; subprocess.Popen({keep}, stdin=subprocess.PIPE, start_new_session=True)\n"
            f"while not (os.path.exists({str(folder / 'log')!r}) and os.path.getsize({str(folder / 'log')!r})): time.sleep(0.05)\n"
            "os.kill(os.getpid(), 9)")  # fmt: skip
    subprocess.run([sys.executable, "-c", ours], check=False, timeout=60)
    until = time.monotonic() + 20
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert not folder.exists()


@pytest.mark.skipif(os.environ.get("LURCHER_SPARK") != "spark:local", reason="make test-spark")
def test_who_has_no_token_is_turned_away(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from lurcher.engines.spark import connect, local

    monkeypatch.setattr(connect, "_AT_MOST", 5)
    server = local.lease()
    try:
        with pytest.raises(LurcherError, match="does not answer"):
            connect.Connection(f"spark://127.0.0.1:{server.port}").session()
    finally:
        local.give_back()


def test_engines_are_listed(home: Path) -> None:
    from lurcher.app.engines import listed

    found = listed("spark:local")
    assert (found.problem, found.facts, found.asked) == ("", (("version", "4.1.0"), ("Java", "17.0.15")), False)
    (home / "jars" / "spark-connect_2.13-4.1.0.jar").unlink()
    assert "has no Spark Connect" in listed("spark:local").problem


def test_an_engine_is_asked(engine: str) -> None:
    from lurcher.app.engines import look

    found = look(engine)
    facts = dict(found.facts)
    assert found.problem == ""
    assert (facts["time zone"], facts["ANSI mode"], facts["clock"]) == ("UTC", "on", "as here")
    assert facts["Delta"].partition(" ")[0] == ("yes" if engine == "spark:sail" else "no")
    assert "duckdb 2" in facts["Python of its workers"]
