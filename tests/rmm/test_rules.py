"""Rules made of the catalogue: they stand, find what they are for, and nothing that only looks alike."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lurcher.app.rmm import left_out, pack_rules, write_rules
from lurcher.app.session import Session, Tables
from lurcher.app.testing_session import session_of
from lurcher.content.testing.loading import load_tests
from lurcher.errors import LurcherError
from lurcher.rmm import queries
from lurcher.rmm.catalogue import Catalogue
from lurcher.rmm.rules import GeneratedRule, generated, pack
from lurcher.rmm.terms import has

CATALOGUE = Catalogue.load()
TODAY = dt.date(2026, 11, 24)
RULES = generated(CATALOGUE)
PACK = pack(CATALOGUE)
SHIPPED = Path(__file__).parents[2] / "content" / "rmm" / "generated"


def by_file(name: str) -> GeneratedRule:
    return next(r for r in (*RULES, *PACK) if r.file == name)


def test_every_tool_of_which_anything_can_be_hunted_has_a_rule() -> None:
    have = {n for r in RULES for n in r.tools}
    for tool in CATALOGUE.tools:
        signed = any(s.scope == "own" for s in CATALOGUE.signers_of(tool))
        named = any(not f.generic for f in (*tool.executables, *tool.domains, *tool.companies, *tool.products))
        if signed or named:
            assert tool.name in have, tool.name


def test_every_signer_with_a_valid_certificate_is_hunted() -> None:
    for signer in CATALOGUE.signers:
        if signer.scope == "generic" or not signer.valid_on(TODAY):
            continue
        for name in signer.tools:
            rule = next((r for r in RULES if r.tools == (name,) and r.kind == "signature"), None)
            assert rule is not None, (signer.name, name)
            assert queries.text(signer.stem) in rule.query or any(
                has(signer.name, s) for s in queries.stems(CATALOGUE.signers_of(name), signer.scope)
            ), (signer.name, name)


def test_no_generic_signer_is_hunted_and_no_wide_one_alone() -> None:
    for rule in (*RULES, *PACK):
        for signer in CATALOGUE.signers:
            if signer.scope == "wide" and queries.text(signer.stem) in rule.query and rule.kind == "signature":
                assert "SHA1" in rule.query.replace("dcount(SHA1)", ""), (rule.file, signer.name)
    for name in ("Microsoft Corporation", "Oracle America, Inc.", "Notepad++", "win.rar GmbH", "Simon Tatham", ".NET",
                 "Adobe Systems Incorporated"):  # fmt: skip
        stems = queries.stems(CATALOGUE.signers, "own")
        assert not any(has(name, s) for s in stems), name


def test_queries_keep_to_sentinels_limit_and_ids_are_of_one_rule() -> None:
    rules = (*RULES, *PACK)
    assert all(len(r.query) <= queries.MAX_QUERY for r in rules)
    assert len({r.id for r in rules}) == len({r.file for r in rules}) == len(rules)
    assert all(any(c.true for c in r.cases) and any(not c.true for c in r.cases) for r in rules)
    # The id of a rule stays what it is: it is what a workspace knows it by.
    assert by_file("ninjaone-file-signature").id == "c8122e96-df51-5a63-ae78-341c0d20497b"


def test_a_list_that_is_too_long_is_cut_into_parts_and_says_so() -> None:
    rows = [queries.Terms(f"tool {n}", ("x" * 90,)) for n in range(250)]
    parts = queries.parts(rows, queries.all_process)
    assert len(parts) >= 3
    assert [r for p in parts for r in p] == rows
    assert all(len(queries.all_process(p)) <= queries.MAX_QUERY for p in parts)
    assert "Part 1 of 2" in by_file("all-tools-network-1").description


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    assert write_rules(CATALOGUE, folder).rules
    return folder


def test_check_has_nothing_to_say(written: Path) -> None:
    from lurcher.app.check import check

    some = sorted(written.glob("a*.yaml"))
    session = Session(Tables(), dt.datetime(2026, 11, 24, tzinfo=dt.UTC))
    report = check([p for p in some if not p.name.endswith(".test.yaml")], session)
    assert len(report.rules) >= 40
    assert [f"{p.file}: {p.code} {p.message}" for p in report.problems] == []


def outcomes(rules: tuple[GeneratedRule, ...], written: Path) -> Iterator[tuple[str, int, int | None]]:
    for rule in rules:
        file = load_tests(written / f"{rule.file}.test.yaml")
        assert not [d for d in file.diagnostics if d.diagnostic.is_error], rule.file
        assert len(file.tests) == len(rule.cases)
        for test, case in zip(file.tests, rule.cases, strict=True):
            yield f"{rule.file}: {case.name}", case.rows, session_of(test).run_table(rule.query).num_rows


def test_the_rules_for_all_tools_find_each_and_nothing_alike(written: Path) -> None:
    for name, wanted, got in outcomes(PACK, written):
        assert got == wanted, name


def test_rules_of_one_tool_find_it_and_nothing_alike(written: Path) -> None:
    """A tenth of them here; the others are made by the same code."""
    some = tuple(
        r for n, r in enumerate(RULES) if n % 10 == 0 or r.tools[0] in ("Parsec", "NinjaOne", "AweSun", "DWService")
    )
    for name, wanted, got in outcomes(some, written):
        assert got == wanted, name


def test_what_ships_is_what_is_made_today() -> None:
    files = {f"{r.file}{end}": text for r in PACK for end, text in ((".yaml", r.text), (".test.yaml", r.tests))}
    assert sorted(p.name for p in SHIPPED.iterdir()) == sorted(files)
    for name, text in files.items():
        assert (SHIPPED / name).read_text(encoding="utf-8") == text, (
            f"{name}: lurcher rmm rules --no-per-tool --to content/rmm/generated"
        )


def test_names_of_rules_that_are_no_path() -> None:
    assert [n for n, _ in pack_rules("rmm") or ()] == [f"rmm/{r.file}.yaml" for r in PACK]
    assert {n for n, _ in pack_rules("rmm:signature") or ()} == {
        "rmm/all-tools-file-signature.yaml", "rmm/all-tools-file-signature-and-program.yaml",
    }  # fmt: skip
    assert len(pack_rules("rmm:NinjaRMM") or ()) == 3
    assert pack_rules("rmm-rules") is None
    with pytest.raises(LurcherError, match="no tool 'NinjaTwo'"):
        pack_rules("rmm:NinjaTwo")


def test_what_is_left_out_has_its_reason() -> None:
    rows = left_out(CATALOGUE)
    assert all(r.why for r in rows)
    assert any(r.fact == "signer Google LLC alone" and "only beside" in r.why for r in rows)
    assert any(r.fact.startswith("signer win.rar") for r in rows)


def test_the_catalogue_against_the_raw_facts() -> None:
    """LURCHER_RMM_FACTS names a JSON file: {"tools": [{"tool", "executables", "paths", "domains", "certificates": [{"signer",
    "not_before", "not_after"}]}]}."""
    path = os.environ.get("LURCHER_RMM_FACTS")
    if not path:
        pytest.skip("LURCHER_RMM_FACTS names no file")
    facts = json.loads(Path(path).read_text(encoding="utf-8"))["tools"]
    known = {s.name: s for s in CATALOGUE.signers}
    for raw in facts:
        if not any(raw[k] for k in ("executables", "paths", "domains", "certificates")):
            continue
        tool = CATALOGUE.tool(raw["tool"])
        assert tool is not None, raw["tool"]
        for certificate in raw["certificates"]:
            if not certificate["not_before"] <= str(TODAY) <= certificate["not_after"]:
                continue
            signer = known.get(certificate["signer"]) or CATALOGUE.signer(certificate["signer"])
            assert signer is not None, certificate["signer"]
            if tool.name in signer.not_of:
                continue
            hit = [r for r in RULES if r.kind == "signature" and r.tools == (tool.name,)]
            assert hit, (tool.name, signer.name)
            assert any(has(certificate["signer"], s) for s in queries.stems(CATALOGUE.signers_of(tool), signer.scope))
