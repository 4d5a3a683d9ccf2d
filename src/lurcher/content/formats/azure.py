"""JSON of Azure and of Microsoft Graph: what Sentinel's portal, its repositories and `lurcher export` write.

| what | where in the text |
|---|---|
| analytics rule | a resource `.../alertRules` of a template, or what the API answers (`kind`, `properties`) |
| hunting query | a resource `.../savedSearches` without `functionAlias` |
| custom detection of Defender | an object with `queryCondition` |

A resource is read as the Sentinel mapping that means the same (`lurcher.content.rulefields`), every value at its own place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from lurcher.content import codes, jsontree
from lurcher.content.detections import mapping_of
from lurcher.content.files import TextFile
from lurcher.content.formats import RuleFormat, declare
from lurcher.content.mending import rows_of
from lurcher.content.model import Loaded, Placed, Rule
from lurcher.content.nodes import listed, mapping, put, text, value
from lurcher.content.reader import Reader
from lurcher.content.rulefields import rule_of
from lurcher.content.yamltree import Broken, Node
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import Span

_OURS = re.compile(r'"(?:[^"\s]*/)?(?:alertRules|savedSearches)"|"queryCondition"', re.IGNORECASE)
#: The package of a solution: its rules stand beside it as YAML, and it holds each of them once more.
_PACKAGE = re.compile(r'"[^"\s]*/(?:contentTemplates|contentPackages)"', re.IGNORECASE)
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LOOKUP = re.compile(r"\[(parameters|variables)\('([^']+)'\)\]")
_QUERIES = frozenset({"scheduled", "nrt"})
#: Keys of an analytics rule that are Sentinel's own in YAML as well.
_SAME = (
    "description", "severity", "query", "queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold", "tactics",
    "entityMappings", "customDetails", "alertDetailsOverride", "eventGroupingSettings", "incidentConfiguration",
    "sentinelEntitiesMappings",
)  # fmt: skip


def recognises(text: str) -> bool:
    return bool(_OURS.search(text)) and not _PACKAGE.search(text)


def load(file: TextFile) -> Loaded:
    mended = rows_of(file.source.text)
    parsed = mended.freeze()
    rules: list[Rule] = []
    problems: list[Diagnostic] = [*file.repairs]
    try:
        root = jsontree.parse(parsed)
        for form, node in _found(root):
            reader = Reader(node, file.source, mended, parsed, file.newline)
            rule = rule_of(reader, file, form, tuple(problems), ())
            # JSON is read, never mended in its file.
            rules.append(replace(rule, edits=()))
            problems = []
    except Broken as broken:
        problems.append(broken.diagnostic)
    if not rules and not any(d.is_error for d in problems):
        hint = "a template has resources of the type alertRules or savedSearches, a detection has 'queryCondition'"
        problems.append(codes.NOT_A_RULE.at(Span(0, 0), why="this JSON has no rule in it", hint=hint))
    placed = [Placed(d, file.source) for d in problems]
    placed += [Placed(d, file.source) for rule in rules for d in (*rule.repairs, *rule.problems)]
    return Loaded(tuple(rules), tuple(placed))


def _found(root: Node) -> Iterator[tuple[str, Node]]:
    """(the name of the form, the rule as Sentinel's mapping), in the order of the text."""
    settings = _settings(root)
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.kind == "sequence":
            waiting += reversed(node.items)
            continue
        if node.kind != "mapping":
            continue
        if node.get("queryCondition") is not None:
            yield "detection", mapping_of(node)
            continue
        made = _resource(node, settings)
        if made is not None:
            yield "azure", made
            continue
        properties = node.get("properties")
        inner = [node.get("resources"), node.get("value")]
        if properties is not None:
            template = properties.get("mainTemplate")
            inner += [template.get("resources") if template is not None else None]
        waiting += [one for one in reversed(inner) if one is not None]


def _settings(root: Node) -> dict[tuple[str, str], Node]:
    """The texts that a template gives names to: `variables`, and what `parameters` are by default."""
    found: dict[tuple[str, str], Node] = {}
    for key in ("variables", "parameters"):
        part = root.get(key)
        for name, node in part.pairs if part is not None else []:
            given = node.get("defaultValue") if key == "parameters" else node
            if given is not None and given.kind == "scalar":
                found[key, name.value] = given
    return found


def _resource(node: Node, settings: dict[tuple[str, str], Node]) -> Node | None:
    """An analytics rule or a hunting query as Sentinel's mapping; None for any other resource."""
    properties = node.get("properties")
    if properties is None or properties.kind != "mapping" or properties.get("query") is None:
        return None
    last = value(node.get("type")).rpartition("/")[2].lower()
    if last in ("alertrules", "alertruletemplates") or (not last and value(node.get("kind")).lower() in _QUERIES):
        return _alert_rule(node, _literal(properties, settings))
    if last == "savedsearches" and not any(k.value.lower() == "functionalias" for k, _ in properties.pairs):
        return _saved_search(node, _literal(properties, settings))
    return None


def _literal(node: Node, settings: dict[tuple[str, str], Node]) -> Node:
    """What the values are when the template is deployed: a name is looked up, `[[` at the start of a text is `[`."""
    made = Node(node.kind, node.span, node.value, node.style, flow=node.flow)
    if node.kind == "mapping":
        for key, child in node.pairs:
            put(made, key, _literal(child, settings))
    elif node.kind == "sequence":
        made.items = [_literal(child, settings) for child in node.items]
    elif node.style and (looked := _LOOKUP.fullmatch(node.value)):
        return settings.get((looked[1], looked[2]), made)
    elif node.style and node.value.startswith("[[") and node.value.endswith("]"):
        made.value = node.value[1:]
    return made


def _id(node: Node) -> Node | None:
    """The GUID that a resource is called by; a name that is made when it is deployed is none."""
    for key in ("name", "id"):
        given = node.get(key)
        guids = _GUID.findall(value(given))
        if given is not None and guids:
            return text(guids[-1], given)
    return None


def _alert_rule(node: Node, properties: Node) -> Node:
    made = mapping(node)
    template, version = properties.get("alertRuleTemplateName"), properties.get("templateVersion")
    if (own := _id(node) or (template if _GUID.fullmatch(value(template)) else None)) is not None:
        put(made, "id", own)
    for key, ours in (("displayName", "name"), *((k, k) for k in _SAME)):
        given = properties.get(key)
        if given is not None and not given.is_null:
            put(made, ours, given)
        if ours == "name" and (kind := node.get("kind")) is not None:
            put(made, "kind", kind)
    if (techniques := _techniques(properties)) is not None:
        put(made, "relevantTechniques", techniques)
    if version is not None and not version.is_null:
        put(made, "version", version)
    if (enabled := properties.get("enabled")) is not None and value(enabled) == "false":
        put(made, "enabled", enabled)
    quiet, duration = properties.get("suppressionEnabled"), properties.get("suppressionDuration")
    # The API wants a duration of every rule, and it says nothing while suppression is off.
    if quiet is not None and value(quiet) == "true":
        put(made, "suppressionEnabled", quiet)
        if duration is not None:
            put(made, "suppressionDuration", duration)
    return made


def _techniques(properties: Node) -> Node | None:
    """One list of `techniques` and `subTechniques`: a technique whose sub-techniques are named is not named itself."""
    above, below = properties.get("techniques"), properties.get("subTechniques")
    first = above if above is not None and not above.is_null else below
    if first is None or first.is_null:
        return None
    subs = list(below.items) if below is not None else []
    items: list[Node] = []
    for item in above.items if above is not None else []:
        own = [s for s in subs if s.value.startswith(item.value + ".")]
        items += own or [item]
        subs = [s for s in subs if s not in own]
    return listed([*items, *subs], first)


def _saved_search(node: Node, properties: Node) -> Node:
    made = mapping(node)
    if (own := _id(node)) is not None:
        put(made, "id", own)
    if (name := properties.get("displayName")) is not None:
        put(made, "name", name)
    tags = properties.get("tags")
    said = {value(tag.get("name")): tag.get("value") for tag in (tags.items if tags is not None else [])}
    if (description := said.get("description")) is not None:
        put(made, "description", description)
    for key, ours in (("tactics", "tactics"), ("techniques", "relevantTechniques")):
        if (given := said.get(key)) is not None:
            words = [w for w in re.split(r"[,\s]+", value(given)) if w]
            put(made, ours, listed([text(w, given) for w in words], given))
    query = properties.get("query")
    assert query is not None
    put(made, "query", query)
    return made


declare(
    RuleFormat(
        "azure",
        "JSON of Azure and Graph: analytics rules and hunting queries of a template, custom detections",
        (".json",),
        recognises,
        load,
    )
)
