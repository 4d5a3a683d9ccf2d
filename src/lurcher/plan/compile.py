"""Text -> plan: the way that everybody takes.

| stage | module | in | out |
|---|---|---|---|
| tokens, syntax | `lurcher.kql.parser` | text | tree, or what is wrong with it |
| plan | `lurcher.plan.binder` | tree, catalogue | typed queries, or what is wrong with them |
| rewrites | `lurcher.plan.rewrites` | plan | plan |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lurcher.kql.diagnostics import Diagnostic, Refused
from lurcher.kql.parser import parse
from lurcher.kql.source import Source
from lurcher.kql.syntax import Script
from lurcher.plan.binder import bind
from lurcher.plan.catalog import Catalog
from lurcher.plan.nodes import Query
from lurcher.plan.probe import Probe
from lurcher.plan.rewrites import rewrite


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a text means. `queries` may be run only where `ok`."""

    source: Source
    script: Script
    queries: tuple[Query, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def ok(self) -> bool:
        return not any(d.is_error for d in self.diagnostics)

    def checked(self) -> Compiled:
        """The same; raises `Refused` with all diagnostics where one is an error."""
        if not self.ok:
            raise Refused(self.diagnostics, self.source)
        return self


def compile_text(
    source: Source | str,
    catalog: Catalog,
    now: int | datetime,
    parameters: Mapping[str, Any] | None = None,
    probe: Probe | None = None,
) -> Compiled:
    """Compile a text. Never raises; a text that does not parse is not bound. `probe`: see `lurcher.plan.probe`."""
    source = source if isinstance(source, Source) else Source(source)
    parsed = parse(source)
    if not parsed.ok:
        return Compiled(source, parsed.tree, (), parsed.diagnostics)
    bound = bind(parsed.tree, catalog, now=now, parameters=parameters, probe=probe)
    queries = tuple(rewrite(query) for query in bound.queries) if bound.ok else bound.queries
    return Compiled(source, parsed.tree, queries, (*parsed.diagnostics, *bound.diagnostics))
