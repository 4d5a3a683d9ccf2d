"""Names of columns where case does not count.

KQL tells `LogonId` from `LogonID`; DuckDB, Parquet readers and Spark do not. So a column may have to be stored under another
name than its own. The rule is stable: a column keeps its name unless an *earlier* column of the relation has taken it, so
that appending columns never renames one that is stored already.
"""

from __future__ import annotations

from collections.abc import Iterable


def physical_names(names: Iterable[str]) -> dict[str, str]:
    """Logical name -> a name that is distinct from all others even when case is ignored (`LogonID` -> `LogonID~2`)."""
    taken: set[str] = set()
    result: dict[str, str] = {}
    for name in names:
        candidate, n = name, 1
        while candidate.casefold() in taken:
            n += 1
            candidate = f"{name}~{n}"
        taken.add(candidate.casefold())
        result[name] = candidate
    return result
