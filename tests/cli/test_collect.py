"""`lurcher collect signatures` as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.collect import containers, made

from lurcher.cli.commands.collect import signatures
from lurcher.lake import Lake

SIGNER = made.CA.signer("NinjaOne LLC")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    Lake.create(tmp_path / "lake")
    folder = tmp_path / "image"
    for name, content in {
        "Tools/agent.exe": made.sign(made.PROGRAM, SIGNER),
        "Tools/setup.msi": containers.sign_msi(SIGNER),
        "Tools/notes.txt": b"no program",
        "cache/old.exe": made.PROGRAM,
        "broken.msi": containers.compound(containers.PACKAGE)[:700],
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def run(image: Path, *options: str, ends: int = 0) -> str:
    lake = image.parent / "lake"
    done = CliRunner().invoke(
        signatures, [str(image), "--lake", str(lake), "--device", "WS-1", "--workers", "1", *options]
    )
    assert done.exit_code == ends, done.output
    return done.output if not ends else str(done.exception)


def test_what_is_read_left_out_unchanged_and_gone_is_told(image: Path) -> None:
    options = ("--root-as", "C:\\", "--exclude", "cache/", "--exclude", "*.txt")
    first = run(image, *options).splitlines()
    assert first[:2] == [
        "3 files: 2 files that can be signed, 0 other, 1 not examined",
        "  left out: 1 excluded, 1 folder excluded and not entered",
    ]
    assert first[2:4] == ["  2 rows to DeviceFileCertificateInfo", "  2 rows to DeviceFileEvents"]
    assert first[4].startswith(f"  rejected: {image / 'broken.msi'}: ")
    (image / "Tools" / "agent.exe").unlink()
    second = run(image, *options).splitlines()
    assert second[0] == "2 files: 1 unchanged since the last run, 0 files that can be signed, 0 other, 1 not examined"
    assert second[2:4] == ["  1 file gone since the last run (their rows stay)", "    C:\\Tools\\agent.exe"]


def test_everything_is_read_anew_where_it_is_asked_for(image: Path) -> None:
    run(image)
    text = run(image, "--full")
    assert "5 files: 3 files that can be signed, 1 other, 1 not examined" in text
    assert "3 files read again, in the lake already as they are" in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--max-size", "much"), "no size"),
        (("--exclude", "/"), "no pattern"),
        (("--root-as", "image"), "no drive"),
    ],
)
def test_what_makes_no_sense_is_refused(image: Path, options: tuple[str, ...], said: str) -> None:
    assert said in run(image, *options, ends=1)
