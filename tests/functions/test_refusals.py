"""What a function is asked that no documentation answers is refused, in plain words."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

pytest.importorskip("lurcher.engines.duckdb")

from lurcher.app.jsonl import answer
from lurcher.app.session import Session, Tables


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(Tables(), datetime(2024, 5, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ('indexof("abcabc", "b", 0, 4, 2)', "behind the length"),
        ("bag_has_key(dynamic({'a': [1]}), '$.a[0]')", "keys alone"),
        ("bag_remove_keys(dynamic({'a': [1]}), dynamic(['$.a[0]']))", "keys alone"),
        ("bag_set_key(dynamic({'a': [1]}), '$.a[0]', 2)", "keys alone"),
        ('series_dot_product(dynamic(["a"]), dynamic([1]))', "without a pair of numbers"),
    ],
)
def test_refused(session: Session, expression: str, why: str) -> None:
    reply = answer(json.dumps({"id": 1, "query": f"print x = {expression}"}).encode(), session)
    assert why in reply["error"]["message"]
    assert "defect" not in reply["error"]["message"]
