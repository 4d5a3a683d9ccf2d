"""Queries on the live services (`--on`)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lurcher.app.session import Session
from lurcher.errors import LurcherError, shown
from lurcher.kql.source import Source
from lurcher.kql.values import TICKS_PER_DAY

if TYPE_CHECKING:
    from lurcher.engines.base import Result
    from lurcher.engines.remote.engine import Outcome, RemoteEngine
    from lurcher.engines.remote.spans import Span
    from lurcher.hunt.answers import Answer
    from lurcher.lake import Lake
    from lurcher.plan.compile import Compiled
    from lurcher.plan.nodes import Render

#: Days that Defender's hunting looks back where nothing else is said.
_DEFENDER_DAYS = 30


@dataclass(frozen=True)
class On:
    """What the options say: the target, its address where it is another than the service's own, a time span, and seconds."""

    target: str
    endpoint: str | None = None
    timespan: str | None = None
    timeout: float | None = None


@dataclass
class Live:
    """A service to ask, and the session that knows the tables' columns."""

    engine: RemoteEngine
    session: Session
    span: Span | None = None

    @classmethod
    def open(
        cls, on: On, session: Session, *, as_of: str | None = None, told: Callable[[str], None] | None = None
    ) -> Live:
        """Raises `LurcherError` for what is no target, no time span, or cannot be asked of the service."""
        from lurcher.engines.remote.engine import RemoteEngine
        from lurcher.engines.remote.spans import parse_span
        from lurcher.engines.remote.targets import parse_target

        lake = session.tables.lake
        text = named(on.target, lake.settings.targets if lake is not None else {})
        # An address of its own for each service: that of one must not get the questions, and the token, of another.
        kind = text.partition(":")[0].strip().upper()
        target = parse_target(text, on.endpoint or os.environ.get(f"LURCHER_ENDPOINT_{kind}") or None)
        options: dict[str, str] = {}
        if as_of is not None:
            if target.kind != "adx":
                raise LurcherError(
                    "the service's now() is now: --as-of cannot be asked of it", "write the times into the query"
                )
            options["query_now"] = session.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        span = parse_span(on.timespan, session.now) if on.timespan is not None else None
        engine = RemoteEngine(target, timeout=on.timeout, told=told or (lambda text: None), options=options)
        return cls(engine, session, span)

    @property
    def name(self) -> str:
        return self.engine.name

    def run(self, source: Source) -> Outcome:
        compiled = self.compiled(source)
        return self.engine.run(source.text, self._span(compiled), compiled)

    def compiled(self, source: Source) -> Compiled | None:
        """The text as lurcher understands it. What it does not understand, the service may."""
        try:
            return self.session.compile(source)
        except LurcherError:
            return None

    def answer(self, kql: str) -> Answer:
        """For hunts: all rows, or `LurcherError`."""
        from lurcher.hunt.answers import answer_of

        compiled = self.compiled(Source(kql))
        answer = answer_of(self.engine.table(kql, self._span(compiled), compiled))
        if compiled is not None and compiled.ok:
            # Of a table's own columns the service may have others than lurcher knows.
            asked = {c.name for c in compiled.queries[0].columns if c.name.startswith("lurcher_")}
            missing = asked - set(answer.columns)
            if missing:
                raise LurcherError(f"the answer has no column {shown(min(missing))}, which the query asks for")
        return answer

    def fingerprint(self) -> str:
        """What is known of the data that a hunt saw: whose they are, and what time of them was asked for."""
        return f"{self.name}, {self.span.text if self.span is not None and self.span.text else 'no time span'}"

    def _span(self, compiled: Compiled | None) -> Span | None:
        """What was said; for Defender, which else looks back thirty days, what the query asks for, where that is more."""
        from lurcher.engines.remote.spans import Span, ticks_of

        starts = self._starts(compiled) if self.span is None and self.engine.target.kind == "defender" else []
        first = ticks_of(self.session.now) - _DEFENDER_DAYS * TICKS_PER_DAY
        known = [s for s in starts if s is not None]
        if not known or len(known) < len(starts) or min(known) >= first:
            return self.span
        return Span(min(known), ticks_of(self.session.now) + TICKS_PER_DAY)

    def _starts(self, compiled: Compiled | None) -> list[int | None]:
        """From when on a query reads each of its tables; None where it does not say."""
        from lurcher.plan.windows import ANY_TIME, scan_windows

        if compiled is None or not compiled.ok:
            return []
        scans = [windows for query in compiled.queries for windows in scan_windows(query.plan).values()]
        return [windows.get("Timestamp", ANY_TIME).start for windows in scans]

    def note(self, compiled: Compiled | None) -> str:
        """What to know of the time that the service looks at; '' where there is nothing to say."""
        if self.engine.target.kind != "defender" or self.span is not None or None not in self._starts(compiled):
            return ""
        return (
            f"note: the query says no time: Defender looks back {_DEFENDER_DAYS} days (--timespan START/END for more)"
        )

    def render(self, result: Result, compiled: Compiled | None, index: int) -> Render | None:
        """What the text's `render` asks for of one of its results. A chart names columns: only where the service gave those that
        the text comes to."""
        if compiled is None or not compiled.ok or index >= len(compiled.queries):
            return None
        query = compiled.queries[index]
        return query.render if [c.name for c in query.columns] == [c.name for c in result.columns] else None

    def close(self) -> None:
        self.engine.close()


