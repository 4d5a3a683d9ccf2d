"""The verdicts with the catalogue that ships."""

from __future__ import annotations

import pytest
from making_rules import SIGNATURES, columns_of, rule_of

from lurcher.content.exclusions.context import CERTIFICATES
from lurcher.content.exclusions.verdicts import judge
from lurcher.hunt.programs import CataloguePrograms, tool_signers
from lurcher.rmm.catalogue import Catalogue


@pytest.fixture(scope="module")
def programs():
    return CataloguePrograms(Catalogue.load())


def test_no_catalogue_knows_a_ninjarmm_exe(programs):
    rule = rule_of(SIGNATURES, 'process.name == "ninjaRMM.exe" and file.name contains "patch" or "update"')
    v = judge(rule, rule.exclusions[0], CERTIFICATES, columns_of(CERTIFICATES) or frozenset(), programs)
    text = " ".join(d.message for d in v.diagnostics)
    assert "no catalogue knows an ninjaRMM.exe" in text
    assert "NinjaRMMAgent.exe" in text
    assert '"patch" also matches' in text
    assert "NinjaRMMAgentPatcher.exe" in text


def test_another_rule_s_tool_is_not_taken_for_this_one(programs):
    assert programs.relatives(["Remote tool - AnyDesk - File Signature"])
    assert not any("ninja" in p.lower() for p in programs.relatives(["Remote tool - AnyDesk - File Signature"]))
    assert programs.relatives(["something else"]) == ()


def test_signers_of_one_tool_each(programs):
    stems = [stem for stem, _ in tool_signers(programs.catalogue)]
    assert "NinjaOne" in stems
    assert len(stems) == len(set(stems))
