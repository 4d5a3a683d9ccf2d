"""A service as an engine: KQL goes there, typed rows come back; with what did not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lurcher.engines.background import in_background
from lurcher.engines.base import Result
from lurcher.engines.remote.answers import Answer, read
from lurcher.engines.remote.faults import RemoteError, TooLarge
from lurcher.engines.remote.parts import Splittable, splittable
from lurcher.engines.remote.patience import Patience
from lurcher.engines.remote.replies import is_size
from lurcher.engines.remote.services import Question, Service, open_service
from lurcher.engines.remote.spans import Span
from lurcher.engines.remote.targets import Target
from lurcher.engines.remote.values import arrow_table, joined
from lurcher.kql.types import Columns, ScalarType

if TYPE_CHECKING:
    import pyarrow as pa

    from lurcher.plan.compile import Compiled

#: Ticks: what is not divided any further.
_SECOND = 10_000_000
#: Seconds that an answer is waited for where nobody says how long: the services' own measure.
_SECONDS = 180.0
_SMALLER = "ask for fewer columns (| project ...) or a shorter time"


@dataclass
class Outcome:
    """What came of a text. `failures`: what did not come, each with the time that it was of where it was asked for in parts."""

    results: list[Result] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    parts: int = 1

    @property
    def whole(self) -> bool:
        return not self.failures


@dataclass(frozen=True)
class _Piece:
    tables: list[tuple[Columns, pa.Table]]
    failure: str = ""


class RemoteEngine:
    """Asks one service. `timeout`: seconds for each text. `told` hears of waits and of parts."""

    def __init__(
        self,
        target: Target,
        *,
        timeout: float | None = None,
        told: Callable[[str], None] = lambda text: None,
        patience: Patience | None = None,
        options: dict[str, Any] | None = None,
    ) -> None:
        self.target = target
        self._timeout, self._told, self._options = timeout, told, options or {}
        self._patience = patience or Patience()
        self._service: Service | None = None

    @property
    def name(self) -> str:
        return self.target.name

    @property
    def service(self) -> Service:
        if self._service is None:
            self._service = open_service(self.target)
        return self._service

    @property
    def time_column(self) -> str:
        """What the service keeps its rows by."""
        return "TimeGenerated" if self.target.kind == "sentinel" else "Timestamp"

    def run(
        self,
        kql: str,
        span: Span | None = None,
        compiled: Compiled | None = None,
        *,
        cut: Splittable | None = None,
        types: Mapping[str, ScalarType] | None = None,
    ) -> Outcome:
        """`span`: what the service is to look at, for those that know one. `compiled`: the text as lurcher understands it; only
        with it, or with `cut`, an answer that is too large is asked for in parts. `types`: what columns are to be whatever the
        service calls them. Raises `RemoteError` where nothing came."""
        if not kql.strip():
            raise RemoteError("the query is empty", "for example: DeviceInfo | take 10")
        if span is not None and not self.service.spans:
            raise RemoteError(
                f"{self.service.title} knows no time span beside the query",
                "write it into the query: | where Timestamp > ago(1d)",
            )
        service = self.service
        until = time.monotonic() + self._timeout if self._timeout is not None else None
        stop = threading.Event()
        patience = replace(self._patience, stop=stop, told=self._told)

        def late() -> Exception | None:
            if until is None or time.monotonic() <= until:
                return None
            return RemoteError(
                f"{service.title} took longer than {self._timeout:g} s",
                "give it longer: --timeout SECONDS; or ask for less",
            )

        def work() -> Iterator[Outcome]:
            how = cut or (splittable(compiled, self.time_column) if compiled is not None else "it was not looked into")
            yield self._work(service, kql, span, how, types or {}, patience, until)

        for outcome in in_background(work, stop.set, late):
            return outcome
        raise RemoteError("the query was interrupted")

    def table(self, kql: str, span: Span | None = None, compiled: Compiled | None = None) -> pa.Table:
        """All rows of the first result; for those who cannot do with some. Raises `RemoteError` where any are missing."""
        outcome = self.run(kql, span, compiled)
        if not outcome.whole:
            raise RemoteError("only a part of the rows came: " + "; ".join(outcome.failures))
        return outcome.results[0].table()

    def close(self) -> None:
        if self._service is not None:
            self._service.close()
            self._service = None

    # --- one text ---
    def _work(
        self,
        service: Service,
        kql: str,
        span: Span | None,
        cut: Splittable | str,
        types: Mapping[str, ScalarType],
        patience: Patience,
        until: float | None,
    ) -> Outcome:
        text = span.text if span is not None else ""

        def ask(kql: str) -> Answer:
            seconds = _SECONDS if until is None else max(1.0, until - time.monotonic())
            question = Question(kql, text, seconds, self._options)

            def once() -> Answer:
                return read(service.send(question).document(service.title), service.title)

            return patience.get(once, until, service.quota)

        try:
            answer = ask(kql)
            if isinstance(cut, str) or not _too_many(answer, service.most_rows):
                return self._outcome([self._piece(answer, service, "", types)])
        except TooLarge as error:
            if isinstance(cut, str):
                raise RemoteError(str(error), f"{_SMALLER}; it cannot be asked for in parts: {cut}") from None
        return self._in_parts(cut, span, types, ask, service, patience)

    def _in_parts(
        self,
        cut: Splittable,
        span: Span | None,
        types: Mapping[str, ScalarType],
        ask: Callable[[str], Answer],
        service: Service,
        patience: Patience,
    ) -> Outcome:
        # The service's span is of the time that it keeps by, and says nothing of another column.
        whole = _both(cut.span, span if cut.column == self.time_column else None)
        if whole.start is None:
            raise RemoteError(
                f"the answer is larger than {service.title} gives at once",
                "say from when to when, so that it can be asked for in parts: --timespan START/END, or a filter on the time",
            )
        waiting = list(reversed(_halves(whole)))
        pieces: list[_Piece] = []
        while waiting:
            part = waiting.pop()
            if patience.stop.is_set():
                raise RemoteError("the query was interrupted")
            self._told(f"asking for {part.shown()}")
            try:
                answer = ask(cut.part(part))
                large = _too_many(answer, service.most_rows)
                halves = _halves(part) if large else []
                if not halves:
                    pieces.append(self._piece(answer, service, part.shown(), types))
            except TooLarge as error:
                halves = _halves(part)
                if not halves:
                    pieces.append(_Piece([], f"{part.shown()}: {error}"))
            except RemoteError as error:
                halves = []
                pieces.append(_Piece([], f"{part.shown()}: {error.message}"))
            waiting += reversed(halves)
        if not any(p.tables for p in pieces):
            raise RemoteError(pieces[0].failure)
        return self._outcome(pieces if not cut.descending else pieces[::-1])

    def _piece(self, answer: Answer, service: Service, when: str, types: Mapping[str, ScalarType]) -> _Piece:
        if not answer.tables:
            raise RemoteError(answer.partial or f"{service.title} gave no table")
        given = [t.typed(types) for t in answer.tables] if types else answer.tables
        tables = [(t.columns, arrow_table(t)) for t in given]
        failure = answer.partial
        if not failure and _too_many(answer, service.most_rows):
            failure = f"{service.title} gives {service.most_rows:,} rows at once, more may be missing; {_SMALLER}"
        return _Piece(tables, f"{when}: {failure}" if when and failure else failure)

    def _outcome(self, pieces: Sequence[_Piece]) -> Outcome:
        found = [p for p in pieces if p.tables]
        outcome = Outcome(failures=[p.failure for p in pieces if p.failure], parts=len(pieces))
        for i, (columns, first) in enumerate(found[0].tables):
            table = first if len(found) == 1 else joined([p.tables[i][1] for p in found], columns)
            outcome.results.append(Result(columns, iter(table.to_batches()), None))
        return outcome


def _too_many(answer: Answer, most: int) -> bool:
    return is_size(answer.partial) or any(len(t.rows) >= most for t in answer.tables)


def _both(one: Span, other: Span | None) -> Span:
    if other is None:
        return one
    starts = [s for s in (one.start, other.start) if s is not None]
    stops = [s for s in (one.stop, other.stop) if s is not None]
    return Span(max(starts, default=None), min(stops, default=None))


def _halves(span: Span) -> list[Span]:
    """Two half-open spans that are the whole; none where it is too short to be halved. An open end stays open."""
    assert span.start is not None
    if span.stop is None:
        now = (int(time.time()) + 62_135_596_800) * _SECOND
        if span.start >= now:
            return []
        return [Span(span.start, now), Span(now, None)]
    middle = (span.start + span.stop) // 2 // _SECOND * _SECOND
    return [Span(span.start, middle), Span(middle, span.stop)] if span.start < middle < span.stop else []
