"""Pages: a detection as a web page has it, pasted as text.

Prose, a heading `KQL Query` with the bare query, a Sentinel YAML that has lost its indentation, then blocks of `Scenario:`,
`Description:` and `Filter/Exclusion:`. Each part may be missing, as long as there is a query.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from lurcher.content import codes, values
from lurcher.content.files import TextFile
from lurcher.content.formats import RuleFormat, declare
from lurcher.content.formats.kql import load as load_kql
from lurcher.content.formats.sentinel import load_part
from lurcher.content.model import Exclusion, Loaded, Placed, Rule
from lurcher.content.places import Marked, cut
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import Source, Span

_HEADING = re.compile(r"[#*\s]*(?:KQL )?Query[*\s]*:?[*\s]*", re.IGNORECASE)
_YAML_START = re.compile(r"(?:id|name)\s*:\s*\S")
_LABEL = re.compile(
    r"[-*\s]*(Scenario|Description|Filter\s*/\s*Exclusion|Filter|Exclusion)\s*:\**[ \t]*", re.IGNORECASE
)
_FENCE_LINE = re.compile(r"\s*```[A-Za-z]*\s*")


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def _lines(text: str) -> list[_Line]:
    lines, at = [], 0
    for line in text.split("\n"):
        lines.append(_Line(line.rstrip("\r"), at))
        at += len(line) + 1
    return lines


def recognises(text: str) -> bool:
    """A page has a query under a heading, or a rule's keys among its lines."""
    lines = text.splitlines()[:2000]
    heading = any(_HEADING.fullmatch(line) for line in lines)
    keys = sum(1 for line in lines if re.match(r"(?:id|name|query|tactics|relevantTechniques)\s*:", line))
    return heading or keys >= 2


def load(file: TextFile) -> Loaded:
    text = file.source.text
    lines = _lines(text)
    # A line `Scenario: ...` inside the query would be no KQL, so the first one ends the query.
    scenarios = next((i for i, line in enumerate(lines) if _is(line, "scenario")), len(lines))
    yaml = next(
        (i for i in range(scenarios) if _YAML_START.match(lines[i].text) and _has_query(lines[i:scenarios])), scenarios
    )
    heading = next((i for i in range(yaml) if _HEADING.fullmatch(lines[i].text)), yaml)
    prose = text[: lines[heading].start].strip() if heading < len(lines) else text.strip()
    bare = _bare(file.source, lines, heading + 1, yaml)
    repairs: list[Diagnostic] = []
    problems: list[Diagnostic] = []
    exclusions = _exclusions(file, lines[scenarios:], repairs, problems)
    if yaml < scenarios:
        end = lines[scenarios].start if scenarios < len(lines) else len(text)
        loaded = load_part(file, text[lines[yaml].start : end], lines[yaml].start, "page")
        if len(loaded.rules) != 1:
            return loaded
        rule = loaded.rules[0]
        repairs = [*rule.repairs, *_differ(bare, rule, file), *repairs]
        rule = replace(rule, extra={**rule.extra, "page": prose}, problems=(*rule.problems, *problems))
    elif bare is not None:
        loaded = load_kql(replace(file, source=Source(bare.text, file.path), repairs=()))
        repairs = [*file.repairs, *repairs]
        rule = replace(
            loaded.rules[0],
            description=prose,
            query=bare.text,
            query_source=bare,
            file=file.source,
            extra={"page": prose},
        )
        rule = replace(
            rule, problems=(*rule.problems, *problems), spans={"query": Span(bare.in_file(0), lines[yaml - 1].end)}
        )
    else:
        hint = "a page has a line 'KQL Query' with the query below it, or a rule's YAML (id:, name:, query: |)"
        return Loaded(
            (), (Placed(codes.NOT_A_RULE.at(Span(0, 0), why="no query is found on this page", hint=hint), file.source),)
        )
    # A page stays a page: its repairs are read, never written.
    repairs.sort(key=lambda d: d.span.start)
    rule = replace(rule, format="page", exclusions=(*rule.exclusions, *exclusions), repairs=tuple(repairs), edits=())
    return Loaded((rule,), tuple(Placed(d, file.source) for d in (*rule.repairs, *rule.problems)))


def _is(line: _Line, label: str) -> bool:
    match = _LABEL.match(line.text)
    return match is not None and match[1].lower().startswith(label)


