"""The manual's claims: what it calls supported runs, what it calls a difference is one, and nothing of the language is left out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lurcher.functions.registry import FunctionKind, names
from lurcher.kql.diagnostics import Refused
from lurcher.kql.parser.registry import OPERATORS as WORDS
from lurcher.report.reference import probes, support
from lurcher.report.reference.differences import DIFFERENCES
from lurcher.report.reference.functions import entries, families, signature
from lurcher.report.reference.pages import anchor, cell, code, plain
from lurcher.report.reference.probes import PRELUDE, Probe
from lurcher.report.reference.support import State

FACTS = Path(__file__).parents[3] / "shared" / "facts" / "functions.json"
CONSTRUCTS = (*probes.OPERATORS, *probes.STATEMENTS, *probes.SOURCES, *probes.EXPRESSIONS, *probes.PLUGINS)
FUNCTIONS = [support.function_probe(e) for e in entries() if e.kind is not FunctionKind.OPERATOR]
CHECKS = [(d.about, query, wanted) for d in DIFFERENCES for query, wanted in d.checks]


@pytest.fixture(scope="module")
def session() -> Any:
    from lurcher.app.session import Session, Tables

    return Session(Tables(), datetime(2024, 1, 3, tzinfo=UTC))


def answer(session: Any, query: str) -> dict[str, Any]:
    from lurcher.app.jsonl import answer

    return answer(json.dumps({"id": 1, "query": query}).encode(), session)


@pytest.mark.parametrize("probe", [*CONSTRUCTS, *FUNCTIONS, *support.BINDER_FUNCTIONS], ids=lambda p: p.construct)
def test_what_is_called_supported_runs(session: Any, probe: Probe) -> None:
    found = support.support(probe)
    reply = answer(session, PRELUDE + probe.query)
    if found.state is State.YES:
        assert "error" not in reply, reply
    else:
        assert reply["error"]["kind"] in ("unsupported", "denied"), reply


@pytest.mark.parametrize(("about", "query", "wanted"), CHECKS, ids=[q for _, q, _ in CHECKS])
def test_a_difference_is_as_it_is_described(session: Any, about: str, query: str, wanted: list[Any] | str) -> None:
    reply = answer(session, query)
    if isinstance(wanted, str):
        assert reply["error"]["message"].startswith(wanted)
    else:
        assert reply["rows"][0] == wanted


def test_a_probe_that_is_no_right_kql_passes_for_nothing() -> None:
    with pytest.raises(ValueError, match="no right KQL"):
        support.support(Probe("where", "T | where nosuch > 1"))
    with pytest.raises(ValueError, match="no right KQL"):
        support.support(Probe("where", "T | wherre n > 1"))


def test_a_refusal_has_its_reason() -> None:
    found = support.support(Probe("externaldata", "externaldata(y:string)['https://example.org/list.csv']"))
    assert found.state is State.ALLOWED
    assert found.why
    assert found.hint


def test_every_word_that_starts_an_operator_is_tried() -> None:
    assert set(WORDS) - {word for probe in probes.OPERATORS for word in probe.words} == set()


def test_every_operator_of_the_rows_is_tried() -> None:
    tried = {word for probe in probes.EXPRESSIONS for word in probe.words}
    assert set(names(FunctionKind.OPERATOR)) - tried == set()


def test_constructs_have_names_of_their_own() -> None:
    for group in (probes.OPERATORS, probes.STATEMENTS, probes.SOURCES, probes.EXPRESSIONS, probes.PLUGINS):
        found = [probe.construct for probe in group]
        assert len(found) == len(set(found))


@pytest.mark.skipif(not FACTS.is_file(), reason="the list of the language's names is not here")
def test_no_name_of_the_language_is_left_out() -> None:
    facts = json.loads(FACTS.read_text(encoding="utf-8"))
    listed = {f.name for f in support.functions()}
    functions = {f["name"] for f in facts["scalar_functions"] + facts["aggregates"]}
    assert {name for name in functions - listed if not name.startswith("__")} == set()
    assert {p["name"] for p in facts["plugins"]} - {w for p in probes.PLUGINS for w in p.words} == set()
    tried = {word for probe in probes.OPERATORS for word in probe.words}
    written = {"execute_and_cache": "__executeAndCache"}
    operators = {written.get(o["name"], o["name"]) for o in facts["tabular_operators"] if not o["name"][0].isupper()}
    assert operators - tried == set()


def test_every_reason_that_a_function_is_refused_for_is_told() -> None:
    refused = [f for f in support.functions() if f.state is not State.YES]
    assert [f.name for f in refused if not f.why] == []


def test_a_function_stands_on_one_page() -> None:
    shown = [(e.kind, e.name) for family in families() for e in family.entries]
    assert len(shown) == len(set(shown)) == len(entries())


def test_signatures_read_as_kql_does() -> None:
    written = {signature(row) for e in entries() for row in e.rows}
    assert "strcat(arg...: text) -> string" in written
    assert "iff(if: bool, then: common, else: common) -> the common type" in written
    assert "datetime !between (datetime .. timespan) -> bool" in written
    assert "-long -> long" in written
    assert "row_number(startingIndex?: long, restart?: bool) -> long" in written


def test_another_spelling_leads_to_the_name_to_write() -> None:
    found = {e.name: e.current for e in entries()}
    assert found["makeset"] == "make_set"
    assert found["todouble"] == "toreal"
    assert found["make_set"] == found["isempty"] == ""


def test_markup_in_a_text_is_shown_not_obeyed() -> None:
    assert code("a`b") == "`` a`b ``"
    assert cell("`a || b`\nc") == "`a \\|\\| b` c"
    assert plain("a_b*<c>[d]") == "a\\_b\\*\\<c>\\[d]"
    assert anchor("lurcher query") == "lurcher-query"


def test_what_only_the_lowering_refuses_is_refused() -> None:
    # It binds; it has no exact form in SQL.
    found = support.support(Probe("summarize by rand()", "T | summarize count() by rand()"))
    assert (found.state, found.why) == (State.NO, "grouping by a random value: not supported")


def test_the_sql_of_an_expression() -> None:
    assert support.sql_of("strlen('ab')") == "length('ab')"
    with pytest.raises(Refused):
        support.sql_of("nosuch(1)")
