"""How much memory a long-lived session gives to tables that are asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lurcher.engines.hot import Hot

#: Of the memory that the engine may use, where nothing is said; and the most of it that may be said.
_SHARE, _MOST = 0.25, 0.5


def hot_tables(size: str | None, memory: str | None = None, threads: int | None = None) -> Hot | None:
    """`size` as "2GB"; "0" is none at all; None a quarter of what the engine may use (`memory`: "8GB"; else its own measure, most
    of the machine's), of which they never get more than half."""
    from lurcher.engines.hot import Hot
    from lurcher.engines.limits import memory_bytes

    all_of = memory_bytes(memory) or (2 << 30)
    if size is None:
        budget = int(all_of * _SHARE)
    elif size.strip() == "0":
        budget = 0
    else:
        budget = min(memory_bytes(size) or 0, int(all_of * _MOST))
    return Hot(budget, memory_limit=memory, threads=threads) if budget > 0 else None
