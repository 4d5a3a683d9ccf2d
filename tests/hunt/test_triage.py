"""What makes a finding stand out, said in words with the figures."""

from __future__ import annotations

from hunt_rows import NOW, A, ask_over, process

from lurcher.hunt.run import EvidenceKey, Seen
from lurcher.hunt.triage import reasons, subject

FOUND = Seen("{}", "d1.corp", {}, True, keys=(EvidenceKey("d1", "2026-03-08", "1", A),))


def test_a_renamed_download_in_a_temp_folder():
    ask = ask_over(
        DeviceProcessEvents=[
            process(
                "d1",
                "svchost32.exe",
                FolderPath="C:\\Temp\\svchost32.exe",
                ProcessVersionInfoOriginalFileName="Agent.exe",
            ),
            process("d2", "other.exe", FolderPath="C:\\Temp\\other.exe"),
        ],
        DeviceFileEvents=[
            {
                "Timestamp": 7,
                "DeviceId": "d1",
                "SHA1": A,
                "FileOriginUrl": "https://x.example/a",
                "InitiatingProcessFileName": "msedge.exe",
            }
        ],
    )
    found = reasons(FOUND, ask, subject(FOUND, NOW, {"DeviceProcessEvents", "DeviceFileEvents"}))
    texts = {r.code: r.text for r in found}
    assert texts.keys() == {"user-folder", "renamed", "downloaded"}
    assert texts["user-folder"] == "runs from C:\\Temp\\svchost32.exe"
    assert texts["renamed"] == "runs as svchost32.exe, its original name is Agent.exe"
    assert texts["downloaded"] == "downloaded by msedge.exe from https://x.example/a"
    assert [r.weight for r in found] == sorted((r.weight for r in found), reverse=True)


def test_nothing_is_asked_of_tables_that_are_not_there():
    def ask(query):
        raise AssertionError(query)

    assert reasons(FOUND, ask, subject(FOUND, NOW, ())) == []


def test_a_remote_session_at_night():
    ask = ask_over(DeviceProcessEvents=[process("d1", "a.exe", "/session remote"), process("d1", "a.exe", "--sync")])
    (reason,) = reasons(FOUND, ask, subject(FOUND, NOW, {"DeviceProcessEvents"}))
    # The days of the rows begin at midnight.
    assert reason.text == "remote sessions between 22:00 and 6:00 UTC: 1 starts, first 2026-03-08T00:00:00.000000Z"
