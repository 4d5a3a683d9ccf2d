"""Room for deep trees."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

#: Enough for the deepest tree that the parser lets through; Python's own frames do not use the machine's stack.
_LIMIT = 20_000


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Let trees be walked that are deeper than Python's default limit allows."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _LIMIT))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
