"""Rows of a table of a live service into the lake.

A day at a time, each in one commit. A row is known by its content and, as equal rows are real, by the how many-th it is: rows of
one content have one time and come together, so that a window that is pulled again adds nothing, whatever its bounds. Days that
were pulled whole when they were over for a day are not asked for again; what failed is, the next time.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lurcher.app.live import Live
from lurcher.engines.remote.faults import RemoteError
from lurcher.engines.remote.parts import Splittable
from lurcher.engines.remote.spans import Span, ticks_of
from lurcher.errors import LurcherError, shown
from lurcher.kql.types import ScalarType
from lurcher.kql.values import TICKS_PER_DAY, datetime_text, parse_datetime
from lurcher.lake import Lake, LakeChangedError, SourceId, SourceRecord
from lurcher.lake.layout import check_table_name
from lurcher.schema import TableSchema

if TYPE_CHECKING:
    import pyarrow as pa

    from lurcher.engines.base import Result

FORMAT = "pull"
#: How long after its end a stretch of time is asked for again: until then rows may still come in.
SETTLED = timedelta(days=1)
_ATTEMPTS = 5


@dataclass
class Pulled:
    """One stretch of time. `rows` came, `added` were new to the lake. `failure`: why not all of them came; '' where they did."""

    span: Span
    rows: int = 0
    added: int = 0
    parts: int = 1
    failure: str = ""
    asked: bool = True


@dataclass
class PullReport:
    """`had`: stretches that were pulled before and were not asked for."""

    table: str
    engine: str
    pulled: list[Pulled] = field(default_factory=list)
    had: list[Span] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(p.rows for p in self.pulled)

    @property
    def added(self) -> int:
        return sum(p.added for p in self.pulled)

    @property
    def failed(self) -> list[Pulled]:
        return [p for p in self.pulled if p.failure]


def pull(
    lake: Lake,
    live: Live,
    table: str,
    span: Span,
    *,
    now: datetime,
    where: str = "",
    time_column: str | None = None,
    again: bool = False,
    progress: Callable[[int, str], None] | None = None,
) -> PullReport:
    """Bring the rows of a table whose time is in `span` (both ends known) into the lake; `where`: those alone for which this is
    true. `again` asks for days that were pulled before as well. What fails is in the report, and the other days go on; where two
    fail alike the rest is not asked for. Raises `LurcherError` for a table or a condition that cannot be one."""
    check_table_name(table)
    if where:
        check_condition(where)
    column = time_column or _time_column(lake, live, table)
    asking = _Asking(lake, live, table, column, where, now)
    report = PullReport(table, live.name)
    assert span.start is not None
    assert span.stop is not None
    covered = [] if again else asking.covered()
    before, gave_up = "", False
    for day in _days(span):
        missing = _without(day, covered)
        report.had += [] if missing == [day] else _without(day, missing)
        for part in missing:
            if progress is not None:
                progress(report.rows, part.shown())
            pulled = Pulled(part)
            report.pulled.append(pulled)
            if gave_up:
                pulled.failure, pulled.asked = "not asked for, as those before it failed", False
                continue
            asking.pull(pulled)
            gave_up = bool(pulled.failure) and not pulled.rows and pulled.failure == before
            before = pulled.failure
    return report


@dataclass
class _Asking:
    lake: Lake
    live: Live
    table: str
    column: str
    where: str
    now: datetime

    def pull(self, pulled: Pulled) -> None:
        # The condition stands on lines of its own: it may end with a comment.
        head = f"{self.table}\n| where (\n{self.where}\n)" if self.where else self.table
        cut = Splittable(head, len(self.table), self.column, pulled.span)
        engine = self.live.engine
        schema = self.lake.schema_of(self.table)
        types = {c.name: c.type for c in schema.columns} if schema is not None else {}
        # Defender looks back thirty days where nothing is said.
        by_time = engine.service.spans and self.column == engine.time_column
        try:
            outcome = engine.run(cut.part(pulled.span), pulled.span if by_time else None, cut=cut, types=types)
        except RemoteError as error:
            pulled.failure = error.message + (f" ({error.hint})" if error.hint else "")
            return
        pulled.parts, pulled.failure = outcome.parts, "; ".join(outcome.failures)
        self._keep(outcome.results[0], pulled)

    def _keep(self, result: Result, pulled: Pulled) -> None:
        from lurcher.engines.values import protocol_rows

        schema = TableSchema(self.table, result.columns)
        batches = list(result.batches)
        names = [c.name for c in result.columns]
        seen: Counter[bytes] = Counter()
        hashed: list[list[bytes]] = []
        for batch in batches:
            hashed.append(row_hashes(names, protocol_rows(batch, result.columns), seen))
        pulled.rows = sum(map(len, hashed))
        content = b"".join(sorted(h for part in hashed for h in part))
        name = self._name(pulled.span)
        source = SourceId.of_content(name, name.encode() + b"\0" + content, self.now)
        rows = self._written(schema, batches, hashed, source, pulled) if pulled.rows else 0
        if not pulled.failure:
            tables = {self.table: rows} if rows else {}
            self.lake.record(
                SourceRecord(
                    source.digest, name, source.size, self.now.isoformat(), FORMAT, tables, pulled.rows - pulled.added
                )
            )

    def _written(
        self,
        schema: TableSchema,
        batches: Sequence[pa.RecordBatch],
        hashed: Sequence[list[bytes]],
        source: SourceId,
        pulled: Pulled,
    ) -> int:
        """Add the rows; gives how many of this source the table has."""
        import pyarrow as pa

        for _ in range(_ATTEMPTS):
            try:
                with self.lake.writer(source) as writer:
                    writer.declare(schema)
                    for batch, hashes in zip(batches, hashed, strict=True):
                        writer.write(schema, batch, row_hash=pa.array(hashes, pa.binary()))
                    done = writer.commit()[self.table]
            except LakeChangedError:
                continue
            pulled.added = 0 if done.already else done.rows
            return self.lake.rows_of(self.table, source.digest) if done.already else done.rows
        raise LurcherError(
            "the lake kept changing while rows were added", "pull again: what is there is not added twice"
        )

    # --- what was pulled before ---
    def _name(self, span: Span) -> str:
        assert span.start is not None
        assert span.stop is not None
        text = f"{self.live.name} {self.table} {datetime_text(span.start)}/{datetime_text(span.stop)} by {self.column}"
        return text + (f" where {self.where}" if self.where else "")

    def covered(self) -> list[Span]:
        """The stretches of time of this table that were pulled whole, after rows had stopped coming in."""
        start, end = (
            f"{self.live.name} {self.table} ",
            f" by {self.column}" + (f" where {self.where}" if self.where else ""),
        )
        found = []
        for record in self.lake.known_sources():
            if record.format != FORMAT or not (record.name.startswith(start) and record.name.endswith(end)):
                continue
            low, _, high = record.name[len(start) : len(record.name) - len(end)].partition("/")
            first, last = parse_datetime(low), parse_datetime(high)
            try:
                taken = ticks_of(datetime.fromisoformat(record.taken))
            except ValueError:
                continue
            if first is not None and last is not None:
                # Of a stretch that was pulled early, what lay long enough behind.
                last = min(last, taken - SETTLED // timedelta(microseconds=1) * 10)
                if first < last:
                    found.append(Span(first, last))
        return found


def row_hashes(names: Sequence[str], rows: Iterator[list[Any]], seen: Counter[bytes]) -> list[bytes]:
    """16 bytes a row: of what it says, and the how many-th that says so. A column that is empty says nothing: a service that gets
    new columns does not give new rows."""
    found = []
    for row in rows:
        said = {n: v for n, v in zip(names, row, strict=True) if v is not None and v != ""}
        text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "surrogatepass"
        )
        key = hashlib.blake2b(text, digest_size=16).digest()
        number = seen[key]
        seen[key] += 1
        found.append(key if not number else hashlib.blake2b(key + number.to_bytes(8, "big"), digest_size=16).digest())
    return found


def _days(span: Span) -> Iterator[Span]:
    """Cut at midnight (UTC)."""
    start, stop = span.start or 0, span.stop or 0
    while start < stop:
        end = min(stop, (start // TICKS_PER_DAY + 1) * TICKS_PER_DAY)
        yield Span(start, end)
        start = end


def _without(span: Span, gone: Sequence[Span]) -> list[Span]:
    """What is left of a stretch."""
    left = [(span.start or 0, span.stop or 0)]
    for one in gone:
        low, high = one.start or 0, one.stop or 0
        cut = [(a, b) for start, stop in left for a, b in ((start, min(stop, low)), (max(start, high), stop)) if a < b]
        left = list(dict.fromkeys(cut)) if low < high else left
    return [Span(a, b) for a, b in left]


def check_condition(where: str) -> None:
    """Raise `LurcherError` where it is more than a condition: what takes some rows, or others, would be kept as the table's."""
    from lurcher.kql.parser import parse
    from lurcher.kql.source import Source
    from lurcher.kql.syntax import Pipe, QueryStatement, WhereOp

    parsed = parse(Source(f"T\n| where (\n{where}\n)"))
    statements = parsed.tree.statements
    only = statements[0] if len(statements) == 1 else None
    pipe = only.expression if isinstance(only, QueryStatement) else None
    if not (
        parsed.ok and isinstance(pipe, Pipe) and len(pipe.operators) == 1 and isinstance(pipe.operators[0], WhereOp)
    ):
        raise LurcherError(f"{shown(where)!r} is no condition", "for example: --where \"DeviceName has 'ws-01'\"")


