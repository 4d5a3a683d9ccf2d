"""Connected components of a graph, weak or strong: SQL would go round once for each step of the longest path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lurcher.functions.udf import udf

if TYPE_CHECKING:
    import pyarrow as pa


@udf("BIGINT[]", "BIGINT[]", "BIGINT[]", "BOOLEAN", returns="BIGINT[]")
def components(nodes: pa.Array, sources: pa.Array, targets: pa.Array, strong: pa.Array) -> pa.Array:
    """For each node the number of its component, from 0 in the order of the nodes."""
    import pyarrow as pa

    rows = zip(nodes.to_pylist(), sources.to_pylist(), targets.to_pylist(), strong.to_pylist(), strict=True)
    found = []
    for ids, left, right, is_strong in rows:
        place = {node: i for i, node in enumerate(ids or ())}
        edges = [(place[a], place[b]) for a, b in zip(left or (), right or (), strict=True)]
        roots = _strong(len(place), edges) if is_strong else _weak(len(place), edges)
        numbers: dict[int, int] = {}
        found.append([numbers.setdefault(root, len(numbers)) for root in roots])
    return pa.array(found, type=pa.list_(pa.int64()))


def _weak(count: int, edges: list[tuple[int, int]]) -> list[int]:
    parent = list(range(count))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for a, b in edges:
        one, other = root(a), root(b)
        if one != other:
            parent[max(one, other)] = min(one, other)
    return [root(node) for node in range(count)]


def _strong(count: int, edges: list[tuple[int, int]]) -> list[int]:
    """Kosaraju: the order in which nodes are left, then the edges backwards."""
    out: list[list[int]] = [[] for _ in range(count)]
    back: list[list[int]] = [[] for _ in range(count)]
    for a, b in edges:
        out[a].append(b)
        back[b].append(a)
    left: list[int] = []
    seen = [False] * count
    for start in range(count):
        if seen[start]:
            continue
        seen[start] = True
        stack = [(start, iter(out[start]))]
        while stack:
            node, following = stack[-1]
            step = next((b for b in following if not seen[b]), None)
            if step is None:
                stack.pop()
                left.append(node)
            else:
                seen[step] = True
                stack.append((step, iter(out[step])))
    roots = [-1] * count
    for start in reversed(left):
        if roots[start] >= 0:
            continue
        roots[start] = start
        waiting = [start]
        while waiting:
            node = waiting.pop()
            for before in back[node]:
                if roots[before] < 0:
                    roots[before] = start
                    waiting.append(before)
    return roots
