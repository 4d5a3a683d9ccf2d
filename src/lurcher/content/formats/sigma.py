"""Sigma rules: YAML with `logsource` and `detection`. The query is made by `lurcher.content.sigma`.

A diagnostic of the made query shows its line, at the place of `detection` in the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lurcher.content import attack, codes
from lurcher.content.files import TextFile
from lurcher.content.formats import RuleFormat, declare
from lurcher.content.model import Loaded, Placed, Plain, Presence, Rule, Schedule
from lurcher.content.yamltree import Broken, Node, parse, plain
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import NOWHERE, Source, Span

if TYPE_CHECKING:
    from lurcher.content.sigma.translate import Translation

_SOURCE = re.compile(r"^(?:logsource|correlation)[ \t]*:", re.MULTILINE)
_RULE = re.compile(r"^(?:detection|correlation|filter)[ \t]*:", re.MULTILINE)
#: What pySigma's `windash` takes for the dash of a parameter.
_DASH = re.compile(r"\B[-/]\b")
MAX_SPELLINGS = 20_000
#: Read into fields of the model.
_READ = frozenset({"id", "title", "description", "tags", "level"})
_SEVERITIES = {
    "informational": "Informational", "low": "Low", "medium": "Medium", "high": "High", "critical": "High",
}  # fmt: skip
#: The model's key -> Sigma's.
_KEYS = {
    "id": "id", "name": "title", "description": "description", "severity": "level", "tactics": "tags",
    "relevantTechniques": "tags", "query": "detection",
}  # fmt: skip


def recognises(text: str) -> bool:
    return bool(_SOURCE.search(text) and _RULE.search(text))


@dataclass(frozen=True)
class Made(Source):
    """A query that stands in no file. All of it is at the place that it was made from."""

    def position(self, offset: int) -> tuple[int, int]:
        return self.first_line, self.first_column


def load(file: TextFile) -> Loaded:
    text = file.source.text
    try:
        documents = [d for d in parse(text) if not d.is_null]
        for document in documents:
            # Aliases are expanded by pySigma's reader without a limit.
            plain(document)
    except Broken as broken:
        return Loaded((), tuple(Placed(d, file.source) for d in (*file.repairs, broken.diagnostic)))
    try:
        from lurcher.content.sigma.translate import translate
    except ModuleNotFoundError:
        missing = codes.SIGMA_MISSING.at(NOWHERE, hint="pip install 'lurcher[sigma]'")
        return Loaded((), (*(Placed(d, file.source) for d in file.repairs), Placed(missing, file.source)))
    if (many := next((n for d in documents if (n := _many_dashes(d)) is not None), None)) is not None:
        why = f"'windash' would make more than {MAX_SPELLINGS:,} spellings of this value"
        too_many = codes.SIGMA.at(many.span, why=why)
        return Loaded((), tuple(Placed(d, file.source) for d in (*file.repairs, too_many)))
    made = translate(text)
    own = [d for d in documents if d.kind == "mapping" and d.get("action") is None]
    rules: list[Rule] = []
    for number, one in enumerate(made):
        node = own[number] if len(own) == len(made) else documents[0]
        rules.append(_rule(file, node, one, file.repairs if number == 0 else ()))
    placed = [Placed(d, file.source) for rule in rules for d in (*rule.repairs, *rule.problems)]
    return Loaded(tuple(rules), tuple(placed))


def _many_dashes(document: Node) -> Node | None:
    """A value of which `windash` makes too many: each dash in it has five spellings, and every combination is one."""
    waiting = [(document, False)]
    while waiting:
        node, expanded = waiting.pop()
        if expanded and node.kind == "scalar" and 5 ** min(len(_DASH.findall(node.value)), 20) > MAX_SPELLINGS:
            return node
        waiting += [(item, expanded) for item in node.items]
        waiting += [(child, "windash" in key.value.split("|")[1:]) for key, child in node.pairs]
    return None


def _rule(file: TextFile, node: Node, made: Translation, repairs: tuple[Diagnostic, ...]) -> Rule:
    data = _data(node)
    spans = {ours: value.span for ours, theirs in _KEYS.items() if (value := node.get(theirs)) is not None}
    place = spans.get("query", node.span)
    problems: tuple[Diagnostic, ...] = ()
    if made.problem:
        problems = (codes.SIGMA.at(_head(place), why=made.problem),)
    readings = tuple(codes.SIGMA_READING.at(_head(place), what=note) for note in made.notes)
    line, column = file.source.position(place.start)
    tactics, techniques = _attack(data.get("tags"))
    return Rule(
        id=_text(data.get("id")),
        name=_text(data.get("title")),
        description=_text(data.get("description")),
        tactics=tactics,
        techniques=techniques,
        connectors=(),
        query=made.query,
        query_source=Made(made.query, file.source.name, line, column),
        severity=_SEVERITIES.get(_text(data.get("level")).lower(), ""),
        kind="Hunting",
        version=_text(data.get("modified") or data.get("date")),
        schedule=Schedule(),
        entity_mappings=(),
        custom_details=(),
        extra={k: v for k, v in data.items() if k not in _READ},
        format="sigma",
        path=file.path,
        file=file.source,
        original=file.original,
        repairs=(*repairs, *readings),
        problems=problems,
        presences=dict.fromkeys(spans, Presence.GIVEN),
        spans=spans,
    )


def _data(node: Node) -> Mapping[str, Plain]:
    data = plain(node)
    return data if isinstance(data, dict) else {}


def _head(span: Span) -> Span:
    """One character: a caret under a whole block says nothing."""
    return Span(span.start, span.start + 1)


def _text(value: Plain) -> str:
    return "" if value is None or isinstance(value, list | dict) else str(value).strip()


def _attack(tags: Plain) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Tactics and techniques of `attack.` tags; groups and software (`attack.g0016`) stay among the tags alone."""
    tactics: list[str] = []
    techniques: list[str] = []
    for tag in tags if isinstance(tags, list) else [tags]:
        space, _, name = _text(tag).lower().partition(".")
        if space != "attack":
            continue
        if attack.well_formed(name.upper()):
            techniques.append(name.upper())
        elif found := attack.tactic(name):
            tactics.append(found)
    return tuple(dict.fromkeys(tactics)), tuple(dict.fromkeys(techniques))


declare(
    RuleFormat(
        "sigma",
        "Sigma: YAML with `logsource` and `detection`; the query is made of it (extra `sigma`)",
        (".yaml", ".yml"),
        recognises,
        load,
        rank=1,
    )
)
