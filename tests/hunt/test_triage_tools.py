"""What makes findings of remote-management tools stand out, over tables as Defender has them."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

from lurcher.app.session import Session
from lurcher.hunt.answers import Ask, answer_of
from lurcher.hunt.run import EvidenceKey, Seen
from lurcher.hunt.triage import reasons, subject

NOW = dt.datetime(2026, 3, 10, tzinfo=dt.UTC)
A, B = "a" * 40, "b" * 40


def ask_over(folder: Path, **tables: list[dict[str, object]]) -> Ask:
    for table, rows in tables.items():
        (folder / f"{table}.ndjson").write_text("\n".join(json.dumps(r) for r in rows) + "\n")
    session = Session.open(None, NOW, files=[folder / f"{t}.ndjson" for t in tables])
    return lambda kql: answer_of(session.run_table(kql))


def start(device: str, sha1: str, original: str, name: str = "agent.exe", day: int = 8) -> dict[str, object]:
    return {
        "Timestamp": f"2026-03-{day:02}T00:00:00Z", "DeviceId": device, "DeviceName": device, "SHA1": sha1, "FileName": name,
        "FolderPath": f"C:\\Program Files\\x\\{name}", "ProcessVersionInfoOriginalFileName": original,
    }  # fmt: skip


def certificate(device: str, sha1: str, signer: str, signed: bool = True, **more: object) -> dict[str, object]:
    return {
        "Timestamp": "2026-03-08T00:00:00Z", "DeviceId": device, "DeviceName": device, "SHA1": sha1, "Signer": signer,
        "IsSigned": signed, "IsTrusted": signed, **more,
    }  # fmt: skip


def told(ask: Ask, seen: Seen, *tables: str) -> dict[str, str]:
    return {r.code: r.text for r in reasons(seen, ask, subject(seen, NOW, tables))}


def test_an_unsigned_copy_of_a_signed_program(tmp_path: Path) -> None:
    seen = Seen("{}", "d1", {}, True, keys=(EvidenceKey("d1", "2026-03-08T00:00:00.000000Z", "1", A),))
    starts = [start("d1", A, "NinjaRMMAgent.exe"), start("d2", B, "ninjarmmagent.exe")]
    signed = certificate("d2", B, "NinjaOne LLC")
    for number, (rows, text) in enumerate(
        (
            # Defender has not looked at the file: that says less than that it is not signed.
            ([signed], "no signature of this ninjarmmagent.exe is known; elsewhere it is signed by NinjaOne LLC"),
            (
                [signed, certificate("d1", A, "", False)],
                "ninjarmmagent.exe is not signed here; elsewhere it is, by NinjaOne LLC",
            ),
            ([signed, certificate("d1", A, "NinjaOne LLC")], None),
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        ask = ask_over(folder, DeviceProcessEvents=starts, DeviceFileCertificateInfo=rows)
        assert told(ask, seen, "DeviceProcessEvents", "DeviceFileCertificateInfo").get("unsigned-copy") == text


def test_a_network_finding_is_told_of_by_the_program_that_talks(tmp_path: Path) -> None:
    """Network events have no SHA1 of their own."""
    seen = Seen("{}", "d1", {}, True, keys=(EvidenceKey("d1", "2026-03-08T01:02:03.000000Z", "9", ""),))
    talk = {
        "Timestamp": "2026-03-08T01:02:03Z", "DeviceId": "d1", "ReportId": 9, "RemoteUrl": "x.example",
        "InitiatingProcessSHA1": A, "InitiatingProcessFolderPath": "c:\\users\\eve\\downloads\\a.exe",
    }  # fmt: skip
    other = {
        **talk,
        "ReportId": 10,
        "InitiatingProcessSHA1": "c" * 40,
        "InitiatingProcessFolderPath": "c:\\temp\\b.exe",
    }
    starts = [start(f"d{n}", B, "b.exe", "b.exe", day=1) for n in range(2, 12)]
    starts.append(start("d1", A, "AnyDesk.exe", "a.exe"))
    ask = ask_over(tmp_path, DeviceNetworkEvents=[talk, other], DeviceProcessEvents=starts)
    assert told(ask, seen, "DeviceNetworkEvents", "DeviceProcessEvents") == {
        "user-folder": "runs from c:\\users\\eve\\downloads\\a.exe",
        "renamed": "runs as a.exe, its original name is AnyDesk.exe",
        "rare": "these files are on 1 of 11 devices",
        "new-here": "first seen here 2 days ago",
    }


def test_two_tools_within_an_hour_are_told_of_a_finding_without_hashes(tmp_path: Path) -> None:
    seen = Seen("{}", "d1", {}, True, keys=(EvidenceKey("d1", "2026-03-08T00:00:00.000000Z", "1", ""),))
    rows = [
        certificate("d0", B, "Contoso Ltd", Timestamp="2026-03-01T00:00:00Z"),
        certificate("d1", A, "NinjaOne LLC"),
        certificate("d1", B, "AnyDesk Software GmbH", Timestamp="2026-03-08T00:20:00Z"),
    ]
    ask = ask_over(tmp_path, DeviceFileCertificateInfo=rows)
    tools = (("NinjaOne", "NinjaOne"), ("AnyDesk", "AnyDesk"))
    found = reasons(seen, ask, subject(seen, NOW, ("DeviceFileCertificateInfo",), tools))
    assert [r.text for r in found] == ["NinjaOne and AnyDesk first seen within 20 min on one device"]
