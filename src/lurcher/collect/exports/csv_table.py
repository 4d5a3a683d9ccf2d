"""CSV text -> columns of cells, in pieces: Arrow's parser where all is regular, our own where it is not.

Arrow's parser is fast and forgiving: it takes `"a"b` for `ab`, and a quote that is never closed for one that is. So a piece
goes to it only when its quotes are regular; any other is taken apart here, row by row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from typing import IO, TYPE_CHECKING

from lurcher.collect.exports.rows import Reject
from lurcher.errors import LurcherError

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK = 4 * 1024 * 1024
#: The longest row: a cell that goes on for longer is a quote that was forgotten.
MAX_ROW = 16 * 1024 * 1024
MAX_COLUMNS = 4096


@dataclass(frozen=True)
class CsvNames:
    """The columns' names, all different. `again`: those that were made of a name that had come before -> that name."""

    names: list[str]
    again: dict[str, str]


@dataclass(frozen=True)
class CsvRows:
    """Rows as columns of text. `first` is the number of the first row (from 1, the header not counted)."""

    columns: dict[str, pa.Array]
    count: int
    first: int
    separator: str

    def reject(self, place: int, reason: str) -> Reject:
        cells = [self.columns[n][place].as_py() for n in self.columns]
        line = self.separator.join(
            f'"{c.replace(chr(34), chr(34) * 2)}"' if re.search(r'["\r\n,;\t]', c) else c for c in cells
        )
        return Reject("row", self.first + place, reason, line.encode())


@dataclass(frozen=True)
class CsvText:
    """Rows that are text yet, whole and quoted as they should be."""

    text: bytes
    names: list[str]
    separator: str


@dataclass(frozen=True)
class CsvRead:
    """Rows and rejects of a stretch that has `count` rows; the first of them has the number 1."""

    parts: list[CsvRows | Reject]
    count: int
    #: Bytes that it was made of.
    size: int = 0


def split_line(line: str, separator: str) -> list[str]:
    """The cells of a line that has no line break in a cell."""
    cells = _parse(line.rstrip("\r\n").encode(), separator.encode(), 0)[0]
    return [c.decode() for c in cells] if cells else []


def stretches(stream: IO[bytes], separator: str) -> Iterator[CsvNames | CsvText | CsvRead]:
    """First the header's names, all different, then stretches of whole rows. Raises `LurcherError` for a header that is none."""
    mark = separator.encode()
    buffer, ended = b"", False
    names: list[str] = []
    start = True
    while not ended:
        block = stream.read(_BLOCK)
        ended = not block
        if start and block:
            block, start = block.removeprefix(b"\xef\xbb\xbf"), False
        buffer += block
        if not names:
            cells, end, _ = _parse(buffer, mark, 0)
            if cells is None or (end >= len(buffer) and not ended):
                if not ended and len(buffer) < MAX_ROW:
                    continue
                if not buffer.strip():
                    return
                raise LurcherError("the header is broken: a quote is opened and not closed", "is it CSV?")
            if len(cells) > MAX_COLUMNS:
                raise LurcherError(f"the header has {len(cells):,} columns, more than {MAX_COLUMNS:,}", "is it CSV?")
            header = _names(cells)
            names = header.names
            yield header
            buffer = buffer[end:]
        cut = len(buffer) if ended and buffer.count(b'"') % 2 == 0 else _even(buffer)
        piece = buffer[:cut]
        if piece and b"\0" not in piece and _regular(piece, mark):
            yield CsvText(piece, names, separator)
            buffer = buffer[cut:]
            piece = b""
        if piece or ended:
            slow = _slow(buffer, mark, names, ended)
            yield CsvRead(slow.parts, slow.rows, slow.end)
            buffer = buffer[slow.end :]
        if len(buffer) > MAX_ROW:  # only the first line is taken away: without its quote, what follows may be whole
            line, newline, rest = buffer.partition(b"\n")
            yield CsvRead(
                [Reject("row", 1, "a quote is opened and not closed within 16 MiB", line[:65_536])], 1, len(line) + 1
            )
            buffer = rest if newline else _skip(stream)


