"""What makes many findings stand out, asked of all at once: each is told of as it is alone."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lurcher.app.packs import share_texts, unshare
from lurcher.app.session import Session
from lurcher.engines.narrowing import Costs
from lurcher.hunt.answers import Answer, answer_of
from lurcher.hunt.run import EvidenceKey, Seen
from lurcher.hunt.triage import Presence, Subject, asked_of, presence, reasons, subject

NOW = datetime(2026, 3, 10, tzinfo=UTC)
HASHES = [c * 40 for c in "abcdef"]
DEVICES = [f"d{i}" for i in range(6)]
TABLES = ("DeviceFileCertificateInfo", "DeviceProcessEvents", "DeviceNetworkEvents", "DeviceFileEvents")


def rows_of(table: str) -> list[dict[str, object]]:
    """Each file on some devices; of every third row something is remarkable."""
    made: list[dict[str, object]] = []
    for i in range(60):
        hash_, odd = HASHES[i * 5 % 6], i % 3 == 0
        row: dict[str, object] = {
            "Timestamp": f"2026-03-{2 + i % 8:02}T{23 if i % 4 else 12}:10:00Z",
            "DeviceId": DEVICES[i * 7 % 5],
            "ReportId": i,
        }
        match table:
            case "DeviceFileCertificateInfo":
                row |= {"SHA1": hash_, "Signer": f"Maker {i % 3}", "IsSigned": True, "IsTrusted": not odd,
                        "CertificateCreationTime": "2026-03-01T00:00:00Z",
                        "CertificateExpirationTime": "2026-03-05T00:00:00Z"}  # fmt: skip
            case "DeviceProcessEvents":
                row |= {"SHA1": hash_, "FileName": f"tool{i % 6}.exe", "ProcessCommandLine": "/session 1" if odd else "/quiet",
                        "FolderPath": f"C:\\Users\\eve\\tool{i % 6}.exe" if i % 5 == 0 else "C:\\Program Files\\tool.exe",
                        "ProcessVersionInfoOriginalFileName": "" if i % 2 else "Agent.exe",
                        "IsProcessRemoteSession": i % 7 == 0, "IsInitiatingProcessRemoteSession": False}  # fmt: skip
            case "DeviceNetworkEvents":
                row |= {"InitiatingProcessSHA1": hash_,
                        "InitiatingProcessFolderPath": "C:\\Temp\\a.exe" if odd else "C:\\Windows\\a.exe"}  # fmt: skip
            case _:
                row |= {"SHA1": hash_, "FileOriginUrl": "https://x.example/a" if odd else "",
                        "InitiatingProcessFileName": "msedge.exe"}  # fmt: skip
        made.append(row)
    return made


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder: Path = tmp_path_factory.mktemp("together")
    for table in TABLES:
        (folder / f"{table}.ndjson").write_text("\n".join(json.dumps(r) for r in rows_of(table)) + "\n")
    return Session.open(None, NOW, files=[folder / f"{t}.ndjson" for t in TABLES])


def findings() -> list[tuple[Seen, Subject]]:
    made = []
    for i, device in enumerate(DEVICES):
        for hashes in ([HASHES[i]], [HASHES[0], HASHES[3]], [], ["0" * 40]):
            keys = tuple(EvidenceKey(device, "2026-03-08T23:10:00Z", "6", h) for h in hashes or [""])
            seen = Seen("{}", device, {}, True, keys=keys)
            made.append((seen, subject(seen, NOW, TABLES, (("Maker 1", "Tool 1"), ("Maker 2", "Tool 2")))))
    return made


def test_each_finding_is_told_of_as_it_is_alone(session: Session) -> None:
    asked: list[str] = []

    def ask(query: str) -> Answer:
        asked.append(query)
        return answer_of(session.run_table(query))

    found = findings()
    alone = [reasons(seen, ask, about) for seen, about in found]
    one_by_one = len(asked)
    # Every reason is there for some finding, and none for some.
    codes = [{r.code for r in some} for some in alone]
    assert {"untrusted", "young-signer", "user-folder", "renamed", "night-session", "downloaded"} <= set().union(*codes)
    assert set() in codes
    asked.clear()
    present = presence([about for _, about in found], ask)
    assert len(asked) == 7
    assert [reasons(seen, ask, about, present) for seen, about in found] == alone
    assert len(asked) < one_by_one * 0.8


def test_what_was_not_asked_about_is_looked_for(session: Session) -> None:
    def ask(query: str) -> Answer:
        return answer_of(session.run_table(query))

    found = findings()
    seen, about = found[0]
    want = reasons(seen, ask, about)
    assert want
    for present in (Presence(), presence([about for _, about in found[4:8]], ask)):
        assert reasons(seen, ask, about, present) == want


def test_the_columns_that_are_looked_at_are_kept(session: Session) -> None:
    found = findings()
    asked: list[str] = []

    def ask(query: str) -> Answer:
        asked.append(query)
        return answer_of(session.run_table(query))

    shared = share_texts(
        [("r", text) for text in asked_of([about for _, about in found])],
        session,
        # Rows of the files and of the signers are counted apart.
        Costs(uses=1, rows=0, share=2.0),
    )
    try:
        present = presence([about for _, about in found], ask)
        for seen, about in found:
            reasons(seen, ask, about, present)
        # A query that reads whole tables, or by devices alone, reads them where they are.
        by_hash = re.compile(r"\bSHA1 in \(\"|InitiatingProcessSHA1 in \(\"")
        of_files = [q for q in asked if by_hash.search(q) and "let " not in q]
        assert of_files
        assert sum(made.rows.served for made in shared.tables if made.rows is not None) >= len(of_files)
    finally:
        unshare(shared, session)
