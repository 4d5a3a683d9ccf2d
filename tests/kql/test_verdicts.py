"""Verdicts of the service's own parser, where the collection of them is at hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lurcher.kql.parser import parse

SHARED = Path(__file__).parents[3] / "shared"
#: Literals that the service's parser does not look into, and that are refused here, as what they mean is not known.
_UNREADABLE = {"print datetime(now)", "print datetime(13/45/2024)"}


def _facts(name: str) -> list[dict]:  # type: ignore[type-arg]
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"no {path}")
    return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def test_grammar_cases() -> None:
    wrong = []
    for case in _facts("facts/grammar_cases.json"):
        errors = [d for d in parse(case["query"]).diagnostics if d.is_error]
        expected = any(e["kind"] == "syntax" for e in case["errors"])
        found = any(d.kind == "syntax" for d in errors)
        if expected != found or (case["ok"] and errors and case["query"] not in _UNREADABLE):
            wrong.append(case["query"])
    assert wrong == []


def test_hunting_queries() -> None:
    wrong = []
    for case in _facts("corpus/hunting_queries.json"):
        errors = [d for d in parse(case["query"]).diagnostics if d.is_error]
        verdict = any(d.kind == "syntax" for d in errors)
        others = {d.code for d in errors if d.kind != "syntax"} - {"LU004"}
        if verdict != bool(case["syntax_errors"]) or (case["valid"] and others):
            wrong.append(case["id"])
    assert wrong == []
