"""Plain KQL files: the query is the file. What is known of it may stand in comments before it, as many repositories do.

`// Name: ...` and its like are read by their keys; the first comment that says something else is the description. A file of
several queries with blank lines between them is several rules (`lurcher.content.several`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lurcher.content import attack, codes
from lurcher.content.files import TextFile
from lurcher.content.formats import RuleFormat, declare
from lurcher.content.model import Loaded, Placed, Presence, Rule, Schedule
from lurcher.content.places import cut
from lurcher.content.several import pieces
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import Span

_HEADER = re.compile(
    r"//+\s*(?:(?:rule|query|detection)[ _]?)?(id|name|title|description|tactics?|techniques?|severity)\s*:\s*(.*)$",
    re.IGNORECASE,
)
#: Keys of comments that say nothing of what the query finds.
_OTHER = re.compile(
    r"(?:author|date|link|references?|source|tags?|version|mitre|url|blog)\b[^:]{0,30}:|data connector required|"
    r"(?:microsoft sentinel|advanced hunting|microsoft 365 defender) quer(?:y|ies)\W*$",
    re.IGNORECASE,
)
_FENCE = re.compile(r"\s*```[A-Za-z]*[ \t]*\r?\n(.*?)\r?\n?[ \t]*```\s*", re.DOTALL)
_TECHNIQUE = re.compile(r"\bT[0-9]{4}(?:[./][0-9]{3})?\b")
#: Lines that only a query in KQL has.
PIPED = re.compile(
    r"^[ \t]*\|[ \t]*(?:where|extend|project|summarize|join|union|distinct|sort|order|take|limit|top|parse|mv-expand|count)\b",
    re.MULTILINE | re.IGNORECASE,
)
#: The language of another product, which has pipes as well.
_SPL = re.compile(r"^[ \t]*\|?[ \t]*(?:stats|eval|rex|tstats|table|search index)\b|\bindex[ \t]*=", re.MULTILINE)
MAX_SAID = 1000


@dataclass(frozen=True)
class Header:
    """What the comments before a query say."""

    values: dict[str, str]
    said: str
    techniques: tuple[str, ...]

    @property
    def tactics(self) -> tuple[str, ...]:
        text = self.values.get("tactic", "")
        words = [w.strip() for w in re.split(r"[,;|]", text) if w.strip()]
        if len(words) == 1 and not attack.tactic(words[0]):
            words = words[0].split()
        return tuple(attack.tactic(w) or w for w in words)


def load(file: TextFile) -> Loaded:
    text = file.source.text
    repairs: list[Diagnostic] = list(file.repairs)
    start, end = 0, len(text)
    fence = _FENCE.fullmatch(text)
    if fence:
        start, end = fence.span(1)
        repairs.append(codes.FENCE.at(Span(0, 3)))
    stem = re.split(r"[\\/]", file.path)[-1].rpartition(".")[0]
    parts = pieces(text[start:end])
    rules = []
    for number, (first, last) in enumerate(parts, 1):
        own = tuple(repairs) if number == 1 else ()
        name = stem if len(parts) == 1 else f"{stem} ({number})"
        rules.append(_rule(file, start + first, start + last, name, own))
    return Loaded(tuple(rules), tuple(Placed(d, file.source) for r in rules for d in (*r.repairs, *r.problems)))


def _rule(file: TextFile, start: int, end: int, name: str, repairs: tuple[Diagnostic, ...]) -> Rule:
    query = file.source.text[start:end]
    header = header_of(query)
    values = header.values
    problems = () if solid(query) else (codes.NO_QUERY.at(Span(start, start)),)
    return Rule(
        id=values.get("id", ""),
        name=values.get("name", "") or values.get("title", "") or name,
        description=values.get("description", "") or header.said,
        tactics=header.tactics,
        techniques=header.techniques,
        connectors=(),
        query=query,
        query_source=cut(file.source, query, [(0, start)]),
        severity=values.get("severity", "").capitalize(),
        kind="Hunting",
        version="",
        schedule=Schedule(),
        entity_mappings=(),
        custom_details=(),
        extra={},
        format="kql",
        path=file.path,
        file=file.source,
        original=file.original,
        repairs=repairs,
        problems=problems,
        presences={"query": Presence.GIVEN if query.strip() else Presence.EMPTY},
        spans={"query": Span(start, end)},
    )


def header_of(query: str) -> Header:
    found: dict[str, str] = {}
    said: list[str] = []
    techniques: list[str] = []
    ended, key = False, ""
    for raw in query.splitlines()[:60]:
        line = raw.strip()
        if line and not line.startswith("//"):
            break
        body = line.lstrip("/")
        techniques += (t.replace("/", ".") for t in _TECHNIQUE.findall(body))
        if match := _HEADER.match(line):
            key = match[1].lower().removesuffix("s")
            found.setdefault(key, match[2])
            ended = ended or bool(said)
        elif key == "description" and body.startswith("    ") and body.strip():
            # A text of several lines stands below its first word.
            found[key] = f"{found[key]} {body.strip()}"
        else:
            key = ""
            words = body.strip()
            if not any(c.isalpha() for c in words):
                ended = ended or bool(said)
            elif not ended and not _OTHER.match(words):
                said.append(words)
    named = [w for w in re.split(r"[,;\s]+", found.get("technique", "")) if w]
    known = [t for t in techniques if (row := attack.technique(t)) is not None and not row.successor]
    return Header(found, "\n".join(said)[:MAX_SAID].strip(), tuple(dict.fromkeys(named or known)))


def solid(query: str) -> bool:
    """Whether anything but comments is there."""
    return any(line.strip() and not line.lstrip().startswith("//") for line in query.splitlines())


def recognises(text: str) -> bool:
    """A text file that holds a query and no more."""
    return bool(PIPED.search(text)) and not _SPL.search(text)


declare(RuleFormat("kql", "Plain KQL: the query is the file", (".kql", ".csl", ".kusto"), lambda text: True, load))
declare(RuleFormat("kqltext", "Plain KQL in a text file", (".txt",), recognises, load, rank=-1))
