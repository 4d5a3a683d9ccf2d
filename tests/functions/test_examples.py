"""Every example of every row, through parser, binder, lowering and engine: it equals what the row says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

import lurcher.functions  # noqa: F401
from lurcher.functions.registry import FUNCTIONS, FunctionKind

pytest.importorskip("lurcher.engines.duckdb")
pytest.importorskip("lurcher.plan.compile")

EXAMPLES = sorted(
    {e for (kind, _), rows in FUNCTIONS.items() if kind is FunctionKind.SCALAR for r in rows for e in r.examples}
)


@pytest.fixture(scope="module")
def session() -> Any:
    from lurcher.app.session import Session, Tables

    return Session(Tables(), datetime(2024, 5, 1, tzinfo=UTC))


@pytest.mark.parametrize(("expression", "value"), EXAMPLES, ids=[e for e, _ in EXAMPLES])
def test_example(session: Any, expression: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    if expression.startswith("__"):
        # Plans alone name it.
        monkeypatch.setattr("lurcher.plan.binder.calls.hidden", lambda cx, name: False)
    if "h3cell" in expression:
        pytest.importorskip("h3", reason="needs the extra lurcher[geo]")

    def one(text: str) -> Any:
        from lurcher.app.jsonl import answer

        reply = answer(json.dumps({"id": 1, "query": f"print x = {text}"}).encode(), session)
        assert "error" not in reply, reply
        return reply["rows"][0][0]

    assert one(expression) == one(value)
