"""Which table a file is of: its rows say it (`Type`, as Log Analytics writes it), or its columns; its name, and then the
ActionTypes of its rows, only break ties."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from lurcher.collect.exports.action_types import table_of_action
from lurcher.collect.exports.context import ReadContext
from lurcher.errors import LurcherError
from lurcher.schema import known_table, table_names

if TYPE_CHECKING:
    import pyarrow as pa

#: The column in which Log Analytics gives each row's table.
TYPE = "Type"
#: The column that tells the table of a row of Defender's, where the columns do not.
ACTION = "ActionType"
#: Columns that any table of a workspace may have, whatever its schema lists.
_OF_ANY = frozenset(
    (
        *("TenantId", "SourceSystem", "MG", "ManagementGroupName", "Type", "TimeGenerated", "_TimeReceived"),
        *("_ResourceId", "_SubscriptionId", "_ItemId", "_IsBillable", "_BilledSize"),
    )
)
_SUFFIX = re.compile(
    r"(.+)_(?:s|d|g|b|t|string|long|int|real|double|bool|boolean|datetime|guid|dynamic|decimal|timespan)"
)


def table_of(columns: Sequence[str], context: ReadContext) -> str:
    """The table that the user named, or the one that these columns tell. Raises `LurcherError` where they do not."""
    table, fits = _told(columns, context)
    if table:
        return table
    listed = ", ".join(fits[:6]) + (", ..." if len(fits) > 6 else "")
    raise LurcherError(
        f"its columns are those of several tables: {listed}"
        if fits
        else "its columns are not those of one known table",
        "name the table: --table NAME",
        context.name,
    )


def _told(columns: Sequence[str], context: ReadContext) -> tuple[str, list[str]]:
    """The table, or '' and the tables that it may be."""
    if context.table:
        return context.table, []
    names = frozenset(columns)
    fits = [t for t in table_names() if _own(names, t) <= _columns(t)] if len(names) > 1 else []
    named = _in_name(context.name)
    if len(fits) > 1:
        # A table of both services is meant before one of the other service alone.
        fits = [t for t in fits if context.platform in _platforms(t)] or fits
    if len(fits) == 1:
        return fits[0], fits
    if named in fits:
        return named, fits
    # Columns that Microsoft, or a workspace, has added since: most are known, and the name says the rest.
    if named and not fits and len(_own(names, named) & _columns(named)) * 2 > len(names):
        return named, fits
    return "", fits


@cache
def _columns(table: str) -> frozenset[str]:
    schema = known_table(table)
    return frozenset(c.name for c in schema.columns) if schema else frozenset()


def _own(names: frozenset[str], table: str) -> frozenset[str]:
    """The names that say something of a table: without those of any table, and as the table has them."""
    columns = _columns(table)
    if names <= columns:
        return names
    if "TimeGenerated" in columns:
        names -= _OF_ANY
    return names - {n for n in names - columns if _bare(n) in columns}


@lru_cache(10_000)
def _bare(name: str) -> str:
    """A name without the suffix of a type; '' where it has none."""
    match = _SUFFIX.fullmatch(name)
    return match[1] if match else ""


def bare_names(names: Sequence[str], known: frozenset[str]) -> dict[str, str]:
    """Names with the suffix of a type (`EventID_int`, `Computer_s`), as unions write them where tables differ, that are a column
    of the table without it: name -> column. Not where the file has the column as well, or two such names for it."""
    found: dict[str, str] = {}
    taken: dict[str, int] = {}
    for name in names:
        if name not in known and (match := _SUFFIX.fullmatch(name)) and match[1] in known and match[1] not in names:
            found[name] = match[1]
            taken[match[1]] = taken.get(match[1], 0) + 1
    return {name: bare for name, bare in found.items() if taken[bare] == 1}


def suffixed(name: str) -> bool:
    """Whether a name may be that of a column with the suffix of a type."""
    return _SUFFIX.fullmatch(name) is not None


def is_table(name: object) -> bool:
    """Whether a value names a table of the services, or one that a workspace has made itself."""
    return isinstance(name, str) and (known_table(name) is not None or re.fullmatch(r"\w{1,100}_CL", name) is not None)


class Tables:
    """Which table each row of a file is of."""

    def __init__(self, context: ReadContext) -> None:
        self._context = context
        self._one = context.table or ""
        self._unknown: LurcherError | None = None
        #: The tables that rows may be of, by the columns; which of them each is, its ActionType tells.
        self._fits: list[str] = []
        self._by_type: bool | None = False if self._one else None
        #: The tables that there were rows of.
        self.seen: dict[str, None] = {}

    @property
    def by_columns(self) -> str:
        """The table that the columns tell, or the user; '' where they tell none."""
        return self._one

    def columns(self, names: Sequence[str]) -> None:
        """The columns of the file. Raises `LurcherError` where nothing can tell its table."""
        try:
            self._one = self._one or table_of(names, self._context)
        except LurcherError as error:
            self._unknown = error
            self._fits = _told(names, self._context)[1] if ACTION in names else []
            if TYPE not in names and not self._fits:
                raise

    def of(
        self, types: pa.Array | Sequence[Any] | None, count: int, actions: pa.Array | Sequence[Any] | None = None
    ) -> Iterator[tuple[str, pa.Array | None]]:
        """The table of these rows, or tables with the places of their rows. `types`: what the rows have as `Type`; `actions`:
        what they have as `ActionType`."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not count:
            return
        groups: dict[Any, None] = {}
        if self._by_type is not False and types is not None:
            values = types.unique().to_pylist() if isinstance(types, pa.Array) else types
            groups = dict.fromkeys(v if isinstance(v, str) else None for v in values)
            if self._by_type is None:
                self._by_type = all(map(is_table, groups))
        elif self._by_type is None:
            self._by_type = False
        if not self._by_type:
            if not self._one and self._unknown is not None:
                if not self._fits or actions is None:
                    raise self._unknown
                yield from self._by_action(actions)
                return
            self.seen[self._one] = None
            yield self._one, None
            return
        if not groups or not all(map(is_table, groups)):
            raise LurcherError(
                "`Type` says the table of some rows, and not of others", "name it: --table", self._context.name
            )
        self.seen.update(groups)
        if len(groups) == 1:
            yield next(iter(groups)), None
            return
        column = types if isinstance(types, pa.Array) else pa.array(types, pa.string())
        for table in groups:
            yield table, pc.indices_nonzero(pc.equal(column, table))

    def _by_action(self, actions: pa.Array | Sequence[Any]) -> Iterator[tuple[str, pa.Array | None]]:
        """Raises `LurcherError` where one of the ActionTypes is not of one table alone, or of none that the columns are of."""
        import pyarrow as pa
        import pyarrow.compute as pc

        assert self._unknown is not None
        known = table_of_action()
        values = dict.fromkeys(actions.unique().to_pylist() if isinstance(actions, pa.Array) else actions)
        tables: dict[str, list[str]] = {}
        for value in values:
            table = known.get(value) if isinstance(value, str) else None
            if table not in self._fits:
                raise self._unknown
            tables.setdefault(str(table), []).append(value)
        self.seen.update(dict.fromkeys(tables))
        if len(tables) == 1:
            yield next(iter(tables)), None
            return
        column = actions if isinstance(actions, pa.Array) else pa.array(actions, pa.string())
        for table, own in tables.items():
            yield table, pc.indices_nonzero(pc.is_in(column, pa.array(own, pa.string())))


def _platforms(table: str) -> frozenset[str]:
    schema = known_table(table)
    return schema.platforms if schema else frozenset()


def _in_name(name: str) -> str:
    """The one known table whose name is a word of the file's name; '' where there is none, or more."""
    words = set(re.findall(r"[A-Za-z0-9_]+", PurePath(name).name))
    words |= {part for word in words for part in word.split("_")}
    found = words & set(table_names())
    return found.pop() if len(found) == 1 else ""
