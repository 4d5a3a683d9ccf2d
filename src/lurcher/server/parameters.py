"""Values of query parameters, as clients send them: text, each in the form of a literal of the type that the query declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lurcher.kql.source import Source
from lurcher.kql.types import ScalarType
from lurcher.server.problems import Problem


def values(source: Source, given: Mapping[str, str]) -> dict[str, Any]:
    """Parameter -> value, in the form of `Literal.value`. What the text does not declare is left out, as the service does. Raises
    `Problem` for a text that is no value of the type."""
    from lurcher.kql.parser import parse
    from lurcher.kql.syntax import ParametersStatement

    declared = {
        p.name.text: p.type
        for s in parse(source).tree.statements
        if isinstance(s, ParametersStatement)
        for p in s.params
        if isinstance(p.type, ScalarType)
    }
    return {name: _value(name, text, declared[name]) for name, text in given.items() if name in declared}


def _value(name: str, text: str, kind: ScalarType) -> Any:
    from lurcher.plan import nodes as n
    from lurcher.plan.catalog import KnownTables
    from lurcher.plan.compile import compile_text

    if kind is ScalarType.STRING:
        return text
    names = {ScalarType.TIMESPAN: ("timespan", "time"), ScalarType.REAL: ("real", "double"), ScalarType.GUID: ("guid",)}
    words = names.get(kind, (kind.value, "date" if kind is ScalarType.DATETIME else kind.value))
    written = text.strip()
    literal = written if written.startswith(tuple(f"{w}(" for w in words)) else f"{words[0]}({written})"
    compiled = compile_text(f"print x = {literal}", KnownTables(), 0)
    plan = compiled.queries[0].plan if compiled.ok and len(compiled.queries) == 1 else None
    if isinstance(plan, n.Project) and len(plan.items) == 1 and isinstance(plan.input, n.Values):
        found = plan.items[0][1]
        if isinstance(found, n.Lit) and found.type is kind:
            return found.value
    raise Problem("semantic", f"the value of the query parameter '{name}' is no {kind.value}", f"{text[:80]!r}")
