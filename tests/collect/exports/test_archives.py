"""What is in archives, packed files and folders: what is taken, and what a user is told of."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard

from lurcher.app.add import AddReport, add
from lurcher.collect.exports import limits
from lurcher.lake import Lake

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def lines(*numbers: int) -> bytes:
    return b"".join(b'{"n":%d}\n' % n for n in numbers)


def noise(count: int, seed: int = 1) -> bytes:
    """Lines that hardly shrink."""
    chance = random.Random(seed)
    return b"".join(b'{"n":%d,"x":"%032x"}\n' % (n, chance.getrandbits(128)) for n in range(count))


def zipped(members: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", how) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return held.getvalue()


class Forward(io.RawIOBase):
    """A target that cannot go back: the sizes of a zip's members come behind them."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += data
        return len(data)


def streamed_zip(members: dict[str, bytes]) -> bytes:
    target = Forward()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return bytes(target.data)


def tarred(members: dict[str, bytes], style: int = tarfile.PAX_FORMAT) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=style) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return held.getvalue()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(tmp_path / "case")


def put(lake: Lake, name: str, content: bytes) -> AddReport:
    path = lake.path.parent / "in" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    report = add(lake, [path], now=NOW, table="T")
    assert not list((lake.path / "staging").glob("*"))
    return report


def numbers(lake: Lake) -> list[int]:
    table = lake.table("T")
    return sorted(r["n"] for r in table.arrow().to_pylist()) if table else []


def names(report: AddReport) -> list[str]:
    return [f.name.split("/in/")[1] for f in report.files]


