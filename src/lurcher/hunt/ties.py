"""Which columns of a result row say what group of evidence it is made of."""

from __future__ import annotations

from collections.abc import Sequence

from lurcher.content.exclusions.split import Split, renamed
from lurcher.kql.syntax import MakeSeriesOp


def ties(cut: Split, names: Sequence[str]) -> dict[int, str] | None:
    """Number of a group expression -> the result's column that holds its value. `names` are the names that the grouping
    itself gives its keys. None where a result row can be tied to nothing: then the row as a whole is all that is known."""
    if cut.groups is None:
        return None
    if not names:
        return {}
    found: dict[int, str] = {}
    for number, name in enumerate(names):
        here: str | None = name
        for op in cut.tail[1:]:
            if here is None:
                break
            here = None if isinstance(op, MakeSeriesOp) else renamed(here, op)
        if here is not None:
            found[number] = here
    return found or None
