"""One function of plain values, applied to Arrow arrays of the same length. Equal rows are computed once in a batch."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def each(function: Callable[..., Any], returns: str, *arrays: pa.Array, strict: bool = True) -> pa.Array:
    """`function` over the rows. With `strict`, a row with a null argument gives null. `returns`: string, int64, bool, double."""
    import pyarrow as pa

    cached = lru_cache(maxsize=65_536)(function)
    columns = [a.to_pylist() for a in arrays]
    out = [None if strict and None in row else cached(*row) for row in zip(*columns, strict=True)]
    return pa.array(out, type=getattr(pa, {"bool": "bool_", "double": "float64"}.get(returns, returns))())
