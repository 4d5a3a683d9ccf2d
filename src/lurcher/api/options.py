"""What queries and hunts may use, as keyword arguments: the options of the commands under the same names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from lurcher.errors import LurcherError

if TYPE_CHECKING:
    from lurcher.app.session import Limits
    from lurcher.app.supplies import Asked
    from lurcher.engines.hot import Hot

PathLike = str | Path
_SIZE = re.compile(r"\s*\d+(?:\.\d+)?\s*[KMGT]i?B\s*", re.IGNORECASE)


class Options(TypedDict, total=False):
    """All of them may be left out.

    as_of         what `now()` means: a time, or "latest", the newest row of the tables that are asked
    timeout       seconds that a text has, to be compiled and to give its rows
    memory_limit  what the engine may use: "4GB"
    threads       threads that the engine may use
    allow_url     beginnings of URLs that externaldata may fetch
    map_url       URL -> file that externaldata reads instead
    watchlists    "ALIAS" or "ALIAS:KEY" -> CSV file
    geo           a file of places by address (.mmdb)
    here          other places whose tables are read here: "arg", "workspace:NAME"
    cache         of `open` and `init`: memory for tables that are queried again, "2GB"; 0 keeps none; else a fifth of what there is
    """

    as_of: str | datetime | None
    timeout: float | None
    memory_limit: str | None
    threads: int | None
    allow_url: str | Iterable[str]
    map_url: Mapping[str, PathLike]
    watchlists: Mapping[str, PathLike]
    geo: PathLike | None
    here: str | Iterable[str]
    cache: str | int | None


def checked(options: Options) -> Options:
    """The same. Raises `LurcherError` for what is no option, or has a value that is none."""
    unknown = options.keys() - Options.__annotations__.keys()
    if unknown:
        raise LurcherError(
            f"there is no option '{sorted(unknown)[0]}'", f"there are: {', '.join(Options.__annotations__)}"
        )
    timeout, threads, size = options.get("timeout"), options.get("threads"), options.get("memory_limit")
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout > 0):
        raise LurcherError(f"timeout={timeout!r} is no number of seconds")
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise LurcherError(f"threads={threads!r} is no number of threads")
    if size is not None and (not isinstance(size, str) or _SIZE.fullmatch(size) is None):
        raise LurcherError(f"memory_limit={size!r} is no size", "write it as '500MB' or '4GB'")
    cache = options.get("cache")
    none = cache is None or str(cache) == "0"
    if not none and (not isinstance(cache, str) or _SIZE.fullmatch(cache) is None):
        raise LurcherError(f"cache={cache!r} is no size", "write it as '500MB' or '4GB'; 0 keeps nothing")
    return options


def of_query(options: Options) -> Options:
    """The options of one query, check or hunt. Raises `LurcherError` for what is a case's alone."""
    if "cache" in options:
        raise LurcherError("the cache is a case's, not a query's", "case = lurcher.open(PATH, cache='2GB')")
    return options


def hot_tables(options: Options) -> Hot | None:
    """What keeps the tables of a case that are queried again; None where nothing is kept."""
    from lurcher.app.kept import hot_tables

    cache = options.get("cache")
    return hot_tables(None if cache is None else str(cache), options.get("memory_limit"), options.get("threads"))


def as_of_text(value: str | datetime | None) -> str | None:
    """`as_of` as the commands take it; a `datetime` without a zone is in UTC, as a text without one."""
    return value.isoformat() if isinstance(value, datetime) else value


def limits(options: Options) -> Limits:
    from lurcher.app.session import Limits

    return Limits(options.get("timeout"), options.get("memory_limit"), options.get("threads"))


def asked(options: Options) -> Asked:
    from lurcher.app.supplies import Asked

    geo = options.get("geo")
    watchlists = []
    for name, path in options.get("watchlists", {}).items():
        alias, _, key = name.partition(":")
        watchlists.append((alias, key, _file(path)))
    return Asked(
        _several(options.get("allow_url", ())),
        tuple((url, _file(path)) for url, path in options.get("map_url", {}).items()),
        tuple(watchlists),
        _file(geo) if geo is not None else None,
        _several(options.get("here", ())),
    )


def _several(texts: str | Iterable[str]) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else tuple(texts)


def _file(path: PathLike) -> Path:
    path = Path(path)
    if not path.is_file():
        raise LurcherError("there is no such file", path=str(path))
    return path
