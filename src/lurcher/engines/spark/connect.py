"""A session of Spark Connect with the settings that the SQL rests on; a server of Sail in this process where that is asked for."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import re
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError, shown

if TYPE_CHECKING:
    import pyarrow as pa

SAIL, LOCAL = "spark:sail", "spark:local"
_ADDRESS = re.compile(r"spark://([A-Za-z0-9.\-]+|\[[0-9a-fA-F:]+\])(?::(\d{1,5}))?/?$")
_PORT = 15002
#: Seconds to wait for a connection, and for a session.
_PATIENCE, _AT_MOST = 10, 30
#: Seconds that the end of a session is waited for.
_RELEASE = 2.0
#: Milliseconds that the client waits before it asks again; by itself it would ask for ten minutes.
_AGAIN: dict[str, Any] = {"max_retries": 7, "initial_backoff": 50, "max_backoff": 8000}
#: Rows, and bytes, of a batch: Sail sends a thousand rows at a time.
_ROWS, _BYTES = 65_536, 8 << 20
#: Setting -> what it is to be: UTC; errors instead of silent nulls; texts of a statement read as they are written.
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.variable.substitute": "false",
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.caseSensitive": "false",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    # Rows that a query has in its text stay in their order; files are read by many all the same.
    "spark.sql.leafNodeDefaultParallelism": "1",
    "spark.sql.files.minPartitionNum": "32",
}
#: Those without which an answer could be another one: not told as set, none is asked.
_NEEDED = ("spark.sql.session.timeZone", "spark.sql.ansi.enabled", "spark.sql.parser.escapedStringLiterals")


def need_address(where: str) -> str:
    """The address itself; raises `LurcherError` where it is none."""
    found = _ADDRESS.fullmatch(where)
    # A larger number is another port to the system, counted on from 0.
    if where not in (SAIL, LOCAL) and (found is None or not 0 < int(found[2] or _PORT) < 1 << 16):
        raise LurcherError(
            f"{shown(where, 80)} is no engine", "one of: duckdb, spark:local, spark:sail, spark://HOST:15002"
        )
    return where


#: Those that have a session. Threads of the client and of Sail must have ended before the interpreter does: it would wait for them.
_open: list[Connection] = []


def close_all() -> bool:
    """Whether there was anything to close."""
    had = bool(_open)
    while _open:
        _open.pop().close()
    return had


@contextlib.contextmanager
def _a_main_file() -> Iterator[None]:
    """Spark's client takes a program without a file (`python -c`, a worker of a test runner) for its own doctests, and ends it."""
    main: Any = sys.modules["__main__"]
    if hasattr(main, "__file__"):
        yield
        return
    main.__file__ = "<lurcher>"
    try:
        yield
    finally:
        del main.__file__


class Connection:
    """Opens nothing before `session()` is asked for. `memory` in bytes is what a Spark that is started here may use."""

    def __init__(self, where: str, memory: int | None = None) -> None:
        self._where = need_address(where)
        self._memory = memory
        self._server: Any = None
        self._session: Any = None
        #: Those that were forgotten: a thread may still wait in them.
        self._left: list[Any] = []

    def session(self) -> Any:
        if self._session is None:
            self._session = self._open()
            if not _open:
                atexit.register(close_all)
            if self not in _open:
                _open.append(self)
        return self._session

    def _open(self) -> Any:
        if self._where == LOCAL:
            from lurcher.engines.spark.local import installed

            installed()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with _a_main_file():
                    from pyspark.sql.connect.session import SparkSession
        except Exception as error:  # noqa: BLE001 - the client looks for what it needs itself, and says it in many ways
            hint = 'install it: pip install "lurcher[spark]"'
            raise LurcherError(f"the client of Spark Connect is not there: {shown(str(error), 200)}", hint) from None
        # They are told as errors as well.
        warnings.filterwarnings("ignore", message=r"\[RETRIES_EXCEEDED\]")
        for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger", "pyspark.sql.connect.logging"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        address = {SAIL: self._sail, LOCAL: self._local}.get(self._where, self._remote)()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                session = _made(SparkSession, address)
        except LurcherError:
            self.close()
            raise
        except Exception as error:  # noqa: BLE001
            self.close()
            said = " ".join(str(error).split())
            hint = "is Spark Connect running there?"
            if "unsupported PySpark version" in said:
                hint = "Sail knows clients of some versions alone; for Sail 0.7: pip install 'pyspark-client<4.3'"
            raise LurcherError(f"{self._where} does not answer: {shown(said, 200)}", hint) from None
        return session

    def _remote(self) -> str:
        found = _ADDRESS.match(self._where)
        assert found is not None
        host, port = found[1], int(found[2] or _PORT)
        try:
            # The client would try for ten minutes.
            socket.create_connection((host.strip("[]"), port), timeout=_PATIENCE).close()
        except (OSError, OverflowError) as error:
            hint = "is Spark Connect running there?"
            raise LurcherError(f"{self._where} does not answer: {error}", hint) from None
        return f"sc://{host}:{port}/;use_ssl=false"

    def _sail(self) -> str:
        try:
            from pysail.spark import SparkConnectServer  # type: ignore[import-untyped, unused-ignore]
        except ImportError:
            raise LurcherError("Sail is not installed", "install it: pip install pysail") from None
        if self._server is None:
            # It tells each step on standard error.
            os.environ.setdefault("RUST_LOG", "off")
            self._server = SparkConnectServer(ip="127.0.0.1", port=0)
            self._server.start(background=True)
        return f"sc://127.0.0.1:{self._server.listening_address[1]}"

    def _local(self) -> str:
        from lurcher.engines.spark import local

        if self._server is None:
            self._server = local.lease(self._memory)
        # The client sends a token in the clear to this name alone.
        return f"sc://localhost:{self._server.port}/;token={self._server.token}"

    def forget(self) -> None:
        """The next query gets another session; this one ends with the connection."""
        if self._session is not None:
            self._left.append(self._session)
            self._session = None

    def close(self) -> None:
        self.forget()
        left, self._left = self._left, []
        _ended(left)
        if self in _open:
            _open.remove(self)
        if self._server is not None:
            if self._where == LOCAL:
                from lurcher.engines.spark import local

                local.give_back()
            else:
                self._server.stop()
            self._server = None