def named(text: str, targets: Mapping[str, str]) -> str:
    """The target that a name in `lake.toml` stands for; any other text as it is. Raises `LurcherError` for a name that stands for
    an address: a lake that somebody else made must not say where questions go."""
    found = targets.get(text.strip())
    if found is None:
        if targets and ":" not in text and text.strip().lower() != "defender":
            raise LurcherError(f"lake.toml names no target {shown(text)!r}", f"there are: {', '.join(sorted(targets))}")
        return text
    if "://" in found:
        raise LurcherError(
            f"the target {shown(text)!r} in lake.toml is an address",
            "name the service: sentinel:ID, defender, adx:CLUSTER/DATABASE",
        )
    return found


def told_on_stderr(text: str) -> None:
    """Waits and parts, for whoever sits before it."""
    from lurcher.report.text import visible

    sys.stderr.write(f"{visible(text)}\n")
    sys.stderr.flush()


def run_query_on(
    live: Live, source: Source, format_: str | None, output: Path | None, chart: Path | None = None
) -> bool:
    """Write the results; whether they are whole. Parts that did not come are told on standard error."""
    from lurcher.app.charts import ready, write_with_chart
    from lurcher.report.results import FORMATS, format_of, write_result
    from lurcher.report.text import visible

    if format_ is None:
        format_ = format_of(output) if output is not None else "table"
        if not format_:
            raise LurcherError(f"the ending of {output} says no format", f"add --format, one of: {', '.join(FORMATS)}")
    compiled = live.compiled(source)
    if chart is not None and compiled is not None and compiled.ok:
        ready(compiled, chart)
    outcome = live.run(source)
    if output is not None and len(outcome.results) > 1:
        raise LurcherError(f"the text has {len(outcome.results)} results, a file takes one", "split the text")
    rows = 0
    for index, result in enumerate(outcome.results):
        if index:
            print()
        result.render = live.render(result, compiled, index)
        if result.render is not None and (chart is not None or (format_ == "table" and output is None)):
            rows += write_with_chart(result, result.render, format_, output, chart)
        else:
            rows += write_result(result, format_, output)
    note = live.note(compiled)
    if note:
        print(note, file=sys.stderr)
    for failure in outcome.failures:
        print(f"error: not all rows came: {visible(failure)}", file=sys.stderr)
    return outcome.whole


def query_on(
    on: On,
    source: Source,
    lake: Lake | None,
    now: datetime,
    as_of: str | None,
    format_: str | None,
    output: Path | None,
    chart: Path | None,
) -> bool:
    """`lurcher query --on`. The lake, where there is one, says what columns its tables have; its rows are not read."""
    from lurcher.app.query import open_session

    session = open_session(lake, now, as_of, source=source)
    live = Live.open(on, session, as_of=as_of, told=told_on_stderr)
    try:
        return run_query_on(live, source, format_, output, chart)
    finally:
        live.close()
