"""A newer LOLRMM: what is new is shown, comes in with care, and the installed catalogue stays as it is."""

from __future__ import annotations

import base64
import datetime as dt
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lurcher.app.rmm import catalogue_of, pack_rules, update, write_overlay
from lurcher.cli import cli
from lurcher.errors import LurcherError
from lurcher.rmm.catalogue import Catalogue
from lurcher.rmm.update import Change

CATALOGUE = Catalogue.load()
DAY = dt.date(2026, 11, 24)
NINJA = """\
Name: NinjaRMM
Category: RMM
Details:
  Website: https://www.ninjaone.com
  PEMetadata:
    - {Filename: NinjaNew.exe, Product: NinjaOne}
    - Filename: agent.exe
    - Filename: NinjaRMMAgent.exe
  InstallationPaths:
    - C:\\Program Files (x86)\\NinjaNew\\NinjaWatch.exe
Artifacts:
  Network:
    - Domains: ['*.ninjanew.example:443', 10.0.0.1, user_managed, ninjaone.com, 'https://x.s3.amazonaws.com/y']
CodeSigning:
  certificates:
    - {signer_name: NinjaOne Holdings Inc., certificate_thumbprint: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}
    - {signer_name: Somebody Else LLC, certificate_thumbprint: BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB}
    - {signer_name: win.rar GmbH, certificate_thumbprint: CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC}
    - {signer_name: NinjaOne LLC, certificate_thumbprint: THUMB, certificate_der_base64: "DER"}
"""


