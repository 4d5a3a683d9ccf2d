"""Watchlists: a CSV file each, with a header; every column is text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lurcher.collect.external import MAX_UNPACKED, read_rows
from lurcher.errors import LurcherError
from lurcher.kql.types import Column, Columns, ScalarType

if TYPE_CHECKING:
    import pyarrow as pa


def watchlist_files(folder: Path) -> dict[str, Path]:
    """Alias -> file, of those that are there. An alias is a query's: it is looked up here, and never made into a path."""
    try:
        return {p.stem: p for p in sorted(folder.iterdir()) if p.suffix.lower() == ".csv" and p.is_file()}
    except OSError:
        return {}


def read_watchlist(path: Path) -> tuple[Columns, pa.Table]:
    """The columns by the header, and the rows. Raises `LurcherError`."""
    try:
        if path.stat().st_size > MAX_UNPACKED:
            raise LurcherError(f"the file is larger than {MAX_UNPACKED:,} bytes", path=str(path))
        data = path.read_bytes()
    except OSError as error:
        raise LurcherError(f"it cannot be read: {error.strerror or error}", path=str(path)) from None
    header = _header(data, str(path))
    if len(set(header)) != len(header) or not all(header):
        raise LurcherError(
            "the first line does not name the columns: a name is empty, or there twice",
            "a watchlist begins with a line of names",
            str(path),
            1,
        )
    columns = tuple(Column(name, ScalarType.STRING) for name in header)
    return columns, read_rows(data, "csv", columns, skip_first=True, name=str(path))


def _header(data: bytes, name: str) -> list[str]:
    import csv
    import io

    from lurcher.collect.external import text_of, unpacked

    text = text_of(unpacked(data, name))
    try:
        first = next((row for row in csv.reader(io.StringIO(text, newline="")) if row), None)
    except csv.Error:
        first = None
    if first is None:
        raise LurcherError("the file is empty", "a watchlist begins with a line of names", name)
    return [cell.strip() for cell in first]
