"""Which function lowers which node: filled by the modules of this package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lurcher.engines.lowering.context import Context
from lurcher.engines.lowering.rel import Rel
from lurcher.plan import nodes as n

HANDLERS: dict[type[n.Plan], Callable[[Context, Any], Rel]] = {}


def handles(kind: type[n.Plan]) -> Callable[[Callable[[Context, Any], Rel]], Callable[[Context, Any], Rel]]:
    def register(function: Callable[[Context, Any], Rel]) -> Callable[[Context, Any], Rel]:
        if kind in HANDLERS:
            raise ValueError(f"{kind.__name__} is lowered twice")
        HANDLERS[kind] = function
        return function

    return register
