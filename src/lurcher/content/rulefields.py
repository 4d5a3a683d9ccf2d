"""A Sentinel mapping -> `Rule`: each field with its own spelling errors."""

from __future__ import annotations

import re

from lurcher.content import codes, values
from lurcher.content.exclusionfields import exclusions_of
from lurcher.content.fields import KINDS, OPERATORS, SEVERITIES
from lurcher.content.files import TextFile
from lurcher.content.model import Connector, Edit, EntityMapping, Presence, Rule, Schedule
from lurcher.content.places import Marked, cut
from lurcher.content.reader import Reader, described
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import Source

_TEMPLATE = re.compile(r"%%\w+%%")
_FENCE = re.compile(r"\s*```[A-Za-z]*[ \t]*\n(.*?)\n?[ \t]*```\s*", re.DOTALL)
#: Read into fields of the model; all other keys go to `Rule.extra`.
_READ = frozenset(
    {
        "id", "name", "description", "kind", "version", "severity", "requiredDataConnectors", "tactics",
        "relevantTechniques", "query",
        "queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold", "entityMappings", "customDetails", "exclusions",
    }
)  # fmt: skip


def rule_of(
    reader: Reader, file: TextFile, form: str, repairs: tuple[Diagnostic, ...], edits: tuple[Edit, ...]
) -> Rule:
    """Raises `yamltree.Broken` where unknown keys hold aliases without bound."""
    query, query_source = _query(reader)
    kind = reader.choice("kind", lambda v: KINDS.get(v.lower(), ""))
    _runs(reader, query)
    return Rule(
        id=reader.text("id"),
        name=reader.text("name"),
        description=reader.text("description"),
        tactics=reader.texts("tactics"),
        techniques=reader.texts("relevantTechniques"),
        connectors=_connectors(reader),
        query=query,
        query_source=query_source,
        severity=reader.choice("severity", lambda v: next((s for s in SEVERITIES if s.lower() == v.lower()), "")),
        kind=kind or ("Scheduled" if reader.presences.get("queryFrequency") else "Hunting"),
        version=reader.text("version"),
        schedule=_schedule(reader),
        entity_mappings=_entities(reader),
        custom_details=_details(reader),
        extra=reader.rest(_READ),
        format=form,
        path=file.path,
        file=file.source,
        original=file.original,
        exclusions=exclusions_of(reader, reader.members("exclusions")),
        # Last: the fields above add to them.
        repairs=(*repairs, *reader.repairs),
        problems=tuple(reader.problems),
        edits=(*edits, *reader.edits),
        presences=dict(reader.presences),
        spans=dict(reader.spans),
    )


def _runs(reader: Reader, query: str) -> None:
    """A template is named as one, with its marks; any other empty query is an error of its own."""
    values_of = {k: reader.values[k].value for k in ("id", "name", "query") if k in reader.values}
    marks = list(dict.fromkeys(m.group() for text in values_of.values() for m in _TEMPLATE.finditer(text)))
    if marks:
        key = next(k for k, text in values_of.items() if marks[0] in text)
        reader.problems.append(codes.TEMPLATE.at(reader.spans[key], marks=" and ".join(marks)))
    elif "query" not in reader.values:
        hint = "a rule has at least `name:` and `query: |`"
        reader.problems.append(codes.NOT_A_RULE.at(reader.span(reader.node), why="there is no key 'query'", hint=hint))
    elif reader.values["query"].kind != "scalar":
        why = f"'query' is {described(reader.values['query'])}, expected the text of a query"
        reader.problems.append(codes.NOT_A_RULE.at(reader.spans["query"], why=why))
    elif not query.strip():
        reader.problems.append(codes.NO_QUERY.at(reader.spans["query"]))


def _query(reader: Reader) -> tuple[str, Source]:
    source = reader.source("query")
    fence = _FENCE.fullmatch(source.text)
    if fence:
        reader.repairs.append(codes.FENCE.at(reader.spans["query"]))
        source = part(source, fence.start(1), fence.end(1))
    bare = source.text.strip()
    if (
        len(bare) > 2
        and bare[0] == bare[-1]
        and bare[0] in "'\""
        and bare[0] not in bare[1:-1]
        and ("|" in bare or "\n" in bare)
    ):
        reader.repairs.append(codes.QUOTED_BLOCK.at(reader.spans["query"]))
        first = source.text.index(bare[0])
        source = part(source, first + 1, first + len(bare) - 1)
    return source.text, source


def part(source: Source, start: int, end: int) -> Source:
    """A stretch of a text with its places."""
    if not isinstance(source, Marked):
        return source
    marks = [(offset - start, there) for offset, there in source.marks if start <= offset < end]
    if not marks or marks[0][0] > 0:
        marks.insert(0, (0, source.in_file(start)))
    return cut(source.file, source.text[start:end], marks)


def _connectors(reader: Reader) -> tuple[Connector, ...]:
    found = []
    for node in reader.members("requiredDataConnectors"):
        name = node.get("connectorId")
        types = node.get("dataTypes")
        found.append(
            Connector(
                name.value.strip() if name is not None and name.kind == "scalar" else "",
                reader.texts_of("dataTypes", types) if types is not None else (),
            )
        )
    return tuple(found)


def _schedule(reader: Reader) -> Schedule:
    times = {}
    for key in ("queryFrequency", "queryPeriod"):
        value = reader.text(key)
        times[key] = values.duration(value)
        if value and times[key] is None:
            reader.wrong(key, reader.values[key], "a duration such as PT1H or 1d")
    written = reader.text("triggerOperator")
    operator = OPERATORS.get(written.lower().replace(" ", ""))
    if written and operator is None:
        reader.wrong("triggerOperator", reader.values["triggerOperator"], "gt, lt, eq or ne")
    threshold = reader.text("triggerThreshold")
    number = int(threshold) if re.fullmatch(r"[0-9]{1,9}", threshold) else None
    if threshold and number is None:
        reader.wrong("triggerThreshold", reader.values["triggerThreshold"], "a whole number")
    return Schedule(times["queryFrequency"], times["queryPeriod"], operator, number)  # type: ignore[arg-type]


def _entities(reader: Reader) -> tuple[EntityMapping, ...]:
    found = []
    for node in reader.members("entityMappings"):
        kind = node.get("entityType")
        mappings = node.get("fieldMappings")
        fields = []
        for pair in mappings.items if mappings is not None else []:
            identifier, column = pair.get("identifier"), pair.get("columnName")
            if identifier is None or column is None or identifier.kind != "scalar" or column.kind != "scalar":
                reader.wrong("fieldMappings", pair, "pairs of identifier and columnName")
                continue
            fields.append((identifier.value.strip(), column.value.strip()))
        name = kind.value.strip() if kind is not None and kind.kind == "scalar" else ""
        found.append(EntityMapping(name, tuple(fields), reader.span(node)))
    return tuple(found)


def _details(reader: Reader) -> tuple[tuple[str, str], ...]:
    node = reader.values.get("customDetails")
    if node is None or node.is_null:
        return ()
    if node.kind != "mapping":
        if reader.presences["customDetails"] is not Presence.EMPTY:
            reader.wrong("customDetails", node, "names and columns")
        return ()
    return tuple((k.value, v.value.strip()) for k, v in node.pairs if v.kind == "scalar")
