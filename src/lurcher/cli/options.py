"""Options that several commands share, declared once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


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


def _size(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    import re

    if value is not None and re.fullmatch(r"\s*\d+(?:\.\d+)?\s*[KMGT]i?B\s*", value, re.IGNORECASE) is None:
        raise click.BadParameter(f"{value!r} is no size; write it as 500MB or 4GB", ctx, param)
    return value


def limits_options(function: F) -> F:
    function = click.option("--timeout", type=float, metavar="SECONDS", help="Stop after so many seconds.")(function)
    function = click.option(
        "--memory-limit", metavar="SIZE", callback=_size, help="Memory the engine may use, e.g. 4GB."
    )(function)
    return click.option("--threads", type=click.IntRange(1), help="Threads the engine may use.")(function)


def now() -> datetime:
    """The time at which a command starts; LURCHER_NOW sets it (for examples whose data are old)."""
    import os

    from lurcher.app.times import parse_time

    fixed = os.environ.get("LURCHER_NOW")
    return parse_time(fixed) if fixed else datetime.now(UTC)
