"""Custom detections of Defender, as Microsoft Graph and its YAML have them -> the Sentinel mapping that means the same.

The shape of 2026 (`schedule.frequency`, `alertTemplate.tactics`, `entityMappings`) and that of the beta before it
(`schedule.period`, `category`, `mitreTechniques`). Each row of a result is an alert, and how far back a run looks follows from
how often it runs. Source: the Graph reference (detectionRule and its parts), "Create and manage custom detection rules".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lurcher.content import values
from lurcher.content.nodes import listed, mapping, put, text, value
from lurcher.content.yamltree import Node

#: Of the beta: `0` is continuous.
_PERIOD = re.compile(r"(\d{1,3})H", re.IGNORECASE)


def mapping_of(node: Node) -> Node:
    """`node` has `queryCondition`."""
    from lurcher.content import attack

    made = mapping(node)
    alert = _inner(node, "detectionAction", "alertTemplate")
    if (id_ := node.get("id")) is not None and not id_.is_null:
        put(made, "id", id_)
    name = node.get("displayName") or (alert.get("title") if alert is not None else None)
    if name is not None:
        put(made, "name", name)
    _schedule(node, made)
    if (query := _inner(node, "queryCondition", "queryText")) is not None:
        put(made, "query", query)
    status, enabled = node.get("status"), node.get("isEnabled")
    if status is not None and value(status).lower() == "disabled":
        put(made, "enabled", Node("scalar", status.span, "false"))
    elif enabled is not None and value(enabled) == "false":
        put(made, "enabled", enabled)
    if alert is None:
        return made
    for key in ("description", "severity", "customDetails"):
        if (given := alert.get(key)) is not None and not given.is_null:
            # Graph writes severities small.
            put(made, key, text(given.value.capitalize(), given) if key == "severity" else given)
    tactics, techniques = _attack(alert)
    category = alert.get("category")
    if not tactics and category is not None and attack.tactic(value(category)):
        tactics = [category]
    if tactics:
        put(made, "tactics", listed(tactics, tactics[0]))
    if techniques:
        put(made, "relevantTechniques", listed(techniques, techniques[0]))
    if entities := list(_entities(alert)):
        put(made, "entityMappings", listed(entities, entities[0]))
    return made


def _inner(node: Node, *keys: str) -> Node | None:
    found: Node | None = node
    for key in keys:
        found = found.get(key) if found is not None else None
    return found if found is not None and not found.is_null else None


def _schedule(node: Node, made: Node) -> None:
    from lurcher.content.export.defender import LOOKS_BACK

    frequency, period = _inner(node, "schedule", "frequency"), _inner(node, "schedule", "period")
    given = frequency if frequency is not None else period
    if given is None:
        return
    hours = _PERIOD.fullmatch(value(given))
    time = values.duration(f"PT{hours[1]}H" if hours else value(given))
    if value(given) == "0" or (time is not None and not time):
        put(made, "kind", text("NRT", given))
        return
    put(made, "kind", text("Scheduled", given))
    put(made, "queryFrequency", text(values.written(time), given) if time is not None else given)
    if time in LOOKS_BACK:
        put(made, "queryPeriod", text(values.written(LOOKS_BACK[time]), given))
    put(made, "triggerOperator", text("gt", given))
    put(made, "triggerThreshold", text("0", given))


def _attack(alert: Node) -> tuple[list[Node], list[Node]]:
    tactics: list[Node] = []
    techniques: list[Node] = []
    for one in _items(alert.get("tactics")):
        if (name := one.get("tactic")) is not None:
            tactics.append(name)
        for part in _items(one.get("techniques")):
            technique = part.get("technique")
            subs = _items(part.get("subTechniques"))
            techniques += subs or ([technique] if technique is not None else [])
    return tactics, techniques + _items(alert.get("mitreTechniques"))


def _items(node: Node | None) -> list[Node]:
    return node.items if node is not None and node.kind == "sequence" else []


def _entities(alert: Node) -> Iterator[Node]:
    """Defender's entities as far as Sentinel has the same identifier."""
    from lurcher.content.export.defender import ENTITIES

    back = {there: here for here, there in ENTITIES.items()}
    back[("registryValues", "keyColumn")] = ("RegistryKey", "Key")
    back[("registryValues", "valueNameColumn")] = ("RegistryValue", "Name")
    mappings = alert.get("entityMappings")
    for collection, nodes in mappings.pairs if mappings is not None else []:
        for one in _items(nodes):
            named = [(back.get((collection.value, key.value)), column) for key, column in one.pairs]
            if collection.value == "files" and not any(known for known, _ in named):
                named = [(("FileHash", "Value"), c) for k, c in one.pairs if k.value in ("sha1Column", "sha256Column")]
            kinds = dict.fromkeys(known[0] for known, _ in named if known)
            for kind in kinds:
                fields = [(known[1], column) for known, column in named if known and known[0] == kind]
                yield _entity(one, kind, fields)


def _entity(place: Node, kind: str, fields: list[tuple[str, Node]]) -> Node:
    made = mapping(place)
    put(made, "entityType", text(kind, place))
    pairs = []
    for identifier, column in fields:
        pair = mapping(column)
        put(pair, "identifier", text(identifier, column))
        put(pair, "columnName", column)
        pairs.append(pair)
    put(made, "fieldMappings", listed(pairs, place))
    return made
