"""Blind spots: the five scenarios of the published page, and the general rules behind their verdicts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from making_rules import SIGNATURES, columns_of, rule_of

from lurcher.content.exclusions.context import CERTIFICATES
from lurcher.content.exclusions.rewrite import rewrite
from lurcher.content.exclusions.verdicts import Level, NoPrograms, judge, judge_all, refusals
from lurcher.content.loading import load

AGENTS = ("NinjaRMMAgent.exe", "NinjaRMMAgentPatcher.exe", "ninjarmm-cli.exe")


class Agents:
    """A catalogue of one product."""

    def owners(self, executable):
        return ("NinjaOne",) if executable.lower() in {a.lower() for a in AGENTS} else ()

    def relatives(self, words):
        return AGENTS if any("ninja" in w.lower() for w in words) else ()


def verdict(when, programs=None, table=CERTIFICATES, **more):
    rule = rule_of(SIGNATURES, when, **more)
    return judge(rule, rule.exclusions[0], table, columns_of(table) or frozenset(), programs or Agents())


def test_1_a_name_that_stands_alone_is_an_error():
    v = verdict(
        'process.parent_process_name == "ninjaRMM.exe" or process.name == "CleanupTask.exe"',
        scenario="Scheduled cleanup",
    )
    assert v.level is Level.ERROR
    texts = " ".join(d.message for d in v.diagnostics if d.code == "LX201")
    assert "any program of that name" in texts
    assert all(t in texts for t in ("T1036.005", "T1059", "T1072"))


def test_2_a_placeholder_is_not_in_force_and_could_not_hold():
    v = verdict(
        'process.name == "ninjaRMM.exe" and file.hash == "known_legit_script_hash"',
        scenario="Admin deploys a script (setup.bat)",
    )
    assert v.level is Level.NOT_IN_FORCE
    assert {"LX002", "LX206"} <= v.codes


def test_2_filled_in_it_still_cannot_hold():
    v = verdict(
        f'process.name == "ninjaRMM.exe" and file.hash == "{"0" * 40}"', scenario="Admin deploys a script (setup.bat)"
    )
    assert v.level is Level.NOT_IN_FORCE
    assert "LX206" in v.codes
    # On events that are about the script's own file it may hold.
    assert "LX206" not in verdict(f'file.hash == "{"0" * 40}"', table="DeviceFileEvents", scenario="a script").codes


def test_3_what_excuses_the_hunted_technique_is_refused():
    v = verdict('process.name == "ninjaRMM.exe" and process.command_line contains "rdp"', scenario="Remote desktop")
    assert v.level is Level.REFUSED
    (refusal,) = [d.message for d in v.diagnostics if d.code == "LX202"]
    assert "T1219, T1219.002" in refusal
    (collides,) = [d.message for d in v.diagnostics if d.code == "LX204"]
    assert all(w in collides for w in ("wordpad", "RDP-Tcp", "StandardProfile"))
    assert refusals([v]) == {"e1": refusal}


def test_3_on_a_rule_for_another_technique_it_is_no_refusal():
    assert (
        verdict('process.name == "n.exe" and process.command_line contains "rdp"', techniques="T1486").level
        is Level.WARN
    )


@pytest.mark.parametrize(
    ("field", "words", "also", "advice"),
    [
        ("process.command_line", ("update", "sync"), ("lsadump::dcsync", "rclone sync"), "needs signer and path"),
        ("file.name", ("patch", "update"), ("NinjaRMMAgentPatcher.exe",), "needs a hash or signer"),
    ],
)
def test_4_and_5_are_warned_of(field, words, also, advice):
    v = verdict(f'process.name == "ninjaRMM.exe" and {field} contains "{words[0]}" or "{words[1]}"')
    assert v.level is Level.WARN
    assert v.readings == 3
    text = " ".join(d.message for d in v.diagnostics)
    assert all(a in text for a in (*also, advice))
    assert "no catalogue knows an ninjaRMM.exe" in text


def test_what_is_held_by_a_signer_a_path_and_a_device_passes():
    v = verdict(
        'process.name == "NinjaRMMAgent.exe" and file.signer == "NinjaOne LLC" and process.path startswith "C:\\\\Program Files"',
        devices=["ws1"],
    )
    assert v.level is Level.OK, v.diagnostics


def test_a_remote_session_of_a_named_account_is_no_refusal():
    v = verdict('process.name == "n.exe" and process.command_line contains "rdp" and process.account == "svc-support"')
    assert v.level is Level.WARN


@pytest.mark.parametrize(
    "when", ['process.name != "a.exe"', 'not(process.name == "a.exe")', 'process.name == "a" or not(file.name == "b")']
)
def test_a_negation_excuses_the_rest_of_the_world(when):
    assert verdict(when).level is Level.ERROR


def test_one_field_with_two_values_cannot_hold():
    assert "LX206" in verdict('process.name == "a.exe" and process.name == "b.exe"').codes
    assert "LX206" not in verdict('process.name == "a.exe" and process.name == "A.EXE"').codes


def test_without_a_catalogue_nothing_is_called_dead():
    assert "LX205" not in verdict('process.name == "ninjaRMM.exe" and process.path == "x"', NoPrograms()).codes


def test_a_known_program_is_not_dead_and_a_foreign_one_is_not_judged():
    assert "LX205" not in verdict('process.name == "NinjaRMMAgent.exe" and process.path == "x"').codes
    assert "LX205" not in verdict('process.name == "CleanupTask.exe" and process.path == "x"').codes


def test_has_matches_terms_only():
    v = verdict('process.name == "a" and process.path == "p" and process.command_line has "rdp"')
    (collides,) = [d.message for d in v.diagnostics if d.code == "LX204"]
    assert "RDP-Tcp" in collides
    assert "wordpad" not in collides


SEED = Path(__file__).parents[4] / "shared" / "seed" / "ninjarmm-file-signature.txt"


@pytest.mark.skipif(not SEED.exists(), reason="the published page is not here")
def test_the_published_page_as_it_is():
    (rule,) = load(SEED).rules
    verdicts = judge_all(rule, columns_of, Agents())
    assert [v.level for v in verdicts] == [Level.ERROR, Level.NOT_IN_FORCE, Level.REFUSED, Level.WARN, Level.WARN]
    rewritten = rewrite(rule, columns_of, dt.date(2026, 3, 1), refused=refusals(verdicts))
    assert [a.exclusion.id for a in rewritten.in_force] == [v.exclusion.id for v in verdicts[3:]]
