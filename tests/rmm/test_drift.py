"""Signer drift: what a rule's terms miss. The trees are made by hand: what is tested is the judgement, not the parser."""

from __future__ import annotations

import datetime as dt

import pytest

from lurcher.content.checking import check_rule
from lurcher.content.checks.registry import Compiled
from lurcher.content.loading import load_text
from lurcher.kql.source import Source, Span
from lurcher.kql.syntax import (
    Binary,
    Call,
    DynamicLiteral,
    Expression,
    In,
    LetStatement,
    Literal,
    Name,
    NameRef,
    Pipe,
    QueryStatement,
    Script,
    WhereOp,
)
from lurcher.kql.types import ScalarType
from lurcher.rmm.catalogue import Catalogue
from lurcher.rmm.drift import Drift, _named, drifts, proposed, signer_terms
from lurcher.rmm.terms import HOLDS

TODAY = dt.date(2026, 3, 1)
CATALOGUE = Catalogue.load()
SIGNER = NameRef(Name("Signer"))


def text(value: str) -> Literal:
    return Literal(ScalarType.STRING, value, span=Span(4, 9))


def script(predicate: Expression, *lets: LetStatement) -> Script:
    return Script((*lets, QueryStatement(Pipe(NameRef(Name("DeviceFileCertificateInfo")), (WhereOp(predicate),)))))


def drift_of(*terms: str, op: str = "has", today: dt.date = TODAY) -> dict[str, Drift]:
    predicate: Expression = Binary(op, SIGNER, text(terms[0]))
    for term in terms[1:]:
        predicate = Binary("or", predicate, Binary(op, SIGNER, text(term)))
    return {d.tool.name: d for d in drifts(signer_terms(script(predicate)), CATALOGUE, today)}


@pytest.mark.parametrize(
    ("term", "tool", "missed"),
    [
        ("NinjaRMM", "NinjaOne", "NinjaOne LLC"),
        ("Servably, Inc.", "Syncro", "Servably Inc."),
        ("DWSNET OÜ", "DWService", "DWSNET srl"),
        ("MMSoft Design", "Pulseway", "Kaseya Holdings Inc."),
        ("Parsec Cloud", "Parsec", "Unity Technologies SF"),
        ("Datto Inc", "Datto RMM", "Datto, LLC"),
        ("Point B Ltd", "GetScreen", "Kopetra Ltd."),
        ("Yakhnovets Denis Aleksandrovich IP", "LiteManager", "IP Ter-Osipov Aleksey Vladimirovich"),
    ],
)
def test_published_terms_that_miss_what_signs_today(term: str, tool: str, missed: str) -> None:
    drift = drift_of(term)[tool]
    assert missed in [s.name for s in drift.missed]
    signer = CATALOGUE.signer(missed)
    assert signer is not None
    if signer.valid_on(TODAY):
        assert drift.all_current


@pytest.mark.parametrize(
    "term", ["TeamViewer", "Splashtop", "ConnectWise", "AnyDesk Software GmbH' or 'philandro", "Zoho", "Contoso"]
)
def test_terms_without_drift(term: str) -> None:
    drift = drift_of(*term.split("' or '"))
    assert not any(d.current for d in drift.values())


def test_the_proposal_is_complete() -> None:
    drift = drift_of("NinjaRMM")["NinjaOne"]
    assert proposed(drift) == "Signer has_any ('NinjaRMM', 'NinjaOne')"
    assert drift_of("NinjaRMM", "NinjaOne") == {}
    # Terms that speak of other tools stay: the change must not lose what the rule finds already.
    drift = drift_of("NinjaRMM", "TeamViewer")["NinjaOne"]
    assert proposed(drift) == "Signer has_any ('NinjaRMM', 'TeamViewer', 'NinjaOne')"


def test_before_the_rename_nothing_current_is_missed() -> None:
    drift = drift_of("NinjaRMM", today=dt.date(2024, 1, 1))["NinjaOne"]
    assert drift.current == ()


