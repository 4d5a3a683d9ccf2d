"""The catalogue: what must stay true of its facts, and finding things in it."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from lurcher.content import attack
from lurcher.errors import LurcherError
from lurcher.rmm.catalogue import Catalogue
from lurcher.rmm.terms import has

CATALOGUE = Catalogue.load()
#: Names of one short word, which say too little without their legal form.
SHORT = {
    "ENTER S.R.L",
    "Enter Srl",
    "Point B Ltd",
    "XLAB D.O.O",
    "GoTo, Inc",
    "Mega Limited",
    "Advanced Technologies LLC",
}


def test_every_fact_has_a_source_with_a_date() -> None:
    known = {s.key: s for s in CATALOGUE.sources}
    assert all(s.read >= dt.date(2026, 1, 1) and s.licence for s in CATALOGUE.sources)
    for tool in CATALOGUE.tools:
        for fact in (*tool.executables, *tool.domains, *tool.folders, *tool.companies, *tool.products):
            assert fact.source in known, (tool.name, fact)
            assert fact.value.strip() == fact.value != "", (tool.name, fact)
    assert all(s.source in known for s in CATALOGUE.signers)


def test_names_are_given_once() -> None:
    names = [n.casefold() for t in CATALOGUE.tools for n in t.names]
    assert sorted(names) == sorted(set(names))
    signers = [s.name for s in CATALOGUE.signers]
    assert len(signers) == len(set(signers))


def test_tools_have_techniques_that_exist() -> None:
    for tool in CATALOGUE.tools:
        assert tool.attack
        assert all(attack.technique(t) for t in tool.attack), tool.name


def test_certificates_are_whole_and_belong_to_one_signer() -> None:
    thumbprints = [c.thumbprint for s in CATALOGUE.signers for c in s.certificates]
    assert len(thumbprints) == len(set(thumbprints)) >= 199
    for signer in CATALOGUE.signers:
        for certificate in signer.certificates:
            assert re.fullmatch("[0-9a-f]{40}", certificate.thumbprint)
            assert certificate.valid_from < certificate.valid_to
            assert certificate.issuer


def test_a_generic_signer_belongs_to_no_tool_and_says_why() -> None:
    for signer in CATALOGUE.signers:
        if signer.scope == "generic":
            assert not signer.tools
            assert not signer.stem
            assert signer.not_of
            assert CATALOGUE.tool_by_signer(signer.name) is None
        else:
            assert signer.tools
            assert signer.scope != "wide" or signer.why, signer.name
        assert all(CATALOGUE.tool(t) and CATALOGUE.tool(t).name == t for t in (*signer.tools, *signer.not_of)), (
            signer.name
        )  # type: ignore[union-attr]
        assert not set(signer.tools) & set(signer.not_of)


@pytest.mark.parametrize(
    "name",
    [
        "Microsoft Windows Component Publisher",
        ".NET",
        "win.rar GmbH",
        "Adobe Systems Incorporated",
        "Oculus VR, LLC",
        "Symantec Corporation",
    ],
)
def test_signers_of_bundled_parts_are_generic(name: str) -> None:
    signer = CATALOGUE.signer(name)
    assert signer is not None
    assert signer.scope == "generic"


@pytest.mark.parametrize(
    "name", ["Microsoft Corporation", "Google LLC", "Unity Technologies SF", "YANDEX LLC", "ESET, spol. s r.o."]
)
def test_signers_of_much_else_are_wide(name: str) -> None:
    signer = CATALOGUE.signer(name)
    assert signer is not None
    assert signer.scope == "wide"


def test_a_stem_finds_its_signer_and_does_not_end_in_a_legal_form() -> None:
    for signer in CATALOGUE.signers:
        if signer.stem:
            assert has(signer.name, signer.stem), signer.name
            legal = re.search(
                r"(?:[.,]|\b(?:Inc|LLC|Ltd|Limited|GmbH|Corp|Srl|S\.R\.L|D\.O\.O))$", signer.stem, re.IGNORECASE
            )
            assert signer.stem in SHORT or not legal, signer.stem


def test_a_stem_hits_no_signer_of_another_vendor() -> None:
    """A rule made of the stem would otherwise report another company's tool."""
    for signer in CATALOGUE.signers:
        if signer.scope != "own":
            continue
        for other in CATALOGUE.signers:
            if has(other.name, signer.stem) and other.scope == "own":
                mine, its = CATALOGUE.tool_by_signer(signer.name), CATALOGUE.tool_by_signer(other.name)
                assert mine is not None
                assert its is not None
                assert set(signer.tools) & set(other.tools) or mine.vendor == its.vendor, (signer.name, other.name)
            assert other.scope != "generic" or not has(other.name, signer.stem), (signer.stem, other.name)


