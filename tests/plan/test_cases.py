"""Case files: what a query means (`plan`), and what is said of one that has no meaning (`errors`)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cases import Case, load
from lurcher.kql.diagnostics import render as render_diagnostics
from lurcher.plan.compile import compile_text
from lurcher.plan.render import render

sys.path.insert(0, str(Path(__file__).parent))
from small import NOW, SmallCatalog


@pytest.mark.parametrize("case", load("plan"), ids=str)
def test_plan(case: Case, accept: bool) -> None:
    compiled = compile_text(case.input, SmallCatalog(), NOW)
    shown = [render_diagnostics(compiled.diagnostics, compiled.source)] if compiled.diagnostics else []
    for query in compiled.queries:
        shown.append(", ".join(f"{c.name}:{c.type}" for c in query.columns))
        shown.append(render(query.plan))
    case.check("\n".join(shown), accept)


@pytest.mark.parametrize("case", load("errors", "meaning"), ids=str)
def test_message(case: Case, accept: bool) -> None:
    compiled = compile_text(case.input, SmallCatalog(), NOW)
    case.check(render_diagnostics(compiled.diagnostics, compiled.source), accept)
