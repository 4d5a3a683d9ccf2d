"""`file.hash` stands for MD5, SHA1 and SHA256: which of them a constant is, its length says."""

from __future__ import annotations

from lurcher.content.exclusions import making
from lurcher.content.exclusions.fields import FIELDS, HASH_LENGTHS, FieldRef
from lurcher.kql.syntax import Binary, Expression, In, Literal, Node


def by_length(tree: Expression) -> Expression:
    """`file.hash` by the length of each constant: `file.hash in ("<md5>", "<sha1>")` asks two columns."""

    def change(node: Node) -> Node | None:
        if not isinstance(node, Binary | In) or not isinstance(node.left, FieldRef):
            return None
        if node.left.field.startswith("=") or FIELDS[node.left.field].algorithm != "any":
            return None
        values = node.right if isinstance(node, In) else (node.right,)
        by: dict[str, list[Expression]] = {}
        for v in values:
            assert isinstance(v, Literal)
            by.setdefault(f"{node.left.field}.{HASH_LENGTHS[len(v.value)]}", []).append(v)
        negated = node.op.startswith("!")
        parts: list[Expression] = [In("!in~" if negated else "in~", FieldRef(f), tuple(vs)) for f, vs in by.items()]
        if isinstance(node, Binary):
            parts = [Binary(node.op, FieldRef(f), vs[0]) for f, vs in by.items()]
        return making.conjunction(parts) if negated else making.disjunction(parts)

    return making.substitute(tree, change)
