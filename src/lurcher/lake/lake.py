"""A lake: a folder of telemetry at rest."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lurcher.errors import LurcherError
from lurcher.lake import layout
from lurcher.lake.failures import told
from lurcher.lake.names import SOURCE_DIGITS
from lurcher.lake.settings import Settings, read_settings
from lurcher.lake.sources import SourceId, SourceRecord, Sources
from lurcher.lake.table import LakeTable
from lurcher.schema import TableSchema, known_table

if TYPE_CHECKING:
    import pyarrow as pa

    from lurcher.lake.commit import AppendResult
    from lurcher.lake.contents import Share
    from lurcher.lake.log import Expiration
    from lurcher.lake.writer import SourceWriter

_SETTINGS = "lake.toml"
PLATFORMS = ("defender", "sentinel")


@dataclass(frozen=True, slots=True)
class TableInfo:
    """What there is of a table. `first` and `last` are the times (UTC) of its rows; `sources` how many files and
    collections they came from; `bytes` in how many `files` on disk; `days` how many have rows."""

    name: str
    rows: int
    first: datetime | None
    last: datetime | None
    sources: int
    bytes: int
    version: int
    days: int = 0
    files: int = 0


class Lake:
    """A folder with `lake.toml`, `tables/`, `sources/`, `rejects/`, `watchlists/`, `ledger.db`.

    Any number of processes may read and append at once. What is here may be copied, moved or zipped as a whole.
    """

    def __init__(self, path: Path, platform: str, settings: Settings | None = None) -> None:
        self.path = path
        self.platform = platform
        self.settings = settings or Settings()
        self._sources = Sources(path / "sources")
        self._held: dict[str, LakeTable] = {}
        #: Table -> the number of its commits, and what was removed by them for its age.
        self._expirations: dict[str, tuple[int, list[Expiration]]] = {}

    def __reduce__(self) -> tuple[object, ...]:
        # What is open stays in its process: a copy for another one opens the tables itself.
        return Lake, (self.path, self.platform, self.settings)

    # --- making and finding ---

    @classmethod
    def create(cls, path: Path | str, *, platform: str = "defender") -> Lake:
        """Make a lake at `path`. The folder may exist; what is in it stays.

        `platform` (`defender` or `sentinel`) settles what a name or a time means where the two differ.
        """
        path = Path(path)
        if platform not in PLATFORMS:
            raise LurcherError(f"there is no platform '{platform}'", f"one of: {', '.join(PLATFORMS)}")
        settings = path / _SETTINGS
        if settings.exists():
            raise LurcherError("there is a lake already", "open it, or choose another folder", str(path))
        try:
            for folder in ("tables", "sources", "rejects", "watchlists"):
                (path / folder).mkdir(parents=True, exist_ok=True)
            # The last thing made: a folder is a lake from the moment that it has its settings.
            partial = settings.with_suffix(".part")
            partial.write_text(
                "# A lake of lurcher: https://pypi.org/project/lurcher\n"
                f'format = {layout.FORMAT_VERSION}\nplatform = "{platform}"\n',
                encoding="utf-8",
            )
            partial.replace(settings)
        except OSError as error:
            raise LurcherError(f"the lake cannot be made: {error.strerror or error}", path=str(path)) from error
        return cls(path, platform)

    @classmethod
    def open(cls, path: Path | str) -> Lake:
        """The lake at `path`. Raises `LurcherError` where there is none, or it is of a newer version."""
        path = Path(path)
        settings = path / _SETTINGS
        try:
            text = settings.read_text(encoding="utf-8")
            data = tomllib.loads(text)
        except FileNotFoundError:
            raise LurcherError(f"no lake in {path}", f"make one with: lurcher init {path}") from None
        except (OSError, ValueError) as error:
            raise LurcherError(f"the lake's settings cannot be read: {error}", path=str(settings)) from error
        version, platform = data.get("format"), data.get("platform", "defender")
        if not isinstance(version, int) or platform not in PLATFORMS:
            raise LurcherError("these are no settings of a lake", "expected: format = 1, platform", str(settings))
        if version > layout.FORMAT_VERSION:
            raise LurcherError(
                f"the lake is of format {version}, this lurcher knows {layout.FORMAT_VERSION}",
                "update lurcher",
                str(settings),
            )
        return cls(path, platform, read_settings(data, text, str(settings)))

    @classmethod
    def find(cls, start: Path) -> Lake | None:
        """The lake that `start` is in: the nearest folder, from `start` upwards, that is one."""
        start = start.absolute()
        for folder in (start, *start.parents):
            if (folder / _SETTINGS).is_file():
                return cls.open(folder)
        return None

    # --- reading ---

    def table_names(self) -> list[str]:
        """The names of the tables, sorted."""
        try:
            folders = sorted(self.path.joinpath("tables").iterdir())
        except FileNotFoundError:
            return []
        # A folder without a first commit is a table that was never made: a killed process, or one that is making it now.
        return [f.name for f in folders if _is_table(f)]

    def table(self, name: str) -> LakeTable | None:
        """The table as it is now; None where the lake has none of that (case-sensitive) name."""
        folder = self.path / "tables" / name
        if not _is_table(folder) or name not in self.table_names():
            self._held.pop(name, None)
            return None
        from lurcher.lake.commit import open_delta

        # Many small files are added one after the other: what a table's log said before is not read again for each.
        held = self._held.get(name)
        table = held.now() if held is not None else None
        self._held[name] = table = table or LakeTable(name, folder, open_delta(folder))
        return table

    def schema_of(self, name: str) -> TableSchema | None:
        """The columns that a table has, or would have: the lake's own, with the known ones that it has no rows of yet."""
        table, known = self.table(name), known_table(name)
        if table is None:
            return known
        if known is None:
            return table.schema
        have = {c.name for c in table.schema.columns}
        more = tuple(c for c in known.columns if c.name not in have)
        return TableSchema(name, (*table.schema.columns, *more), known.platforms, known.open)

    def tables(self) -> list[TableInfo]:
        """What there is, by name."""
        return [_info(table) for name in self.table_names() if (table := self.table(name)) is not None]

    def info(self, table: LakeTable) -> TableInfo:
        """The same of one table that is open."""
        return _info(table)

    def rows_of(self, table: str, digest: str) -> int:
        """How many rows of a table came from a source."""
        return self._share(table, digest).rows

    def time_of(self, table: str, digest: str) -> datetime | None:
        """The earliest time of the rows of a table that came from a source; None where there are none."""
        return self._share(table, digest).first

    def _share(self, table: str, digest: str) -> Share:
        from lurcher.lake.contents import Share, shares

        found = self.table(table)
        of = shares(found, digest=digest) if found is not None else {}
        return of.get(digest[:SOURCE_DIGITS], Share())

    def expired(self, digest: str) -> dict[str, Expiration]:
        """Where rows of a source were removed for their age: table -> the last time that it was done."""
        from lurcher.lake.log import commit_files, expirations

        found = {}
        for name in self.table_names():
            folder = self.path / "tables" / name
            count = len(commit_files(folder))
            if self._expirations.get(name, (0, []))[0] != count:
                self._expirations[name] = count, expirations(folder)
            for expiration in self._expirations[name][1]:
                if expiration.rows.get(digest[:SOURCE_DIGITS]):
                    found[name] = expiration
        return found

    def expired_note(self, digest: str) -> str:
        """What to tell whoever adds a source again whose rows were removed for their age; '' for any other."""
        return "; ".join(
            f"its rows of {name} from before {e.before} were removed on {e.on:%Y-%m-%d} (lurcher lake expire)"
            for name, e in self.expired(digest).items()
        )

    # --- writing ---

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder on the lake's disk for what waits to be added; it goes away, at the latest when the next writer comes."""
        from lurcher.lake.staging import open_folder

        with told("nothing can be written into the lake", self.path):
            folder, lock = open_folder(self.path)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.close()

    def writer(self, source: SourceId, *, memory: float = 1.0) -> SourceWriter:
        """What takes the rows of one source, of whatever tables, and commits them. `memory`: how much of what a process may hold
        otherwise, where several work at once."""
        from lurcher.lake.staging import BUFFER_BYTES
        from lurcher.lake.writer import SourceWriter

        return SourceWriter(self, source, int(BUFFER_BYTES * memory))

    def append(
        self, table: str, batches: Iterable[pa.RecordBatch], *, source: SourceId, schema: TableSchema
    ) -> AppendResult:
        """Append the rows of one source to one table, atomically; nothing where the table has them already.

        `batches` have the columns' own names (of `schema`, any of them, in any order) and the Arrow types of
        `layout.arrow_type`; they are streamed, in bounded memory. Raises `LurcherError` for a column that the table
        stores with another type.
        """
        schema = replace(schema, name=table)
        with self.writer(source) as writer:
            writer.declare(schema)
            for batch in batches:
                writer.write(schema, batch)
            return writer.commit()[table]

    def sources(self) -> Iterator[SourceRecord]:
        """What has been added."""
        return self._sources.all()

    def known_sources(self) -> Iterable[SourceRecord]:
        """What has been added or is being added, for look-ups file by file."""
        return self._sources.known()

    def source(self, digest: str) -> SourceRecord | None:
        return self._sources.get(digest)

    def take(self, name: str) -> LakeTable | None:
        """A table as it was when it was last looked at, if it was, for this caller alone, who gives it back by `keep`: then what
        its log says is not read again for each commit."""
        held = self._held.pop(name, None)
        return held if held is not None and held.in_place() else None

    def keep(self, table: LakeTable) -> None:
        self._held[table.name] = table

    def record(self, record: SourceRecord) -> None:
        """Note that a source is in the lake with all its rows."""
        self._sources.put(record)


def _is_table(folder: Path) -> bool:
    return (folder / "_delta_log" / f"{0:020}.json").exists() or _has_checkpoint(folder)


def _has_checkpoint(folder: Path) -> bool:
    return (folder / "_delta_log" / "_last_checkpoint").exists()


def _info(table: LakeTable) -> TableInfo:
    from lurcher.lake.contents import shares

    files = table.files
    # What other programs have added counts as one.
    foreign = any(not f.source and not f.checksum for f in files)
    firsts = [f.first for f in files if f.first is not None]
    lasts = [f.last for f in files if f.last is not None]
    return TableInfo(
        table.name,
        table.row_count,
        min(firsts, default=None),
        max(lasts, default=None),
        len(shares(table, [f for f in files if f.source or f.checksum])) + foreign,
        sum(f.bytes for f in files),
        table.version,
        len({f.day for f in files if f.day is not None}),
        len(files),
    )
