"""Which edges of shapes on the sphere are near enough to meet, without a look at each pair of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lurcher.errors import LurcherError
from lurcher.functions.udfs.geo_lines import Vector

#: So many pairs are looked at in about two seconds.
_MOST = 8_000_000
_AT_ONCE = 1_000_000


def pairs(function: str, edges: list[tuple[Vector, Vector]]) -> Iterator[tuple[Any, Any]]:
    """Arrays of the numbers of edges, i and j, each pair once. Two are near where the caps around their middles that hold them
    meet; other edges may meet each other's great circles, on this or the other side of the globe, and not each other.

    The edges are sorted along the axis on which the fewest overlap. Raises `LurcherError` where that are too many.
    """
    import numpy as np

    first, last = np.array([e[0] for e in edges]), np.array([e[1] for e in edges])
    middles = first + last
    middles /= np.linalg.norm(middles, axis=1)[:, None]
    halves = np.arcsin(np.minimum(1.0, np.linalg.norm(last - first, axis=1) / 2))
    reach = 2 * np.sin(halves / 2) + 1e-9
    best: tuple[int, Any, Any] | None = None
    for axis in range(3):
        starts, ends = middles[:, axis] - reach, middles[:, axis] + reach
        order = np.argsort(starts, kind="stable")
        counts = np.searchsorted(starts[order], ends[order], side="right") - np.arange(len(order)) - 1
        if best is None or counts.sum() < best[0]:
            best = int(counts.sum()), order, counts
    assert best is not None
    total, order, counts = best
    if total > _MOST:
        raise LurcherError(
            f"{function}(): shapes of so many edges, so near to each other, would take too long", kind="unsupported"
        )
    done = np.concatenate([[0], np.cumsum(counts)])
    row = 0
    while row < len(order):
        end = max(row + 1, int(np.searchsorted(done, done[row] + _AT_ONCE, side="right")) - 1)
        sizes = counts[row:end]
        ones = np.repeat(np.arange(row, end), sizes)
        others = ones + 1 + np.arange(len(ones)) - np.repeat(done[row:end] - done[row], sizes)
        i, j = order[ones], order[others]
        most = 2 * np.sin(np.minimum(np.pi, halves[i] + halves[j]) / 2) + 1e-9
        close = np.linalg.norm(middles[i] - middles[j], axis=1) <= most
        yield np.minimum(i, j)[close], np.maximum(i, j)[close]
        row = end
