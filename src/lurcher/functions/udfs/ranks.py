"""Where a percentile lies among weighted values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lurcher.functions.udf import udf

if TYPE_CHECKING:
    import pyarrow as pa


@udf("BIGINT[]", "DOUBLE", returns="BIGINT")
def weighted_rank(weights: pa.Array, percentile: pa.Array) -> pa.Array:
    """The place (from 1) of the first value whose weight, with those before it, reaches the percentile's share."""
    import numpy as np
    import pyarrow as pa

    out: list[int | None] = []
    for row, share in zip(weights, percentile.to_pylist(), strict=True):
        # A value that holds a list hands on its items as an array, without a Python object for each.
        items = row.values
        if items is None or not len(items) or share is None:
            out.append(None)
            continue
        sums = np.cumsum(items.to_numpy(zero_copy_only=False))
        wanted = float(sums[-1]) * share / 100.0
        out.append(min(int(np.searchsorted(sums, wanted, side="left")), len(sums) - 1) + 1)
    return pa.array(out, pa.int64())
