"""Facts -> Arrow: the columns of the two tables that a file can fill, in the tables' own order and types."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from lurcher.collect.examine import FileFacts, SignatureFacts
from lurcher.kql.types import ScalarType
from lurcher.schema.tables import known_table

if TYPE_CHECKING:
    import pyarrow as pa

#: The ActionType of a row that comes from a disk. Not one of Defender's: nobody saw the file being created.
FILE_COLLECTED = "FileCollected"


class Row(NamedTuple):
    """A file of the run: its number, its name, its whole path (as it is to be shown), what is known about it, and since when."""

    number: int
    name: str
    path: str
    facts: FileFacts
    at: datetime


_CERTIFICATE_COLUMNS: dict[str, Callable[[FileFacts, SignatureFacts], object]] = {
    "SHA1": lambda f, s: f.hashes.get("sha1", ""),
    "IsSigned": lambda f, s: s.is_signed,
    "SignatureType": lambda f, s: s.signature_type,
    "Signer": lambda f, s: s.signer,
    "SignerHash": lambda f, s: s.signer_hash,
    "Issuer": lambda f, s: s.issuer,
    "IssuerHash": lambda f, s: s.issuer_hash,
    "CertificateSerialNumber": lambda f, s: s.serial,
    "CrlDistributionPointUrls": lambda f, s: "" if s.crl_urls is None else _json(list(s.crl_urls)),
    "CertificateCreationTime": lambda f, s: s.created,
    "CertificateExpirationTime": lambda f, s: s.expires,
    "CertificateCountersignatureTime": lambda f, s: s.countersigned,
    "IsTrusted": lambda f, s: s.is_trusted,
    "IsRootSignerMicrosoft": lambda f, s: s.is_root_microsoft,
}

_FILE_COLUMNS: dict[str, Callable[[Row], object]] = {
    "ActionType": lambda r: FILE_COLLECTED,
    "FileName": lambda r: r.name,
    "FolderPath": lambda r: r.path,
    "SHA1": lambda r: r.facts.hashes.get("sha1", ""),
    "SHA256": lambda r: r.facts.hashes.get("sha256", ""),
    "MD5": lambda r: r.facts.hashes.get("md5", ""),
    "FileSize": lambda r: r.facts.size,
    "ReportId": lambda r: r.number,
    "AdditionalFields": lambda r: _json({**r.facts.details, "SignatureStatus": r.facts.signatures[0].status}),
}


def certificate_batch(rows: Sequence[Row], device_name: str, device_id: str) -> pa.RecordBatch:
    """Rows of DeviceFileCertificateInfo: one a file, or one a signature."""
    pairs = [(row, signature) for row in rows for signature in row.facts.signatures]
    columns = {name: [value(row.facts, s) for row, s in pairs] for name, value in _CERTIFICATE_COLUMNS.items()}
    columns["ReportId"] = [row.number for row, _ in pairs]
    columns["Timestamp"] = [row.at for row, _ in pairs]
    return _batch("DeviceFileCertificateInfo", columns, len(pairs), device_name, device_id)


def file_batch(rows: Sequence[Row], device_name: str, device_id: str) -> pa.RecordBatch:
    """Rows of DeviceFileEvents: one a file."""
    columns = {name: [value(row) for row in rows] for name, value in _FILE_COLUMNS.items()}
    columns["Timestamp"] = [row.at for row in rows]
    return _batch("DeviceFileEvents", columns, len(rows), device_name, device_id)


def _batch(table: str, columns: dict[str, list[Any]], length: int, device_name: str, device_id: str) -> pa.RecordBatch:
    import pyarrow as pa

    types = {
        ScalarType.STRING: pa.string(),
        ScalarType.DYNAMIC: pa.string(),  # JSON text
        ScalarType.BOOL: pa.bool_(),
        ScalarType.LONG: pa.int64(),
        ScalarType.DATETIME: pa.timestamp("us", tz="UTC"),
    }
    columns |= {"DeviceName": [device_name] * length, "DeviceId": [device_id] * length}
    schema = known_table(table)
    assert schema is not None
    fields = [pa.field(c.name, types[c.type]) for c in schema.columns if c.name in columns]
    assert len(fields) == len(columns)
    return pa.RecordBatch.from_arrays([pa.array(columns[f.name], f.type) for f in fields], schema=pa.schema(fields))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
