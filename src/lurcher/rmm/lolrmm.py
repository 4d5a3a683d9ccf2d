"""LOLRMM's files -> facts: a checkout (its folder `yaml`), the site's JSON, or its CSV (which has no signers and no hosts).

Source of the form: magicsword-io/LOLRMM, `bin/spec/lolrmm.spec.json`. What is no fact (an address, a placeholder, a description
in place of a host) is left aside with the reason.
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lurcher.errors import LurcherError
from lurcher.rmm.catalogue import Certificate

#: Of a file, and of all files of a checkout.
MAX_BYTES = 64 * 1024 * 1024
MAX_FILES = 5_000
_HOST = re.compile(r"(?:\*\.)?[a-z0-9*_-]+(?:\.[a-z0-9*_-]+)+")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_THUMBPRINT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class SignedBy:
    """A signer as a file of the tool's carries it. `certificate` is None where its validity cannot be read."""

    name: str
    thumbprint: str
    certificate: Certificate | None


@dataclass
class RawTool:
    """What the source says of a tool. `aside` are values that are no facts, each with the reason."""

    name: str
    kind: str = "RMM"
    website: str = ""
    executables: list[str] = field(default_factory=list)
    domains: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    products: list[str] = field(default_factory=list)
    signers: list[SignedBy] = field(default_factory=list)
    aside: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Checkout:
    """`whole`: it speaks of signers and hosts too, so that what it lacks is gone. `broken`: files that could not be read."""

    tools: tuple[RawTool, ...]
    whole: bool
    broken: tuple[tuple[str, str], ...] = ()


def read_lolrmm(path: Path) -> Checkout:
    """Raises `LurcherError` where there is no tool in it."""
    broken: list[tuple[str, str]] = []
    try:
        if path.is_dir():
            checkout = Checkout(tuple(_folder(path, broken)), True, tuple(broken))
        elif path.suffix.lower() == ".csv":
            checkout = Checkout(tuple(_csv(_text(path))), False)
        else:
            data = json.loads(_text(path)) if path.suffix.lower() == ".json" else _yaml(_text(path))
            rows = data if isinstance(data, list) else [data]
            tools = tuple(t for row in rows if (t := _tool(row)) is not None)
            if len(tools) < len(rows):
                broken.append(
                    (str(path), f"{len(rows) - len(tools):,} of its {len(rows):,} entries have no key 'Name'")
                )
            checkout = Checkout(tools, True, tuple(broken))
    except OSError as error:
        raise LurcherError(f"it cannot be read: {error.strerror or error}", path=str(path)) from None
    except (ValueError, RecursionError) as error:
        raise LurcherError(f"this is no file of LOLRMM: {str(error)[:200]}", path=str(path)) from None
    if not checkout.tools:
        raise LurcherError(
            "there is no tool in it",
            "give a checkout of LOLRMM, its rmm_tools.json, or a folder of its YAML files",
            str(path),
        )
    return checkout


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
    return path.read_text(encoding="utf-8-sig", errors="replace")


def _yaml(text: str) -> Any:
    from lurcher.content.yamltree import Broken, parse, plain

    try:
        documents = parse(text)
        return plain(documents[0]) if documents else None
    except Broken as broken:
        raise ValueError(broken.diagnostic.message) from None


def _folder(path: Path, broken: list[tuple[str, str]]) -> Iterator[RawTool]:
    inner = path / "yaml"
    folder = inner if inner.is_dir() else path
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".yaml", ".yml") and p.is_file())
    if len(files) > MAX_FILES:
        broken.append((str(folder), f"it has {len(files):,} files, of which the first {MAX_FILES:,} are read"))
    for file in files[:MAX_FILES]:
        try:
            tool = _tool(_yaml(_text(file)))
        except (ValueError, RecursionError) as error:
            broken.append((str(file), str(error)[:200]))
            continue
        if tool is None:
            broken.append((str(file), "it has no key 'Name'"))
        else:
            yield tool


def _csv(text: str) -> Iterator[RawTool]:
    csv.field_size_limit(1_000_000)
    try:
        for row in csv.DictReader(io.StringIO(text)):
            if row.get("Name"):
                yield _made(
                    str(row["Name"]), str(row.get("Category") or "RMM"), str(row.get("Website") or ""),
                    [str(row.get("Filename") or ""), str(row.get("OriginalFileName") or "")], [str(row.get("Product") or "")],
                    [p.strip() for p in str(row.get("InstallationPaths") or "").split(",")], [], [],
                )  # fmt: skip
    except csv.Error as error:
        raise ValueError(str(error)) from None


