"""Collecting again: what is new, changed or gone; what catalogues vouch for; what is left out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.collect import containers, made
from tests.collect.made import CA, PROGRAM

from lurcher.app.collect import CERTIFICATES, FILES, CollectReport, collect
from lurcher.collect import incremental
from lurcher.errors import LurcherError
from lurcher.lake import Lake

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=3)
SIGNER = CA.signer("NinjaOne LLC")
VENDOR = CA.signer("Windows Vendor")


class Case:
    """A lake and a folder to collect from."""

    def __init__(self, path: Path) -> None:
        self.lake = Lake.create(path / "lake")
        self.image = path / "image"
        self.image.mkdir()
        (path / "ca.pem").write_text(CA.pem)
        self.root = path / "ca.pem"

    def put(self, name: str, content: bytes) -> Path:
        path = self.image / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def collect(self, now: datetime = NOW, *paths: Path, **options: Any) -> CollectReport:
        options = {"workers": 1, "trust_roots": [self.root], **options}
        return collect(self.lake, paths or [self.image], now=now, **options)

    def rows(self, table: str = FILES) -> list[dict[str, Any]]:
        found = self.lake.table(table)
        return [] if found is None else sorted(found.arrow().to_pylist(), key=lambda r: (r["Timestamp"], r["ReportId"]))

    def signers(self) -> dict[str, tuple[str, str, bool | None]]:
        """File name -> signer, type, trusted: of its newest row."""
        rows = {(r["Timestamp"], r["ReportId"]): r for r in self.rows(CERTIFICATES)}
        found = {}
        for file in self.rows():
            row = rows[file["Timestamp"], file["ReportId"]]
            found[file["FileName"]] = (row["Signer"], row["SignatureType"], row["IsTrusted"])
        return found


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [r["FileName"] for r in rows]


def test_a_second_run_reads_and_adds_what_is_new_or_changed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    from lurcher.collect.examine import Examiner

    read: list[str] = []
    real = Examiner.examine
    monkeypatch.setattr(Examiner, "examine", lambda s, p, k=(): (read.append(os.path.basename(p)), real(s, p, k))[1])
    for name in ("a.exe", "b.exe", "sub/c.exe"):
        case.put(name, PROGRAM + name.encode())
    case.put("notes.txt", b"no program")
    first = case.collect()
    assert (first.rows[FILES], first.progress.unchanged, len(read)) == (3, 0, 4)
    read.clear()
    case.put("b.exe", PROGRAM + b"changed, and longer")
    case.put("new/d.exe", PROGRAM + b"d")
    second = case.collect(LATER)
    assert (read, second.rows[FILES], second.progress.unchanged) == (["b.exe", "d.exe"], 2, 3)
    assert names(case.rows()) == ["a.exe", "b.exe", "c.exe", "b.exe", "d.exe"]
    assert [r["Timestamp"] for r in case.rows()] == [NOW] * 3 + [LATER] * 2
    assert {(r["Timestamp"], r["ReportId"]) for r in case.rows()} == {
        (r["Timestamp"], r["ReportId"]) for r in case.rows(CERTIFICATES)
    }


def test_a_file_that_was_touched_is_read_and_gives_no_second_row(case: Case) -> None:
    path = case.put("a.exe", PROGRAM)
    case.collect()
    os.utime(path, ns=(1, 1))
    again = case.collect(LATER)
    assert (again.rows, again.known, again.progress.unchanged, len(case.rows())) == ({}, 1, 0, 1)


def test_a_file_that_changes_and_changes_back_has_a_row_for_each_time(case: Case) -> None:
    for day, content in enumerate((b"one", b"two!", b"one", b"two!")):
        case.put("a.exe", PROGRAM + content)
        assert case.collect(NOW + timedelta(days=day)).rows[FILES] == 1
    assert len({r["SHA1"] for r in case.rows()}) == 2
    assert len(case.rows()) == 4


def test_files_that_are_gone_are_told_and_their_rows_stay(case: Case) -> None:
    for name in ("a.exe", "sub/b.exe", "sub/deep/c.exe"):
        case.put(name, PROGRAM)
    case.put("z.txt", b"no program")
    case.collect()
    (case.image / "a.exe").unlink()
    (case.image / "sub" / "deep" / "c.exe").unlink()
    (case.image / "sub" / "deep").rmdir()
    second = case.collect(LATER)
    base = str(case.image)
    assert (second.gone, sorted(second.gone_paths)) == (2, [f"{base}/a.exe", f"{base}/sub/deep/c.exe"])
    assert len(case.rows()) == 3
    assert case.collect(LATER).gone == 0
    # Below another folder nothing is gone only because it is not looked at.
    assert case.collect(LATER, case.image / "sub").gone == 0


def test_a_share_that_was_not_mounted_for_once_is_no_news(case: Case) -> None:
    for name in ("a.exe", "sub/b.exe"):
        case.put(name, PROGRAM)
    case.put("sub/c.cat", catalogue(containers.image_digest(PROGRAM)))
    case.collect()
    signers = case.signers()
    os.rename(case.image, case.image.with_name("away"))
    case.image.mkdir()
    assert case.collect(LATER).gone == 3
    assert case.collect(LATER).gone == 0
    case.image.rmdir()
    os.rename(case.image.with_name("away"), case.image)
    again = case.collect(LATER)
    assert (again.rows, again.known, again.gone) == ({}, 3, 0)
    assert case.signers() == signers
    assert case.collect(LATER).progress.unchanged == 3


def test_other_settings_read_the_files_again(case: Case) -> None:
    case.put("a.exe", containers_nested())
    case.collect()
    assert len(case.rows(CERTIFICATES)) == 1
    assert case.collect(LATER, nested=True).rows == {CERTIFICATES: 2, FILES: 1}


def containers_nested() -> bytes:
    return made.files()["nested.exe"]


def test_devices_do_not_know_of_each_other(case: Case) -> None:
    case.put("a.exe", PROGRAM)
    assert case.collect(device="WS-1").rows[FILES] == 1
    assert case.collect(device="WS-2").rows[FILES] == 1
    assert case.collect(LATER, device="ws-1").rows == {}


def test_an_image_that_is_mounted_elsewhere_is_the_same_disk(case: Case, tmp_path: Path) -> None:
    case.put("Windows/a.exe", PROGRAM)
    case.collect(device="WS-1", drive="C:\\")
    os.rename(case.image, tmp_path / "elsewhere")
    again = collect(
        case.lake, [tmp_path / "elsewhere"], now=LATER, device="WS-1", drive="C:", workers=1, trust_roots=[case.root]
    )
    assert (again.rows, again.gone) == ({}, 0)
    assert [r["FolderPath"] for r in case.rows()] == ["C:\\Windows\\a.exe"]


@pytest.mark.parametrize("drive", ["C", "x:y", "\\\\server", "C:\\\\a"])
def test_what_is_no_drive_is_refused(case: Case, drive: str) -> None:
    with pytest.raises(LurcherError, match="no drive"):
        case.collect(drive=drive)


def test_two_folders_that_are_shown_as_one_are_told_apart(case: Case) -> None:
    one, two = case.put("one/a.exe", PROGRAM + b"1").parent, case.put("two/a.exe", PROGRAM + b"2").parent
    assert case.collect(NOW, one, two, drive="C:").rows[FILES] == 2
    again = case.collect(LATER, one, two, drive="C:")
    assert (again.rows, again.progress.unchanged, again.gone) == ({}, 2, 0)


# --- kills ---


def test_what_a_killed_run_had_found_is_kept_with_its_time(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(6):
        case.put(f"{n}.exe", PROGRAM + bytes([n]))
    real = incremental.examine_files

    def dies(*args: Any) -> Iterator[Any]:
        for count, pair in enumerate(real(*args)):
            if count == 4:
                raise KeyboardInterrupt
            yield pair

    monkeypatch.setattr(incremental, "examine_files", dies)
    with pytest.raises(KeyboardInterrupt):
        case.collect()
    monkeypatch.setattr(incremental, "examine_files", real)
    assert case.rows() == []
    second = case.collect(LATER)
    assert (second.resumed, second.progress.unchanged, second.progress.pe, second.rows[FILES]) == (4, 4, 2, 6)
    assert [(r["FileName"], r["Timestamp"]) for r in case.rows()] == [
        (f"{n}.exe", NOW if n < 4 else LATER) for n in range(6)
    ]


def test_a_file_that_went_after_a_killed_run_had_read_it_has_its_row(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = case.put("a.exe", PROGRAM)
    from lurcher.app import collect as module

    def dies(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_commit", dies)
    with pytest.raises(KeyboardInterrupt):
        case.collect()
    monkeypatch.undo()
    path.unlink()
    second = case.collect(LATER)
    assert (second.gone, second.rows[FILES], names(case.rows())) == (1, 1, ["a.exe"])
    assert case.collect(LATER).gone == 0


def test_two_collections_of_a_device_at_once_are_refused(case: Case) -> None:
    from lurcher.collect.journal import Journal

    case.put("a.exe", PROGRAM)
    case.collect()
    (state,) = (case.lake.path / "collected").glob("*.sqlite")
    with Journal(state), pytest.raises(LurcherError, match="another collection"):
        case.collect(LATER)


def test_a_damaged_journal_is_told(case: Case) -> None:
    case.put("a.exe", PROGRAM)
    case.collect()
    (state,) = (case.lake.path / "collected").glob("*.sqlite")
    state.write_bytes(b"no database at all, whatever it may be" * 100)
    with pytest.raises(LurcherError, match="cannot be read"):
        case.collect(LATER)
    state.unlink()
    # Without it the same files are the same collection: nothing comes twice.
    again = case.collect(LATER)
    assert (again.rows, again.known, len(case.rows())) == ({}, 1, 1)


# --- catalogues ---

CATROOT = "Windows/System32/CatRoot/{F750E6C3-38EE-11D1-85E5-00C04FC295EE}/pkg.cat"


def catalogue(*digests: bytes, signer: made.Signer = VENDOR, second: bool = False) -> bytes:
    return containers.catalogue(signer, [("sha256" if len(d) == 32 else "sha1", d) for d in digests], second=second)


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
@pytest.mark.parametrize("place", [CATROOT, "a/first.cat", "z/last.cat"])
def test_a_program_that_a_catalogue_lists_is_signed_by_its_signer(case: Case, place: str, algorithm: str) -> None:
    case.put("b/tool.exe", PROGRAM)
    case.put("b/other.exe", PROGRAM + b"not listed")
    case.put("b/own.exe", made.sign(PROGRAM, SIGNER))
    case.put(place, catalogue(containers.image_digest(PROGRAM, algorithm), second=True))
    case.collect()
    assert case.signers() == {
        Path(place).name: ("Windows Vendor", "Embedded", True),
        "tool.exe": ("Windows Vendor", "Catalog", True),
        "other.exe": ("", "", False),
        "own.exe": ("NinjaOne LLC", "Embedded", True),
    }
    (row,) = (r for r in case.rows() if r["FileName"] == "tool.exe")
    assert json.loads(row["AdditionalFields"])["Catalog"] == str(case.image / place)
    assert case.collect(LATER).rows == {}


def test_a_script_is_listed_by_the_digest_of_the_whole_file(case: Case) -> None:
    import hashlib

    case.put("a.ps1", b"Write-Host 1")
    case.put("b.cat", catalogue(hashlib.sha256(b"Write-Host 1").digest()))
    case.collect()
    assert case.signers()["a.ps1"] == ("Windows Vendor", "Catalog", True)


def test_a_catalogue_that_comes_later_vouches_for_files_that_were_there(case: Case) -> None:
    case.put("tool.exe", PROGRAM)
    case.collect()
    assert case.signers()["tool.exe"] == ("", "", False)
    path = case.put(CATROOT, catalogue(containers.image_digest(PROGRAM)))
    case.collect(LATER)
    assert case.signers()["tool.exe"] == ("Windows Vendor", "Catalog", True)
    path.unlink()
    case.collect(LATER + timedelta(days=1))
    assert case.signers()["tool.exe"] == ("", "", False)
    assert names(case.rows()) == ["tool.exe", "pkg.cat", "tool.exe", "tool.exe"]


def test_a_catalogue_that_was_changed_vouches_for_nothing(case: Case) -> None:
    listed = containers.image_digest(PROGRAM)
    content = catalogue(b"\0" * 32, second=True)
    case.put("a.cat", content.replace(b"\0" * 32, listed))
    case.put("tool.exe", PROGRAM)
    case.collect()
    assert case.signers()["tool.exe"] == ("Windows Vendor", "Catalog", False)
    (row,) = (r for r in case.rows() if r["FileName"] == "tool.exe")
    assert json.loads(row["AdditionalFields"])["SignatureStatus"].startswith("its catalogue: the signed digest")


def test_of_several_catalogues_a_trusted_one_counts(case: Case) -> None:
    digest = containers.image_digest(PROGRAM)
    stranger = made.TestCA("Nobody").signer("Nobody")
    case.put("a.cat", catalogue(digest, signer=stranger))
    case.put("b.cat", catalogue(digest))
    case.put("c.exe", PROGRAM)
    case.collect()
    assert case.signers()["c.exe"] == ("Windows Vendor", "Catalog", True)


# --- what is left out ---


def test_what_is_left_out_is_counted(case: Case) -> None:
    for name in ("a.EXE", "b.dll", "Big.exe", "node_modules/x.exe", "node_modules/deep/y.exe", "Windows/Temp/t.exe"):
        case.put(name, PROGRAM + (b"x" * 9000 if name == "Big.exe" else b""))
    report = case.collect(include=["*.exe"], exclude=["node_modules/", "windows\\temp\\*"], max_size=len(PROGRAM) + 100)
    filters = report.filters
    assert filters is not None
    assert (filters.excluded, filters.not_included, filters.too_large, filters.folders) == (1, 1, 1, 1)
    assert names(case.rows()) == ["a.EXE"]
    everything = case.collect(LATER)
    assert (everything.gone, everything.progress.unchanged) == (0, 1)
    # What is excluded now is not gone.
    assert case.collect(LATER, exclude=["node_modules/", "*.dll"]).gone == 0


def test_a_folder_that_cannot_be_read_is_not_gone(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    case.put("sub/deep/a.exe", PROGRAM)
    case.put("b.exe", PROGRAM)
    case.collect()
    real = os.scandir

    def scandir(path: str) -> Any:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    report = case.collect(LATER)
    monkeypatch.undo()
    assert (report.gone, report.lost, report.problems[0].reason) == (0, 1, "Permission denied")
    assert case.collect(LATER).progress.unchanged == 2


def test_names_of_any_octets_and_of_any_length(case: Case) -> None:
    name = b"caf\xe9" + b"n" * 240 + b".exe"
    try:
        Path(os.fsdecode(os.fsencode(case.image) + b"/" + name)).write_bytes(PROGRAM)
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    case.collect()
    assert case.collect(LATER).progress.unchanged == 1
    assert names(case.rows()) == ["caf\\xe9" + "n" * 240 + ".exe"]


def test_more_files_than_a_slice_in_a_folder(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    from lurcher.collect import walk

    monkeypatch.setattr(walk, "SLICE", 4)
    for n in range(10):
        case.put(f"{n}.txt", b"x")
    case.collect()
    for n in (0, 3, 4, 9):
        (case.image / f"{n}.txt").unlink()
    report = case.collect(LATER)
    assert (report.gone, report.progress.unchanged) == (4, 6)
    for n in range(10):
        (case.image / f"{n}.txt").unlink(missing_ok=True)
    assert case.collect(LATER).gone == 6
