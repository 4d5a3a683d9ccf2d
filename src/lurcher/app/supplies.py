"""What the user allows and supplies to queries beyond tables: by options, and in a lake's settings and folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lurcher.collect.urls import checked_prefix, is_allowed
from lurcher.errors import LurcherError
from lurcher.kql.secrets import plain_url, public_url
from lurcher.plan.supplies import PLACES, Watchlist

if TYPE_CHECKING:
    import pyarrow as pa

    from lurcher.kql.types import Columns
    from lurcher.lake import Lake
    from lurcher.plan import nodes as n


@dataclass(frozen=True)
class Asked:
    """What the options of a command say. A watchlist is (alias, key column or empty, file)."""

    allow: tuple[str, ...] = ()
    map: tuple[tuple[str, Path], ...] = ()
    watchlists: tuple[tuple[str, str, Path], ...] = ()
    geo: Path | None = None
    here: tuple[str, ...] = ()

    @property
    def given(self) -> bool:
        """Whether any was said."""
        return self != Asked()


class SessionSupplies:
    """Implements `lurcher.plan.supplies.Supplies`, and gives the rows. Files and URLs are read once."""

    def __init__(self, lake: Lake | None = None, asked: Asked | None = None) -> None:
        asked = asked or Asked()
        self._lake = lake
        settings = lake.settings if lake is not None else None
        self._allow = tuple(checked_prefix(p) for p in (*asked.allow, *(settings.allow if settings else ())))
        self._map = {u: _beside(lake, p) for u, p in settings.map.items()} if settings and lake else {}
        self._map |= dict(asked.map)
        self._files = {alias: (key, path) for alias, key, path in asked.watchlists}
        self._keys = settings.watchlists if settings else {}
        self._geo = asked.geo or (_beside(lake, settings.geo) if settings and lake and settings.geo else None)
        self._here = frozenset(_place(h) for h in (*asked.here, *(settings.here if settings else ())))
        self._bytes: dict[str, bytes] = {}
        self._lists: dict[str, tuple[Columns, pa.Table]] = {}
        self._places: str | None = None

    # --- what there is ---
    def may_read(self, url: str) -> bool:
        return self._mapped(url) is not None or is_allowed(url, self._allow)

    def watchlist(self, alias: str) -> Watchlist | None:
        if self._path_of(alias) is None:
            return None
        columns = self._list(alias)[0]
        key = self._files[alias][0] if alias in self._files else ""
        key = key or self._keys.get(alias, "")
        if key and key not in {c.name for c in columns}:
            names = ", ".join(c.name for c in columns)
            raise LurcherError(f"its key '{key}' is no column of it", f"there are: {names}")
        return Watchlist(columns, key)

    def watchlists(self) -> Sequence[str]:
        return sorted({*self._files, *self._in_lake()})

    def watchlist_place(self, alias: str) -> str:
        if self._lake is None or not alias or len(alias) > 128 or not all(c.isalnum() or c in "_- ." for c in alias):
            return ""
        return str(self._lake.path / "watchlists" / f"{alias}.csv") if not alias.startswith(".") else ""

    def places(self) -> str:
        if self._places is None:
            self._places = self._found_places()
        return self._places

    def is_here(self, function: str, name: str) -> bool:
        return bool({function.lower(), f"{function}:{name}".lower()} & self._here)

    def fingerprint(self) -> str:
        """What is supplied, by its content: watchlists, files for URLs, places, what was fetched, what is read for another place.
        "" where nothing is."""
        import hashlib

        files = {f"watchlist {alias} {self._keys.get(alias, '')}": path for alias, path in self._in_lake().items()}
        files |= {f"watchlist {alias} {key}": path for alias, (key, path) in self._files.items()}
        files |= {f"url {public_url(url)}": path for url, path in self._map.items()}
        if geo := self._geo_file():
            files["geo"] = geo
        said = [f"{what} {_content(path)}" for what, path in sorted(files.items())]
        fetched = {url for url in self._bytes if self._mapped(url) is None}
        said += [f"fetched {public_url(u)} {hashlib.sha256(self._bytes[u]).hexdigest()}" for u in sorted(fetched)]
        said += [f"here {place}" for place in sorted(self._here)]
        return hashlib.sha256("\n".join(said).encode("utf-8", "surrogatepass")).hexdigest() if said else ""

    def _geo_file(self) -> Path | None:
        if self._geo is not None or self._lake is None:
            return self._geo
        return next(iter(sorted((self._lake.path / "geo").glob("*.mmdb"))), None)

    # --- rows ---
    def rows(self, wanted: n.Supplied) -> pa.Table:
        """The rows of a plan's node. Raises `LurcherError`."""
        import pyarrow as pa

        if wanted.what == "watchlist":
            return self._list(wanted.names[0])[1]
        if wanted.what == "watchlists":
            return pa.table({"WatchlistAlias": pa.array(self.watchlists(), pa.string())})
        from lurcher.collect.external import read_rows

        options = dict(wanted.options)
        tables = [
            read_rows(
                self._read(url),
                str(options["format"]),
                wanted.columns,
                skip_first=bool(options.get("ignorefirstrecord")),
                name=public_url(url),
            )
            for url in wanted.names
        ]
        return pa.concat_tables(tables)

    def _read(self, url: str) -> bytes:
        if url not in self._bytes:
            path = self._mapped(url)
            if path is None:
                from lurcher.collect.fetch import fetch

                self._bytes[url] = fetch(url, self._allow, self._cache())
            else:
                try:
                    self._bytes[url] = path.read_bytes()
                except OSError as error:
                    raise LurcherError(
                        f"the file for {public_url(url)} cannot be read: {error.strerror or error}", path=str(path)
                    ) from None
        return self._bytes[url]

    def _mapped(self, url: str) -> Path | None:
        """The file that stands for a URL, written with its key or without."""
        return self._map.get(url) or self._map.get(plain_url(url))

    def _cache(self) -> Path | None:
        if self._lake is not None:
            return self._lake.path / "cache" / "externaldata"
        base = os.environ.get("XDG_CACHE_HOME") or ""
        try:
            home = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
        except RuntimeError:
            return None
        return home / "lurcher" / "externaldata"

    # --- watchlists, places ---
    def _in_lake(self) -> dict[str, Path]:
        from lurcher.collect.watchlist import watchlist_files

        return watchlist_files(self._lake.path / "watchlists") if self._lake is not None else {}

    def _path_of(self, alias: str) -> Path | None:
        if alias in self._files:
            return self._files[alias][1]
        return self._in_lake().get(alias)

    def _list(self, alias: str) -> tuple[Columns, pa.Table]:
        if alias not in self._lists:
            path = self._path_of(alias)
            if path is None:
                raise LurcherError(f"the watchlist '{alias[:80]}' has gone")
            from lurcher.collect.watchlist import read_watchlist

            self._lists[alias] = read_watchlist(path)
        return self._lists[alias]

    def _found_places(self) -> str:
        path = self._geo
        if path is None and self._lake is not None:
            folder = self._lake.path / "geo"
            found = sorted(folder.glob("*.mmdb")) if folder.is_dir() else []
            if len(found) > 1:
                raise LurcherError(
                    f"there are {len(found)} files of places",
                    'say which: lake.toml: [geo] file = "geo/..."; or --geo FILE',
                    str(folder),
                )
            path = found[0] if found else None
        if path is None:
            return ""
        from lurcher.functions.udfs.geo import check_file

        check_file(str(path))
        return str(path.absolute())


def _beside(lake: Lake | None, path: str) -> Path:
    """A path of lake.toml: beside it, where it is relative."""
    return lake.path / path if lake is not None else Path(path)


def _content(path: Path) -> str:
    import hashlib

    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "cannot be read"


def _place(text: str) -> str:
    """`arg`, `workspace:NAME`: what a query calls and, where it matters, with which name."""
    place = text.strip().lower()
    if place.partition(":")[0] not in PLACES:
        raise LurcherError(
            f"'{text}' is no other place", f"write {', '.join(sorted(PLACES))}, or one with its name: workspace:NAME"
        )
    return place
