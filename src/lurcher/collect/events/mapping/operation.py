"""What was done to the registry (Sysmon 12 and 14): `EventType`.

NXLog has a field of its own of that name (`INFO`, `AUDIT_SUCCESS`) and writes it over Sysmon's. The message of the event,
which is made of the same data, has it then; where there is no message either, it is not known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lurcher.collect.events.mapping.columns import Column, Expr, choose
from lurcher.collect.events.mapping.frame import Frame

OPERATIONS = frozenset({"createkey", "deletekey", "createvalue", "deletevalue", "setvalue", "renamekey", "renamevalue"})
_LINE = re.compile(r"(?:^|\n)\s*EventType: (\w+)")


def _operations(frame: Frame) -> list[str | None]:
    done = frame.convert("EventType", lambda text: text.lower() if text.lower() in OPERATIONS else None)
    result = done or [None] * frame.count
    if None in result:
        for place, message in enumerate(frame.system("message")):
            if result[place] is None and message and (found := _LINE.search(message[:2000])):
                result[place] = found[1].lower()
    return result


def operation(cases: Mapping[str, Expr]) -> Expr:
    """One expression or another, by what was done; null for what is not among them."""

    def build(frame: Frame) -> Column:
        if "EventType" not in frame.made:
            frame.made["EventType"] = _operations(frame)
        return choose(frame.made["EventType"], cases, frame)

    kind = next(iter(cases.values())).kind
    words = ", ".join(f"{expr.words} ({value})" for value, expr in cases.items())
    return Expr(kind, build, words, frozenset().union(*(expr.holds for expr in cases.values())))
