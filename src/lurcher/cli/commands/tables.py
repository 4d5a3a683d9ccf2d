"""lurcher tables"""

from datetime import datetime
from pathlib import Path

import click

from lurcher.cli.options import lake_option


@click.command()
@lake_option
def command(lake_path: Path | None) -> None:
    """List the tables of the lake: rows, time range, devices, sources, size."""
    from lurcher.app.lakes import need_lake
    from lurcher.app.tables import tables
    from lurcher.report.tables import print_table

    lines = tables(need_lake(lake_path))
    if not lines:
        click.echo("no tables yet. Next: lurcher add EXPORT...")
        return

    def when(value: datetime | None) -> str:
        return value.strftime("%Y-%m-%d %H:%M") if value else ""

    print_table(
        ("table", "rows", "first (UTC)", "last (UTC)", "devices", "sources", "size"),
        [
            (
                line.info.name, f"{line.info.rows:,}", when(line.info.first), when(line.info.last),
                "" if line.devices is None else f"{line.devices:,}", f"{line.info.sources:,}", f"{line.info.bytes / 1e6:,.1f} MB",
            )
            for line in lines
        ],
        right=(1, 4, 5, 6),
    )  # fmt: skip
