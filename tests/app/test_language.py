"""What an editor is told: of queries, and of the query blocks of rules."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lurcher.app import language
from lurcher.app.session import Session, Tables

RULE = """id: 12345678-1234-1234-1234-123456789012
name: A rule
description: |
  Why.
tactics:
  - Execution
relevantTechniques:
  - T1059
query: |
    DeviceProcessEvents
    | where FileNam == "x"
    | take 5
"""


@pytest.fixture
def session() -> Session:
    return Session(Tables(), datetime(2026, 1, 1, tzinfo=UTC))


def cursor(text: str) -> tuple[str, int]:
    at = text.index("^")
    return text[:at] + text[at + 1 :], at


def labels(text: str, session: Session, kind: str, name: str = "a.kql") -> list[str]:
    return [c.label for c in language.completions(name, *cursor(text), session) if c.kind == kind]


def test_problems_of_a_query_stand_at_their_words(session: Session) -> None:
    text = 'DeviceProcessEvents | where FileNam == "x"'
    (problem,) = [p for p in language.problems("a.kql", text, session) if p.diagnostic.is_error]
    assert text[problem.start : problem.end] == "FileNam"
    assert "FileName" in problem.message


def test_problems_of_a_rule_stand_in_the_file(session: Session) -> None:
    (problem,) = [p for p in language.problems("a.yaml", RULE, session) if p.diagnostic.is_error]
    assert RULE[problem.start : problem.end] == "FileNam"


def test_other_yaml_has_no_problems(session: Session) -> None:
    assert language.problems("ci.yml", "on: push\njobs: {}\n", session) == []
    assert language.problems("ci.yml", "panels:\n  - query: up\n", session) == []


@pytest.mark.parametrize(
    ("text", "has", "hasnt"),
    [
        ("DeviceInfo | where ^", "OSPlatform", "FileName"),
        ("DeviceInfo | where OSP^", "OSPlatform", "FileName"),
        ("DeviceInfo | project A = OSPlatform | where tolower(^", "A", "OSPlatform"),
        ("DeviceInfo | summarize N = count() by OSPlatform | where ^ | take 5", "N", "DeviceName"),
        ("let t = DeviceInfo | project B = DeviceName; t | extend ^", "B", "DeviceName"),
        ("DeviceInfo | join (DeviceProcessEvents | where ^", "FileName", "OSPlatform"),
        ("let f = () { DeviceInfo | where ^ }; f()", "OSPlatform", "FileName"),
        ("DeviceInfo | join kind=inner DeviceProcessEvents on $left.^", "OSPlatform", "FileName"),
        ("DeviceInfo | join kind=inner DeviceProcessEvents on $left.DeviceId == $right.^", "FileName", "OSPlatform"),
        ("DeviceInfo | join (DeviceInfo | project Z = (1)) on $left.DeviceId == $right.^", "Z", "OSPlatform"),
        ("let x = DeviceInfo\n| where ^", "OSPlatform", "FileName"),
    ],
)
def test_columns_are_those_before_the_pipe(session: Session, text: str, has: str, hasnt: str) -> None:
    offered = labels(text, session, "column")
    assert has in offered
    assert hasnt not in offered


def test_what_is_offered_where(session: Session) -> None:
    operators = labels("DeviceInfo | ^", session, "operator")
    assert {"where", "summarize", "mv-expand"} <= set(operators)
    assert "print" not in operators
    assert "DeviceInfo" in labels("Devi^", session, "table")
    assert "print" in labels("^", session, "operator")
    assert "tolower" in labels("DeviceInfo | where ^", session, "function")
    assert "dcount" not in labels("DeviceInfo | where ^", session, "function")
    assert "dcount" in labels("DeviceInfo | summarize ^", session, "function")
    assert "DeviceProcessEvents" in labels("DeviceInfo | join kind=inner (^", session, "table")
    assert "leftanti" in labels("DeviceInfo | join kind=^", session, "keyword")
    assert "t" in labels("let t = 5; print ^", session, "variable")


@pytest.mark.parametrize("text", ["print 'abc ^", "print 'a ^b'", "T // what ^", "print 'http://x' // ^"])
def test_nothing_is_offered_in_texts_and_comments(session: Session, text: str) -> None:
    assert language.completions("a.kql", *cursor(text), session) == []


def test_completion_within_a_rule(session: Session) -> None:
    assert "FileName" in labels(RULE.replace("FileNam ", "Fil^ "), session, "column", "a.yaml")
    assert language.completions("a.yaml", *cursor(RULE.replace("Why", "Wh^y")), session) == []


def test_hover(session: Session) -> None:
    text = "DeviceInfo | where tolower(OSPlatform) has 'a'"
    said, start, end = language.hover("a.kql", text, text.index("tolower") + 2, session) or ("", 0, 0)
    assert "tolower(" in said
    assert "string" in said
    assert text[start:end] == "tolower"
    table = language.hover("a.kql", text, 3, session)
    assert table is not None
    assert "`OSPlatform`: string" in table[0]
    column = language.hover("a.kql", text, text.index("OSPl"), session)
    assert column is not None
    assert "OSPlatform: string" in column[0]
    operator = language.hover("a.kql", text, text.index("where"), session)
    assert operator is not None
    assert "T | where" in operator[0]
    assert language.hover("a.kql", text, text.index("'a'") + 1, session) is None


def test_hover_in_a_rule_points_into_the_file(session: Session) -> None:
    said, start, end = language.hover("a.yaml", RULE, RULE.index("DeviceProcess") + 1, session) or ("", 0, 0)
    assert "defender" in said
    assert RULE[start:end] == "DeviceProcessEvents"


def test_signatures_name_the_parameter_at_hand(session: Session) -> None:
    found = language.signatures("a.kql", *cursor("print substring('abc', ^"))
    assert found[0].label.startswith("substring(")
    assert found[0].active == 1
    assert language.signatures("a.kql", *cursor("print substring('abc', 1) ^")) == []
    assert language.signatures("a.kql", *cursor("print strcat(1, 2, 3, ^"))[0].active == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "|",
        "(((",
        "let",
        "let x",
        "let x =",
        ";;|",
        "T | where (",
        "T | join",
        "T | join (",
        "T|join kind=",
        "T | join $right.",
        "'",
        "```",
        "x)|)",
    ],
)
def test_half_a_query_is_no_trouble(session: Session, text: str) -> None:
    for offset in range(len(text) + 1):
        language.completions("a.kql", text, offset, session)
        language.hover("a.kql", text, offset, session)
        language.signatures("a.kql", text, offset)