PACKED = {
    "gz": gzip.compress,
    "zst": zstandard.ZstdCompressor().compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


@pytest.mark.parametrize("how", PACKED)
def test_packed_files_are_read_however_they_are_called(lake: Lake, how: str) -> None:
    report = put(lake, f"a.json.{how}", PACKED[how](lines(1)) + PACKED[how](lines(2)))
    report.files += put(lake, "b", PACKED[how](lines(3))).files
    assert names(report) == ["a.json", "b"]
    assert numbers(lake) == [1, 2, 3]


@pytest.mark.parametrize("how", PACKED)
def test_a_packed_file_that_is_cut_is_taken_as_far_as_it_goes(lake: Lake, how: str) -> None:
    data = PACKED[how](noise(60_000))
    report = put(lake, f"a.{how}", data[: len(data) // 2])
    outcome = report.files[0]
    name = {"gz": "gzip", "zst": "zstd", "bz2": "bzip2"}.get(how, how)
    assert outcome.notes == [f"cut: the {name} ends before its end"]
    assert numbers(lake) == list(range(outcome.rows))
    assert 15_000 < outcome.rows < 45_000
    told = [json.loads(line) for line in Path(outcome.rejects).read_text().splitlines()]
    whole = len(noise(outcome.rows))
    assert told[-1]["reason"] == outcome.notes[0]
    assert whole <= told[-1]["byte"] < whole + 70
    assert len(told) == 1 + (told[-1]["byte"] > whole)


@pytest.mark.parametrize("how", PACKED)
def test_a_packed_file_whose_bytes_are_wrong_is_not_taken(lake: Lake, how: str) -> None:
    data = bytearray(PACKED[how](noise(2_000)))
    if how == "zst":
        data = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(noise(2_000)))
    data[len(data) // 2] ^= 0x55
    outcome = put(lake, "a.json", bytes(data)).files[0]
    assert "is damaged" in outcome.skipped
    assert numbers(lake) == []


def test_what_follows_a_gzip_is_told_of(lake: Lake) -> None:
    outcome = put(lake, "a.gz", gzip.compress(lines(1)) + b"\0" * 700 + b"what else").files[0]
    assert outcome.notes == ["what follows the end of the gzip was passed over"]
    assert put(lake, "b.gz", gzip.compress(lines(2)) + b"\0" * 700).files[0].notes == []
    assert numbers(lake) == [1, 2]


@pytest.mark.parametrize("style", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, PACKED["zst"]])
def test_a_tar_gives_its_members(lake: Lake, style: int, pack: Any) -> None:
    long = "/".join(["folder"] * 12) + "/ä.json"
    report = put(lake, "a.tar", pack(tarred({"x/1.json": lines(1), "empty": b"", long: lines(2)}, style)))
    assert names(report) == ["a.tar/x/1.json", "a.tar/empty", f"a.tar/{long}"]
    assert [f.skipped for f in report.files] == ["", "empty", ""]
    assert report.failed == []
    assert numbers(lake) == [1, 2]


def test_names_links_and_devices_of_a_tar_are_only_names(lake: Lake) -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name, kind in (
            ("link", tarfile.SYMTYPE),
            ("dev", tarfile.CHRTYPE),
            ("pipe", tarfile.FIFOTYPE),
            ("d", tarfile.DIRTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        for name in ("../../escape.json", "/absolute.json"):
            info = tarfile.TarInfo(name)
            info.size = len(lines(1))
            archive.addfile(info, io.BytesIO(lines(len(name))))
    report = put(lake, "a.tar", held.getvalue().replace(lines(17), lines(1)))
    assert [(f.name.split("a.tar/")[1], f.skipped) for f in report.files[:3]] == [
        ("link", "a link in the archive, without content of its own"),
        ("dev", "a device in the archive, without content of its own"),
        ("pipe", "a pipe in the archive, without content of its own"),
    ]
    assert report.failed == []
    assert sorted(p.name for p in lake.path.parent.iterdir()) == ["case", "in"]


def test_archives_in_archives(lake: Lake) -> None:
    inner = {"x.json": lines(1)}
    data = zipped(
        {
            "1.zip": zipped(inner),
            "2.tar": tarred({"y.json": lines(2)}),
            "3.tar.gz": gzip.compress(tarred({"z.json": lines(3), "4.zip": zipped({"w.json": lines(4)})})),
            "5.json.zst": PACKED["zst"](lines(5)),
        }
    )
    report = put(lake, "a.zip", data)
    assert names(report) == [
        "a.zip/1.zip/x.json",
        "a.zip/2.tar/y.json",
        "a.zip/3.tar.gz/z.json",
        "a.zip/3.tar.gz/4.zip/w.json",
        "a.zip/5.json",
    ]
    assert put(lake, "b.tar", tarred({"6.zip": zipped({"x.json": lines(6)})})).rows == 1
    assert numbers(lake) == [1, 2, 3, 4, 5, 6]


def test_members_too_large_for_memory_wait_on_disk(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_IN_MEMORY", 1000)
    data = tarred({"1.json": noise(500), "2.zip": zipped({"x.json": lines(7777)}), "3.json": lines(8888)})
    assert put(lake, "a.tgz", gzip.compress(data)).rows == 502
    assert numbers(lake) == [*range(500), 7777, 8888]


def test_depth_members_and_size_have_limits(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    data = lines(1)
    for _ in range(5):
        data = zipped({"x": data})
    assert "archives in archives" in put(lake, "a.zip", data).files[0].skipped
    data = lines(1)
    for _ in range(20):
        data = gzip.compress(data)
    assert "archives in archives" in put(lake, "a.gz", data).files[0].skipped
    monkeypatch.setattr(limits, "MAX_MEMBERS", 3)
    many = {f"{i}.json": lines(i) for i in range(9)}
    for name, archive in (("m.zip", zipped(many)), ("m.tar", tarred(many))):
        report = put(lake, name, archive)
        assert report.files[-1].skipped == "it has more than 3 members"
    monkeypatch.setattr(limits, "MAX_MEMBERS", 100)
    monkeypatch.setattr(limits, "FREE_TOTAL", 1000)
    monkeypatch.setattr(limits, "MAX_RATIO", 2)
    big = {f"{i}.json": lines(*[100 + i] * 50) for i in range(90)}
    report = put(lake, "b.zip", zipped(big))
    assert "in all: the rest of it is not read" in report.files[-1].skipped
    assert len(report.files) < 50


@pytest.mark.parametrize("codec", ["gz", "zst", "bz2", "xz"])
def test_a_bomb_is_refused_in_whatever_it_is_packed(lake: Lake, monkeypatch: pytest.MonkeyPatch, codec: str) -> None:
    monkeypatch.setattr(limits, "FREE_BYTES", 1_000_000)
    bomb = PACKED[codec](b"\n" * 30_000_000)
    for name, data in (("a", bomb), ("b.tar", PACKED[codec](tarred({"x": b"\n" * 30_000_000})))):
        assert "more than 250 times its size" in put(lake, name, data).files[0].skipped


@pytest.mark.parametrize("make", [zipped, streamed_zip])
@pytest.mark.parametrize("inside", [False, True])
def test_a_zip_that_is_cut_gives_what_it_still_has(lake: Lake, make: Any, inside: bool) -> None:
    data = make({"1.json": lines(100_001), "2.json": noise(3_000, 2), "3.json": noise(9_000), "4.json": lines(5)})
    data = data[: int(len(data) * 0.7)]
    report = put(lake, "a", tarred({"b.zip": data}) if inside else data)
    found = {f.name.rpartition("/")[2]: f for f in report.files}
    assert found["1.json"].rows == 1
    assert found["2.json"].rows == 3_000
    assert 3_000 < found["3.json"].rows < 9_000
    assert found["3.json"].notes == ["cut: the zip ends before its end"]
    cut = found["b.zip" if inside else "a"]
    assert cut.skipped == "cut: the zip ends before its end; its members were read as far as they go"
    assert cut in report.failed


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_tar_that_is_cut_gives_what_it_still_has(lake: Lake, pack: Any) -> None:
    data = tarred({"1.json": lines(100_001), "2.json": noise(9_000)})
    data = pack(data)[: int(len(pack(data)) * 0.7)]
    report = put(lake, "a", data)
    assert report.files[0].rows == 1
    assert 5_000 < report.files[1].rows < 9_000
    assert report.files[1].notes[0].startswith("cut: ")
    assert "its members were read as far as they go" in report.files[2].skipped


def test_what_cannot_be_unpacked_is_told_with_a_way_out(lake: Lake) -> None:
    data = bytearray(zipped({"a.json": lines(1), "b.json": lines(2)}))
    for mark, place in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):  # the second member is encrypted
        at = data.index(mark, data.index(mark) + 1)
        data[at + place] |= 1
    report = put(lake, "x.zip", bytes(data))
    assert [(f.skipped, f.hint, f.rows) for f in report.files] == [
        ("", "", 1),
        ("is encrypted", "unpack the archive first, with its password", 0),
    ]
    for start in (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\x01\0"):
        outcome = put(lake, "y", start + b"\0" * 100).files[0]
        assert "archive, which is not read" in outcome.skipped
        assert outcome.hint == "unpack it first"


def test_what_systems_leave_behind_is_told_and_does_no_harm(lake: Lake) -> None:
    double = b"\0\x05\x16\x07" + b"\0" * 100
    data = zipped(
        {"x.json": lines(1), "__MACOSX/._x.json": double, ".DS_Store": b"\0\0\0\x01Bud1" + b"\0" * 90, "empty": b""}
    )
    report = put(lake, "a.zip", data)
    told = {f.name.rpartition("/")[2]: f.skipped for f in report.files}
    assert told == {
        "x.json": "",
        "._x.json": "of macOS itself, no telemetry",
        ".DS_Store": "of macOS itself, no telemetry",
        "empty": "empty",
    }
    assert report.failed == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes")
def test_what_is_no_file_is_not_opened_but_told(lake: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    (folder / "sub").mkdir(parents=True)
    (folder / ".hidden.json").write_bytes(lines(1))
    os.mkfifo(folder / "pipe")
    (folder / "gone").symlink_to("nowhere")
    (folder / "round").symlink_to(folder)
    (folder / b"caf\xe9.json".decode("utf-8", "surrogateescape")).write_bytes(lines(2))
    Lake.create(folder / "sub" / "lake")
    report = add(lake, [folder], now=NOW, table="T")
    told = {f.name.rpartition("/")[2]: f.skipped for f in report.files}
    assert told == {
        ".hidden.json": "",
        "caf\\xe9.json": "",
        "pipe": "a pipe, which is not opened",
        "gone": "a link to nothing, which is not opened",
        "round": "a link to a folder, which is not entered",
        "lake": "is a lake itself",
    }
    assert numbers(lake) == [1, 2]
    assert add(lake, [folder / "pipe"], now=NOW).files[0].hint == "write what it gives to a file first"
