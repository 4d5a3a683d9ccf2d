"""Which table a file is of that does not say so itself: by its columns; its name only breaks ties."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import PurePath

from lurcher.collect.exports.context import ReadContext
from lurcher.errors import LurcherError
from lurcher.schema import known_table, table_names


def table_of(columns: Sequence[str], context: ReadContext) -> str:
    """The table that the user named, or the one that these columns tell. Raises `LurcherError` where they do not."""
    if context.table:
        return context.table
    names = frozenset(columns)
    fits = [t for t in table_names() if names <= _columns(t)] if len(names) > 1 else []
    named = _in_name(context.name)
    if len(fits) > 1:
        # A table of both services is meant before one of the other service alone.
        fits = [t for t in fits if context.platform in _platforms(t)] or fits
    if len(fits) == 1:
        return fits[0]
    if named in fits:
        return named
    # Columns that Microsoft, or a workspace, has added since: most are known, and the name says the rest.
    if named and not fits and len(names & _columns(named)) * 2 > len(names):
        return named
    listed = ", ".join(fits[:6]) + (", ..." if len(fits) > 6 else "")
    raise LurcherError(
        f"its columns are those of several tables: {listed}"
        if fits
        else "its columns are not those of one known table",
        "name the table: --table NAME",
        context.name,
    )


@cache
def _columns(table: str) -> frozenset[str]:
    schema = known_table(table)
    return frozenset(c.name for c in schema.columns) if schema else frozenset()


def _platforms(table: str) -> frozenset[str]:
    schema = known_table(table)
    return schema.platforms if schema else frozenset()


def _in_name(name: str) -> str:
    """The one known table whose name is a word of the file's name; '' where there is none, or more."""
    words = set(re.findall(r"[A-Za-z0-9_]+", PurePath(name).name))
    words |= {part for word in words for part in word.split("_")}
    found = words & set(table_names())
    return found.pop() if len(found) == 1 else ""
