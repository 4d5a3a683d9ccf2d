"""Findings in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO

from lurcher.hunt.findings import Finding, Sighting, State
from lurcher.hunt.triage import Reason
from lurcher.report.tables import print_table
from lurcher.report.text import visible

#: Values of an entity beyond which it is a row rather than a name, and characters of it that are shown.
MAX_VALUES, MAX_WHAT = 6, 48


def entity_text(finding: Finding) -> str:
    """What was found, in a few words: the values that make it this finding, its device's name aside."""
    values = [str(v) for k, v in finding.entity.items() if v not in ("", None) and k not in ("DeviceName", "DeviceId")]
    return ", ".join(values)[:80]


def _what(finding: Finding) -> str:
    """The entity besides the device; "" where it is the device alone, or a whole row."""
    if not finding.device or len(finding.entity) > MAX_VALUES:
        return ""
    values = [
        str(v)
        for k, v in finding.entity.items()
        if v not in ("", None, finding.device) and k not in ("DeviceName", "DeviceId")
    ]
    text = ", ".join(values)
    return text if len(text) <= MAX_WHAT else text[: MAX_WHAT - 1] + "…"


def count_of(finding: Finding) -> str:
    """Rows of evidence, or what the row itself calls `Count`."""
    if finding.total is not None:
        return f"{finding.total:,}"
    value = finding.row.get("Count", finding.row.get("count_"))
    return f"{value:,}" if isinstance(value, int) else ""


def moment(text: str) -> str:
    """A time of the ledger without what nobody reads."""
    return text.replace("T", " ")[:19]


def print_findings(
    findings: Sequence[Finding], out: IO[str], reasons: Mapping[int, Sequence[Reason]] | None = None
) -> None:
    """A line a finding; below the table, what makes each stand out. What a finding is besides its device is shown where the rule
    groups by more than that."""
    told = any(_what(f) for f in findings)
    rows = [
        (
            str(f.id),
            f.state.value,
            f.device or entity_text(f),
            *((_what(f),) if told else ()),
            moment(f.first_seen),
            moment(f.last_seen),
            count_of(f),
            "" if f.total is None else f"{f.explained:,}",
            ", ".join(f"{id_} ({n:,})" for id_, n in f.by.items()),
        )
        for f in findings
    ]
    what = ("what",) if told else ()
    header = ("id", "state", "where", *what, "first seen", "last seen", "evidence", "explained", "by")
    print_table(header, rows, right=(0, 5 + told, 6 + told), out=out)
    for f in findings:
        if f.remark:
            assert f.closing is not None
            note = f": {f.closing.note}" if f.closing.note else ""
            who = f" by {f.closing.who}" if f.closing.who else ""
            said = visible(f"{f.remark} ({moment(f.closing.at)[:10]}{who}){note}")
            out.write(f"  {f.id} {visible(f.device or entity_text(f))}: {said}\n")
        for reason in (reasons or {}).get(f.id, ()):
            out.write(f"  {f.id} {visible(f.device or entity_text(f))}: {visible(reason.text)}\n")


def tally(findings: Sequence[Finding]) -> str:
    """`2 new, 1 known, 1 suppressed`."""
    counts = {state: sum(f.state is state for f in findings) for state in State}
    return ", ".join(f"{n} {state.value}" for state, n in counts.items() if n) or "none"


def history_rows(sightings: Sequence[Sighting]) -> list[tuple[str, ...]]:
    """A line for each stretch of runs in which nothing changed, for a table."""
    return [
        (
            str(s.first_hunt) if s.first_hunt == s.last_hunt else f"{s.first_hunt}-{s.last_hunt}",
            moment(s.first_as_of)[:16] + ("" if s.first_as_of == s.last_as_of else f" to {moment(s.last_as_of)[:16]}"),
            s.state.value,
            "" if s.total is None else f"{s.total:,}",
            "" if s.total is None else f"{s.explained:,}",
            s.rule_hash[:8],
            s.exclusion_hash[:8],
            s.data_fingerprint[:8],
            s.engine,
        )
        for s in sightings
    ]
