"""lurcher tree DEVICE"""

from __future__ import annotations

from pathlib import Path

import click

from lurcher.cli.options import lake_option, limits_options, now


@click.command()
@click.argument("device")
@lake_option
@click.option("--pid", "number", type=int, metavar="NUMBER", help="Only the processes with this number, and their kin.")
@click.option(
    "--guid", default="", metavar="ID", help="Only the process with this ProcessGuid or ProcessUniqueId, and its kin."
)
@click.option("--at", metavar="TIME", help="Of the processes with the number, the one started last by this time (UTC).")
@click.option(
    "--source", default="", metavar="NAME", help="Only what one log tells: Sysmon or Security, which tell of the same."
)
@click.option("--limit", type=click.IntRange(1), default=2000, show_default=True, help="Lines that are printed.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@limits_options
def command(
    device: str,
    lake_path: Path | None,
    number: int | None,
    guid: str,
    at: str | None,
    source: str,
    limit: int,
    format_: str,
    timeout: float | None,
    memory_limit: str | None,
    threads: int | None,
) -> None:
    """Show who started whom on a device: by its name (with domain or without) or DeviceId.

    A process's kin are those that it came from, and those that came from it. In a query: ProcessTree('DEVICE').
    """
    from lurcher.app.lakes import need_lake
    from lurcher.app.query import open_session
    from lurcher.app.session import Limits
    from lurcher.app.times import parse_time
    from lurcher.app.tree import tree

    lake = need_lake(lake_path)
    session = open_session(lake, now(), None, limits=Limits(timeout, memory_limit, threads))
    lines = tree(session, device, number=number, guid=guid, at=parse_time(at) if at else None, source=source)
    if format_ == "json":
        import json
        from dataclasses import asdict

        data = [
            {k: v for k, v in asdict(line).items() if k != "lead"} | {"depth": len(line.lead) // 3} for line in lines
        ]
        click.echo(json.dumps(data, ensure_ascii=False, indent=1, default=str))
        return
    from lurcher.report.text import visible

    above = ""
    for line in lines[:limit]:
        if not line.lead:
            if line.above and line.above != above:
                click.echo(f"({visible(line.above)})")
            above = line.above
        words = (
            line.name or "?",
            "" if line.number is None else str(line.number),
            f"{line.started:%Y-%m-%d %H:%M:%S}" if line.started else "",
            line.account,
            line.command_line if line.command_line != line.name else "",
            f"[{line.source}]" if line.source and not line.lead else "",
            "(parent by its number alone)" if line.parent_by == "number" else "",
        )
        click.echo(line.lead + ("> " if line.asked else "") + visible("  ".join(filter(None, words))))
    if len(lines) > limit:
        click.echo(f"… {len(lines) - limit:,} more: --limit, or --pid NUMBER")