def read_rows(stretch: CsvText | CsvRead) -> CsvRead:
    """The rows of a stretch."""
    if isinstance(stretch, CsvRead):
        return stretch
    columns = _arrow(stretch.text, stretch.separator, stretch.names)
    if columns is None:
        slow = _slow(stretch.text, stretch.separator.encode(), stretch.names, True)
        return CsvRead(slow.parts, slow.rows)
    count = len(next(iter(columns.values())))
    return CsvRead([CsvRows(columns, count, 1, stretch.separator)] if count else [], count)


def read_table(stream: IO[bytes], separator: str) -> Iterator[CsvNames | CsvRows | Reject]:
    """First the header's names, then rows and rejects. Raises `LurcherError` for a header that is none."""
    before = 0
    for stretch in stretches(stream, separator):
        if isinstance(stretch, CsvNames):
            yield stretch
            continue
        found = read_rows(stretch)
        for part in found.parts:
            if isinstance(part, Reject):
                yield replace(part, position=part.position + before)
            else:
                yield replace(part, first=part.first + before)
        before += found.count


def last_row(stretch: CsvText) -> tuple[int, bool]:
    """Where the last row of a stretch begins that ends with no line end, and whether it has as many cells as the header."""
    start = _even(stretch.text)
    cells, _, _ = _parse(stretch.text, stretch.separator.encode(), start)
    return start, cells is not None and len(cells) == len(stretch.names)


def quoted_well(line: str, separator: str) -> bool:
    """Whether every quote of a line opens or closes a cell, or is one of a pair within one."""
    return _regular(line.rstrip("\r\n").encode(), separator.encode())


def _skip(stream: IO[bytes]) -> bytes:
    """Read on to the end of the line; what was read of the next ones."""
    while block := stream.read(_BLOCK):
        end = block.find(b"\n")
        if end >= 0:
            return block[end + 1 :]
    return b""


def _names(cells: list[bytes]) -> CsvNames:
    """A name for each column: a second `X` is `X_2`, a nameless third column `Column3`."""
    texts = [c.decode("utf-8", "replace").strip() for c in cells]
    given = set(texts)
    names: dict[str, None] = {}
    again: dict[str, str] = {}
    for place, text in enumerate(texts, 1):
        name, number = text or f"Column{place}", 1
        while name in names or (number > 1 and name in given):
            number += 1
            name = f"{text or f'Column{place}'}_{number}"
        names[name] = None
        if number > 1:
            again[name] = text
    return CsvNames(list(names), again)


def _even(buffer: bytes) -> int:
    """Where the last line ends that no open quote goes beyond; 0 where there is none."""
    end = buffer.rfind(b"\n")
    quotes = buffer.count(b'"', 0, max(end, 0))
    while end >= 0 and quotes % 2:
        before = buffer.rfind(b"\n", 0, end)
        quotes -= buffer.count(b'"', max(before, 0), end)
        end = before
    return end + 1


def _regular(piece: bytes, mark: bytes) -> bool:
    """Whether every quote opens or closes a cell, or is one of a pair within one.

    Every second quote closes what the one before it has opened; a pair within a cell closes it and opens it again, at once."""
    import numpy as np

    octets = np.frombuffer(piece, np.uint8)
    quotes = np.flatnonzero(octets == 0x22)
    if not len(quotes):
        return True
    if len(quotes) % 2:
        return False
    opened, closed = quotes[0::2], quotes[1::2]
    again = closed[:-1] + 1 == opened[1:]
    before = octets[np.maximum(opened - 1, 0)]
    opens = (opened == 0) | (before == mark[0]) | (before == 0x0A)
    opens[1:] |= again
    after = octets[np.minimum(closed + 1, len(octets) - 1)]
    closes = (closed == len(octets) - 1) | (after == mark[0]) | (after == 0x0A) | (after == 0x0D)
    closes[:-1] |= again
    return bool(opens.all() and closes.all())


