"""A rule as Sentinel's YAML: the file it came from where nothing but the query changed, else written anew."""

from __future__ import annotations

import re
from typing import Any

from lurcher.content import values
from lurcher.content.export import codes
from lurcher.content.export.model import Converted, Deploy
from lurcher.content.files import TextFile, decode, edited
from lurcher.content.formats.sentinel import load as load_yaml
from lurcher.content.loading import write_fixed
from lurcher.content.model import Edit, Placed, Rule
from lurcher.content.yamltree import Broken, parse
from lurcher.errors import LurcherError
from lurcher.kql.source import NOWHERE, Source, Span


def convert(deploy: Deploy) -> Converted:
    """Of a Sentinel file with one rule in it: its own text, repaired; with another query, that alone is changed."""
    rule = deploy.rule
    text = _own_text(rule)
    if text is not None and (not deploy.changed or "exclusions" not in rule.presences):
        if not deploy.changed:
            return Converted(deploy, text)
        changed = _with_query(text, rule, deploy.query)
        if changed is not None:
            return Converted(deploy, changed)
    return Converted(deploy, _anew(deploy), said=(codes.COMMENTS_LOST.at(NOWHERE),))


def _own_text(rule: Rule) -> str | None:
    if rule.format != "sentinel":
        return None
    try:
        fixed = write_fixed(rule)
    except LurcherError:
        return None
    file = decode(rule.path, fixed)
    if isinstance(file, Placed):
        return None
    loaded = load_yaml(TextFile(rule.path, fixed, file.source))
    return file.source.text if len(loaded.rules) == 1 and _strict(file.source.text) else None


def _strict(text: str) -> bool:
    """Whether any YAML parser takes it."""
    try:
        return len(parse(text)) == 1
    except Broken:
        return False


def _with_query(text: str, rule: Rule, query: str) -> str | None:
    """The text with another query; None where that cannot be said in its place."""
    document = parse(text)[0]
    node = document.get("query")
    if node is None or document.flow or not _plain_lines(query):
        return None
    newline = "\r\n" if "\r\n" in text else "\n"
    line = text.rfind("\n", 0, node.span.start) + 1
    if not re.fullmatch(r"query[ \t]*:[ \t]*", text[line : node.span.start]):
        return None
    end = node.span.end
    if node.style in ("|", ">"):
        # The parser ends a block where the next token begins.
        end = len(text[:end].rstrip())
    chomp = "|" if query.endswith("\n") else "|-"
    body = "".join(newline + (f"  {row}" if row else "") for row in query.removesuffix("\n").split("\n"))
    tail = text[end:]
    made = edited(text, (Edit(Span(node.span.start, end), chomp + body),))
    if not tail.strip():
        made = made.rstrip() + newline
    again = load_yaml(TextFile(rule.path, made.encode(), Source(made, rule.path)))
    same = len(again.rules) == 1 and again.rules[0].query == query
    return made if same and _others(again.rules[0]) == _others(rule) and _strict(made) else None


def _plain_lines(query: str) -> bool:
    """Whether a literal block gives the text back: no character that YAML turns into a line end, no blank first line."""
    return (
        bool(query.strip())
        and not query.endswith("\n\n")
        and query[0] not in " \t\n"
        and all(c.isprintable() or c in "\n\t" for c in query)
    )


def _others(rule: Rule) -> tuple[Any, ...]:
    mappings = tuple((m.entity_type, m.fields) for m in rule.entity_mappings)
    names = (rule.id, rule.name, rule.description, rule.tactics, rule.techniques, rule.connectors, rule.version)
    return (*names, rule.severity, rule.kind, rule.schedule, mappings, rule.custom_details, dict(rule.extra))


def _anew(deploy: Deploy) -> str:
    """All that the rule says, in Sentinel's keys and order."""
    rule, plan = deploy.rule, deploy.rule.schedule
    operator = plan.trigger_operator
    made: dict[str, Any] = {
        "id": rule.id,
        "name": rule.name,
        "description": rule.description,
        "kind": rule.kind if rule.kind != "Hunting" else "",
        "severity": rule.severity,
        "requiredDataConnectors": [
            {"connectorId": c.id, "dataTypes": list(c.data_types)} if c.id else {"dataTypes": list(c.data_types)}
            for c in rule.connectors
        ],
        "queryFrequency": values.written(plan.query_frequency) if plan.query_frequency is not None else "",
        "queryPeriod": values.written(plan.query_period) if plan.query_period is not None else "",
        "triggerOperator": operator or "",
        "triggerThreshold": plan.trigger_threshold,
        "tactics": list(rule.tactics),
        "relevantTechniques": list(rule.techniques),
        "query": deploy.query,
        "entityMappings": [
            {"entityType": m.entity_type, "fieldMappings": [{"identifier": i, "columnName": c} for i, c in m.fields]}
            for m in rule.entity_mappings
        ],
        "customDetails": dict(rule.custom_details),
        **rule.extra,
        "version": rule.version,
    }
    return dump({k: v for k, v in made.items() if v not in ("", None, [], {})})


def dump(data: Any) -> str:
    """YAML with texts of several lines as blocks, where YAML can hold them so."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    made: str = yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1_000_000)
    return made
