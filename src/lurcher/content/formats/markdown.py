"""Markdown as hunting repositories keep it: a title, a description, techniques in a table, and the queries in fences.

Each fence is a rule. Several of them are told apart by the heading that they stand under (`Defender XDR`, `Sentinel`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lurcher.content import codes
from lurcher.content.files import TextFile
from lurcher.content.formats import RuleFormat, declare
from lurcher.content.model import Loaded, Placed, Presence, Rule, Schedule
from lurcher.content.places import cut
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import Span

_FENCE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<word>[^\s`]*)[^\r\n]*\r?\n(?P<text>.*?)^[ \t]*(?P=mark)[ \t]*\r?$",
    re.MULTILINE | re.DOTALL,
)
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_OURS = frozenset({"kql", "kusto", "kustoquerylanguage", "csl"})
#: A fence without a word: a line that begins with a pipe and an operator is nothing else's.
_KQL = re.compile(
    r"^[ \t]*\|[ \t]*(?:where|extend|project|summarize|join|union|distinct|sort|order|take|limit|top|parse|mv-expand|count)\b",
    re.MULTILINE | re.IGNORECASE,
)
_TECHNIQUE = re.compile(r"\bT[0-9]{4}(?:\.[0-9]{3})?\b")
#: What a page (`formats.page`) has and this form does not.
_PAGE = re.compile(r"^[-*\s]*(?:Scenario\s*:|Filter\s*/\s*Exclusion\s*:|query\s*:)", re.MULTILINE)
#: Headings that say nothing of the query below them.
_PLAIN = frozenset({"query", "kql query", "kql", "queries", "hunt", "detection", "hunting query"})


@dataclass(frozen=True, slots=True)
class _Block:
    start: int
    end: int
    text: str
    heading: str


def recognises(text: str) -> bool:
    outside = _FENCE.sub("", text)
    return bool(_blocks(text)) and not _PAGE.search(outside)


def load(file: TextFile) -> Loaded:
    text = file.source.text
    blocks = _blocks(text)
    if not blocks:
        why = "no query is found: a fence with the word 'kql' holds one"
        return Loaded((), (Placed(codes.NOT_A_RULE.at(Span(0, 0), why=why), file.source),))
    prose = _FENCE.sub("", text)
    first = _HEADING.search(text)
    title = (
        first[1].strip()
        if first and first.start() < blocks[0].start
        else re.split(r"[\\/]", file.path)[-1].rpartition(".")[0]
    )
    techniques = tuple(dict.fromkeys(_TECHNIQUE.findall(prose)))
    description = _section(prose, "description")
    rules = []
    for number, block in enumerate(blocks):
        problems: tuple[Diagnostic, ...] = ()
        if not any(line.strip() and not line.lstrip().startswith("//") for line in block.text.splitlines()):
            problems = (codes.NO_QUERY.at(Span(block.start, block.start)),)
        repairs = file.repairs if number == 0 else ()
        rules.append(
            Rule(
                id="",
                name=_name(title, block, blocks),
                description=description,
                tactics=(),
                techniques=techniques,
                connectors=(),
                query=block.text,
                query_source=cut(file.source, block.text, [(0, block.start)]),
                severity="",
                kind="Hunting",
                version="",
                schedule=Schedule(),
                entity_mappings=(),
                custom_details=(),
                extra={},
                format="markdown",
                path=file.path,
                file=file.source,
                original=file.original,
                repairs=repairs,
                problems=problems,
                presences={"query": Presence.GIVEN},
                spans={"query": Span(block.start, block.end)},
            )
        )
    placed = [Placed(d, file.source) for rule in rules for d in (*rule.repairs, *rule.problems)]
    return Loaded(tuple(rules), tuple(placed))


def _blocks(text: str) -> list[_Block]:
    headings = [(m.start(), m[1].strip().strip("*:").strip()) for m in _HEADING.finditer(text)]
    found = []
    for match in _FENCE.finditer(text):
        word, body = match["word"].lower().strip("{}."), match["text"]
        if match["indent"] or not (word in _OURS or (not word and _KQL.search(body))):
            continue
        heading = next((name for at, name in reversed(headings) if at < match.start()), "")
        start = match.start("text")
        solid = body.rstrip()
        found.append(_Block(start, start + len(solid), solid, heading))
    return found


def _name(title: str, block: _Block, blocks: list[_Block]) -> str:
    if len(blocks) == 1:
        return title
    same = [b for b in blocks if b.heading == block.heading]
    told = block.heading if block.heading.lower() not in _PLAIN and block.heading != title else ""
    if len(same) > 1:
        told = f"{told} {same.index(block) + 1}".strip()
    return f"{title} ({told})" if told else title


def _section(prose: str, name: str) -> str:
    """What stands under a heading, up to the next."""
    for match in _HEADING.finditer(prose):
        if match[1].strip().strip("*:").lower() == name:
            after = _HEADING.search(prose, match.end())
            return prose[match.end() : after.start() if after else len(prose)].strip()
    return ""


declare(
    RuleFormat(
        "markdown",
        "Markdown of a hunting repository: each fence with KQL is a rule, under the page's title",
        (".md",),
        recognises,
        load,
        rank=1,
    )
)
