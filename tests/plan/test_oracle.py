"""Against Microsoft's own binder: verdicts and result columns. Counts that only rise. Skipped where the material is absent."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from lurcher.plan.catalog import KnownTables
from lurcher.plan.compile import Compiled, compile_text

SHARED = Path(__file__).parents[3] / "shared"
CORPUS = SHARED / "corpus" / "hunting_queries.json"
GRAMMAR = SHARED / "facts" / "grammar_cases.json"
RMM = "jischell-msft+RemoteManagementMonitoringTools"


def compiled(text: str) -> Compiled:
    return compile_text(text, KnownTables(), datetime(2026, 1, 1))


def mistakes(found: Compiled) -> bool:
    return any(d.is_error and d.kind in ("syntax", "semantic", "error") for d in found.diagnostics)


def columns(found: Compiled) -> list[tuple[str, str]]:
    return [(c.name, c.type.value) for c in found.queries[-1].columns] if found.queries else []


def expected(case: dict[str, Any]) -> list[tuple[str, str]]:
    return [(c["name"], c["type"]) for c in case["columns"] or []]


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")
def test_corpus() -> None:
    cases = json.loads(CORPUS.read_text(encoding="utf-8"))
    exact = caught = rmm = 0
    for case in cases:
        found = compiled(case["query"])
        if not case["valid"]:
            caught += mistakes(found)
        elif not mistakes(found) and columns(found) == expected(case):
            exact += 1
            rmm += case["src"] == RMM and found.ok
    assert exact >= 1954  # of 1,976
    assert caught >= 113  # of 121; three of the rest the emulator takes: count(column)
    assert rmm == 106  # all valid ones, and they can be run


@pytest.mark.skipif(not GRAMMAR.exists(), reason="the grammar cases are not here")
def test_grammar_cases() -> None:
    cases = json.loads(GRAMMAR.read_text(encoding="utf-8"))
    agree = sum(mistakes(compiled(case["query"])) is not case["ok"] for case in cases)
    assert agree >= 465  # of 469
