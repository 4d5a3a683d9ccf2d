"""What osslsigncode (a program of its own, not ours) says about a signed file: the oracle of tests and of bench/signatures.py."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Said:
    """About one signature. Names are the last common name of the subject; the digest verdict is about the primary signature."""

    signer: str
    issuer: str
    serial: int
    created: datetime
    expires: datetime
    countersigned: datetime | None
    digest_matches: bool


def ask(path: Path, bundle: Path) -> list[Said]:
    """One entry a signature, the primary first; empty where there is none. `bundle` is a PEM file of roots."""
    roots = ["-CAfile", str(bundle), "-TSA-CAfile", str(bundle)]
    command = ["osslsigncode", "verify", "-ignore-cdp", *roots, "-in", str(path)]
    text = subprocess.run(command, capture_output=True, check=False).stdout.decode("utf-8", "replace")
    parts = re.split(r"^Signature Index: \d+ .*$", text, flags=re.MULTILINE)[1:]
    return [_said(part) for part in parts]


def _said(text: str) -> Said:
    subject_of = r"Signer's certificate:.*?Subject: (.*?)\n\s+Issuer : (.*?)\n\s+Serial : (\w+)"
    certificate = re.search(subject_of + r".*?notBefore : (.*?)\n\s+notAfter : (.*?)\n", text, re.DOTALL)
    if certificate is None:
        return Said("", "", 0, datetime.min, datetime.min, None, "MISMATCH" not in text)
    subject, issuer, serial, created, expires = certificate.groups()
    stamp = re.search(r"Timestamp time: (.*?)\n", text)
    return Said(
        _common_name(subject),
        _common_name(issuer),
        int(serial, 16),
        _time(created),
        _time(expires),
        _time(stamp.group(1)) if stamp else None,
        "MISMATCH" not in text,
    )


def _common_name(name: str) -> str:
    # /C=US/O=.../CN=Name, octets beyond ASCII as \xNN
    found = re.findall(r"/CN=(.*?)(?=/[A-Za-z.0-9]+=|$)", name)
    raw = re.sub(
        rb"\\x([0-9A-F]{2})", lambda m: bytes.fromhex(m.group(1).decode()), found[-1].encode() if found else b""
    )
    return raw.decode("utf-8", "replace")


def _time(text: str) -> datetime:
    return datetime.strptime(text.strip(), "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
