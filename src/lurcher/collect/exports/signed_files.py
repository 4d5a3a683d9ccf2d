"""What other programs say about signatures of files, as rows of the tables that `collect signatures` fills.

DeviceFileCertificateInfo has no column for a path, so each file is a row of DeviceFileEvents too (ActionType `FileCollected`):
the two belong together by ReportId, and by SHA1 where the source has it. What the source does not say
stays null, but for the time (see `_complete`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lurcher.collect.entities import device_id, file_hash
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.rows import TableBatch
from lurcher.kql.types import ScalarType
from lurcher.lake.layout import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

CERTIFICATES = "DeviceFileCertificateInfo"
FILES = "DeviceFileEvents"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class SignedFile:
    """One file, as a source describes it. Times are microseconds since 1970, UTC."""

    report: int
    path: str
    sha1: str = ""
    sha256: str = ""
    md5: str = ""
    size: int | None = None
    is_signed: bool | None = None
    is_trusted: bool | None = None
    signature_type: str = ""
    signer: str = ""
    issuer: str = ""
    serial: str = ""
    countersigned: int | None = None
    device_name: str = ""
    device_id: str = ""
    time: int | None = None
    details: dict[str, Any] = field(default_factory=dict)


def batches(files: list[SignedFile], context: ReadContext) -> Iterator[TableBatch]:
    """The rows of both tables. What the report does not say, its file or the user may."""
    _complete(files, context)
    shared: dict[str, list[Any]] = {
        "Timestamp": [f.time for f in files],
        "DeviceId": [f.device_id for f in files],
        "DeviceName": [f.device_name for f in files],
        "SHA1": [file_hash(f.sha1) for f in files],
        "ReportId": [f.report for f in files],
    }
    certificates: dict[str, list[Any]] = {
        "IsSigned": [f.is_signed for f in files],
        "SignatureType": [f.signature_type for f in files],
        "Signer": [f.signer for f in files],
        "Issuer": [f.issuer for f in files],
        "CertificateSerialNumber": [f.serial for f in files],
        "CertificateCountersignatureTime": [f.countersigned for f in files],
        "IsTrusted": [f.is_trusted for f in files],
    }
    events: dict[str, list[Any]] = {
        "ActionType": ["FileCollected"] * len(files),
        "FileName": [file_name(f.path) for f in files],
        "FolderPath": [f.path for f in files],
        "SHA256": [file_hash(f.sha256) for f in files],
        "MD5": [file_hash(f.md5) for f in files],
        "FileSize": [f.size for f in files],
        "AdditionalFields": [_json(f.details) for f in files],
    }
    for table, own in ((CERTIFICATES, certificates), (FILES, events)):
        yield TableBatch(context.schema(table), _batch(context, table, {**shared, **own}))


def _complete(files: list[SignedFile], context: ReadContext) -> None:
    """Rows without a time would be passed over by every hunt that asks for the last days, without a word."""
    if context.made is not None and any(f.time is None for f in files):
        made = (context.made - _EPOCH) // timedelta(microseconds=1)
        files[:] = [f if f.time is not None else replace(f, time=made) for f in files]
        when = context.made.strftime("%Y-%m-%d %H:%M UTC")
        if not context.made_told:
            context.note(
                f"it does not say when it was made: its rows have the time its file was last written, {when}; --at TIME"
            )
    if not context.device and any(not f.device_name and not f.device_id for f in files):
        context.note("it does not name the device: hunts that tell devices apart need it; --device NAME")
    elif context.device:
        name, key = context.device, device_id(context.device)
        files[:] = [f if f.device_name or f.device_id else replace(f, device_name=name, device_id=key) for f in files]


def _batch(context: ReadContext, table: str, columns: dict[str, list[Any]]) -> pa.RecordBatch:
    import pyarrow as pa

    types = {c.name: c.type for c in context.schema(table).columns}
    arrays = []
    for name, values in columns.items():
        target = arrow_type(types[name])
        is_time = types[name] is ScalarType.DATETIME
        arrays.append(pa.array(values, pa.int64()).cast(target) if is_time else pa.array(values, target))
    return pa.RecordBatch.from_arrays(arrays, list(columns))


def _json(details: dict[str, Any]) -> str:
    return json.dumps(
        {k: v for k, v in details.items() if v not in ("", None)}, ensure_ascii=False, separators=(",", ":")
    )


def file_name(path: str) -> str:
    return re.split(r"[\\/]", path)[-1]


# --- distinguished names ---

_TYPE = r"(?:CN|OU?|C|S|ST|L|STREET|DC|E|T|UID|GN|SN|GIVENNAME|SURNAME|TITLE|EMAILADDRESS|SERIALNUMBER|POSTALCODE|POSTALADDRESS|"
_TYPE += r"BUSINESSCATEGORY|JURISDICTION\w*|DESCRIPTION|(?:OID\.)?\d+(?:\.\d+)+)"
_FIRST = re.compile(rf"\s*({_TYPE})\s*=\s*", re.IGNORECASE)
_NEXT = re.compile(rf"\s*[,;+]\s*(?={_TYPE}\s*=)|\s*[\r\n]+\s*(?={_TYPE}\s*=)", re.IGNORECASE)
_SLASHED = re.compile(rf"/(?={_TYPE}=)", re.IGNORECASE)
_NAMES = {"2.5.4.3": "CN", "2.5.4.10": "O", "2.5.4.11": "OU"}


def common_name(text: str) -> str:
    """The common name in a distinguished name (RFC 4514), as Windows displays it; where there is none, the organisational unit or
    the organisation. Text that is no distinguished name is a name itself.

    Programs differ: the most specific part comes first or last, commas in values are escaped, in quotes, or neither. A comma
    ends a value only where a type of attribute follows it."""
    parts = _parts(text.strip())
    if not parts:
        return text.strip()
    if parts[0][0] not in ("CN", "OU", "O") or len({k for k, _ in parts}) == 1:
        parts.reverse()  # the most specific first
    elif parts[-1][0] == "CN" and parts[0][0] != "CN":
        parts.reverse()
    for wanted in ("CN", "OU", "O"):
        for kind, value in parts:
            if kind == wanted and value:
                return value
    return ""


def _parts(text: str) -> list[tuple[str, str]]:
    """Type (upper case) and value of each part, in order; nothing where the text is no distinguished name."""
    if len(text) > 16_384:
        return []
    if text.startswith("/") and _SLASHED.match(text):
        pieces = _SLASHED.split(text)[1:]
        return [(k.upper(), v) for k, _, v in (p.partition("=") for p in pieces)]
    found: list[tuple[str, str]] = []
    at = 0
    while match := _FIRST.match(text, at):
        kind = match[1].upper().removeprefix("OID.")
        value, at = _value(text, match.end())
        found.append((_NAMES.get(kind, kind), value))
        separator = _NEXT.match(text, at)
        if separator is None:
            break
        at = separator.end()
    return found


def _value(text: str, at: int) -> tuple[str, int]:
    """A value without its quotes and escapes, and where it ends."""
    if text[at : at + 1] == '"':
        closed = re.compile(r'"((?:[^"\\]|\\.|"")*)"').match(text, at)
        if closed is not None and (closed.end() == len(text) or _NEXT.match(text, closed.end())):
            return _unescaped(closed[1].replace('""', '"')), closed.end()
    if text[at : at + 1] == "#" and (encoded := re.compile(r"#([0-9a-fA-F]{2})+(?=$|\s*[,;+])").match(text, at)):
        raw = bytes.fromhex(encoded[0][1:])
        return raw[2:].decode("utf-8", "replace"), encoded.end()  # a short string: tag, length, octets
    end = at
    while end < len(text):
        if text[end] == "\\":
            end += 2
        elif text[end] in " ,;+\r\n\t" and _NEXT.match(text, end):
            break
        else:
            end += 1
    value = text[at:end].strip()
    escaped = (len(value) - len(value.rstrip("\\"))) % 2 and at + len(value) < min(end, len(text))
    return _unescaped(value + " " if escaped else value), min(end, len(text))


def _unescaped(value: str) -> str:
    if "\\" not in value:
        return value
    out = bytearray()
    at = 0
    while at < len(value):
        pair = value[at + 1 : at + 3]
        if value[at] != "\\":
            out += value[at].encode("utf-8", "surrogatepass")
            at += 1
        elif re.fullmatch(r"[0-9a-fA-F]{2}", pair):
            out.append(int(pair, 16))
            at += 3
        else:
            out += value[at + 1 : at + 2].encode("utf-8", "surrogatepass")
            at += 2
    return out.decode("utf-8", "replace")
