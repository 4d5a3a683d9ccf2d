"""lurcher add PATH..."""

from pathlib import Path
from typing import Literal

import click

from lurcher.cli.options import lake_option, now


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@lake_option
@click.option("--table", help="The table of files that do not say which they are.")
@click.option(
    "--date-order", type=click.Choice(["mdy", "dmy"]), help="How 1/2/2026 is to be read, where a file cannot tell."
)
@click.option(
    "--encoding",
    metavar="NAME",
    help="What files of text are in (cp850, ...); by default UTF-8, UTF-16, or else Windows-1252, which is said.",
)
@click.option(
    "--clock-offset",
    metavar="OFFSET",
    help="How far the clock of event logs is ahead of UTC: +02:00, -8h, none (default: Sysmon's own times tell it).",
)
@click.option(
    "--at",
    metavar="TIME",
    help="When reports were made that do not say it (sigcheck's; default: when the file was last written).",
)
@click.option("--device", default="", metavar="NAME", help="The device of reports that name none.")
@click.option(
    "--workers", type=click.IntRange(1, 64), help="Files read at once (default: as many as there are processors)."
)
@click.option("--dry-run", is_flag=True, help="Say what would become of each file, and why, and change nothing.")
@click.option("-v", "--verbose", is_flag=True, help="Name each file, also where many are alike.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON: a line a file, then the totals.")
def command(
    paths: tuple[Path, ...],
    lake_path: Path | None,
    table: str | None,
    date_order: Literal["mdy", "dmy"] | None,
    encoding: str | None,
    clock_offset: str | None,
    at: str | None,
    device: str,
    workers: int | None,
    dry_run: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Add Defender and Sentinel exports, event logs, CSV, JSON, Parquet: files, folders, archives.

    Each content is added once. Rows that cannot be taken go to a file in CASE/rejects, with the reason.
    """
    from lurcher.app import added
    from lurcher.app.add import add
    from lurcher.app.lakes import need_lake
    from lurcher.app.times import parse_time
    from lurcher.cli.progress import Bar
    from lurcher.collect.events.clock import parse_offset

    lake = need_lake(lake_path)
    with Bar("adding", "rows") as bar:
        report = add(
            lake, paths, now=now(), table=table, dry_run=dry_run, date_order=date_order, encoding=encoding,
            clock_offset=None if clock_offset is None else parse_offset(clock_offset),
            at=None if at is None else parse_time(at), device=device,
            progress=lambda name, rows: bar.show(rows, Path(name).name), workers=workers,
        )  # fmt: skip
    if as_json:
        from json import dumps

        for data in (*map(added.as_data, report.files), {"total": added.totals(report)}):
            click.echo(dumps(data, ensure_ascii=True))
    else:
        for line in added.lines(report, verbose):
            click.echo(line)
    if report.failed:
        click.get_current_context().exit(1)
