"""Questions are answered here: some at once, the others wait; each has its time, its rows and its bytes."""

from __future__ import annotations

import asyncio
import gzip
import json
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Refused
from lurcher.kql.source import Source
from lurcher.kql.types import Columns, ScalarType
from lurcher.plan.windows import TimeWindow
from lurcher.server.problems import Problem, of_error, of_refusal

if TYPE_CHECKING:
    from lurcher.app.session import Limits, Session
    from lurcher.app.supplies import Asked
    from lurcher.engines.base import Result
    from lurcher.engines.hot import Hot
    from lurcher.lake import Lake
    from lurcher.plan.nodes import Render

#: What the services give at once (Log Analytics, Azure Data Explorer; Defender's hunting).
MOST_ROWS, MOST_HUNTED = 500_000, 100_000
MOST_BYTES = 64 << 20
#: And where a client of Kusto says `notruncation`.
MOST_UNBOUNDED = 512 << 20
#: Questions that wait, for each that can be answered at once.
_WAITING = 16
#: Bytes that are packed: less is not worth it, more takes longer than sending it on one machine.
_PACKED = range(1_000, 8 << 20)


@dataclass(frozen=True)
class Question:
    """`seconds` that the asker gives it, `window` the time of rows that it looks at, seen from now(), `rows` and `bytes` that it
    takes; with `cut` rows beyond are left out and that is said, else it is an error. `texts`: dynamic values as text; `objects`: a
    row is an object."""

    kql: str
    seconds: float | None = None
    window: Callable[[datetime], TimeWindow] | None = None
    now: datetime | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    rows: int = MOST_ROWS
    bytes: int = MOST_BYTES
    cut: bool = False
    texts: bool = False
    objects: bool = False


@dataclass
class Table:
    """Rows of a result as JSON, without what stands around them."""

    columns: Columns
    chunks: list[bytes] = field(default_factory=list)
    rows: int = 0
    render: Render | None = None

    def json(self) -> bytes:
        return b"[" + b",".join(self.chunks) + b"]"


@dataclass
class Answer:
    """`cut`: why there are not all rows; '' where there are. `seconds` that it took."""

    tables: list[Table]
    seconds: float = 0.0
    cut: str = ""


#: Makes the bytes of a document of an answer.
Writer = Callable[[Answer], bytes]