def _arrow(piece: bytes, separator: str, names: list[str]) -> dict[str, pa.Array] | None:
    """The columns; None where a row has another number of cells, or is not UTF-8."""
    import pyarrow as pa
    import pyarrow.csv as pv

    keys = [str(i) for i in range(len(names))]
    try:
        table = pv.read_csv(
            BytesIO(piece),
            read_options=pv.ReadOptions(column_names=keys, use_threads=False, block_size=len(piece) + 1),
            parse_options=pv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=pv.ConvertOptions(column_types=dict.fromkeys(keys, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    return {n: _one(table.column(i)) for i, n in enumerate(names)}


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()  # which would copy it


@dataclass
class _Slow:
    parts: list[CsvRows | Reject]
    rows: int
    end: int


def _slow(buffer: bytes, mark: bytes, names: list[str], last: bool) -> _Slow:
    """Row by row, as far as whole rows go. `last`: what is left open has no end any more."""
    import pyarrow as pa

    parts: list[CsvRows | Reject] = []
    rows: list[list[str]] = []
    first, row, at = 1, 1, 0

    def flush() -> None:
        nonlocal rows, first
        if rows:
            columns = {n: pa.array([r[i] for r in rows], pa.string()) for i, n in enumerate(names)}
            parts.append(CsvRows(columns, len(rows), first, mark.decode()))
        rows, first = [], row

    while at < len(buffer):
        cells, end, reason = _parse(buffer, mark, at)
        if cells is None and not reason:  # open at the end of what there is
            if not last:
                break
            reason = "a quote is opened and not closed"
        if end >= len(buffer) and not last and not buffer.endswith(b"\n"):
            break
        if cells is not None:
            if cells == [b""] and buffer[at : at + 1] != b'"':  # an empty line
                at = end
                continue
            try:
                texts = [c.decode() for c in cells]
                zero = next((n for n, t in zip(names, texts, strict=False) if "\0" in t), None)
                reason = f"{zero}: holds a NUL byte" if zero is not None else reason
                if len(texts) != len(names):
                    reason = f"the row has {len(texts)} cells, the header {len(names)}"
            except UnicodeDecodeError as error:
                reason = f"not UTF-8: {error.reason}"
        if reason:
            if cells is None:  # of a broken row only the line is taken away: what follows may be whole
                newline = buffer.find(b"\n", at)
                end = newline + 1 if newline >= 0 else len(buffer)
            flush()
            parts.append(Reject("row", row, reason, buffer[at : min(end, at + 65_536)].rstrip(b"\r\n")))
            row += 1
            first = row
        else:
            rows.append(texts)
            row += 1
            if len(rows) >= 50_000:
                flush()
        at = end
    flush()
    return _Slow(parts, row - 1, at)


def _parse(buffer: bytes, mark: bytes, at: int) -> tuple[list[bytes] | None, int, str]:
    """The cells of the row that begins at `at`, where the next one begins, and what is wrong with it. No cells and no
    reason: the row is not at its end."""
    cells: list[bytes] = []
    quoted = re.compile(rb'"((?:[^"]|"")*+)"')
    bare = re.compile(rb"[^\r\n%s]*" % re.escape(mark))
    while True:
        if buffer[at : at + 1] == b'"':
            match = quoted.match(buffer, at)
            if match is None:
                return None, len(buffer), ""
            cells.append(match[1].replace(b'""', b'"'))
            at = match.end()
        else:
            match = bare.match(buffer, at)
            assert match is not None  # it matches nothing at least
            cells.append(match[0])
            at = match.end()
        follows = buffer[at : at + 2]
        if follows[:1] == mark:
            at += 1
        elif follows == b"\r\n":
            return cells, at + 2, ""
        elif follows[:1] in (b"\n", b"\r"):
            return cells, at + 1, ""
        elif not follows:
            return cells, at, ""
        else:
            return None, at, "text follows a closing quote"
