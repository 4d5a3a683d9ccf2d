"""lurcher query KQL"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lurcher.cli.options import (
    as_of_option,
    engine_option,
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
@click.option(
    "--data",
    "data",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="A file to query at once, without a lake; repeat for more.",
)
@click.option("--table", help="The table that --data files are, where they do not say.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "csv", "json", "jsonl", "parquet"]),
    help="How rows are written (default: by the ending of --output, else table).",
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file.")
@click.option(
    "--chart",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw what the query's render asks for into FILE.svg, .png or .html.",
)
@as_of_option
@click.option("--sql", "show_sql", is_flag=True, help="Print the SQL instead of running it.")
@click.option(
    "--explain",
    is_flag=True,
    help="Run it for what it costs, and print the plan, the SQL, what was read and where the time went in place of the rows.",
)
@click.option(
    "--jsonl", "json_lines", is_flag=True, help='Answer {"id", "query"} lines on standard input with a line each.'
)
@engine_option
@on_options
@supply_options
@limits_options
def command(
    kql: str | None,
    file: Path | None,
    lake_path: Path | None,
    data: tuple[Path, ...],
    table: str | None,
    format_: str | None,
    output: Path | None,
    chart: Path | None,
    as_of: str | None,
    show_sql: bool,
    explain: bool,
    json_lines: bool,
    engine: str | None,
    timeout: float | None,
    memory_limit: str | None,
    threads: int | None,
    asked: Asked,
    on: On | None,
) -> None:
    """Run a KQL query: an argument, a file (-f), or standard input.

    Without a lake and --data the services' tables are known, and empty. With --on the service runs it; ends with 1 where not
    all rows came.
    """
    from lurcher.app.lakes import find_lake
    from lurcher.app.query import open_session, print_sql, run_query
    from lurcher.app.session import Limits

    if on is not None and engine is not None:
        raise click.UsageError("--engine is of queries over what is here, not --on a service")
    limits = Limits(timeout, memory_limit, threads)
    lake = None if data and lake_path is None else find_lake(lake_path)
    if explain:
        from lurcher.app.explain import check_output

        if on is not None or json_lines or show_sql or chart is not None:
            raise click.UsageError("--explain is of a query that runs here, without --on, --jsonl, --sql and --chart")
        check_output(format_, output)
    if json_lines:
        if on is not None:
            raise click.UsageError("--jsonl is of queries that run here, not --on a service")
        if kql not in (None, "-") or file is not None or show_sql or output is not None or chart is not None:
            raise click.UsageError(
                "--jsonl answers the queries on standard input, on standard output: no query beside it, no -f, -o, --sql, --chart"
                " (rows as JSON lines: --format jsonl)"
            )
        from lurcher.app.jsonl import answers

        session = open_session(lake, now(), as_of, files=data, table=table, limits=limits, asked=asked, engine=engine)
        for line in answers(sys.stdin.buffer, session):
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        return
    source = query_text(kql, file)
    if on is not None:
        from lurcher.app.live import query_on

        if data or show_sql or asked.given:
            raise click.UsageError(
                "--data, --sql, --watchlist and the like are of queries that run here, not --on a service"
            )
        whole = query_on(on, source, lake, now(), as_of, format_, output, chart)
        click.get_current_context().exit(0 if whole else 1)
    session = open_session(
        lake, now(), as_of, files=data, table=table, limits=limits, asked=asked, source=source, engine=engine
    )
    if explain:
        from lurcher.app.explain import explain as explained
        from lurcher.app.explain import write_explained

        write_explained(explained(session, source), format_, output)
    elif show_sql:
        print_sql(session, source)
    else:
        run_query(session, source, format_, output, chart)
