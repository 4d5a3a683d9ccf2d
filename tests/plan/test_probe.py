"""Columns that are values of the rows: who is asked for them, when, and what becomes of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from lurcher.app.session import Session, Tables
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Refused
from lurcher.plan import nodes as n
from lurcher.plan.catalog import KnownTables
from lurcher.plan.compile import Compiled, compile_text
from lurcher.plan.probe import Probe

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BAGS = "datatable(n:long, d:dynamic)[1, dynamic({})] | evaluate bag_unpack(d)"


def compiled(text: str, probe: Probe | None = None) -> Compiled:
    return compile_text(text, KnownTables(), NOW, probe=probe)


def answering(rows: Sequence[tuple[str, str]], asked: list[n.Plan]) -> Probe:
    def probe(plan: n.Plan, /) -> pa.Table:
        asked.append(plan)
        return pa.table({"key": [k for k, _ in rows], "type": [t for _, t in rows]})

    return probe


def hints(text: str, rows: Sequence[tuple[str, str]]) -> list[str]:
    return [d.message for d in compiled(text, answering(rows, [])).diagnostics]


def test_without_a_probe_columns_are_open_and_nothing_is_said() -> None:
    for text in (
        BAGS + " | where k > 1 | project k, n",
        BAGS + " | extend a = column_ifexists('k', 1)",
        "DeviceEvents | evaluate pivot(ActionType) | where a > 1",
    ):
        assert compiled(text).diagnostics == ()


def test_what_was_bound_without_a_probe_is_not_run() -> None:
    session = Session(Tables(), NOW)
    query = session.compile(BAGS).queries[0]
    with pytest.raises(Refused):
        session.engine.run(query)
    assert session.need(BAGS).queries[0].columns == (n.Column("n", n.ScalarType.LONG),)


def test_one_small_question_is_asked() -> None:
    asked: list[n.Plan] = []
    found = compiled(BAGS, answering([("b", "long"), ("a", "string"), ("a", "null")], asked))
    assert [f"{c.name}:{c.type}" for c in found.queries[0].columns] == ["n:long", "a:string", "b:long"]
    assert len(asked) == 1
    assert isinstance(asked[0], n.Limit)


def test_a_table_that_is_used_twice_is_asked_once() -> None:
    asked: list[n.Plan] = []
    text = "let T = datatable(d:dynamic)[dynamic({})]; let f = (X:(*)) { X | evaluate bag_unpack(d) }; union f(T), f(T)"
    assert compiled(text, answering([("a", "long")], asked)).ok
    assert len(asked) == 1


def test_no_question_is_asked_of_a_text_that_is_wrong_or_has_a_schema() -> None:
    asked: list[n.Plan] = []
    compiled("print x = nothing | evaluate bag_unpack(y)", answering([], asked))
    compiled(BAGS + " : (a:string)", answering([], asked))
    assert asked == []


def test_a_probe_that_fails_is_told_where_it_was_asked() -> None:
    def fails(plan: n.Plan, /) -> pa.Table:
        raise LurcherError("the query took longer than 1 s")

    (said,) = compiled(BAGS, fails).diagnostics
    assert (said.code, said.hint) == ("LU001", "the query took longer than 1 s")


def test_keys_of_which_the_column_is_not_known_are_refused() -> None:
    for key, kind in (("t", "time"), ("z", "null"), ("a/b", "long"), ("", "long")):
        (message,) = hints(BAGS, [(key, kind)])
        assert "bag_unpack of" in message, key


def test_a_key_with_the_name_of_a_column_is_an_error_unless_decided() -> None:
    assert "'n'" in hints(BAGS, [("n", "long")])[0]
    for choice in ("keep_source", "replace_source"):
        assert hints(BAGS.replace("(d)", f"(d, columnsConflict='{choice}')"), [("n", "long")]) == []


def test_too_many_columns_are_refused() -> None:
    assert "more than 1000 columns" in hints(BAGS, [(f"k{i}", "long") for i in range(1001)])[0]


def test_texts_reach_a_query_of_our_own_as_they_are() -> None:
    from lurcher.plan.binder.plugins.written import quoted, text_of

    for name in ("it's", "a\\", "x'] | take 1 //", "new\nline", "tab\t", "Ü 好"):
        found = compiled(f"print {quoted(name)} = '{text_of(name)}'").checked().queries[0].plan
        assert found.columns[0].name == name
        assert isinstance(found, n.Project)
        assert isinstance(found.items[0][1], n.Lit)
        assert found.items[0][1].value == name
