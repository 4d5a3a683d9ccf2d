"""What kql-support.md says of Spark is so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from tests.engines.test_cases import NOW

from lurcher.app.jsonl import answer
from lurcher.app.session import Session
from lurcher.report.reference.differences import ON_SPARK


@pytest.fixture(scope="module")
def session(engine: str) -> Iterator[Session]:
    made = Session.open(None, NOW, engine=engine)
    yield made
    made.runner.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("query", "wanted"), [check for d in ON_SPARK for check in d.checks])
def test_a_difference_is_as_it_is_described(session: Session, query: str, wanted: list[Any] | str) -> None:
    reply = answer(orjson.dumps({"id": 1, "query": query}), session)
    if isinstance(wanted, str):
        assert reply["error"]["message"].startswith(wanted)
    else:
        assert reply["rows"][0] == wanted
