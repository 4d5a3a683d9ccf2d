"""Reading what tdigest() holds: `{"values": [...], "weights": [...]}`, in order; without weights each value counts once."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from lurcher.functions.udf import udf
from lurcher.functions.udfs.jsontext import Number, dump, load, number_of
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa


def _pairs(digest: Any) -> list[tuple[Number, int]] | None:
    values = digest.get("values") if isinstance(digest, dict) else None
    if not isinstance(values, list):
        return None
    weights = digest.get("weights")
    counts = [int(w.text) for w in weights] if isinstance(weights, list) else [1] * len(values)
    return [(v, w) for v, w in zip(values, counts, strict=True) if isinstance(v, Number)]


def _merge(digests: str) -> str | None:
    found = [_pairs(d) for d in load(digests) or []]
    if None in found:
        return None
    pairs = sorted((p for x in found for p in x or []), key=lambda p: float(p[0].text))
    return dump({"values": [v for v, _ in pairs], "weights": [Number(str(w)) for _, w in pairs]})


@udf("JSON", returns="VARCHAR")
def tdigest_merge(digests: pa.Array) -> pa.Array:
    return each(_merge, "string", digests)


def _percentile(digest: Any, share: float) -> Number | None:
    """The first value whose weight, with those before it, reaches the share of the whole."""
    pairs = _pairs(digest)
    if not pairs:
        return None
    sums = list(accumulate(w for _, w in pairs))
    wanted = sums[-1] * share / 100.0
    return next((v for (v, _), total in zip(pairs, sums, strict=True) if total >= wanted), pairs[-1][0])


def _one(digest: str, share: float) -> str | None:
    value = _percentile(load(digest), share)
    return None if value is None else value.text


@udf("JSON", "DOUBLE", returns="VARCHAR")
def percentile_tdigest(digest: pa.Array, share: pa.Array) -> pa.Array:
    return each(_one, "string", digest, share)


def _several(digest: str, shares: str) -> str | None:
    held, listed = load(digest), load(shares)
    numbers = [number_of(x) for x in listed] if isinstance(listed, list) else [None]
    return None if None in numbers else dump([_percentile(held, x) for x in numbers if x is not None])


@udf("JSON", "JSON", returns="VARCHAR")
def percentiles_tdigest(digest: pa.Array, shares: pa.Array) -> pa.Array:
    return each(_several, "string", digest, shares)


def _rank(digest: str, value: float, percent: bool) -> float | None:
    pairs = _pairs(load(digest))
    if not pairs:
        return None
    sums = [0, *accumulate(w for _, w in pairs)]
    rank = float(sums[bisect_right([float(v.text) for v, _ in pairs], value)])
    return rank / sums[-1] * 100.0 if percent else rank


@udf("JSON", "DOUBLE", "BOOLEAN", returns="DOUBLE")
def rank_tdigest(digest: pa.Array, value: pa.Array, percent: pa.Array) -> pa.Array:
    return each(_rank, "double", digest, value, percent)
