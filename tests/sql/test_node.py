"""Nodes are values: equal by what they hold, and no mark of where they were read."""

from __future__ import annotations

from lurcher.kql.source import Span
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.sql import tree as t


def test_nodes_are_equal_and_hashed_by_what_they_hold() -> None:
    assert t.Ident("a") == t.Ident("a")
    assert t.Ident("a") != t.Ident("a", "b")
    assert t.Ident("a") != t.Literal("a")
    assert len({t.call("f", t.Ident("a")), t.call("f", t.Ident("a")), t.call("g", t.Ident("a"))}) == 2


def test_a_place_in_the_text_does_not_tell_two_plans_apart() -> None:
    here, there = (n.Col(type=ScalarType.LONG, name="a", span=Span(i, i + 1)) for i in (0, 7))
    assert here == there
    assert hash(here) == hash(there)
    assert here != n.Col(type=ScalarType.INT, name="a")


def test_a_node_is_written_out_without_its_place() -> None:
    assert repr(n.Col(type=ScalarType.LONG, name="a")) == "Col(type=<ScalarType.LONG: 'long'>, name='a')"