def test_lists_lets_and_negations() -> None:
    listed = In("has_any", SIGNER, (NameRef(Name("names")),))
    let = LetStatement(Name("names"), DynamicLiteral(["NinjaRMM", "NinjaOne"]))
    assert [t.text for t in signer_terms(script(listed, let))] == ["NinjaRMM", "NinjaOne"]
    assert signer_terms(script(Call(Name("not"), (Binary("has", SIGNER, text("x")),)))) == ()
    assert signer_terms(script(Binary("!has", SIGNER, text("x")))) == ()
    assert signer_terms(script(Binary("has", NameRef(Name("FileName")), text("x")))) == ()


@pytest.mark.parametrize(
    ("op", "value", "term", "holds"),
    [
        ("has", "NinjaOne LLC", "ninjaone", True),
        ("has", "NinjaOne LLC", "Ninja", False),
        ("has", "NinjaRMM, LLC", "NinjaRMM", True),
        ("has", "上海贝锐信息科技股份有限公司", "贝锐", False),
        ("has", "DWSNET OÜ", "dwsnet oü", True),
        ("has", "XDWSNETX DWSNET", "DWSNET", True),
        ("has", "Servably Inc.", "Servably, Inc.", False),
        ("has", "N-ABLE TECHNOLOGIES LTD", "N-Able", True),
        ("has_cs", "NinjaOne LLC", "ninjaone", False),
        ("hasprefix", "NinjaOne LLC", "ninja", True),
        ("hassuffix", "NinjaOne LLC", "one", True),
        ("hassuffix", "NinjaOne LLC", "ninja", False),
        ("contains", "NinjaOne LLC", "jaOn", True),
        ("==", "NinjaOne LLC", "ninjaone llc", False),
        ("=~", "NinjaOne LLC", "ninjaone llc", True),
        ("in~", "NinjaOne LLC", "ninjaone llc", True),
        ("startswith", "NinjaOne LLC", "ninja", True),
    ],
)
def test_string_operators_as_kql_has_them(op: str, value: str, term: str, holds: bool) -> None:
    assert HOLDS[op](value, term) is holds


def test_check_says_it_with_the_date_and_a_change() -> None:
    result = load_text("r.yaml", b"name: x\nquery: |\n  DeviceFileCertificateInfo | where Signer has 'NinjaRMM'\n")
    assert result is not None
    rule = result.rules[0]
    at = rule.query.index("'NinjaRMM'")
    term = Literal(ScalarType.STRING, "NinjaRMM", span=Span(at, at + 10))
    tree = script(Binary("has", SIGNER, term))

    def compile_(source: Source) -> Compiled:
        return Compiled((), None, (), tree)

    problems = {p.code: p for p in check_rule(rule, today=TODAY, compile=compile_)}
    diagnostic = problems["LU501"].placed.diagnostic
    assert diagnostic.message == "'NinjaRMM' misses NinjaOne LLC (in use since 2024-06)"
    assert diagnostic.hint == "NinjaOne: change it to: Signer has_any ('NinjaRMM', 'NinjaOne')"
    assert problems["LU501"].placed.position == (3, 48)
    assert "LU503" not in problems


def test_a_shared_signer_is_not_said_to_be_the_tools_own_since_then() -> None:
    """PDQ.com has signed PDQ Connect for longer than ISL Online."""
    (signer,) = drift_of("ISL Online")["ISL Online"].current
    assert _named(signer) == "PDQ.com Corporation (its certificates known since 2022-09)"


def test_where_all_certificates_have_ended_who_signed_last_counts() -> None:
    """The catalogue is behind, not the maker: the warning must not turn into a note as its facts grow old."""
    late = dt.date(2026, 11, 24)
    for term, tool, missed in (
        ("DWSNET OÜ", "DWService", "DWSNET srl"),
        ("Parsec Cloud", "Parsec", "Unity Technologies SF"),
        ("MMSoft Design", "Pulseway", "Kaseya Holdings Inc."),
        ("Point B Ltd", "GetScreen", "Kopetra Ltd."),
        ("aweray limited", "AweSun", "上海贝锐信息科技股份有限公司"),
    ):
        drift = drift_of(term, today=late)[tool]
        assert missed in [s.name for s in drift.current], term
        assert drift.all_current
    signer = CATALOGUE.signer("DWSNET srl")
    assert signer is not None
    assert _named(signer, late) == "DWSNET srl (in use since 2023-05, the last certificate that is known ended 2026-08)"
