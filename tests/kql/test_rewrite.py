from __future__ import annotations

from lurcher.kql.formatter import format
from lurcher.kql.parser import parse, parse_expression
from lurcher.kql.rewrite import combine, operands, transform, walk
from lurcher.kql.syntax import Name, NameRef, Node


def _upper(node: Node) -> Node:
    if isinstance(node, NameRef):
        return NameRef(Name(node.name.text.upper()), span=node.span)
    return node


def test_walk_goes_from_left_to_right_and_into_every_corner() -> None:
    tree = parse("T | where a == b | graph-match (n)-[e]->(m) where c project d | join (U | take e) on f").tree
    assert [n.name.text for n in walk(tree) if isinstance(n, NameRef)] == ["T", "a", "b", "c", "d", "U", "e", "f"]


def test_transform_rebuilds_what_changes_and_shares_the_rest() -> None:
    tree = parse("t | where a == 1 | extend x = f(b) | take 5").tree
    changed = transform(tree, _upper)
    assert format(changed) == "T\n| where A == 1\n| extend x = f(B)\n| take 5\n"
    assert format(tree) == "t\n| where a == 1\n| extend x = f(b)\n| take 5\n"
    assert transform(tree, lambda n: n) is tree


def test_transform_takes_no_stack() -> None:
    node, _ = parse_expression(" or ".join(["a"] * 10_000))
    assert sum(isinstance(n, NameRef) for n in walk(transform(node, _upper))) == 10_000


def test_operands_and_combine_are_inverse() -> None:
    node, _ = parse_expression("a and (b or c) and d")
    assert len(operands(node, "and")) == 3
    assert combine("and", operands(node, "and")) == node
    assert operands(node, "or") == [node]