def _tool(data: Any) -> RawTool | None:
    if not isinstance(data, dict) or not _is_text(data.get("Name")):
        return None
    details = _map(data.get("Details"))
    metadata = details.get("PEMetadata")
    files = [_map(m) for m in (metadata if isinstance(metadata, list) else [metadata])]
    network = _list(_map(data.get("Artifacts")).get("Network"))
    hosts = [d for n in network for d in _list(_map(n).get("Domains"))]
    return _made(
        str(data["Name"]), str(data.get("Category") or "RMM"), str(details.get("Website") or ""),
        [str(f.get(k) or "") for f in files for k in ("Filename", "OriginalFileName")],
        [str(f.get("Product") or "") for f in files],
        [str(p) for p in _list(details.get("InstallationPaths"))], [str(h) for h in hosts],
        _list(_map(data.get("CodeSigning")).get("certificates")),
    )  # fmt: skip


def _made(
    name: str, kind: str, website: str, files: Iterable[str], products: Iterable[str], paths: Iterable[str], hosts: Iterable[str],
    certificates: Iterable[Any],
) -> RawTool:  # fmt: skip
    tool = RawTool(_line(name), "RAT" if kind.upper() == "RAT" else "RMM", _line(website))
    for path in filter(None, map(_line, paths)):
        last = path.replace("/", "\\").rpartition("\\")[2]
        if last.lower().endswith(".exe") and last.strip("*?.") not in ("", "exe"):
            files = [*files, last]
        if "\\" in path or "/" in path:
            _add(tool.folders, path)
    for file in filter(None, map(_line, files)):
        base = file.replace("/", "\\").rpartition("\\")[2]
        if not base.lower().endswith((".exe", ".dll", ".msi")) or "<" in base:
            tool.aside.append((file, "no name of a program"))
        else:
            _add(tool.executables, base)
    for product in filter(None, map(_line, products)):
        _add(tool.products, product)
    for host in filter(None, map(_line, hosts)):
        plain = re.sub(r":\d+$", "", re.sub(r"^[a-z]+://", "", host.lower())).partition("/")[0].rstrip(".")
        if _ADDRESS.fullmatch(plain):
            tool.aside.append((host, "an address: whose it is changes"))
        elif (
            not _HOST.fullmatch(plain)
            or not plain.rpartition(".")[2].isalpha()
            or plain.count(".") < 1 + plain.startswith("*.")
        ):
            tool.aside.append((host, "no domain"))
        else:
            _add(tool.domains, plain)
    for row in map(_map, certificates):
        signer, thumbprint = (
            _line(str(row.get("signer_name") or "")),
            str(row.get("certificate_thumbprint") or "").lower(),
        )
        if signer and _THUMBPRINT.fullmatch(thumbprint) and thumbprint not in [s.thumbprint for s in tool.signers]:
            tool.signers.append(
                SignedBy(signer, thumbprint, _certificate(thumbprint, row.get("certificate_der_base64")))
            )
        elif signer and thumbprint not in [s.thumbprint for s in tool.signers]:
            tool.aside.append((signer, "its thumbprint is none"))
    return tool


def _certificate(thumbprint: str, encoded: object) -> Certificate | None:
    """Validity and issuer, where the certificate itself is there and is the one of the thumbprint."""
    if not isinstance(encoded, str) or len(encoded) > 100_000:
        return None
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.x509.oid import NameOID

    try:
        found = x509.load_der_x509_certificate(base64.b64decode(encoded))
        if found.fingerprint(SHA1()).hex() != thumbprint:
            return None
        names = found.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
        issuer = _line(str(names[0].value)) if names else ""
        return Certificate(thumbprint, found.not_valid_before_utc.date(), found.not_valid_after_utc.date(), issuer)
    except (ValueError, binascii.Error, TypeError):
        return None


def _add(values: list[str], value: str) -> None:
    if value.casefold() not in (v.casefold() for v in values) and len(values) < 1_000:
        values.append(value)


def _line(text: str) -> str:
    """One line without control characters, at most 300 characters."""
    return "".join(c for c in text if c.isprintable() and c != "|").strip()[:300]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
