"""Hunting queries whose rows were worked out by hand: exports on disk, through a lake and through --data, to rows.

A file under `tests/cases/golden/` is one query. Its input holds the tables, each a line `table NAME` and then a row a line as JSON,
and behind a line `query` the KQL; its expected part the columns as `name:type` and a row a line, sorted where the case says
`unordered`. `as-of` is what now() means. `only=lake` leaves --data out, `only=data` the lake.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from tests.cases import Case, load

from lurcher.app.add import add
from lurcher.app.query import open_session
from lurcher.app.session import Limits, Session
from lurcher.engines.values import protocol_rows
from lurcher.kql.source import Source
from lurcher.lake import Lake

ADDED = datetime(2026, 11, 21, tzinfo=UTC)


def exports(case: Case, folder: Path) -> tuple[list[Path], str]:
    """The case's tables as files, and its query."""
    files: list[Path] = []
    tables, _, query = case.input.partition("\nquery\n")
    assert query, f"{case}: no line query"
    for block in tables.removeprefix("table ").split("\ntable "):
        name, _, rows = block.partition("\n")
        files.append(folder / f"{name.strip()}.json")
        files[-1].write_text(rows.strip() + "\n", encoding="utf-8")
    return files, query


def answer(session: Session, text: str, ordered: bool) -> str:
    results = []
    for result in session.run(Source(text)):
        rows = [orjson.dumps(r).decode() for b in result.batches for r in protocol_rows(b, result.columns)]
        head = " ".join(f"{c.name}:{c.type}" for c in result.columns)
        results.append("\n".join([head, *(rows if ordered else sorted(rows))]))
    return "\n\n".join(results)


@pytest.mark.parametrize("case", load("golden"), ids=str)
def test_golden(case: Case, tmp_path: Path, accept: bool) -> None:
    (tmp_path / "exports").mkdir()
    files, query = exports(case, tmp_path / "exports")
    only = case.arguments.get("only")
    answers = []
    if only != "data":
        lake = Lake.create(tmp_path / "case")
        report = add(lake, [tmp_path / "exports"], now=ADDED)
        assert not report.failed
        assert not any(outcome.rejected for outcome in report.files)
        answers.append((lake, ()))
    if only != "lake":
        answers.append((None, tuple(files)))
    for lake_or_none, data in answers:
        session = open_session(
            lake_or_none,
            ADDED,
            case.arguments.get("as-of"),
            files=data,
            limits=Limits(threads=1),
            source=Source(query),
        )
        case.check(answer(session, query, "unordered" not in case.arguments), accept)
