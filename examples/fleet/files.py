"""The files of one device of the example estate, as a mounted image would show them: programs that do nothing, signed by a test
CA that no system trusts, one of each kind that a collector meets."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pe import make_pe, tamper
from signing import TestCA, sign

_CRL = ("http://crl.example/codesigning.crl",)


def _program(company: str, product: str, original_name: str, build: str) -> bytes:
    info = {
        "CompanyName": company, "FileDescription": product, "FileVersion": build, "InternalName": original_name,
        "OriginalFilename": original_name, "ProductName": product, "ProductVersion": build,
    }  # fmt: skip
    return make_pe(info, payload=f"{product} {build}".encode())


_CA = TestCA("Example Code Signing CA")
_OLD = (datetime(2019, 3, 1, tzinfo=UTC), datetime(2023, 6, 1, tzinfo=UTC))
_TODAY = (datetime(2024, 3, 1, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC))
_NINJA_LLC = _CA.signer("NinjaRMM, LLC", valid=_OLD, crl_urls=_CRL)
_OLD_AGENT = _program("NinjaRMM, LLC", "NinjaRMM Agent", "NinjaRMMAgent.exe", "5.1.0090")


def strangers_agent() -> bytes:
    """The agent that the stranger brought: its certificate expired in 2023, its time stamp is of 2022, so it is still good."""
    return sign(_OLD_AGENT, _NINJA_LLC, timestamp=datetime(2022, 5, 4, 10, 30, tzinfo=UTC))


def write_files(folder: Path) -> None:
    """Make the files below `folder`, and the CA's root beside them (`test-ca.pem`, for --trust-root)."""
    ninja_one = _CA.signer("NinjaOne LLC", valid=_TODAY, crl_urls=_CRL)
    oray = _CA.signer("上海贝锐信息科技股份有限公司", valid=_TODAY)
    agent_today = _program("NinjaOne LLC", "NinjaRMM Agent", "NinjaRMMAgent.exe", "9.1.0002")
    expired = strangers_agent()
    files = {
        "Users/v.singh/Downloads/ninjaRMM.exe": expired,
        # The same content under another name.
        "Users/v.singh/AppData/Local/Temp/svchost32.exe": expired,
        # Expired, without a time stamp: no longer good.
        "ProgramData/old/NinjaRMMAgent.exe": sign(_OLD_AGENT, _NINJA_LLC),
        "Program Files (x86)/corp-main-9.1.0002/NinjaRMMAgent.exe": sign(
            agent_today, ninja_one, timestamp=datetime(2026, 3, 1, tzinfo=UTC)
        ),
        # Signed twice: SHA-1 for old systems, SHA-256 inside of it.
        "Program Files/Oray/AweSun/AweSun.exe": sign(
            _program("AweSun", "AweSun", "AweSun.exe", "3.0.1"), oray, digest="sha1", nested=[oray],
            timestamp=datetime(2026, 1, 7, tzinfo=UTC),
        ),
        # One octet of the code changed after it was signed.
        "Users/v.singh/Downloads/ninjaone-patched.exe": tamper(sign(agent_today, ninja_one)),
        "Program Files/7-Zip/7zFM.exe": _program("Igor Pavlov", "7-Zip", "7zFM.exe", "25.01"),
        # Begins as a program and ends there.
        "Users/v.singh/Downloads/partial.exe": expired[:700],
        "Users/v.singh/Documents/notes.txt": b"no program\n",
    }  # fmt: skip
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    folder.with_name("test-ca.pem").write_text(_CA.pem, encoding="ascii")
