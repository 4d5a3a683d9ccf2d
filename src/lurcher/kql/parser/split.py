"""Files that hold several queries."""

from __future__ import annotations


def split_queries(text: str) -> list[str]:
    raise NotImplementedError