def _time_column(lake: Lake, live: Live, table: str) -> str:
    """What the rows of a table are told apart by in time."""
    schema = lake.schema_of(table)
    times = {c.name for c in schema.columns if c.type is ScalarType.DATETIME} if schema is not None else set()
    prefer = live.engine.time_column
    if live.engine.target.kind != "adx" and (schema is None or prefer in times):
        return prefer
    found = next((n for n in (prefer, "Timestamp", "TimeGenerated") if n in times), None)
    if found is None:
        raise LurcherError(f"which column of {table} says when its rows happened?", "name it: --time-column COLUMN")
    return found


def window(since: str, until: str | None, now: datetime) -> Span:
    """`since` and `until` as times, or as how long ago (`7d`, `P7D`). Raises `LurcherError`."""
    start, stop = _moment(since, now), _moment(until, now) if until is not None else ticks_of(now)
    if start >= stop:
        raise LurcherError("the window has no time in it", "--since comes before --until")
    return Span(start, stop)


def _moment(text: str, now: datetime) -> int:
    from lurcher.engines.remote.spans import parse_span
    from lurcher.kql.values import parse_timespan

    ago = (
        parse_timespan(text.strip().lower())
        if text[:1].isdigit() and text.strip()[-1:].isalpha() and ":" not in text
        else None
    )
    if ago is not None and "t" not in text.lower():
        return ticks_of(now) - ago
    if text[:1] in "Pp" and "/" not in text:
        return parse_span(text, now).start or 0
    ticks = parse_datetime(text)
    if ticks is None:
        raise LurcherError(
            f"{shown(text)!r} is no time", "for example: 2026-03-01, 2026-03-01T12:00:00Z, or 7d ago: 7d"
        )
    return ticks


def as_data(report: PullReport) -> Mapping[str, Any]:
    """As JSON has it."""
    return {
        "table": report.table,
        "on": report.engine,
        "rows": report.rows,
        "added": report.added,
        "had": [s.text for s in report.had],
        "pulled": [
            {"span": p.span.text, "rows": p.rows, "added": p.added, "parts": p.parts, "failure": p.failure}
            for p in report.pulled
        ],
    }


def lines(report: PullReport) -> Iterator[str]:
    """In words."""
    from lurcher.report.text import counted, visible

    if report.had:
        yield f"{counted(len(report.had), 'day')} pulled before, not asked for again (--again asks)"
    for one in report.pulled:
        if one.asked and (one.rows or not one.failure):
            repeated = f", {one.rows - one.added:,} were there" if one.rows > one.added else ""
            yield f"{one.span.shown()}: {counted(one.added, 'row')} added{repeated}"
        if one.failure:
            yield f"{one.span.shown()}: NOT WHOLE: {visible(one.failure)}"
    yield f"{report.table}: {counted(report.added, 'row')} added from {visible(report.engine)}"
    if report.failed:
        yield "what failed is asked for when the same is pulled again"