def stream(session: Any, text: str, tag: str) -> Iterator[pa.RecordBatch]:
    """The rows of a statement as they come; `cancel(session, tag)`, from another thread, ends it. In the thread that reads them."""
    session.addTag(tag)
    try:
        client = session.client
        answer = client.to_table_as_iterator(session.sql(text)._plan.to_proto(client), {})
        # What is closed before its end is released on the server, too.
        with contextlib.closing(answer):
            yield from _gathered(part for part in answer if hasattr(part, "num_rows"))
    finally:
        session.removeTag(tag)


def _gathered(tables: Iterable[pa.Table]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    held: list[pa.Table] = []
    rows = size = 0

    def together() -> list[pa.RecordBatch]:
        return pa.concat_tables(held).combine_chunks().to_batches(_ROWS)  # type: ignore[no-any-return, unused-ignore]

    for table in tables:
        held.append(table)
        rows, size = rows + table.num_rows, size + table.nbytes
        if rows >= _ROWS or size >= _BYTES:
            yield from together()
            held, rows, size = [], 0, 0
    if rows:
        yield from together()


def not_for_long(name: str, seconds: float, *works: Callable[[], object]) -> None:
    """Asks a server for what need not succeed, at once, and waits so long: one that is gone would be asked again and again."""

    def run(work: Callable[[], object]) -> None:
        with contextlib.suppress(Exception):
            work()

    threads = [threading.Thread(target=run, args=(work,), name=name, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


def cancel(session: Any, tag: str) -> None:
    """Ends what `stream` reads."""
    not_for_long("cancel", 0.2, lambda: session.interruptTag(tag))


def _ended(sessions: list[Any]) -> None:
    """Sessions with what runs in them. Released first: `stop` would do it with the lock that every other session needs."""
    not_for_long("release", _RELEASE, *(session.client.release_session for session in sessions))
    for session in sessions:
        session.release_session_on_close = False
    not_for_long("stop", _RELEASE, *(session.stop for session in sessions))


def _made(sessions: Any, address: str) -> Any:
    session = sessions.builder.remote(address).create()
    with contextlib.suppress(Exception):
        from pyspark.sql.connect.client.retries import DefaultPolicy

        session.client.set_retry_policies([DefaultPolicy(**_AGAIN)])
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            _set(session)
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
            failed.append(error)

    # What takes a connection need not be Spark, and may say nothing.
    thread = threading.Thread(target=ask, name="connect", daemon=True)
    thread.start()
    thread.join(_AT_MOST)
    late = thread.is_alive()
    if late or failed:
        _ended([session])
        raise TimeoutError(f"no answer in {_AT_MOST} s") if late else failed[0]
    return session


def _set(session: Any) -> None:
    refused: Exception | None = None
    for name, value in SETTINGS.items():
        try:
            session.conf.set(name, value)
        except Exception as error:  # noqa: BLE001 - a server need not know all; those that are needed are looked at below
            refused = refused or error
    for name in _NEEDED:
        try:
            found = session.conf.get(name)
        except Exception as error:  # noqa: BLE001 - what it said first says more
            raise refused or error from None
        if str(found).lower() != SETTINGS[name].lower():
            raise LurcherError(f"this Spark has {name} = {found}, and must have {SETTINGS[name]}")
