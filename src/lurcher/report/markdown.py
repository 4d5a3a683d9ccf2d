"""A hunt as Markdown, for a ticket or a wiki. Whatever comes out of data is escaped: no link, picture, tag or table cell of its."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from lurcher.report.document import FROM_LEDGER, Document, FindingPart, RulePart
from lurcher.report.sentences import entity_text, moment, summary, value_text
from lurcher.report.text import counted, visible

#: Findings of a rule and characters of a value that are shown.
MAX_FINDINGS, MAX_VALUE = 200, 500
#: An address is made a link by renderers, bare as it is: `@`, and `:` where it is part of one.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#!|~&@$^]|:(?=//)|(?<=mailto):|(?<=xmpp):|(?<=www)\.)", re.IGNORECASE)
#: What begins a list or a heading where it comes first.
_FIRST = re.compile(r"^([-+=]|\d+(?=[.)]))")


def page(doc: Document) -> str:
    out = [f"# Hunt {doc.number}, {moment(doc.now)} UTC", "", *(f"- {text(s)}" for s in summary(doc)), ""]
    out += _devices(doc)
    out += _unseen(doc)
    for rule in doc.rules:
        out += _rule(rule)
    out += ["## About this report", ""]
    facts = [("lurcher", doc.version), ("engine", doc.engine), ("case", doc.lake), ("data", doc.fingerprint)]
    out += [f"- {name}: {code(value)}" for name, value in facts if value]
    return "\n".join(out) + "\n"


def text(value: str, most: int = 0) -> str:
    """Escaped, on one line; of a long one the beginning."""
    if most and len(value) > most:
        value = value[:most] + "..."
    shown = visible(value)
    begins = _FIRST.match(shown)
    escaped = _SPECIAL.sub(r"\\\1", shown)
    if begins is None:
        return escaped
    # A number is escaped at what follows it.
    return escaped[: begins.end()] + "\\" + escaped[begins.end() :] if begins[1].isdigit() else "\\" + escaped


def code(value: str) -> str:
    """In a code span, where nothing is read but backticks."""
    shown = visible(value)
    ticks = "`" * (max((len(m) for m in re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def fence(query: str) -> list[str]:
    lines = [visible(line.replace("\t", "    ")) for line in query.rstrip().split("\n")]
    ticks = "`" * max(3, max((len(m) for m in re.findall("`+", query)), default=0) + 1)
    return [f"{ticks}kusto", *lines, ticks]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Cells are Markdown already."""
    return [
        f"| {' | '.join(header)} |",
        f"|{' --- |' * len(header)}",
        *(f"| {' | '.join(cells)} |" for cells in rows),
        "",
    ]


def _devices(doc: Document) -> list[str]:
    top = doc.top_devices()
    if not top:
        return []
    rows = [(text(d.device), str(d.new), str(d.known), f"{d.evidence:,}") for d in top]
    return ["## Devices", "", *table(("device", "new", "known", "evidence left"), rows)]


def _unseen(doc: Document) -> list[str]:
    said = [f"- not run: {text(r.name)}: {text(r.reason)}" for r in doc.not_run]
    said += [f"- no rows of {text(name)}: {text(', '.join(rules), 300)}" for name, rules in doc.absent]
    said += [f"- exclusion not in force: {text(e.id)} ({text(r.name)}): {text(e.reason)}" for r, e in doc.not_in_force]
    said += [f"- signers missed: {text(r.name)}: {text(m)}" for r, m in doc.missed]
    said += [f"- {text(r.name)}: {text(n)}" for r in doc.rules for n in r.notes]
    said += [f"- no rule: {text(line)}" for line in doc.loading]
    said = said or ([] if doc.from_ledger else ["Nothing that this hunt knows of."])
    return ["## What was not looked at", "", *said, *(["", FROM_LEDGER] if doc.from_ledger else ()), ""]


def _rule(rule: RulePart) -> list[str]:
    out = [f"## {text(rule.name)}", ""]
    if rule.description:
        out += [text(" ".join(rule.description.split()), 2000), ""]
    if not rule.ran:
        return [*out, f"Not run: {text(rule.reason)}", ""]
    found = Counter(f.state for f in rule.findings)
    counts = ", ".join(f"{n:,} {state}" for state, n in found.items()) or "none"
    evidence = (
        f" Evidence: {counted(rule.evidence, 'row')}, {rule.explained:,} explained."
        if rule.evidence is not None
        else ""
    )
    out += [f"Findings: {counts}.{evidence}", ""]
    shown = rule.findings[:MAX_FINDINGS]
    if shown:
        header = ("finding", "state", "where", "first seen", "last seen", "evidence", "explained", "why it stands out")
        out += table(header, [_finding(f) for f in shown])
        if len(rule.findings) > len(shown):
            out += [f"{len(rule.findings) - len(shown):,} more: `lurcher findings`", ""]
    if rule.exclusions:
        rows = [
            (text(e.id), "yes" if e.in_force else "no: " + text(e.reason), text(e.scenario, 300), f"{e.explained:,}")
            for e in rule.exclusions
        ]
        out += table(("exclusion", "in force", "scenario", "explained"), rows)
    if rule.query:
        out += ["The query as written:", "", *fence(rule.query), ""]
    if rule.tuned:
        out += ["With the exclusions that are in force:", "", *fence(rule.tuned), ""]
    return out


def _finding(f: FindingPart) -> tuple[str, ...]:
    row = ", ".join(f"{k} = {value_text(v)}" for k, v in f.row.items())
    where = text(f.device or entity_text(f.entity), 200)
    return (
        str(f.id),
        f.state,
        where,
        text(moment(f.first_seen)),
        text(moment(f.last_seen)),
        "" if f.total is None else f"{f.total:,}",
        "" if f.total is None else f"{f.explained:,}",
        text("; ".join(filter(None, (f.judged, *f.reasons))) or row, MAX_VALUE),
    )