@dataclass
class Desk:
    """`now`: the clock; `as_of`: what now() means instead. Questions at once: as many as there are `seats`."""

    open_lake: Callable[[], Lake]
    limits: Limits
    asked: Asked
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    as_of: str | None = None
    seats: int = 4
    hot: Hot | None = None
    seconds: float = 240.0

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(self.seats, thread_name_prefix="question")
        # A lake remembers what it has read of a table's log, and is no thing for several threads.
        self._lakes: queue.LifoQueue[Lake] = queue.LifoQueue()
        for _ in range(self.seats):
            self._lakes.put(self.open_lake())
        self._busy = 0
        self._stops: set[threading.Event] = set()
        self._closed = False

    # --- from the event loop ---
    async def ask(
        self, question: Question, write: Writer, gone: Callable[[], Awaitable[bool]], packed: bool = False
    ) -> tuple[bytes, bool]:
        """The document, and whether it is gzip. `gone`: whether whoever asked has gone: then the question is given up. Raises
        `Problem`."""

        def work(stop: threading.Event) -> tuple[bytes, bool]:
            document = write(self.answer(question, stop))
            if packed and len(document) in _PACKED:
                return gzip.compress(document, 1), True
            return document, False

        document, is_packed = await self._seated(work, gone)
        return document, is_packed

    async def look(self, work: Callable[[Session], Any]) -> Any:
        """What `work` makes of a session: for what is asked about the tables themselves."""

        def seated(stop: threading.Event) -> Any:
            with self._session(Question(""), stop) as session:
                return work(session)

        async def here() -> bool:
            return False

        return await self._seated(seated, here)

    async def _seated(self, work: Callable[[threading.Event], Any], gone: Callable[[], Awaitable[bool]]) -> Any:
        if self._closed:
            raise Problem("busy", "the service is ending")
        if self._busy >= self.seats * (1 + _WAITING):
            raise Problem("busy", f"{self._busy} questions are waiting already", "ask again in a moment")
        stop = threading.Event()
        self._busy += 1
        self._stops.add(stop)
        future = asyncio.get_running_loop().run_in_executor(self._threads, work, stop)
        try:
            while True:
                done, _ = await asyncio.wait({future}, timeout=0.2)
                if done:
                    return future.result()
                if not stop.is_set() and await gone():
                    stop.set()
        except asyncio.CancelledError:
            stop.set()
            raise
        finally:
            self._busy -= 1
            self._stops.discard(stop)

    def close(self) -> None:
        """Give up what is being answered, and take no more."""
        self._closed = True
        for stop in list(self._stops):
            stop.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    # --- in a thread ---
    def answer(self, question: Question, stop: threading.Event) -> Answer:
        """Raises `Problem`."""
        begun, source = time.monotonic(), Source(question.kql)
        if stop.is_set():
            raise Problem("gone", "the query was given up")
        if question.seconds is not None and question.seconds <= 0:
            raise Problem("request", "the request gives the query no time")
        try:
            with self._session(question, stop, source) as session:
                until = begun + (session.limits.timeout or self.seconds)
                compiled = session.need(source, until)
                if not compiled.queries:
                    raise Problem("syntax", "the text has no query", "for example: DeviceInfo | take 10")
                if question.objects and len(compiled.queries) > 1:
                    raise Problem(
                        "unsupported", f"{len(compiled.queries)} queries in one text: there is one answer here"
                    )
                answer = Answer([])
                for query in compiled.queries:
                    answer.tables.append(self._table(session.start(query, source, until), question, answer))
        except Refused as refused:
            raise of_refusal(refused, source) from None
        except LurcherError as error:
            raise of_error(error) from None
        answer.seconds = time.monotonic() - begun
        return answer

    @contextmanager
    def _session(self, question: Question, stop: threading.Event, source: Source | None = None) -> Iterator[Session]:
        from dataclasses import replace

        from lurcher.app.query import open_session
        from lurcher.server.parameters import values

        seconds = self.seconds if question.seconds is None else min(question.seconds, self.seconds)
        limits = replace(self.limits, timeout=seconds)
        lake = self._lakes.get()
        try:
            now = question.now or self.now()
            as_of = self.as_of if question.now is None else None
            session = open_session(lake, now, as_of, limits=limits, asked=self.asked, source=source)
            session.hot, session.stop = self.hot, stop
            session.tables.window = question.window(session.now) if question.window is not None else None
            if question.parameters:
                session.parameters = values(source or Source(""), question.parameters)
            try:
                yield session
            finally:
                session.close()
        finally:
            self._lakes.put(lake)

    def _table(self, result: Result, question: Question, answer: Answer) -> Table:
        from lurcher.engines.values import protocol_rows

        table = Table(result.columns, render=result.render)
        size = sum(len(c) for t in answer.tables for c in t.chunks)
        names = [c.name for c in result.columns]
        dynamic = [i for i, c in enumerate(result.columns) if c.type is ScalarType.DYNAMIC] if question.texts else []
        for batch in result.batches:
            room = question.rows - table.rows
            if batch.num_rows > room:
                if not question.cut:
                    raise _too_large(f"more than {question.rows:,} rows")
                answer.cut = f"more than {question.rows:,} rows"
                batch = batch.slice(0, room)
            rows: list[Any] = list(protocol_rows(batch, result.columns))
            for i in dynamic:
                for row in rows:
                    row[i] = _text(row[i])
            if question.objects:
                rows = [dict(zip(names, row, strict=True)) for row in rows]
            if rows:
                chunk = dumps(rows)[1:-1]
                size += len(chunk)
                if size > question.bytes:
                    raise _too_large(f"more than {question.bytes:,} bytes")
                table.chunks.append(chunk)
                table.rows += len(rows)
            if answer.cut:
                break
        return table


def _too_large(what: str) -> Problem:
    return Problem(
        "limit", f"Query result set has exceeded the internal limit: {what} (E_QUERY_RESULT_SET_TOO_LARGE; 0x80DA0003)"
    )


def _text(value: Any) -> Any:
    """A dynamic value as text; a text as it is."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def dumps(value: Any) -> bytes:
    """JSON. Integers of any size, and halves of surrogates, are what a dynamic value may hold."""
    import orjson

    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
