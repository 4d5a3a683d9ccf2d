"""lurcher tables [NAME]"""

from datetime import datetime
from pathlib import Path

import click

from lurcher.cli.options import lake_option

#: Sources of one table that are listed.
_SHOWN = 20


@click.command()
@click.argument("name", required=False)
@lake_option
def command(name: str | None, lake_path: Path | None) -> None:
    """List the tables of the lake: rows, time range, devices, sources, files, size. Or one of them: its columns and sources."""
    from lurcher.app.lakes import need_lake
    from lurcher.app.tables import TableLine, table_detail, tables
    from lurcher.report.tables import print_table
    from lurcher.report.text import counted

    def when(value: datetime | None) -> str:
        # Not strftime: it writes the year 1 as "1".
        return value.replace(tzinfo=None).isoformat(" ", "minutes") if value else ""

    def show(lines: list[TableLine]) -> None:
        print_table(
            ("table", "rows", "first (UTC)", "last (UTC)", "devices", "sources", "days", "files", "size"),
            [
                (
                    line.info.name, f"{line.info.rows:,}", when(line.info.first), when(line.info.last),
                    "" if line.devices is None else f"{line.devices:,}", f"{line.info.sources:,}", f"{line.info.days:,}",
                    f"{line.info.files:,}", f"{line.info.bytes / 1e6:,.1f} MB",
                )
                for line in lines
            ],
            right=(1, 4, 5, 6, 7, 8),
        )  # fmt: skip

    lake = need_lake(lake_path)
    if name is None:
        lines = tables(lake)
        if lines:
            show(lines)
        else:
            click.echo("no tables yet. Next: lurcher add EXPORT...")
        return
    detail = table_detail(lake, name)
    show([detail.line])
    click.echo()
    print_table(("column", "type"), [(c.name, c.type.value) for c in detail.columns])
    click.echo()
    print_table(
        ("source", "added", "rows", "first (UTC)", "last (UTC)"),
        [
            (s.name or "(no record of it)", when(s.added), f"{s.rows:,}", when(s.first), when(s.last))
            for s in detail.sources[:_SHOWN]
        ],
        right=(2,),
    )  # fmt: skip
    if len(detail.sources) > _SHOWN:
        click.echo(f"and {counted(len(detail.sources) - _SHOWN, 'source')} more")
