"""lurcher pull TABLE --on TARGET"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lurcher.cli.options import endpoint_options, lake_option, now

if TYPE_CHECKING:
    from lurcher.app.live import On


@click.command()
@click.argument("table")
@lake_option
@endpoint_options
@click.option("--since", required=True, metavar="TIME", help="From when: a time (UTC), or how long ago: 7d.")
@click.option("--until", metavar="TIME", help="Before when (default: now).")
@click.option("--where", default="", metavar="KQL", help="Only rows for which this condition is true.")
@click.option(
    "--time-column", metavar="COLUMN", help="The column that says when a row happened, where it is not known."
)
@click.option("--again", is_flag=True, help="Ask for days that were pulled before as well.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop waiting for one day after so many seconds.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    table: str,
    lake_path: Path | None,
    since: str,
    until: str | None,
    where: str,
    time_column: str | None,
    again: bool,
    timeout: float | None,
    format_: str,
    on: On,
) -> None:
    """Bring the rows of a table of a live service into the lake, a day at a time.

    A row is added once, however often it is pulled; a pull that broke off goes on where it was. Ends with 0; with 1 where not
    all rows came.
    """
    from lurcher.app.lakes import need_lake
    from lurcher.app.live import Live, told_on_stderr
    from lurcher.app.live_pull import as_data, lines, pull, window
    from lurcher.app.query import open_session
    from lurcher.cli.progress import Bar

    lake, moment = need_lake(lake_path), now()
    live = Live.open(on, open_session(lake, moment, None), told=told_on_stderr)
    try:
        with Bar("pulling", "rows") as bar:
            report = pull(
                lake, live, table, window(since, until, moment), now=moment, where=where, time_column=time_column,
                again=again, progress=bar.show,
            )  # fmt: skip
    finally:
        live.close()
    if format_ == "json":
        click.echo(json.dumps(as_data(report), ensure_ascii=False, indent=1))
    else:
        for line in lines(report):
            click.echo(line)
    click.get_current_context().exit(1 if report.failed else 0)
