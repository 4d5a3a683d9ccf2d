"""Folders -> rows, as a hunter sees them in the two tables."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.collect import made
from tests.collect.made import CA, NOW, PROGRAM, ROOTS, sign

from lurcher.collect import signatures
from lurcher.collect.signatures import Progress, SignatureBatch, collect_signatures, device_id_of
from lurcher.errors import LurcherError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for name, content in made.files().items():
        (folder / name).write_bytes(content)
    return folder


def collect(*paths: Path, **options: Any) -> list[SignatureBatch]:
    return list(
        collect_signatures(
            paths, **{"now": NOW, "device_name": "WS-001", "trusted_roots": ROOTS, "workers": 1, **options}
        )
    )


def rows(batches: list[SignatureBatch]) -> dict[str, dict[str, Any]]:
    """File name -> its row in both tables together."""
    found = {}
    for batch in batches:
        by_report = {c["ReportId"]: c for c in reversed(batch.certificates.to_pylist())}
        for file in batch.files.to_pylist():
            found[file["FileName"]] = {**by_report[file["ReportId"]], **file}
    return found


def test_a_signed_file_is_a_row_as_defender_writes_it(folder: Path) -> None:
    signer = CA.signer("NinjaOne LLC", country="US", crl_urls=["http://crl.example/1.crl"])
    content = (folder / "one.exe").read_bytes()
    row = rows(collect(folder))["one.exe"]
    assert row == {
        "Timestamp": NOW,
        "DeviceId": device_id_of("ws-001"),
        "DeviceName": "WS-001",
        "SHA1": hashlib.sha1(content).hexdigest(),
        "SHA256": hashlib.sha256(content).hexdigest(),
        "MD5": hashlib.md5(content).hexdigest(),
        "IsSigned": True,
        "SignatureType": "Embedded",
        "Signer": "NinjaOne LLC",
        "SignerHash": hashlib.sha1(signer.certificate).hexdigest(),
        "Issuer": "Lurcher Test CA",
        "IssuerHash": hashlib.sha1(CA.certificate).hexdigest(),
        "CertificateSerialNumber": f"{signer.serial:032x}",
        "CrlDistributionPointUrls": '["http://crl.example/1.crl"]',
        "CertificateCreationTime": datetime(2024, 1, 1, tzinfo=UTC),
        "CertificateExpirationTime": datetime(2034, 1, 1, tzinfo=UTC),
        "CertificateCountersignatureTime": made.STAMPED,
        "IsTrusted": True,
        "IsRootSignerMicrosoft": False,
        "ActionType": "FileCollected",
        "FileName": "one.exe",
        "FolderPath": str(folder / "one.exe"),
        "FileSize": len(content),
        "ReportId": row["ReportId"],
        "AdditionalFields": row["AdditionalFields"],
    }
    assert json.loads(row["AdditionalFields"]) == {
        "CompanyName": "NinjaOne LLC",
        "ProductName": "NinjaOne Agent",
        "OriginalFileName": "NinjaRMMAgent.exe",
        "InternalFileName": "agent",
        "FileDescription": "NinjaOne-Agent für Geräte",
        "ProductVersion": "7.1",
        "Machine": "x64",
        "SignatureStatus": "trusted",
    }


def test_serial_numbers_have_whole_octets_and_no_octet_for_the_sign(folder: Path) -> None:
    # 0x00AB12 is encoded as 00 AB 12, because AB would make it negative.
    assert rows(collect(folder))["unstamped.exe"]["CertificateSerialNumber"] == "ab12"
    (folder / "small.exe").write_bytes(sign(PROGRAM, CA.signer("Small", serial=5)))
    assert rows(collect(folder / "small.exe"))["small.exe"]["CertificateSerialNumber"] == "05"
    (folder / "small.exe").unlink()


def test_a_signer_of_any_script_is_kept_as_it_is(folder: Path) -> None:
    found = rows(collect(folder))
    assert found["script.exe"]["Signer"] == "上海贝锐信息科技股份有限公司"
    assert found["unstamped.exe"]["Signer"] == "DWSNET OÜ"
    assert found["unstamped.exe"]["CrlDistributionPointUrls"] == "[]"


def test_an_unsigned_file_has_empty_texts_and_no_times(folder: Path) -> None:
    row = rows(collect(folder))["unsigned.exe"]
    assert (row["IsSigned"], row["IsTrusted"], row["IsRootSignerMicrosoft"]) == (False, False, False)
    assert {
        row[c] for c in ("Signer", "SignerHash", "Issuer", "IssuerHash", "CertificateSerialNumber", "SignatureType")
    } == {""}
    assert (
        row["CertificateCreationTime"]
        is row["CertificateExpirationTime"]
        is row["CertificateCountersignatureTime"]
        is None
    )
    assert row["SHA1"] == hashlib.sha1(PROGRAM).hexdigest()


def test_only_the_primary_signature_is_a_row_unless_nested_ones_are_asked_for(folder: Path) -> None:
    def signers(**options: bool) -> list[str]:
        return collect(folder / "nested.exe", **options)[0].certificates.column("Signer").to_pylist()

    assert signers() == ["NinjaRMM, LLC"]
    assert signers(nested=True) == ["NinjaRMM, LLC", "NinjaOne LLC"]


def test_the_quick_pass_reads_names_and_knows_no_hash(folder: Path) -> None:
    row = rows(collect(folder, hashes=False))["one.exe"]
    assert (row["Signer"], row["IsTrusted"]) == ("NinjaOne LLC", None)
    assert row["SHA1"] == row["SHA256"] == row["MD5"] == ""


def test_texts_are_never_null(folder: Path) -> None:
    import pyarrow as pa

    for options in ({}, {"hashes": False}, {"device_name": ""}):
        (batch,) = collect(folder, **options)
        for table in (batch.certificates, batch.files):
            texts = [c for c, f in zip(table.columns, table.schema, strict=True) if f.type == pa.string()]
            assert len(texts) >= 9
            assert [c.null_count for c in texts] == [0] * len(texts)


def test_paths_can_be_those_of_the_machine_that_the_disk_is_from(tmp_path: Path) -> None:
    (tmp_path / "Users" / "j.doe").mkdir(parents=True)
    (tmp_path / "Users" / "j.doe" / "a.exe").write_bytes(PROGRAM)
    assert rows(collect(tmp_path, drive="C:"))["a.exe"]["FolderPath"] == "C:\\Users\\j.doe\\a.exe"


def test_a_name_that_is_no_unicode_is_shown_with_its_octets(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.exe")).write_bytes(PROGRAM)
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    assert list(rows(collect(tmp_path))) == ["caf\\xe9.exe"]


def test_other_files_are_counted_and_give_no_row(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("MZ is how a PE file begins")
    (tmp_path / "empty.exe").write_bytes(b"")
    (tmp_path / "dos.exe").write_bytes(b"MZ".ljust(2048, b"\0"))
    (tmp_path / "a.exe").write_bytes(PROGRAM)
    (batch,) = collect(tmp_path)
    assert batch.progress == Progress(files=4, pe=1, other=3, rejected=0, octets=len(PROGRAM))


@pytest.mark.parametrize("length", [100, 200, 300, 370])
def test_a_file_cut_off_in_its_headers_is_told(tmp_path: Path, length: int) -> None:
    (tmp_path / "a.exe").write_bytes(PROGRAM[:length])
    (batch,) = collect(tmp_path)
    (problem,) = batch.problems
    assert problem.lost
    assert problem.path == str(tmp_path / "a.exe")
    assert "outside of the file" in problem.reason or "cut off" in problem.reason
    assert batch.files.num_rows == 0


def test_a_file_cut_off_in_its_signature_is_a_row_and_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.exe").write_bytes(made.files()["one.exe"][:-100])
    (batch,) = collect(tmp_path)
    (problem,) = batch.problems
    assert (problem.lost, problem.reason) == (False, "the certificate table is outside of the file")
    row = rows([batch])["a.exe"]
    assert (row["IsSigned"], row["IsTrusted"], row["Signer"]) == (False, False, "")
    assert json.loads(row["AdditionalFields"])["SignatureStatus"] == (
        "unreadable signature: the certificate table is outside of the file"
    )


@pytest.mark.parametrize("table", [b"\0" * 64, b"junk" * 16, b"\xff" * 64], ids=["zeros", "text", "ones"])
def test_a_table_without_a_signature_is_a_row_and_a_problem(tmp_path: Path, table: bytes) -> None:
    (tmp_path / "a.exe").write_bytes(made.attach(PROGRAM.ljust(len(PROGRAM) + -len(PROGRAM) % 8, b"\0"), table))
    (batch,) = collect(tmp_path)
    assert [p.lost for p in batch.problems] == [False]
    assert rows([batch])["a.exe"]["IsSigned"] is False


def test_link_loops_pipes_and_closed_folders_are_survived(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.exe").write_bytes(PROGRAM)
    (tmp_path / "real" / "up").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "real")
    (tmp_path / "linked.exe").symlink_to(tmp_path / "real" / "a.exe")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe.exe")
    assert list(rows(collect(tmp_path))) == ["a.exe"]
    # A link that the user names is followed.
    assert list(rows(collect(tmp_path / "again"))) == ["a.exe"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_closed_folder_and_a_closed_file_are_told(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    (tmp_path / "a.exe").write_bytes(PROGRAM)
    (tmp_path / "a.exe").chmod(0)
    (batch,) = collect(tmp_path)
    assert [(p.path, p.reason, p.lost) for p in batch.problems] == [
        (str(tmp_path / "a.exe"), "Permission denied", True),
        (str(closed), "Permission denied", True),
    ]


def test_what_cannot_be_listed_or_opened_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As the test before, but also for root: the system's own calls refuse.
    (tmp_path / "closed").mkdir()
    (tmp_path / "a.exe").write_bytes(PROGRAM)
    (tmp_path / "b.exe").write_bytes(PROGRAM)
    scandir, opened = os.scandir, os.open

    def refuse(path: Any, *args: Any, **options: Any) -> Any:
        if str(path).endswith(("closed", "a.exe")):
            raise PermissionError(13, "Permission denied", str(path))
        return (opened if args else scandir)(path, *args, **options)

    monkeypatch.setattr(os, "scandir", refuse)
    monkeypatch.setattr(os, "open", refuse)
    (batch,) = collect(tmp_path)
    assert sorted((Path(p.path).name, p.reason, p.lost) for p in batch.problems) == [
        ("a.exe", "Permission denied", True),
        ("closed", "Permission denied", True),
    ]
    assert list(rows([batch])) == ["b.exe"]


def test_a_path_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(LurcherError, match="gone: there is no such file or folder"):
        collect(tmp_path / "gone")


def test_batches_are_bounded_and_in_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "BATCH", 4)
    batches = collect(folder)
    assert [b.files.num_rows for b in batches] == [4, 4, 3]
    assert [r["FileName"] for b in batches for r in b.files.to_pylist()] == sorted(made.files())
    assert [r["ReportId"] for b in batches for r in b.files.to_pylist()] == list(range(1, 12))


def test_processes_give_the_same_rows_as_none(tmp_path: Path) -> None:
    files = made.files()
    for n in range(12):
        (tmp_path / f"{n:02}").mkdir()
        for name, content in files.items():
            (tmp_path / f"{n:02}" / name).write_bytes(content)
    told: list[Progress] = []
    (alone,), (together,) = collect(tmp_path), collect(tmp_path, workers=2, progress=told.append)
    assert alone.files == together.files
    assert alone.certificates == together.certificates
    assert told[-1] == Progress(files=132, pe=132, other=0, rejected=0, octets=12 * sum(map(len, files.values())))


def test_a_caller_who_stops_early_leaves_no_process_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import multiprocessing

    monkeypatch.setattr(signatures, "BATCH", 8)
    for n in range(200):
        (tmp_path / f"{n}.exe").write_bytes(PROGRAM)
    running = collect_signatures([tmp_path], now=NOW, workers=2)
    next(running)
    running.close()  # type: ignore[attr-defined]
    assert multiprocessing.active_children() == []


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT to a process group")
def test_ctrl_c_ends_all_processes_without_a_word_from_them(tmp_path: Path) -> None:
    for n in range(200):
        (tmp_path / f"{n}.exe").write_bytes(PROGRAM)
    script = tmp_path / "collecting.py"
    script.write_text(_COLLECTING)
    child = subprocess.Popen(
        [sys.executable, script, tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "begun\n"
    os.killpg(child.pid, signal.SIGINT)
    # Workers hold these pipes open too: this returns when the last of them has ended.
    said, complained = child.communicate(timeout=20)
    assert (said, complained, child.returncode) == ("interrupted\n", "", 0)


_COLLECTING = """
import signal, sys, time
from datetime import UTC, datetime
from pathlib import Path
from lurcher.collect import signatures

