"""What an exclusion costs in the data at hand: counted by queries, never guessed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lurcher.content.exclusions import codes, making, parsing
from lurcher.content.exclusions.context import ColumnsOf
from lurcher.content.exclusions.fields import FieldRef
from lurcher.content.exclusions.language import Understood, display, understand
from lurcher.content.exclusions.rewrite import Settings, rewrite
from lurcher.content.model import Exclusion, Rule
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.rewrite import walk
from lurcher.kql.source import Source, Span
from lurcher.kql.syntax import Binary, In, Literal

#: Runs a KQL text and gives its rows.
Rows = Callable[[str], Sequence[Sequence[Any]]]
MAX_NAMED = 5


@dataclass(frozen=True)
class Measured:
    """Figures of one exclusion alone, whether or not it is in force. `loose` and `differing` are of the reading by precedence;
    None where there is none. `strict` is what the text explains where a system takes a bare text for true: all of it."""

    exclusion: Exclusion
    total: int
    explained: int
    hidden_devices: tuple[str, ...]
    devices: int
    started: int
    loose: int | None = None
    differing: int | None = None
    strict: int | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


def measure(
    rule: Rule,
    exclusion: Exclusion,
    rows: Rows,
    columns_of: ColumnsOf,
    today: dt.date,
    settings: Settings | None = None,
) -> Measured | None:
    """None where the exclusion cannot be applied to the rule at all (`rewrite` says why). Raises what `rows` raises."""
    settings = settings or Settings()
    scenario = exclusion.scenario or exclusion.id
    alone = replace(rule, exclusions=(exclusion,))
    only = frozenset((exclusion.id,))
    rewritten = rewrite(alone, columns_of, today, settings, only=only)
    if not rewritten.in_force or rewritten.split is None:
        return None
    understood = rewritten.in_force[0].understood
    whole = Span(0, len(exclusion.when))
    said: list[Diagnostic] = []
    per_device = "lurcher_e_DeviceId" if "lurcher_e_DeviceId" in rewritten.keys else '""'
    found = rows(
        f"{rewritten.keys.rstrip()}\n| summarize lurcher_n = count(), lurcher_x = countif(lurcher_explained)"
        f" by lurcher_device = {per_device}"
    )
    by_device = {str(r[0]): (int(r[1]), int(r[2])) for r in found}
    total, explained = sum(n for n, _ in by_device.values()), sum(x for _, x in by_device.values())
    percent = f"{100 * explained / total:.1f} %" if total else "none"
    said.append(codes.SHARE.at(whole, scenario=scenario, explained=explained, total=total, percent=percent))
    hidden = tuple(sorted(d for d, (n, x) in by_device.items() if d and n == x))
    if hidden:
        named = _device_names(rewritten.split.table, hidden[:MAX_NAMED], rows, columns_of)
        shown = ", ".join(named) + (f" and {len(hidden) - MAX_NAMED} more" if len(hidden) > MAX_NAMED else "")
        said.append(
            codes.HIDES_DEVICES.at(whole, scenario=scenario, count=len(hidden), total=len(by_device), devices=shown)
        )
    started = 0
    if "lurcher_context_1" in rewritten.keys and "DeviceProcessEvents" in rewritten.keys:
        wider = rewrite(alone, columns_of, today, replace(settings, started=True), only=only)
        started = _count(rows, wider.keys)
        if started:
            said.append(codes.STARTED_TOO.at(whole, scenario=scenario, count=started))
    loose, differing = _by_precedence(rule, exclusion, understood, rows, columns_of, today, settings)
    if loose is not None and understood.loose is not None:
        kql = display(understood.loose)
        said.append(
            codes.DIFFER.at(whole, scenario=scenario, kind="by precedence", count=loose, differ=differing, kql=kql)
        )
    strict = total if understood.strict is not None else None
    if understood.strict is not None:
        kind = "as KQL (which refuses it; taken for true)"
        kql = display(understood.strict)
        said.append(
            codes.DIFFER.at(whole, scenario=scenario, kind=kind, count=total, differ=total - explained, kql=kql)
        )
    said += _unseen(understood, scenario, rows, columns_of)
    return Measured(exclusion, total, explained, hidden, len(by_device), started, loose, differing, strict, tuple(said))


def _device_names(table: str, ids: Sequence[str], rows: Rows, columns_of: ColumnsOf) -> list[str]:
    """What people call the devices: their names where the evidence has them, else the ids."""
    if not {"DeviceId", "DeviceName"} <= (columns_of(table) or frozenset()):
        return list(ids)
    wanted = ", ".join(_literal(i) for i in ids)
    found = rows(
        f"{parsing.text(making.ref(table))}\n| where DeviceId in ({wanted})\n| summarize lurcher_name = max(DeviceName) by DeviceId"
    )
    names = {str(device): str(name) for device, name in found if name}
    return [names.get(i, i) for i in ids]


def _count(rows: Rows, keys: str) -> int:
    return int(rows(f"{keys.rstrip()}\n| summarize lurcher_x = countif(lurcher_explained)")[0][0])


def _by_precedence(
    rule: Rule,
    exclusion: Exclusion,
    understood: Understood,
    rows: Rows,
    columns_of: ColumnsOf,
    today: dt.date,
    settings: Settings,
) -> tuple[int | None, int | None]:
    if understood.loose is None:
        return None, None
    text = display(understood.loose)
    other = replace(exclusion, id=f"{exclusion.id}~loose", when=text, when_source=Source(text))
    both = replace(rule, exclusions=(exclusion, other))
    rewritten = rewrite(both, columns_of, today, settings, only=frozenset((exclusion.id, other.id)))
    if len(rewritten.in_force) != 2:
        return None, None
    row = rows(
        f"{rewritten.keys.rstrip()}\n| summarize lurcher_x = countif(lurcher_by_2),"
        " lurcher_d = countif(lurcher_by_1 != lurcher_by_2)"
    )[0]
    return int(row[0]), int(row[1])


def _unseen(understood: Understood, scenario: str, rows: Rows, columns_of: ColumnsOf) -> list[Diagnostic]:
    """Programs that a condition names and that no process in the data has ever been."""
    if understood.intended is None or not columns_of("DeviceProcessEvents"):
        return []
    found: list[Diagnostic] = []
    for node in walk(understood.intended):
        if not isinstance(node, Binary | In) or not isinstance(node.left, FieldRef):
            continue
        if node.left.field not in ("process.name", "process.parent.name") or node.op not in ("=~", "in~", "=="):
            continue
        for value in node.right if isinstance(node, In) else (node.right,):
            if not isinstance(value, Literal) or not isinstance(value.value, str):
                continue
            name = _literal(value.value)
            if not rows(
                f"DeviceProcessEvents | where FileName =~ {name} or InitiatingProcessFileName =~ {name} | take 1 | project FileName"
            ):
                why = f"no process in this data is called {value.value}"
                found.append(codes.DEAD.at(node.span, scenario=scenario, why=why))
    return found


def _literal(value: str) -> str:
    """A KQL string literal, made by the formatter: a value never becomes text by hand."""
    return parsing.text(making.text(value))


def read(exclusion: Exclusion, columns: frozenset[str]) -> Understood:
    """What an exclusion says, for who only lists it."""
    return understand(exclusion.when_source, exclusion.scenario or exclusion.id, columns)