def test_wide_domains_are_marked() -> None:
    for host in ("github.com", "raw.githubusercontent.com", "goto.com"):
        assert CATALOGUE.tools_by_domain(host) == ()
    for tool in CATALOGUE.tools:
        for fact in tool.domains:
            assert re.fullmatch(r"[a-z0-9.*_-]+", fact.value), fact
            assert "." in fact.value.strip("*."), fact


def test_ninjaone() -> None:
    tool = CATALOGUE.tool("NinjaRMM")
    assert tool is not None
    assert tool.name == "NinjaOne"
    assert [s.name for s in CATALOGUE.signers_of(tool)] == [
        "NinjaOne LLC",
        "NinjaOne, LLC",
        "NinjaRMM LLC",
        "NinjaRMM, LLC",
    ]
    current = CATALOGUE.signer("NinjaOne LLC")
    assert current is not None
    assert (current.stem, current.since, current.until) == ("NinjaOne", dt.date(2024, 6, 13), dt.date(2027, 6, 15))
    assert {s.stem for s in CATALOGUE.signers_of(tool)} == {"NinjaOne", "NinjaRMM"}
    for name in ("ninjarmmagent.exe", "NinjaRMMAgentPatcher.exe", "ninjarmm-cli.exe", "ncstreamer.exe"):
        assert [t.name for t in CATALOGUE.known_executable(name)] == ["NinjaOne"]
    # What the published scenarios name is no program of the tool's.
    assert CATALOGUE.known_executable("ninjaRMM.exe") == ()
    assert [t.name for t in CATALOGUE.tools_by_domain("app.ninjarmm.com")] == ["NinjaOne"]
    found = CATALOGUE.signer_by_thumbprint("5F4F53C903859C0BDEFD456789D9C517F9F68C06")
    assert found is current


def test_shared_signers_resolve_to_a_vendor_not_a_tool() -> None:
    for name, vendor in (
        ("ZOHO Corporation Private Limited", "Zoho"),
        ("ConnectWise, LLC", "ConnectWise"),
        ("GoTo Technologies USA, LLC", "GoTo"),
    ):
        maker = CATALOGUE.tool_by_signer(name)
        assert maker is not None
        assert maker.vendor == vendor
        assert maker.tool is None
        assert len(maker.tools) > 1
    alone = CATALOGUE.tool_by_signer("Kopetra Ltd.")
    assert alone is not None
    assert alone.tool is CATALOGUE.tool("GetScreen")
    # A name on a certificate that is not known by the letter is found by its stem.
    later = CATALOGUE.tool_by_signer("NinjaOne Holdings, Inc.")
    assert later is not None
    assert later.vendor == "NinjaOne"
    assert CATALOGUE.tool_by_signer("Contoso Ltd") is None


def test_generic_file_names() -> None:
    assert CATALOGUE.generic_executable("agent.exe")
    assert CATALOGUE.generic_executable("PuTTY.exe")
    assert not CATALOGUE.generic_executable("AnyDesk.exe")
    assert not CATALOGUE.generic_executable("no-such-program.exe")


def test_all_tools_are_there() -> None:
    assert len(CATALOGUE.tools) >= 285
    with_facts = [t for t in CATALOGUE.tools if t.executables or t.domains or t.folders or CATALOGUE.signers_of(t)]
    assert len(with_facts) >= 265


def test_a_broken_catalogue_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    for text in (
        "tool = [",
        "[sources]\n",
        "[sources.a]\nname='x'\nread=2026-01-01\n[[tool]]\nname='t'\nkind='RMM'\nattack=[]\n[tool.b]\nexecutables=[]\n[[signer]]\n",
    ):
        path.write_text(text)
        with pytest.raises(LurcherError, match="cannot be read"):
            Catalogue.load(path)
    with pytest.raises(LurcherError):
        Catalogue.load(tmp_path / "none.toml")
