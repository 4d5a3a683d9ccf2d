"""Plain KQL files: the query is the file. Metadata may stand in comments before it (`// Name: ...`), as many repositories do."""

from __future__ import annotations

import re

from lurcher.content import codes
from lurcher.content.files import TextFile
from lurcher.content.formats import RuleFormat, declare
from lurcher.content.model import Loaded, Placed, Presence, Rule, Schedule
from lurcher.content.places import cut
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import Span

_HEADER = re.compile(r"//+\s*(id|name|title|description|tactics?|techniques?|severity)\s*:\s*(.*?)\s*$", re.IGNORECASE)
_FENCE = re.compile(r"\s*```[A-Za-z]*[ \t]*\r?\n(.*?)\r?\n?[ \t]*```\s*", re.DOTALL)


def load(file: TextFile) -> Loaded:
    text = file.source.text
    repairs: list[Diagnostic] = list(file.repairs)
    problems: list[Diagnostic] = []
    start, end = 0, len(text)
    fence = _FENCE.fullmatch(text)
    if fence:
        start, end = fence.span(1)
        repairs.append(codes.FENCE.at(Span(0, 3)))
    query = text[start:end]
    header = _header(query)
    if not _solid(query):
        problems.append(codes.NO_QUERY.at(Span(0, 0)))
    rule = Rule(
        id=header.get("id", ""),
        name=header.get("name", "") or header.get("title", "") or re.split(r"[\\/]", file.path)[-1].rpartition(".")[0],
        description=header.get("description", ""),
        tactics=_words(header, "tactic"),
        techniques=_words(header, "technique"),
        connectors=(),
        query=query,
        query_source=cut(file.source, query, [(0, start)]),
        severity=header.get("severity", "").capitalize(),
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
        repairs=tuple(repairs),
        problems=tuple(problems),
        presences={"query": Presence.GIVEN if query.strip() else Presence.EMPTY},
        spans={"query": Span(start, end)},
    )
    return Loaded((rule,), tuple(Placed(d, file.source) for d in (*repairs, *problems)))


def _header(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in query.splitlines()[:60]:
        if line.strip() and not line.lstrip().startswith("//"):
            break
        match = _HEADER.match(line.strip())
        if match:
            found.setdefault(match[1].lower().removesuffix("s"), match[2])
    return found


def _words(header: dict[str, str], key: str) -> tuple[str, ...]:
    return tuple(w for w in re.split(r"[,;\s]+", header.get(key, "")) if w)


def _solid(query: str) -> bool:
    """Whether anything but comments is there."""
    return any(line.strip() and not line.lstrip().startswith("//") for line in query.splitlines())


declare(RuleFormat("kql", "Plain KQL: the query is the file", (".kql", ".csl", ".kusto"), lambda text: True, load))
