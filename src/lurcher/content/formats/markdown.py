"""Markdown as hunting repositories keep it: a title, a description, techniques in a table, and the queries in fences.

Each fence is a rule. Several of them are told apart by the heading that they stand under (`Defender XDR`, `Sentinel`).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from lurcher.content import attack, codes
from lurcher.content.files import TextFile
from lurcher.content.formats import RuleFormat, declare
from lurcher.content.formats.kql import PIPED, solid
from lurcher.content.model import Loaded, Placed, Presence, Rule, Schedule
from lurcher.content.places import cut
from lurcher.content.several import pieces
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import Span

_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<word>[^\s`]*)[^\r\n]*\r?\n", re.MULTILINE)
_FENCE_END = re.compile(r"^[ \t]*(?P<mark>`{3,}|~{3,})[ \t]*\r?$", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}[ \t]++([^\n]*[^\s#])[ \t#]*", re.MULTILINE)
_OURS = frozenset({"kql", "kusto", "kustoquerylanguage", "csl"})
#: Words of other languages that pages give a fence for its colours; a fence without a word is of their sort. It holds KQL where a
#: line begins with a pipe and an operator.
_ANY = frozenset(
    {"", "c#", "csharp", "cs", "c", "sql", "text", "txt", "plain", "plaintext", "code", "query", "sentinel", "azure"}
)
_TECHNIQUE = re.compile(r"\bT[0-9]{4}(?:\.[0-9]{3})?\b(?:[ \t]*\|[ \t]*[0-9]{3}[ \t]*\|)?")
_TACTIC_ID = re.compile(r"\bTA00[0-9]{2}\b")
#: A row of a table that says which tactics are covered: the name, then a mark.
_COVERED = re.compile(r"^\|[ \t]*([A-Za-z ]+?)[ \t]*\|[ \t]*[vVxX\u2713\u2714][ \t]*\|", re.MULTILINE)
_COVERS = re.compile(r"^\|[^|\n]*tactic[^|\n]*\|[ \t]*covered", re.MULTILINE | re.IGNORECASE)
_ID = re.compile(r"^\*\*ID:\*\*[ \t]*(\S+)[ \t]*\r?$", re.MULTILINE)
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
    return bool(_blocks(text)) and not _PAGE.search(_prose(text))


@dataclass(frozen=True, slots=True)
class _Fence:
    """From the line that opens it to the end of the one that closes it; `body` is where its text is."""

    start: int
    end: int
    body: Span
    indent: str
    word: str


def _fences(text: str) -> Iterator[_Fence]:
    """A fence ends at the next line of its own mark; one that never ends is none. Each line is looked at once."""
    ends: dict[str, list[re.Match[str]]] = {}
    for match in _FENCE_END.finditer(text):
        ends.setdefault(match["mark"], []).append(match)
    starts = {mark: [m.start() for m in found] for mark, found in ends.items()}
    at = 0
    for opened in _FENCE.finditer(text):
        mark = opened["mark"]
        if opened.start() < at or mark not in ends:
            continue
        number = bisect_left(starts[mark], opened.end())
        if number == len(starts[mark]):
            continue
        closed = ends[mark][number]
        at = closed.end()
        yield _Fence(opened.start(), at, Span(opened.end(), closed.start()), opened["indent"], opened["word"])


def _prose(text: str) -> str:
    """What stands outside of the fences."""
    out, at = [], 0
    for fence in _fences(text):
        out.append(text[at : fence.start])
        at = fence.end
    return "".join((*out, text[at:]))


def load(file: TextFile) -> Loaded:
    text = file.source.text
    blocks = _blocks(text)
    if not blocks:
        why = "no query is found: a fence with the word 'kql' holds one"
        return Loaded((), (Placed(codes.NOT_A_RULE.at(Span(0, 0), why=why), file.source),))
    prose = _prose(text)
    first = _HEADING.search(text)
    title = (
        first[1].strip().strip("*_").strip()
        if first and first.start() < blocks[0].start
        else re.split(r"[\\/]", file.path)[-1].rpartition(".")[0]
    )
    techniques, tactics = _techniques(prose), _tactics(prose)
    description = _section(prose, "description") or _section(prose, "detection description") or _lead(prose)
    ids = _ID.findall(prose) if len(blocks) == 1 else []
    rules = []
    for number, (block, name) in enumerate(zip(blocks, _names(title, blocks), strict=True)):
        problems: tuple[Diagnostic, ...] = ()
        if not solid(block.text):
            problems = (codes.NO_QUERY.at(Span(block.start, block.start)),)
        repairs = file.repairs if number == 0 else ()
        rules.append(
            Rule(
                id=ids[0] if len(ids) == 1 else "",
                name=name,
                description=description,
                tactics=tactics,
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
    places = [at for at, _ in headings]
    for fence in _fences(text):
        word, body = fence.word.lower().strip("{}."), text[fence.body.start : fence.body.end]
        if fence.indent or not (word in _OURS or (word in _ANY and PIPED.search(body))):
            continue
        above = bisect_left(places, fence.start)
        heading = headings[above - 1][1] if above else ""
        start = fence.body.start
        body = body.rstrip()
        for first, last in pieces(body):
            found.append(_Block(start + first, start + last, body[first:last], heading))
    return found


def _names(title: str, blocks: list[_Block]) -> Iterator[str]:
    """The title alone, or with the heading above the block and its number there."""
    same, numbers = Counter(b.heading for b in blocks), Counter[str]()
    for block in blocks:
        numbers[block.heading] += 1
        told = block.heading if block.heading.lower() not in _PLAIN and block.heading != title else ""
        if same[block.heading] > 1:
            told = f"{told} {numbers[block.heading]}".strip()
        yield f"{title} ({told})" if told and len(blocks) > 1 else title


def _techniques(prose: str) -> tuple[str, ...]:
    """Ids wherever they stand; in a table, `T1087 | 002 |` is a sub-technique."""
    return tuple(
        dict.fromkeys(
            re.sub(r"[ \t|]+$", "", re.sub(r"[ \t]*\|[ \t]*", ".", t, count=1)) for t in _TECHNIQUE.findall(prose)
        )
    )


def _tactics(prose: str) -> tuple[str, ...]:
    """By their ids, or by the marks of a table that asks which are covered."""
    found = [attack.TACTIC_IDS[i] for i in _TACTIC_ID.findall(prose) if i in attack.TACTIC_IDS]
    if _COVERS.search(prose):
        found += [name for row in _COVERED.findall(prose) if (name := attack.tactic(row))]
    return tuple(dict.fromkeys(found))


def _lead(prose: str) -> str:
    """What stands under the title, up to the next heading: a page's description where none is called so."""
    title = _HEADING.search(prose)
    if title is None or prose[: title.start()].strip():
        return ""
    after = _HEADING.search(prose, title.end())
    return prose[title.end() : after.start() if after else len(prose)].strip()


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