def _has_query(lines: list[_Line]) -> bool:
    return any(re.match(r"query\s*:", line.text) for line in lines)


def _bare(source: Source, lines: list[_Line], first: int, end: int) -> Marked | None:
    """The query under the heading, without fences and the blank lines around it."""
    while first < end and (not lines[first].text.strip() or _FENCE_LINE.fullmatch(lines[first].text)):
        first += 1
    while end > first and (not lines[end - 1].text.strip() or _FENCE_LINE.fullmatch(lines[end - 1].text)):
        end -= 1
    if first >= end:
        return None
    return cut(source, source.text[lines[first].start : lines[end - 1].end], [(0, lines[first].start)])


def _differ(bare: Marked | None, rule: Rule, file: TextFile) -> list[Diagnostic]:
    """Where the bare query and the YAML's part ways. White space at the ends of lines and blank lines do not count."""
    if bare is None or not rule.query.strip():
        return []
    ours = [line.strip() for line in rule.query.splitlines() if line.strip()]
    at = bare.in_file(0)
    theirs = [(m.group().strip(), at + m.start()) for m in re.finditer(r"[^\r\n]+", bare.text) if m.group().strip()]
    for i, (line, start) in enumerate(theirs):
        if i >= len(ours) or ours[i] != line:
            return [codes.TWO_QUERIES.at(Span(start, start + len(line)))]
    if len(ours) > len(theirs):
        return [
            codes.TWO_QUERIES.at(
                Span(theirs[-1][1], theirs[-1][1] + 1), hint=f"the YAML goes on with: {ours[len(theirs)][:80]}"
            )
        ]
    return []


def _exclusions(
    file: TextFile, lines: list[_Line], repairs: list[Diagnostic], problems: list[Diagnostic]
) -> list[Exclusion]:
    found: list[Exclusion] = []
    block: dict[str, tuple[int, int]] = {}
    label = ""
    for line in lines:
        match = _LABEL.match(line.text)
        if match:
            label = "when" if match[1].lower()[0] in "fe" else match[1].lower()
            if label == "scenario" and block:
                found.append(_exclusion(file, block, repairs, problems, found))
                block = {}
            elif label in block:
                start = line.start
                problems.append(codes.KEY_TWICE.at(Span(start, line.end), key=match[1]))
                label = ""
                continue
            block[label] = (line.start + match.end(), line.end)
        elif line.text.strip() and label:
            block[label] = (block[label][0], line.end)
        elif line.text.strip():
            repairs.append(codes.STRAY_TEXT.at(Span(line.start, line.end)))
    if block:
        found.append(_exclusion(file, block, repairs, problems, found))
    return found


def _exclusion(
    file: TextFile,
    block: dict[str, tuple[int, int]],
    repairs: list[Diagnostic],
    problems: list[Diagnostic],
    earlier: list[Exclusion],
) -> Exclusion:
    text = file.source.text

    def value(label: str) -> str:
        start, end = block.get(label, (0, 0))
        return text[start:end].strip()

    span = Span(min(s for s, _ in block.values()), max(e for _, e in block.values()))
    scenario = value("scenario")
    id_ = base = values.slug(scenario)
    count = 1
    taken = {e.id for e in earlier if e.id.startswith(base)}
    while id_ in taken:
        count += 1
        id_ = f"{base}-{count}"
    start, end = block.get("when", (span.start, span.start))
    when = text[start:end].strip()
    start += len(text[start:end]) - len(text[start:end].lstrip())
    errors: tuple[Diagnostic, ...] = ()
    if not when:
        why = "it has no line 'Filter/Exclusion:'" if "when" not in block else "its 'Filter/Exclusion:' is empty"
        errors = (codes.BAD_EXCLUSION.at(span, id=id_, why=why),)
        problems += errors
    return Exclusion(
        id=id_,
        scenario=scenario,
        description=value("description"),
        when=when,
        when_source=cut(file.source, when, [(0, start)]),
        file=file.source,
        span=span,
        errors=errors,
    )


declare(
    RuleFormat(
        "page",
        "A page pasted as text: prose, a query under a heading, a YAML without indentation, scenarios with their filters",
        (".txt", ".md"),
        recognises,
        load,
    )
)
