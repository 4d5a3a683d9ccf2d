"""Arrays of numbers out of dynamic values, and bags and arrays out of numbers: what the analysis of series shares."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.functions.udfs.jsontext import dump, load, number_of
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


def numerically(function: Callable[..., Any], *arrays: pa.Array, strict: bool = True) -> pa.Array:
    """`function` over the rows, texts out, with IEEE's answers where numpy would warn on the user's screen."""
    import numpy as np

    with np.errstate(all="ignore"):
        return each(function, "string", *arrays, strict=strict)


def bounded(function: str, steps: int, limit: int) -> None:
    """Stop before work that one row must not cost: the engine cannot interrupt a function within a row."""
    if steps > limit:
        raise LurcherError(
            f"{function}(): an array of this length takes {steps} steps, more than {limit}", "shorten it"
        )


def gapped(text: str) -> list[float | None] | None:
    """The elements of an array, None for what is no finite number; None where the value is no array."""
    values = load(text)
    if not isinstance(values, list):
        return None
    numbers = (number_of(v) for v in values)
    return [v if v is not None and math.isfinite(v) else None for v in numbers]


def complete(text: str) -> np.ndarray[Any, Any] | None:
    """The elements of an array that has at least one; None where an element is no finite number: only series_outliers() and
    the functions that fill gaps take those ("Series functions", Kusto documentation)."""
    import numpy as np

    values = gapped(text)
    if not values or None in values:
        return None
    return np.array(values, dtype=np.float64)


def plain(value: Any) -> Any:
    """Numbers of numpy as Python's; what JSON has no number for as the service boxes it."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def bag(**values: Any) -> str:
    return "{" + ",".join(f'"{k}":{dump(plain(v), sort=False)}' for k, v in values.items()) + "}"


def array(values: Any) -> str:
    return dump(plain(values))
