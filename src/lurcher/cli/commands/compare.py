"""lurcher compare KQL --on TARGET"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lurcher.cli.options import (
    as_of_option,
    lake_option,
    limits_options,
    now,
    on_options,
    query_source,
    query_text,
    supply_options,
)

if TYPE_CHECKING:
    from lurcher.app.live import On
    from lurcher.app.supplies import Asked


@click.command()
@query_source
@lake_option
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@as_of_option
@on_options
@supply_options
@limits_options
def command(
    kql: str | None,
    file: Path | None,
    lake_path: Path | None,
    format_: str,
    as_of: str | None,
    timeout: float | None,
    memory_limit: str | None,
    threads: int | None,
    asked: Asked,
    on: On | None,
) -> None:
    """Run a query in the lake and on a live service, and say what differs: columns, types, rows.

    Ends with 0 where nothing does, with 1 where something does or not all rows came.
    """
    from lurcher.app.lakes import need_lake
    from lurcher.app.live import Live, told_on_stderr
    from lurcher.app.live_compare import as_data, compare
    from lurcher.app.query import open_session
    from lurcher.app.session import Limits

    if on is None:
        raise click.UsageError("with what? --on TARGET")
    source = query_text(kql, file)
    session = open_session(
        need_lake(lake_path), now(), as_of, limits=Limits(timeout, memory_limit, threads), asked=asked, source=source
    )
    live = Live.open(on, session, as_of=as_of, told=told_on_stderr)
    try:
        found = compare(live, session, source)
    finally:
        live.close()
    if format_ == "json":
        click.echo(json.dumps(as_data(found), ensure_ascii=False, indent=1))
    else:
        _print(found)
    click.get_current_context().exit(0 if found.equal else 1)


def _print(found: Any) -> None:
    from lurcher.report.text import counted, visible

    for failure in found.failures:
        click.echo(f"not all rows came from {visible(found.engine)}: {visible(failure)}")
    for d in found.differences:
        if d.equal:
            click.echo(f"{'no difference: ' if found.equal else ''}{counted(d.rows_here, 'row')} in both places")
            continue
        click.echo(f"{counted(d.rows_here, 'row')} here, {d.rows_there:,} on {visible(found.engine)}")
        for said in d.columns:
            click.echo(f"  columns: {visible(said)}")
        for place, rows, count in (("here", d.here, d.only_here), ("there", d.there, d.only_there)):
            if count:
                click.echo(f"  only {place}: {counted(count, 'row')}")
                for row, times in rows:
                    cells = ", ".join(
                        f"{n}={json.dumps(v, ensure_ascii=False)}" for n, v in zip(d.names, row, strict=True)
                    )
                    click.echo(f"    {visible(cells[:400])}" + (f"  ({times} times)" if times > 1 else ""))
