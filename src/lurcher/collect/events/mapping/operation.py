"""What was done to the registry (Sysmon 12 and 14): `EventType`.

NXLog has a field of its own of that name (`INFO`, `AUDIT_SUCCESS`) and writes it over Sysmon's. The message of the event,
which is made of the same data, has it then; where there is no message either, it is not known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lurcher.collect.events.mapping.columns import Expr
from lurcher.collect.events.mapping.frame import Frame
from lurcher.lake.layout import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

OPERATIONS = frozenset({"createkey", "deletekey", "createvalue", "deletevalue", "setvalue", "renamekey", "renamevalue"})
_LINE = re.compile(r"(?:^|\n)\s*EventType: (\w+)")


def _operations(frame: Frame) -> pa.Array:
    import pyarrow as pa

    texts = frame.texts("EventType")
    given = [None] * frame.count if texts is None else texts.to_pylist()
    result: list[str | None] = []
    messages = None
    for place, value in enumerate(given):
        if value is None or value.lower() not in OPERATIONS:
            if messages is None:
                messages = frame.system("message")
            found = _LINE.search((messages[place] or "")[:2000])
            value = found[1] if found else None
        result.append(value.lower() if value else None)
    return pa.array(result, pa.string())


def operation(cases: Mapping[str, Expr]) -> Expr:
    """One expression or another, by what was done; null for what is not among them."""

    def build(frame: Frame) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        if "EventType" not in frame.made:
            frame.made["EventType"] = _operations(frame)
        done = frame.made["EventType"]
        result = pa.nulls(frame.count, arrow_type(kind))
        for value, expr in cases.items():
            if (built := expr.build(frame)) is not None:
                result = pc.if_else(pc.equal(done, value).fill_null(False), built, result)
        return result

    kind = next(iter(cases.values())).kind
    words = ", ".join(f"{expr.words} ({value})" for value, expr in cases.items())
    return Expr(kind, build, words, frozenset().union(*(expr.holds for expr in cases.values())))
