"""The live services in Python: what `--on` is on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from lurcher.api.options import Options, as_of_text
from lurcher.api.result import Result
from lurcher.errors import LurcherError
from lurcher.kql.source import Source

if TYPE_CHECKING:
    from lurcher.app.live import Live
    from lurcher.app.live_compare import Comparison
    from lurcher.app.live_pull import PullReport
    from lurcher.app.session import Session
    from lurcher.lake import Lake


@contextmanager
def opened(
    session: Session, on: str, options: Options, *, timespan: str | None = None, endpoint: str | None = None
) -> Iterator[Live]:
    """The service, closed at the end."""
    from lurcher.app.live import Live, On

    as_of = as_of_text(options.get("as_of"))
    live = Live.open(On(on, endpoint, timespan, session.limits.timeout), session, as_of=as_of)
    try:
        yield live
    finally:
        live.close()


def query(live: Live, source: Source) -> Result:
    """The rows. Raises `LurcherError` also where only a part of them came: a script would not see that."""
    compiled = live.compiled(source)
    outcome = live.run(source)
    if not outcome.whole:
        raise LurcherError("only a part of the rows came: " + "; ".join(outcome.failures), f"from {live.name}")
    note = live.note(compiled)
    results = tuple(
        Result(r.columns, r.table(), live.render(r, compiled, i), (note,) if note else ())
        for i, r in enumerate(outcome.results)
    )
    for result in results:
        result.all = results
    return results[0]


def pull(
    lake: Lake,
    live: Live,
    table: str,
    since: str | datetime,
    until: str | datetime | None,
    *,
    now: datetime,
    where: str = "",
    time_column: str | None = None,
    again: bool = False,
) -> PullReport:
    """See `Case.pull`."""
    from lurcher.app.live_pull import pull, window

    end = as_of_text(until) if until is not None else None
    span = window(as_of_text(since) or "", end, now)
    return pull(lake, live, table, span, now=now, where=where, time_column=time_column, again=again)


def compare(live: Live, session: Session, source: Source) -> Comparison:
    """See `Case.compare`."""
    from lurcher.app.live_compare import compare

    return compare(live, session, source)
