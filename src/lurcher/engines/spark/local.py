"""A Spark of this process's own, `spark:local`: a Java process with a server of Spark Connect, which ends when this one does."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from lurcher.errors import LurcherError, shown

#: Seconds until it must answer; the oldest Java, and Spark, that will do.
_START, _JAVA, _SPARK = 90, 17, 4
_CLASS = "org.apache.spark.sql.connect.service.SparkConnectServer"
#: Bytes of memory where none are given: what a laptop has to spare.
_MEMORY = 2 << 30
_INSTALL = 'pip install "pyspark[connect]" (in place of pyspark-client), or set SPARK_HOME'
#: Of these this process's own Spark knows nothing: they would send it to another server.
_OTHERS = (
    "SPARK_REMOTE",
    "SPARK_CONNECT_MODE",
    "SPARK_API_MODE",
    "SPARK_MASTER",
    "SPARK_TESTING",
    "PYSPARK_SUBMIT_ARGS",
)


@dataclass(frozen=True)
class Installed:
    """Where Spark and Java are, and which they are."""

    spark: Path
    spark_version: str
    java: str
    java_version: str


def installed() -> Installed:
    """What `spark:local` starts. Raises `LurcherError`, which names what is missing."""
    home = _home()
    jars = list((home / "jars").glob("spark-connect_*.jar"))
    if not jars:
        raise LurcherError(
            f"the Spark in {shown(str(home), 200)} has no Spark Connect", f"Spark 4 or newer: {_INSTALL}"
        )
    version = jars[0].stem.rpartition("-")[2]
    if not version.partition(".")[0].isdigit() or int(version.partition(".")[0]) < _SPARK:
        raise LurcherError(f"the Spark in {shown(str(home), 200)} is {version}", f"Spark 4 or newer: {_INSTALL}")
    java, found = _java()
    return Installed(home, version, java, found)


def _home() -> Path:
    named = os.environ.get("SPARK_HOME")
    if named:
        if not (Path(named) / "bin" / "spark-submit").exists():
            raise LurcherError(f"there is no Spark in SPARK_HOME ({shown(named, 200)})", _INSTALL)
        return Path(named)
    # Looked for and not imported: the client ends a process that it takes for its own doctests.
    spec = importlib.util.find_spec("pyspark")
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        if (Path(place) / "jars").is_dir():
            return Path(place)
    raise LurcherError("spark:local needs Spark, which is not installed here", _INSTALL)


def _java() -> tuple[str, str]:
    home = os.environ.get("JAVA_HOME")
    hint = f"install Java {_JAVA} or newer (Debian: apt install openjdk-17-jre-headless), or set JAVA_HOME"
    java = os.path.join(home, "bin", "java") if home else shutil.which("java")
    if not java:
        raise LurcherError("spark:local needs Java, which is not installed here", hint)
    try:
        told = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=30, errors="replace", check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise LurcherError(f"{shown(java, 200)} does not start: {shown(str(error), 200)}", hint) from None
    found = re.search(r'version "((?:1\.)?(\d+)[^"]*)"', told.stderr + told.stdout)
    if found is None:
        raise LurcherError(f"{shown(java, 200)} does not tell its version", hint)
    if int(found[2]) < _JAVA:
        raise LurcherError(f"spark:local needs Java {_JAVA} or newer, and {shown(java, 200)} is {found[1]}", hint)
    return java, found[1]


#: The one that runs, and for how many: starting another takes seconds and gigabytes.
_lock = threading.Lock()
_running: list[LocalSpark] = []
_users = 0


def lease(memory: int | None = None) -> LocalSpark:
    """The Spark of this process, started where there is none. `memory` counts for who starts it. To be given back."""
    global _users
    with _lock:
        if not _running:
            server = LocalSpark(memory)
            server.start()
            _running.append(server)
        _users += 1
        return _running[0]


def give_back() -> None:
    """Stops it where nobody else has it."""
    global _users
    with _lock:
        _users = max(0, _users - 1)
        if not _users:
            while _running:
                _running.pop().stop()


class LocalSpark:
    """`memory` in bytes, for the Java process; `threads` is how many tasks run at once."""

    def __init__(self, memory: int | None = None, threads: int | None = None) -> None:
        self._memory = max(memory or _MEMORY, 512 << 20)
        self._threads = threads or os.cpu_count() or 2
        self._keeper: subprocess.Popen[bytes] | None = None
        self._folder = ""
        #: Who is not given it is turned away: the port is open to all users of the machine.
        self.token = secrets.token_hex(16)
        self.port = 0

    def start(self) -> None:
        what = installed()
        # The port is free now, and may have been taken when the server comes to it.
        for _ in range(3):
            self._start(what)
            if self._answers():
                return
            said = self._said()
            self.stop()
            if "BindException" not in said and "already in use" not in said:
                break
        raise LurcherError(f"Spark did not start: {shown(said, 300)}", "lurcher engines spark:local")

    def _start(self, what: Installed) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._folder = tempfile.mkdtemp(prefix="lurcher-spark-")
        settings = {
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": self.port,
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            # A message in place of a process that runs out of memory.
            "spark.driver.maxResultSize": f"{self._memory // 2 >> 20}m",
            "spark.local.dir": self._folder,
            "spark.log.level": "WARN",
            # Another port would be another server, to which nobody here is told to speak.
            "spark.port.maxRetries": 0,
            "spark.sql.catalogImplementation": "in-memory",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.shuffle.partitions": max(2, self._threads),
            "spark.sql.warehouse.dir": os.path.join(self._folder, "warehouse"),
            "spark.ui.enabled": "false",
        }
        command = [str(what.spark / "bin" / "spark-submit"), "--class", _CLASS, "--name", "lurcher"]
        command += ["--master", f"local[{self._threads}]", "--driver-memory", f"{self._memory >> 20}m"]
        for name, value in settings.items():
            command += ["--conf", f"{name}={value}"]
        environment = {k: v for k, v in os.environ.items() if k not in _OTHERS}
        environment |= {
            "SPARK_HOME": str(what.spark),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_CONNECT_AUTHENTICATE_TOKEN": self.token,
            # Functions run in this Python, with what is installed here.
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
        }
        self._keeper = subprocess.Popen(
            [sys.executable, "-m", "lurcher.engines.spark.keeper", self._folder, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            # Ctrl-C is for this process, which then stops the other.
            start_new_session=True,
        )

    def _answers(self) -> bool:
        """Waits until it does, or has ended."""
        until = time.monotonic() + _START
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return True
            if self._keeper is None or self._keeper.poll() is not None:
                return False
            time.sleep(0.1)
        return False

    def _log(self) -> str:
        try:
            with open(os.path.join(self._folder, "log"), encoding="utf-8", errors="replace") as file:
                return file.read(1 << 16)
        except OSError:
            return ""

    def _said(self) -> str:
        """What of its log says why."""
        lines = [line.strip() for line in self._log().splitlines()]
        telling = [line for line in lines if re.search(r"Exception|Error|rror:|not found", line)]
        return (telling or lines or [f"it said nothing in {_START} s"])[0]

    def stop(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        assert keeper.stdin is not None
        with contextlib.suppress(OSError):
            keeper.stdin.close()
        try:
            keeper.wait(20)
        except subprocess.TimeoutExpired:
            keeper.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