def certificate() -> tuple[str, str]:
    """Thumbprint and base64 of a certificate, valid in 2026 and 2027."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
    made = (
        x509.CertificateBuilder().subject_name(issuer).issuer_name(issuer).public_key(key.public_key()).serial_number(7)
        .not_valid_before(dt.datetime(2026, 1, 1)).not_valid_after(dt.datetime(2027, 12, 31)).sign(key, hashes.SHA256())
    )  # fmt: skip
    return made.fingerprint(hashes.SHA1()).hex(), base64.b64encode(made.public_bytes(Encoding.DER)).decode()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "LOLRMM" / "yaml"
    folder.mkdir(parents=True)
    thumb, der = certificate()
    (folder / "ninja.yaml").write_text(NINJA.replace("THUMB", thumb).replace("DER", der))
    (folder / "nova.yml").write_text("Name: Nova RMM\nCategory: RMM\nDetails: {PEMetadata: {Filename: novarmm.exe}}\n")
    (folder / "bad.yaml").write_text("a: [\n")
    return folder.parent


def changes(place: Path) -> dict[str, Change]:
    return {c.tool: c for c in update(place, CATALOGUE).changes}


def test_what_is_new_is_found_under_the_name_that_the_catalogue_has(checkout: Path) -> None:
    found = changes(checkout)
    assert found["Nova RMM"].is_new
    ninja = found["NinjaOne"]
    assert not ninja.is_new
    assert {(f.value, f.generic) for f in ninja.executables} == {
        ("NinjaWatch.exe", False), ("NinjaNew.exe", False), ("agent.exe", True),
    }  # fmt: skip
    assert {(f.value, f.generic) for f in ninja.domains} == {
        ("*.ninjanew.example", False),
        ("x.s3.amazonaws.com", True),
    }
    assert [(s.name, s.stem, s.reviewed) for s in ninja.signers] == [
        ("NinjaOne Holdings Inc.", "NinjaOne", True),
        ("Somebody Else LLC", "Somebody Else", False),
    ]
    assert [s.name for s in ninja.certificates] == ["NinjaOne LLC"]
    assert any("rmmservice.eu" in g for g in ninja.gone)
    assert next(w for _, w in update(checkout, CATALOGUE).broken).startswith("not YAML")


def test_the_overlay_adds_to_the_catalogue_and_is_found_beside_a_lake(checkout: Path, tmp_path: Path) -> None:
    target = tmp_path / "lake" / "rmm-catalogue.toml"
    made = write_overlay(update(checkout, CATALOGUE), target, DAY, checkout)
    assert made == catalogue_of(None, tmp_path / "lake")
    assert len(made.tools) == len(CATALOGUE.tools) + 1
    stranger = made.signer("Somebody Else LLC")
    assert stranger is not None
    assert (stranger.scope, stranger.why) == ("wide", "has not been reviewed")
    ninja = made.signer("NinjaOne LLC")
    assert ninja is not None
    assert ninja.until == dt.date(2027, 12, 31)
    assert len(ninja.certificates) == len(CATALOGUE.signer("NinjaOne LLC").certificates) + 1  # type: ignore[union-attr]
    assert [t.name for t in made.tools_by_domain("a.ninjanew.example")] == ["NinjaOne"]
    query = dict(pack_rules("rmm:NinjaOne", made) or ())["rmm/ninjaone-file-signature.yaml"]
    assert "or (Signer has_any ('Somebody Else') and SHA1 in (Programs))" in query
    # What is in is new no more.
    assert update(checkout, made).adds == ()
    assert Catalogue.load() == CATALOGUE


def test_json_and_csv_of_the_site(tmp_path: Path) -> None:
    site = tmp_path / "rmm_tools.json"
    site.write_text(
        json.dumps([{"Name": "Nova", "Details": {"PEMetadata": [{"Filename": "nova1.exe"}]}}, {"no": 1}, 7])
    )
    assert changes(site)["Nova"].is_new
    table = tmp_path / "rmm_tools.csv"
    table.write_text('Name,Category,Filename,InstallationPaths\nNova,RMM,nova1.exe,"C:\\Nova\\*, C:\\Nova\\b.exe"\n')
    nova = changes(table)["Nova"]
    assert {f.value for f in nova.executables} == {"nova1.exe", "b.exe"}
    # A CSV has no hosts and signers: that it lacks them says nothing.
    assert update(table, CATALOGUE).missing == ()


@pytest.mark.parametrize("text", ["", "[]", "{", "[1, null]", '{"Name": 7}', "[" * 100_000])
def test_what_is_no_lolrmm_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(LurcherError):
        update(path, CATALOGUE)


def test_hostile_values_stay_values(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    evil = 'a"]\n[[signer]]\nname = "Microsoft|x\\'
    path.write_text(
        json.dumps([{"Name": evil, "Details": {"PEMetadata": [{"Filename": "x'\"|y.exe", "Product": evil}]}}])
    )
    made = write_overlay(update(path, CATALOGUE), tmp_path / "o.toml", DAY, path)
    assert len(made.signers) == len(CATALOGUE.signers)
    assert len(made.tools) == len(CATALOGUE.tools) + 1


def test_the_package_is_not_written_to(checkout: Path) -> None:
    import lurcher

    target = Path(lurcher.__file__).parent / "rmm" / "data" / "mine.toml"
    with pytest.raises(LurcherError, match="not written to"):
        write_overlay(update(checkout, CATALOGUE), target, DAY, checkout)
    assert not target.exists()


def test_the_command_shows_before_it_writes(checkout: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["rmm", "update", str(checkout)])
    assert done.exit_code == 1
    assert "+ signer Somebody Else LLC (not reviewed: only beside a program of the tool's)" in done.output
    assert "1 new tool, 2 new signers, 1 tool with more facts" in done.output
    target = tmp_path / "mine.toml"
    done = CliRunner().invoke(cli, ["rmm", "update", str(checkout), "--write", str(target), "--format", "json"])
    assert done.exit_code == 0
    assert json.loads(done.output)["changes"][0]["tool"] == "Nova RMM"
    assert target.is_file()


def test_nothing_is_said_to_be_gone_where_not_all_could_be_read(tmp_path: Path) -> None:
    path = tmp_path / "rmm_tools.json"
    path.write_text(json.dumps([{"Name": "AnyDesk"}]), encoding="utf-8")
    assert "NinjaOne" in update(path, CATALOGUE).missing
    path.write_text(json.dumps([{"Name": "AnyDesk"}, {"Nmae": "NinjaRMM"}]), encoding="utf-8")
    found = update(path, CATALOGUE)
    assert found.missing == ()
    assert found.broken == ((str(path), "1 of its 2 entries have no key 'Name'"),)


def test_files_beyond_those_that_are_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lurcher.rmm.lolrmm.MAX_FILES", 1)
    for n in range(3):
        (tmp_path / f"{n}.yaml").write_text(f"Name: Tool {n}\n", encoding="utf-8")
    found = update(tmp_path, CATALOGUE)
    assert found.broken == ((str(tmp_path), "it has 3 files, of which the first 1 are read"),)
    assert found.missing == ()
