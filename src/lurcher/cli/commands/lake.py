"""lurcher lake optimize | expire | verify"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from lurcher.cli.options import lake_option


def _now() -> datetime:
    """The disk's clock, and not what LURCHER_NOW says: the age of files is measured by it."""
    return datetime.now(UTC)


keep_option = click.option(
    "--keep-hours",
    type=click.FloatRange(0),
    default=24.0,
    show_default=True,
    metavar="HOURS",
    help="How long replaced files stay for queries that are running. 0 removes them now: such queries may fail.",
)


@click.group()
def command() -> None:
    """Look after the lake: merge small files, remove old days, find damage."""


@command.command()
@click.argument("tables", nargs=-1)
@lake_option
@keep_option
def optimize(tables: tuple[str, ...], lake_path: Path | None, keep_hours: float) -> None:
    """Merge the small files of each day, and remove files that nobody needs any more.

    All tables, or those that are named. Others may add and query meanwhile.
    """
    from lurcher.app import lake as app
    from lurcher.app.lakes import need_lake
    from lurcher.cli.progress import Bar
    from lurcher.report.text import counted

    lake = need_lake(lake_path)
    _warn(keep_hours)
    with Bar("merging", "files") as bar:
        done = app.optimize(
            lake, tables, now=_now(), keep=timedelta(hours=keep_hours),
            progress=lambda name, files, total: bar.show(files, f"of {total:,}  {name}"),
        )  # fmt: skip
    if not done:
        click.echo("no tables yet. Next: lurcher add EXPORT...")
    for care in done:
        merged, removed = care.merged, care.removed
        if merged.why:
            parts = [f"left as it is: {merged.why}"]
        elif merged.merged:
            parts = [
                f"{counted(merged.files, 'file')} became {merged.merged:,}, "
                f"{_size(merged.bytes_before)} became {_size(merged.bytes_after)}"
            ]
        else:
            parts = ["nothing to merge"]
        if merged.lost:
            parts.append(f"{counted(merged.lost, 'day')} changed meanwhile and was left")
        parts += _removed(removed)
        click.echo(f"{merged.table}: {'; '.join(parts)}")


@command.command()
@click.option(
    "--before", required=True, type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="The first day (UTC) that stays."
)
@click.option("--table", "tables", multiple=True, metavar="NAME", help="Only this table; repeat for more.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and change nothing.")
@click.option("--yes", is_flag=True, help="Remove it.")
@lake_option
@keep_option
def expire(
    before: datetime, tables: tuple[str, ...], dry_run: bool, yes: bool, lake_path: Path | None, keep_hours: float
) -> None:
    """Remove the days before a date, for good: one commit a table.

    Rows without a time stay. Adding a source again does not bring its rows back.
    """
    from lurcher.app import lake as app
    from lurcher.app.lakes import need_lake
    from lurcher.errors import LurcherError
    from lurcher.report.tables import print_table
    from lurcher.report.text import counted

    lake, day = need_lake(lake_path), before.date()
    old, lost = app.expirable_tables(lake, day, tables)
    if not old:
        click.echo(f"nothing is older than {day}")
        return
    print_table(
        ("table", "rows", "size", "days", "first", "last", "stay"),
        [
            (e.table, f"{e.rows:,}", _size(e.bytes), f"{e.days:,}", str(e.first), str(e.last), f"{e.kept:,}")
            for e in old
        ],
        right=(1, 2, 3, 6),
    )  # fmt: skip
    if lost.evidence:
        click.echo(
            f"the ledger has {counted(lost.evidence, 'piece')} of evidence of {counted(lost.findings, 'finding')} from before "
            f"{day}: they stay, but their rows can no longer be looked at, and the next hunt may find them gone"
        )
    rows = sum(e.rows for e in old)
    if dry_run:
        click.echo(f"{counted(rows, 'row')} would be removed")
        return
    if not yes:
        raise LurcherError("nothing was removed", "to remove these rows for good, add --yes")
    _warn(keep_hours)
    done = app.expire(lake, day, tables, now=_now(), keep=timedelta(hours=keep_hours))
    click.echo(f"{counted(sum(e.rows for e, _ in done), 'row')} removed from {counted(len(done), 'table')}")
    for expired, removed in done:
        if parts := _removed(removed):
            click.echo(f"{expired.table}: {'; '.join(parts)}")


@command.command()
@click.option("--deep", is_flag=True, help="Read every byte: checksums, all values, rows of each source.")
@lake_option
def verify(deep: bool, lake_path: Path | None) -> None:
    """Look whether the lake is whole: every file there, readable, with the rows that its log says.

    Ends with 1 where something is damaged. Changes nothing.
    """
    from lurcher.app import lake as app
    from lurcher.app.lakes import need_lake
    from lurcher.cli.progress import Bar
    from lurcher.report.text import counted, visible

    lake = need_lake(lake_path)
    with Bar("looking at", "files") as bar:
        report = app.verify(lake, now=_now(), deep=deep, progress=lambda name, files: bar.show(files, name))
    for found in report.findings:
        kind = "note" if found.harmless else "problem"
        click.echo(
            f"{kind}: {visible(found.path)}: {visible(found.what)}" + (f"\n  hint: {found.hint}" if found.hint else "")
        )
    files, rows = sum(t.files for t in report.tables), sum(t.rows for t in report.tables)
    click.echo(
        f"{counted(len(report.tables), 'table')}, {counted(files, 'file')}, {counted(rows, 'row')}, "
        f"{counted(report.sources, 'source')}: "
        + (
            counted(len(report.problems), "problem")
            if report.problems
            else "whole"
            if deep
            else "no problem (--deep reads all)"
        )
    )
    unsummed = sum(t.unsummed for t in report.tables)
    if deep and unsummed:
        click.echo(f"{counted(unsummed, 'file')} of an older version or another program: without a checksum")
    if report.problems:
        click.get_current_context().exit(1)


def _warn(keep_hours: float) -> None:
    if keep_hours < 1:
        click.echo(
            "warning: replaced files are removed at once: queries that are running now may fail, and should be run again",
            err=True,
        )


def _removed(unused: object) -> list[str]:
    from lurcher.lake.vacuum import Unused
    from lurcher.report.text import counted

    assert isinstance(unused, Unused)
    parts = []
    if unused.removable:
        parts.append(f"{counted(len(unused.removable), 'unused file')} removed ({_size(unused.bytes)})")
    if unused.waiting:
        size = _size(sum(size for _, size in unused.waiting))
        parts.append(f"{counted(len(unused.waiting), 'unused file')} ({size}) kept for running queries")
    return parts


def _size(octets: int) -> str:
    return f"{octets / 1e6:,.1f} MB" if octets >= 100_000 else f"{octets / 1e3:,.1f} kB"
