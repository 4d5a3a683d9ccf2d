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
@click.option("--dry-run", is_flag=True, help="Say what would become of each file, and change nothing.")
def command(
    paths: tuple[Path, ...],
    lake_path: Path | None,
    table: str | None,
    date_order: Literal["mdy", "dmy"] | None,
    encoding: str | None,
    clock_offset: str | None,
    dry_run: bool,
) -> None:
    """Add Defender and Sentinel exports, CSV, JSON, Parquet: files, folders, archives.

    Each content is added once. Rows that cannot be taken go to a file in CASE/rejects, with the reason.
    """
    from lurcher.app.add import add
    from lurcher.app.lakes import need_lake
    from lurcher.cli.progress import Bar
    from lurcher.collect.events.clock import parse_offset
    from lurcher.report.text import counted

    lake = need_lake(lake_path)
    with Bar("adding", "rows") as bar:
        report = add(
            lake, paths, now=now(), table=table, dry_run=dry_run, date_order=date_order, encoding=encoding,
            clock_offset=None if clock_offset is None else parse_offset(clock_offset),
            progress=lambda name, rows: bar.show(rows, Path(name).name),
        )  # fmt: skip
    for file in report.files:
        if file.skipped:
            click.echo(f"{file.name}: {file.skipped}" + (f"\n  hint: {file.hint}" if file.hint else ""))
            continue
        tables = ", ".join(f"{counted(rows, 'row')} to {name}" for name, rows in file.tables.items()) or "no rows"
        more = [f"{file.repeated:,} repeated"] if file.repeated else []
        more += [f"{file.rejected:,} rejected"] if file.rejected else []
        click.echo(f"{file.name}: {file.format}, {tables}" + (f" ({', '.join(more)})" if more else ""))
        for note in file.notes:
            click.echo(f"  {note}")
        for reason, count in sorted(file.reasons.items(), key=lambda r: -r[1])[:5]:
            click.echo(f"  rejected {count:,}: {reason}")
        if file.rejects:
            click.echo(f"  they are in {file.rejects}")
        for name, schema in file.new_tables.items():
            columns = ", ".join(f"{c.name}:{c.type}" for c in schema.columns)
            click.echo(f"  a new table, types as inferred: {name}({columns})")
        if file.hint:
            click.echo(f"  hint: {file.hint}")
    verb = "would be added" if dry_run else "added"
    taken = sum(not f.skipped for f in report.files)
    click.echo(f"{counted(report.rows, 'row')} {verb} from {taken} of {counted(len(report.files), 'file')}")
    if report.failed:
        click.get_current_context().exit(1)
