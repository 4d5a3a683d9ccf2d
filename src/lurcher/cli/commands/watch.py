"""lurcher watch RULE|FOLDER... --every 15m"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lurcher.cli.options import lake_option, limits_options, now, supply_options

if TYPE_CHECKING:
    from lurcher.app.supplies import Asked

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _every(ctx: click.Context, param: click.Parameter, value: str) -> timedelta:
    import re

    found = re.fullmatch(r"\s*(\d{1,6})\s*([smhd])\s*", value)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 1 <= seconds <= 31 * 86400:
        raise click.BadParameter(
            f"{value!r} is no interval from a second to 31 days; write it as 15m, 1h, 1d", ctx, param
        )
    return timedelta(seconds=seconds)


@click.command()
@click.argument("rules", nargs=-1, required=True, type=click.Path(path_type=Path))
@lake_option
@click.option("--every", required=True, metavar="INTERVAL", callback=_every, help="How often: 15m, 1h, 1d.")
@click.option(
    "--add",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Add what is new in a folder before each run; repeat for more.",
)
@click.option("--once", is_flag=True, help="Run once, now, and end: for a scheduler of your own.")
@click.option(
    "--force",
    "forced",
    multiple=True,
    metavar="EXCLUSION",
    help="Apply an exclusion that is refused for what it hides.",
)
@click.option(
    "--policy",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Which remote-management tools are sanctioned (rmm-policy.yaml).",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: a line a run.",
)
@supply_options
@limits_options
def command(
    rules: tuple[Path, ...],
    lake_path: Path | None,
    every: timedelta,
    folders: tuple[Path, ...],
    once: bool,
    forced: tuple[str, ...],
    policy: Path | None,
    format_: str,
    timeout: float | None,
    memory_limit: str | None,
    threads: int | None,
    asked: Asked,
) -> None:
    """Hunt on a schedule, and tell only what is new: findings, changes, rules that did not run.

    Runs that were missed are caught up with by one that looks at all of the time between. Stop it with Ctrl-C or SIGTERM.
    Ends with 0; with --once with 1 where a rule did not run, or a file was not added.
    """
    import signal
    import threading

    from lurcher.app.lakes import need_lake
    from lurcher.app.session import Limits
    from lurcher.app.watch import watch

    lake = need_lake(lake_path)
    stop = threading.Event()

    def stopped(number: int, frame: object) -> None:
        stop.set()
        raise KeyboardInterrupt

    before = {s: signal.signal(s, stopped) for s in (signal.SIGTERM, signal.SIGINT)}
    wrong = False
    try:
        for one in watch(
            lake.path, rules, every=every, folders=folders, once=once, clock=now, stop=stop, forced=forced, policy=policy,
            limits=Limits(timeout, memory_limit, threads), asked=asked,
        ):  # fmt: skip
            _tell(one, format_)
            wrong = bool(one.failed) or not one.report.complete
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        return
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    click.get_current_context().exit(1 if once and wrong else 0)


def _tell(one: Any, format_: str) -> None:
    from lurcher.app.since import data_of
    from lurcher.cli.news import print_news
    from lurcher.report.text import counted, visible

    if format_ == "json":
        data = {
            "slot": one.slot, "missed": one.missed, "rows_added": one.added,
            "not_added": [list(f) for f in one.failed], **data_of(one.report),
        }  # fmt: skip
        click.echo(json.dumps(data, ensure_ascii=False, default=str))
        return
    missed = f", {counted(one.missed, 'run')} caught up with" if one.missed else ""
    added = f", {counted(one.added, 'row')} added" if one.added else ""
    click.echo(f"{one.slot:%Y-%m-%d %H:%M} UTC: hunt {one.report.last.number}{missed}{added}")
    for name, why in one.failed:
        click.echo(f"  not added: {visible(name)}: {visible(why)}")
    print_news(one.report)
