"""Run one query text and write what comes of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lurcher.app.session import Limits, Session, Tables
from lurcher.app.supplies import Asked
from lurcher.app.times import parse_time
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import render
from lurcher.kql.source import Source

if TYPE_CHECKING:
    from lurcher.lake import Lake
    from lurcher.plan.compile import Compiled


def open_session(
    lake: Lake | None,
    now: datetime,
    as_of: str | None,
    *,
    files: Sequence[Path] = (),
    table: str | None = None,
    limits: Limits | None = None,
    asked: Asked | None = None,
    source: Source | None = None,
    engine: str | None = None,
) -> Session:
    """A session whose `now()` is `as_of`: a time, or `latest`, the newest row of the tables that `source` names (of all tables
    where no source is given). None is `now` itself."""
    session = Session.open(lake, now, files=files, table=table, limits=limits, asked=asked, engine=engine)
    if as_of == "latest":
        names = tables_of(session.compile(source)) if source is not None else ()
        newest = latest(session.tables, names or tuple(lake.table_names() if lake else ()), now)
        if newest is None:
            raise LurcherError("--as-of latest: there is no row to take the time of", "name a time: --as-of 2026-03-31")
        session.now = newest
    elif as_of is not None:
        session.now = parse_time(as_of)
    return session


def tables_of(compiled: Compiled) -> tuple[str, ...]:
    """The tables that a text reads, each once."""
    from lurcher.plan.walk import scanned_tables

    return tuple(dict.fromkeys(t for query in compiled.queries for t in scanned_tables(query.plan)))


def has_rows(tables: Tables, name: str) -> bool:
    """Whether there is any row of a table."""
    from lurcher.lake import LakeTable

    data = tables.data(name)
    if data is None:
        return False
    if data is tables.cluster.get(name):
        # Not known before it is asked.
        return True
    return any(f.rows for f in data.files) if isinstance(data, LakeTable) else data.num_rows > 0


def newest_row(tables: Tables, name: str) -> datetime | None:
    """The time (UTC) of a table's newest row; None for a cluster's, which is not asked for it."""
    from lurcher.lake import LakeTable

    data = tables.data(name)
    if data is None or data is tables.cluster.get(name):
        return None
    if isinstance(data, LakeTable):
        times = [f.last for f in data.files if f.last is not None]
        return max(times).astimezone(UTC) if times else None
    schema = tables.table(name)
    column = schema.time_column if schema is not None else None
    if column is None or column not in data.column_names:
        return None
    import pyarrow.compute as pc

    value = pc.max(data.column(column)).as_py()
    return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def latest(tables: Tables, names: Sequence[str], now: datetime) -> datetime | None:
    """The newest row of some tables. Rows dated after `now` do not count while there are others: one wrong clock must not move
    the hunt."""
    times = [t for n in names if (t := newest_row(tables, n)) is not None]
    return max([t for t in times if t <= now] or times, default=None)


def need_query(session: Session, source: Source, until: float | None = None) -> Compiled:
    """The compiled text; raises `Refused`, or `LurcherError` for a text that asks nothing. `until`: see `Session.compile`."""
    compiled = session.need(source, until)
    if not compiled.queries:
        raise LurcherError(
            "the text has no query" if source.text.strip() else "the query is empty",
            "for example: DeviceInfo | take 10",
            source.name,
        )
    return compiled


def print_sql(session: Session, source: Source) -> None:
    for query in need_query(session, source).queries:
        print(session.runner.sql(query.plan) + ";")


def run_query(
    session: Session, source: Source, format_: str | None, output: Path | None, chart: Path | None = None
) -> None:
    """Write the results. Several results of one text follow each other on standard output; a file takes one. What `render` asks
    for is drawn below a table in the terminal, and into the file `chart`."""
    from lurcher.app.charts import ready, write_with_chart
    from lurcher.report.results import FORMATS, format_of, write_result

    if format_ is None:
        format_ = format_of(output) if output is not None else "table"
        if not format_:
            raise LurcherError(f"the ending of {output} says no format", f"add --format, one of: {', '.join(FORMATS)}")
    until = session.deadline()
    compiled = need_query(session, source, until)
    if chart is not None:
        ready(compiled, chart)
    notes = session.warnings(compiled)
    if notes:
        print(render(notes, source), file=sys.stderr)
    if output is not None and len(compiled.queries) > 1:
        raise LurcherError(f"the text has {len(compiled.queries)} results, a file takes one", "split the text")
    rows = 0
    for index, query in enumerate(compiled.queries):
        if index:
            print()
        result = session.start(query, source, until)
        if query.render is not None and (chart is not None or (format_ == "table" and output is None)):
            rows += write_with_chart(result, query.render, format_, output, chart)
        else:
            rows += write_result(result, format_, output)
    if not rows:
        note = why_empty(session, compiled)
        if note:
            print(note, file=sys.stderr)


def why_empty(session: Session, compiled: Compiled) -> str:
    """What to tell whoever got no row though the tables have some: that the time filter may have left them out."""
    names = [n for n in tables_of(compiled) if newest_row(session.tables, n) is not None]
    if not names:
        missing = tables_of(compiled)
        return f"note: no row; there are no data for {', '.join(missing)}" if missing else ""
    newest = max(names, key=lambda n: newest_row(session.tables, n) or datetime.min.replace(tzinfo=UTC))
    time = newest_row(session.tables, newest)
    assert time is not None
    return (
        f"note: no row. The newest row of {newest} is of {time:%Y-%m-%d %H:%M:%S}, now() was {session.now:%Y-%m-%d %H:%M:%S} (UTC)"
        + ("; --as-of latest hunts from the newest row back" if time < session.now else "")
    )
