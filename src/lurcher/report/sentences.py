"""A hunt in words, as the first lines of a report say it."""

from __future__ import annotations

from lurcher.report.document import Document, is_local
from lurcher.report.text import counted


def moment(text: str) -> str:
    """A time without what nobody reads: `2026-11-20 12:00:00`."""
    return text.replace("T", " ")[:19]


def day(text: str) -> str:
    return text[:10]


def summary(doc: Document) -> list[str]:
    """What was hunted, on what, and what came of it: a sentence each."""
    counts = doc.counts
    ran = len(doc.rules) - len(doc.not_run)
    said = [
        f"{counted(len(doc.rules), 'rule')} hunted at {moment(doc.now)} UTC: {ran:,} ran"
        + (f", {len(doc.not_run):,} did not." if doc.not_run else ".")
    ]
    if not is_local(doc.engine):
        said.append(f"{doc.engine} was asked.")
    first, last = doc.span
    rows = sum(t.rows or 0 for t in doc.tables)
    if first and last:
        tables = counted(sum(bool(t.rows) for t in doc.tables), "table")
        said.append(f"They looked at {tables} with {counted(rows, 'row')} from {day(first)} to {day(last)}.")
    if counts["new"]:
        said.append(f"{_are(counts['new'], 'finding')} new and wait{'s' if counts['new'] == 1 else ''} for a look.")
    else:
        said.append("Nothing new was found.")
    if counts["known"]:
        said.append(f"{counted(counts['known'], 'finding')} {'was' if counts['known'] == 1 else 'were'} there before.")
    if doc.devices:
        said.append(f"What is shown is on {counted(doc.devices, 'device')}.")
    if counts["suppressed"]:
        said.append(f"{_are(counts['suppressed'], 'finding')} suppressed: exclusions explain all of the evidence.")
    if counts["gone"]:
        said.append(f"{_are(counts['gone'], 'finding')} gone since an earlier hunt.")
    if counts.get("closed"):
        what = "it" if counts["closed"] == 1 else "them"
        said.append(f"{_are(counts['closed'], 'finding')} closed: somebody has judged {what}.")
    if doc.unseen:
        said.append(
            f"{counted(doc.unseen, 'thing')} {'was' if doc.unseen == 1 else 'were'} not looked at, or not in full; see below."
        )
    return said


def _are(number: int, what: str) -> str:
    return f"{counted(number, what)} {'is' if number == 1 else 'are'}"


def entity_text(entity: object) -> str:
    """What was found, in a few words: the values that make it this finding, its device aside."""
    if not isinstance(entity, dict):
        return ""
    values = [value_text(v) for k, v in entity.items() if v not in ("", None) and k not in ("DeviceName", "DeviceId")]
    return ", ".join(values)[:200]


def value_text(value: object) -> str:
    """A value as a cell shows it: null is empty, lists and bags are JSON."""
    import json

    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
