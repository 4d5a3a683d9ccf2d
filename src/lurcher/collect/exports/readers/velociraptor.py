"""Velociraptor: results of artifacts that look at signatures (Windows.System.Pslist, binaries, drivers, DLLs, ...), as JSON
lines.

Such a row has `Authenticode{SubjectName, IssuerName, SerialNumber, Timestamp, Trusted}`, and mostly `Hash`. It is what a
program saw at one moment, not an event: the row as it is goes to a table named after the artifact (`Windows_System_Pslist`),
and what it says of the signature to DeviceFileCertificateInfo and DeviceFileEvents.
Source: "authenticode", "hash" (VQL reference, docs.velociraptor.app).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import PurePosixPath
from typing import Any

from lurcher.collect.entities import device_id
from lurcher.collect.exports import signed_files, times
from lurcher.collect.exports.assemble import finish, from_json
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.documents import documents
from lurcher.collect.exports.files import Leaf
from lurcher.collect.exports.registry import Head, source_format
from lurcher.collect.exports.rows import Reject, TableBatch
from lurcher.collect.exports.signed_files import SignedFile, common_name

_MARK = re.compile(rb'"\w*Authenticode"\s*:')
_PARTS = ("SubjectName", "IssuerName", "SerialNumber", "Trusted")
_PATHS = ("OSPath", "Exe", "Path", "FullPath", "Binary", "BinaryPath", "ImagePath", "PathName", "FileName", "Filename")
_HOSTS = ("Fqdn", "fqdn", "Hostname", "hostname", "HostName", "ComputerName", "Computer")
_CLIENTS = ("ClientId", "client_id", "_ClientId")
_ARTIFACT = re.compile(
    r"(?:Custom|Exchange|DetectRaptor|Generic|Windows|Linux|MacOS|Server)(?:\.[A-Za-z]\w*)+(?:/\w+)?", re.ASCII
)
_ENDINGS = (".json", ".jsonl", ".ndjson", ".gz", ".zst")
_GO_TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) ([+-]\d{4})(?: [A-Z]{1,5})?")


def _recognise(head: Head) -> bool:
    text = head.data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] not in (b"{", b"[") or not _MARK.search(head.data):
        return False
    for line in text.lstrip(b"[ \r\n\t").split(b"\n", 50)[:50]:
        try:
            row, _ = json.JSONDecoder().raw_decode(line.decode("utf-8", "replace").strip().rstrip(","))
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and any(True for _ in _signatures(row)):
            return True
    # An object over several lines, or a line longer than what was looked at.
    return all(f'"{part}"'.encode() in head.data for part in _PARTS)


def _signatures(row: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What comes before `Authenticode` in a key of the row ('' or `Dll`, ...), and what is under it."""
    for key, value in row.items():
        if key.endswith("Authenticode") and isinstance(value, dict) and any(p in value for p in _PARTS):
            yield key.removesuffix("Authenticode"), value


@source_format("velociraptor", "Velociraptor results with signatures (JSON lines)", 34, _recognise)
def read(leaf: Leaf, context: ReadContext) -> Iterator[TableBatch | Reject]:
    numbers = count(1)
    tables: dict[str, None] = {}
    for piece in documents(leaf):
        yield from piece.rejects
        groups: dict[str, list[int]] = {}
        files: list[SignedFile] = []
        for i, row in enumerate(piece.values):
            groups.setdefault(_table(row, context), []).append(i)
            files += (_file(next(numbers), row, prefix, said, context) for prefix, said in _signatures(row))
        for table, places in groups.items():
            tables[table] = None
            rows = [piece.values[i] for i in places]
            yield from from_json(table, rows, context, piece.rejecter(places))
        if files:
            yield from signed_files.batches(files, context)
    for table in tables:
        yield from finish(table, context)


def _table(row: Mapping[str, Any], context: ReadContext) -> str:
    if context.table and context.table not in (signed_files.CERTIFICATES, signed_files.FILES):
        return context.table
    for key in ("_Source", "_Artifact", "Artifact", "artifact"):
        named = row.get(key)
        if isinstance(named, str) and _ARTIFACT.fullmatch(named):
            return _word(named)
    name = PurePosixPath(context.name.replace("\\", "/")).name
    while name.lower().endswith(_ENDINGS):
        name = name.rpartition(".")[0]
    found = _ARTIFACT.search(name)
    return _word(found[0]) if found else "Velociraptor"


def _word(artifact: str) -> str:
    return re.sub(r"\W+", "_", artifact)[:128]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _first(row: Mapping[str, Any], keys: tuple[str, ...], prefix: str = "") -> str:
    return next((v for k in keys if (v := _text(row.get(prefix + k)))), "")


def _file(
    report: int, row: Mapping[str, Any], prefix: str, said: Mapping[str, Any], context: ReadContext
) -> SignedFile:
    hashes = next((h for k in ("Hash", "Hashes", "hash") if isinstance(h := row.get(prefix + k), dict)), row)
    host = _first(row, _HOSTS)
    subject, trusted = _text(said.get("SubjectName")), _text(said.get("Trusted")).strip().lower()
    serial = _serial(said.get("SerialNumber"))
    signed = bool(subject or _text(said.get("IssuerName")) or serial)
    extra = next((e for k in ("_ExtraInfo", "ExtraInfo") if isinstance(e := said.get(k), dict)), {})
    catalogue = _text(extra.get("Catalog"))
    details = {
        "SignatureStatus": _text(said.get("Trusted")),
        "ProgramName": _text(said.get("ProgramName")),
        "PublisherLink": _text(said.get("PublisherLink")),
        "MoreInfoLink": _text(said.get("MoreInfoLink")),
        "Catalog": catalogue,
        "Subject": subject,
    }
    size = row.get(prefix + "Size", row.get(prefix + "FileSize"))
    return SignedFile(
        report=report,
        path=_text(said.get("Filename")) or _first(row, _PATHS, prefix) or _first(row, _PATHS),
        sha1=_text(hashes.get("SHA1")),
        sha256=_text(hashes.get("SHA256")),
        md5=_text(hashes.get("MD5")),
        size=size if type(size) is int and 0 <= size < 1 << 63 else None,
        is_signed=signed,
        is_trusted=None if not trusted else trusted == "trusted",
        signature_type=("Catalog" if catalogue else "Embedded") if signed else "",
        signer=common_name(subject),
        issuer=common_name(_text(said.get("IssuerName"))),
        serial=serial,
        countersigned=_time(said.get("Timestamp"), context),
        device_name=host,
        device_id=device_id(host) if host else _first(row, _CLIENTS),
        time=_time(row.get("_ts"), context),
        details=details,
    )


def _serial(value: Any) -> str:
    """Hex of whole octets, in lower case."""
    text = re.sub(r"[\s:]", "", _text(value)).lower()
    return ("0" if len(text) % 2 else "") + text if re.fullmatch(r"[0-9a-f]+", text) else text


def _time(value: Any, context: ReadContext) -> int | None:
    """ISO text, a time as Go prints it, or seconds since 1970."""
    if value is None or value == "" or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return int(value * 1_000_000) if 0 < value < 253_402_300_800 else None
    text = _text(value).strip()
    if go := _GO_TIME.fullmatch(text):
        text = go[1] + go[2]
    try:
        found = times.parse(text, context)
    except ValueError:
        context.note(f"a time of a signature cannot be read, and is left out: '{text[:40]}'")
        return None
    # Velociraptor writes the zero of its times for none.
    return found if found > -11_644_473_600_000_000 + 86_400_000_000 else None
