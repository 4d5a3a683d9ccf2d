"""Sysinternals sigcheck: what it prints with `-c` (commas) or `-ct` (tabs), with any of `-a`, `-e`, `-h`, `-vt`.

A file is a row of DeviceFileCertificateInfo and of DeviceFileEvents. `Verified` is `Signed`, `Unsigned`, or what Windows says
against the signature: that is kept. Columns are known by their names, which versions write differently; those that have no
place of their own are kept in AdditionalFields. The program tells neither the machine nor when it ran: the user may
(`--device`, `--at`).
Its dates are local times of the machine, in the order of its region.
Source: "Sigcheck" (Sysinternals).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import IO

from lurcher.collect.exports import signed_files, times
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.csv_table import CsvRows, read_table, split_line
from lurcher.collect.exports.files import Leaf, reading
from lurcher.collect.exports.registry import source_format
from lurcher.collect.exports.rows import Reject, TableBatch
from lurcher.collect.exports.signed_files import CERTIFICATES, FILES, SignedFile

#: Lines before the header that are looked at: the program's banner.
_BANNER = 30
#: A column's name in lower case without blanks -> where it goes in AdditionalFields, in Defender's words.
_DETAILS = {
    "company": "CompanyName",
    "description": "FileDescription",
    "product": "ProductName",
    "productversion": "ProductVersion",
    "prodversion": "ProductVersion",
    "version": "ProductVersion",
    "fileversion": "FileVersion",
    "originalname": "OriginalFileName",
    "internalname": "InternalFileName",
    "machinetype": "Machine",
    "verified": "SignatureStatus",
    "catalog": "Catalog",
}
_TAKEN = ("path", "publisher", "date", "md5", "sha1", "sha256", "filesize", "size")
_CLOCK_FIRST = re.compile(
    r"(\d{1,2}:\d\d(?::\d\d)?(?: ?[AaPp]\.?[Mm]\.?)?),? +(\d{1,4}[./-]\d{1,2}[./-]\d{1,4})\.?", re.ASCII
)
_ABOUT_SIGNATURES = re.compile(r"certif|zertif|sign|trust|revo|digest", re.IGNORECASE)


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).lower()


def _header(data: bytes) -> tuple[int, str, list[str]] | None:
    """Where the header begins, the separator, and the names in it."""
    at = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    for _ in range(_BANNER):
        end = data.find(b"\n", at)
        line = data[at : end if end >= 0 else len(data)].decode("utf-8", "replace").rstrip("\r")
        for separator in (",", "\t", ";"):
            names = [_plain(n) for n in split_line(line, separator)]
            if (
                names[:1] == ["path"]
                and "verified" in names
                and {"publisher", "date", "company", "description"} & set(names)
            ):
                return at, separator, names
        if end < 0:
            return None
        at = end + 1
    return None


@source_format("sigcheck", "Sysinternals sigcheck (CSV)", 33, lambda head: _header(head.data) is not None)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    if context.table not in (None, CERTIFICATES, FILES):
        from lurcher.collect.exports.readers import csv_cells

        yield from csv_cells.read(leaf, context)
        return
    found = _header(leaf.head())
    assert found is not None
    start, separator, _ = found
    dates = _Dates(context)
    with reading(leaf.name), closing(leaf.open()) as stream:
        _skip(stream, start)
        names: list[str] = []
        for part in read_table(stream, separator):
            if isinstance(part, Reject):
                yield part
            elif not isinstance(part, CsvRows):
                names = [_plain(n) for n in part.names]
            else:
                files, rejects = _files(part, names, dates, context)
                yield from rejects
                if files:
                    yield from signed_files.batches(files, context)
    dates.end()


def _skip(stream: IO[bytes], count: int) -> None:
    while count and (block := stream.read(count)):
        count -= len(block)


def _files(
    part: CsvRows, names: list[str], dates: _Dates, context: ReadContext
) -> tuple[list[SignedFile], list[Reject]]:
    columns = {name: array.to_pylist() for name, array in zip(names, part.columns.values(), strict=True)}
    titles = dict(zip(names, part.columns, strict=True))
    files: list[SignedFile] = []
    rejects: list[Reject] = []
    for i in range(part.count):
        row = {name: _value(values[i]) for name, values in columns.items()}
        path, verified = row["path"], row["verified"]
        if path.lower() == "path" and verified.lower() == "verified":
            context.note("the header comes again among the rows: several runs of the program in one file")
            continue
        if not path:
            rejects.append(part.reject(i, "it names no file"))
            continue
        signed, trusted = _verdict(verified, row.get("publisher", ""))
        details = {title: row[name] for name, title in _DETAILS.items() if row.get(name)}
        details |= {titles[n]: v for n, v in row.items() if n not in _DETAILS and n not in _TAKEN and v}
        if row.get("date"):
            details["Date"] = row["date"]
            details["SigningTime" if signed else "LinkTime"] = dates.local(row["date"])
        if not signed and row.get("publisher"):
            details["Publisher"] = row["publisher"]  # of older versions: what the file says of itself
        files.append(
            SignedFile(
                report=part.first + i,
                path=path,
                sha1=row.get("sha1", ""),
                sha256=row.get("sha256", ""),
                md5=row.get("md5", ""),
                is_signed=signed,
                is_trusted=trusted,
                signature_type="Catalog" if signed and row.get("catalog", path).lower() != path.lower() else "",
                signer=row.get("publisher", "") if signed else "",
                details=details,
            )
        )
    return files, rejects


def _value(cell: str) -> str:
    text = cell.strip()
    return "" if text.lower() in ("n/a", "-", "none") else text


def _verdict(verified: str, publisher: str) -> tuple[bool | None, bool | None]:
    """Signed, trusted. Of what Windows says against a file, only what is about a signature tells that there is one."""
    match verified.lower():
        case "signed":
            return True, True
        case "unsigned":
            return False, False
        case "":
            return None, None
    if publisher or _ABOUT_SIGNATURES.search(verified):
        return True, False
    return None, False


class _Dates:
    """Local times of one file: which number is the day is decided by all of them. Where none tells, they are kept as they are."""

    def __init__(self, context: ReadContext) -> None:
        self._context = context
        self._unsettled = False

    def local(self, text: str) -> str:
        """`2024-06-01T11:45:00`, without a zone, as the program gives none; '' where it cannot be told."""
        turned = _CLOCK_FIRST.fullmatch(text)
        plain = f"{turned[2]} {turned[1]}" if turned else text
        if ambiguous := re.match(r"(\d{1,2})[/-](\d{1,2})[/-]\d{4}", plain):
            first, second = int(ambiguous[1]), int(ambiguous[2])
            if first > 12 or second > 12:
                before = self._known()
                self._context.saw_date(first, second)
                if not before and self._unsettled:
                    self._context.dirty = True  # now it is told: read once more
            elif first != second and not self._known():
                self._unsettled = True
                return ""
        try:
            micros = times.parse(plain, self._context)
        except ValueError:
            return ""
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%S")

    def end(self) -> None:
        if self._unsettled and not self._known():
            self._context.note(
                "no date tells which is the day and which the month: dates are kept as text (--date-order mdy or dmy reads them)"
            )

    def _known(self) -> bool:
        context = self._context
        return context.date_order is not None or bool(context._orders)
