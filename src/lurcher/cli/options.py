"""Options that several commands share, declared once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

if TYPE_CHECKING:
    from lurcher.kql.source import Source

F = TypeVar("F", bound=Callable[..., Any])


class Rules(click.Path):
    """Files and folders of rules, or the name of rules that lurcher makes (`rmm`, `rmm:NinjaOne`)."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, exists=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if str(value).partition(":")[0] == "rmm" and not Path(value).exists():
            return Path(value)
        return super().convert(value, param, ctx)


def lake_option(function: F) -> F:
    """`--lake DIR`: the case to work on. Without it, the lake that the current folder is in."""
    return click.option(
        "--lake",
        "lake_path",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="LURCHER_LAKE",
        help="The lake to use (default: the one that the current folder is in; or $LURCHER_LAKE).",
    )(function)


def as_of_option(function: F) -> F:
    return click.option(
        "--as-of",
        metavar="TIME|latest",
        help="What now() means: a time (UTC), or 'latest', the newest row of the tables that are asked.",
    )(function)


def size(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    import re

    if value is not None and re.fullmatch(r"\s*\d+(?:\.\d+)?\s*[KMGT]i?B\s*", value, re.IGNORECASE) is None:
        raise click.BadParameter(f"{value!r} is no size; write it as 500MB or 4GB", ctx, param)
    return value


def limits_options(function: F) -> F:
    function = click.option("--timeout", type=float, metavar="SECONDS", help="Stop after so many seconds.")(function)
    function = click.option(
        "--memory-limit", metavar="SIZE", callback=size, help="Memory the engine may use, e.g. 4GB."
    )(function)
    return click.option("--threads", type=click.IntRange(1), help="Threads the engine may use.")(function)


def engine_option(function: F) -> F:
    """`--engine`: what runs the queries over the lake."""
    return click.option(
        "--engine",
        metavar="ENGINE",
        help="What runs the queries: duckdb (the default), spark://HOST:15002, spark:local, spark:sail (docs/engines.md).",
    )(function)


def supply_options(function: F) -> F:
    """What queries may use beyond tables; the command gets it as one argument, `asked` (`lurcher.app.supplies.Asked`)."""

    @functools.wraps(function)
    def collected(
        *args: Any, allow_url: Any, map_url: Any, watchlist: Any, geo: Path | None, here: Any, **rest: Any
    ) -> Any:
        from lurcher.app.supplies import Asked

        lists = tuple((*_key(alias), path) for alias, path in watchlist)
        return function(*args, asked=Asked(allow_url, map_url, lists, geo, here), **rest)

    for option in reversed(
        (
            click.option(
                "--allow-url", multiple=True, metavar="PREFIX",
                help="Let externaldata fetch URLs that begin so (https); repeat for more.",
            ),
            click.option(
                "--map-url", multiple=True, metavar="URL=FILE", callback=_pairs,
                help="Let externaldata read a file instead of a URL; repeat for more.",
            ),
            click.option(
                "--watchlist", multiple=True, metavar="ALIAS[:KEY]=FILE", callback=_pairs,
                help="A CSV file as a watchlist, KEY the column that SearchKey stands for; repeat for more.",
            ),
            click.option(
                "--geo", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
                help="Places by address (.mmdb), for geo_info_from_ip_address().",
            ),
            click.option(
                "--here", multiple=True, metavar="PLACE",
                help="Read the tables here for those of another place: arg, workspace:NAME; repeat for more.",
            ),
        )
    ):  # fmt: skip
        collected = option(collected)
    return cast(F, collected)


def on_options(function: F) -> F:
    """Where the data are; the command gets it as one argument, `on` (`lurcher.app.live.On`, or None where it is here)."""

    @functools.wraps(function)
    def collected(*args: Any, on: str | None, endpoint: str | None, timespan: str | None, **rest: Any) -> Any:
        from lurcher.app.live import On

        if on is None and (endpoint is not None or timespan is not None):
            raise click.UsageError("--endpoint and --timespan are of a live service: --on TARGET")
        chosen = On(on, endpoint, timespan, rest.get("timeout")) if on is not None else None
        return function(*args, on=chosen, **rest)

    for option in reversed(
        (
            click.option(
                "--on", metavar="TARGET",
                help="Ask a live service: sentinel:WORKSPACE-ID, defender, adx:CLUSTER/DATABASE.",
            ),
            click.option(
                "--timespan", metavar="SPAN",
                help="With --on: what time the service looks at: P1D, START/END, START/P7D.",
            ),
            click.option(
                "--endpoint", metavar="URL",
                help="With --on: another address of the service (or $LURCHER_ENDPOINT_SENTINEL, _DEFENDER, _ADX).",
            ),
        )
    ):  # fmt: skip
        collected = option(collected)
    return cast(F, collected)


def _pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, Path], ...]:
    pairs = []
    for value in values:
        # A URL has = in it, a file's name hardly.
        name, equals, file = value.rpartition("=")
        if not equals or not name or not file:
            raise click.BadParameter(f"{value!r} is not of the form {param.metavar}", ctx, param)
        if not Path(file).is_file():
            raise click.BadParameter(f"there is no file {file!r}", ctx, param)
        pairs.append((name, Path(file)))
    return tuple(pairs)


def _key(alias: str) -> tuple[str, str]:
    name, _, key = alias.partition(":")
    return name, key


def now() -> datetime:
    """The time at which a command starts; LURCHER_NOW sets it (for examples whose data are old)."""
    import os

    from lurcher.app.times import parse_time

    fixed = os.environ.get("LURCHER_NOW")
    return parse_time(fixed) if fixed else datetime.now(UTC)


def endpoint_options(function: F) -> F:
    """A service that must be named, without a time span: as `on_options`."""

    @functools.wraps(function)
    def collected(*args: Any, target: str, endpoint: str | None, **rest: Any) -> Any:
        from lurcher.app.live import On

        return function(*args, on=On(target, endpoint, None, rest.get("timeout")), **rest)

    for option in (
        click.option(
            "--endpoint",
            metavar="URL",
            help="Another address of the service (or $LURCHER_ENDPOINT_SENTINEL, _DEFENDER, _ADX).",
        ),
        click.option(
            "--on",
            "target",
            required=True,
            metavar="TARGET",
            help="The live service: sentinel:WORKSPACE-ID, defender, adx:CLUSTER/DATABASE.",
        ),
    ):
        collected = option(collected)
    return cast(F, collected)


def query_source(function: F) -> F:
    """`KQL` and `-f`: the command gets them as `kql` and `file`, for `query_text`."""
    file = click.option(
        "-f",
        "--file",
        "file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Read the query from a file.",
    )
    return click.argument("kql", required=False)(file(function))


def query_text(kql: str | None, file: Path | None) -> Source:
    """The text of a query: an argument, a file, or standard input. Raises `LurcherError`, `click.UsageError`."""
    import sys

    from lurcher.errors import LurcherError
    from lurcher.kql.source import Source

    if kql is not None and file is not None:
        raise click.UsageError("a query is either an argument or a file, not both")
    if file is None and kql is not None and kql != "-":
        return Source(kql)
    if file is None and sys.stdin.isatty():
        raise click.UsageError("no query: give it as an argument, with -f FILE, or on standard input")
    content, name = (file.read_bytes(), str(file)) if file is not None else (sys.stdin.buffer.read(), "<stdin>")
    try:
        return Source(content.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise LurcherError("not a text file: a byte that is not UTF-8", "save it as UTF-8", name, line) from None
