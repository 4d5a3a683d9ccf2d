"""Where the new part of a CSV that has grown begins.

Rows end at line ends that no quote goes beyond, so the earlier state is read as it was when it was added. Where that leaves no
doubt which of its rows are in the lake, the rest is read with the same header; where it does, the file is not taken.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import IO

from lurcher.collect.exports.csv_table import CsvNames, CsvRead, CsvText, last_row, read_rows, stretches
from lurcher.collect.exports.rows import Reject
from lurcher.errors import LurcherError

_OPEN = "a quote is opened and not closed"


@dataclass(frozen=True)
class Rest:
    """Where the new part begins, how many rows are before that, and where the header ends. `cut`: the row that begins there was
    taken when only its beginning was there."""

    start: int
    rows: int
    header: int
    cut: bool = False


def rest(before: IO[bytes], size: int, last_byte: bytes, follows: bytes, separator: str) -> Rest | None:
    """The rest behind an earlier state of so many bytes (`before`), which ends with `last_byte` and
    goes on with `follows`; None where it cannot be told
    which of its rows are in the lake."""
    rows = taken = 0
    plain = True
    last: CsvText | CsvRead | None = None
    made = CsvRead([], 0)
    with closing(before) as stream:
        try:
            for stretch in stretches(stream, separator):
                length = 0 if isinstance(stretch, CsvNames) else _size(stretch)
                if isinstance(stretch, CsvNames) or not length:
                    continue
                if last is not None:
                    plain = plain and isinstance(last, CsvText)
                    if _opened(made):
                        return None  # what was read behind it may be read otherwise now
                last, made = stretch, read_rows(stretch)
                rows, taken = rows + made.count, taken + length
        except LurcherError:
            return None  # of its header there is but the beginning
    header = size - taken
    if last is None:
        return None
    if not _opened(made) and (last_byte == b"\n" or follows[:1] == b"\n" or follows[:2] == b"\r\n"):
        return Rest(size, rows, header)
    if not plain:
        return None
    if isinstance(last, CsvRead):  # what is broken there comes again, if nothing of it was taken
        nothing = all(isinstance(part, Reject) for part in made.parts)
        return Rest(size - last.size, rows - made.count, header) if nothing else None
    start, whole = last_row(last)
    return Rest(size - len(last.text) + start, rows - 1, header, whole)


def _size(stretch: CsvText | CsvRead) -> int:
    return len(stretch.text) if isinstance(stretch, CsvText) else stretch.size


def _opened(made: CsvRead) -> bool:
    return any(isinstance(part, Reject) and part.reason.startswith(_OPEN) for part in made.parts)
