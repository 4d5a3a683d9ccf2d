"""PE files of every kind, made by examples/fleet (which is no package: it is put on the path)."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "fleet"))

from pe import make_pe, tamper
from signing import LIFETIME_SIGNING, TIME_STAMPING, Key, Signer, TestCA, attach, sign, signature

__all__ = [
    "LIFETIME_SIGNING",
    "TIME_STAMPING",
    "Key",
    "Signer",
    "TestCA",
    "attach",
    "make_pe",
    "sign",
    "signature",
    "tamper",
]

NOW = datetime(2026, 6, 1, tzinfo=UTC)
STAMPED = datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC)
EXPIRED = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC))
IN_EXPIRED = datetime(2021, 5, 1, tzinfo=UTC)

VERSION = {
    "CompanyName": "NinjaOne LLC",
    "ProductName": "NinjaOne Agent",
    "OriginalFilename": "NinjaRMMAgent.exe",
    "InternalName": "agent",
    "FileDescription": "NinjaOne-Agent für Geräte",
    "ProductVersion": "7.1",
}

CA = TestCA("Lurcher Test CA")
SHA1_CA = TestCA("Lurcher SHA-1 CA", digest="sha1")
ROOTS = (CA.root, SHA1_CA.root)

PROGRAM = make_pe(VERSION, b"build 7", overlay=b"odd")


def files() -> dict[str, bytes]:
    """Name -> content, one of each kind."""
    ninja, old = (
        CA.signer("NinjaOne LLC", country="US", crl_urls=["http://crl.example/1.crl"]),
        CA.signer("Old Ltd.", valid=EXPIRED),
    )
    return {
        "one.exe": sign(PROGRAM, ninja, timestamp=STAMPED),
        "unstamped.exe": sign(PROGRAM, CA.signer("DWSNET OÜ", serial=0x00AB12)),
        "script.exe": sign(PROGRAM, CA.signer("上海贝锐信息科技股份有限公司"), timestamp=STAMPED),
        "nested.exe": sign(
            PROGRAM, CA.signer("NinjaRMM, LLC"), digest="sha1", timestamp=STAMPED, nested=[CA.signer("NinjaOne LLC")]
        ),
        "sha384.exe": sign(PROGRAM, CA.signer("NinjaOne LLC"), digest="sha384", timestamp=STAMPED),
        "sha1.exe": sign(
            PROGRAM, SHA1_CA.signer("Servably, Inc."), digest="sha1", timestamp=STAMPED, countersign="pkcs9"
        ),
        "expired-rfc3161.exe": sign(PROGRAM, old, timestamp=IN_EXPIRED),
        "expired-pkcs9.exe": sign(PROGRAM, old, timestamp=IN_EXPIRED, countersign="pkcs9"),
        "expired.exe": sign(PROGRAM, old),
        "tampered.exe": tamper(sign(PROGRAM, ninja, timestamp=STAMPED)),
        "unsigned.exe": PROGRAM,
    }