if __name__ == "__main__":
    # What runs in the background has Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signatures.BATCH = 8
    try:
        for batch in signatures.collect_signatures([Path(sys.argv[1])], now=datetime(2026, 6, 1, tzinfo=UTC), workers=2):
            print("begun", flush=True)
            time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def test_a_program_that_came_through_a_pipe_can_collect(tmp_path: Path) -> None:
    for n in range(100):
        (tmp_path / f"{n}.exe").write_bytes(PROGRAM)
    program = _COLLECTING.replace("time.sleep(60)", "pass")
    done = subprocess.run([sys.executable, "-", tmp_path], input=program, capture_output=True, text=True, check=True)
    assert (set(done.stdout.splitlines()), done.stderr) == ({"begun"}, "")


def test_the_fingerprint_is_of_what_was_found_and_not_of_when(folder: Path) -> None:
    (first,), (later,) = collect(folder), collect(folder, now=NOW + timedelta(hours=1))
    (other,) = collect(folder / "one.exe")
    assert first.fingerprint == later.fingerprint != other.fingerprint
    assert replace(first).fingerprint == first.fingerprint


def test_a_device_is_the_same_in_any_case() -> None:
    assert device_id_of("WS-001") == device_id_of("ws-001") != device_id_of("ws-002")
    assert len(device_id_of("WS-001")) == 40
    assert device_id_of("") == ""
