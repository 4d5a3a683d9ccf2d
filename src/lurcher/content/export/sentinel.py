"""A rule as a resource of Azure: a saved search of the workspace, or an analytics rule of Sentinel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lurcher.content import attack, fields, values
from lurcher.content.export import codes, limits
from lurcher.content.export.model import Converted, Deploy, dropped
from lurcher.kql.diagnostics import Diagnostic
from lurcher.schema.tables import known_table

TARGET = "Sentinel"
SAVED_SEARCH = ("Microsoft.OperationalInsights/workspaces/savedSearches", "2020-08-01")
ALERT_RULE = ("Microsoft.SecurityInsights/alertRules", "2024-09-01")
CATEGORY = "Hunting Queries"
OPERATORS = {"gt": "GreaterThan", "lt": "LessThan", "eq": "Equal", "ne": "NotEqual"}
#: How long an alert stays quiet where the rule does not say; the service wants the field, and it is not in force.
QUIET = "PT1H"

#: Of a template: three numbers, as the API has it.
_VERSION = re.compile(r"\d+\.\d+\.\d+")
_GROUPINGS = ("SingleAlert", "AlertPerResult")
_SEARCH_HOLDS = frozenset({"tags"})
_RULE_HOLDS = frozenset(
    {
        "severity", "version", "entityMappings", "customDetails", "queryFrequency", "queryPeriod", "triggerOperator",
        "triggerThreshold", "alertDetailsOverride", "eventGroupingSettings", "incidentConfiguration", "suppressionDuration",
        "suppressionEnabled", "enabled", "sentinelEntitiesMappings",
    }
)  # fmt: skip
_SCHEDULED_ONLY = ("queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold")


@dataclass(frozen=True)
class Resource:
    """`type` without the workspace that it belongs to; `kind` is "" for a saved search."""

    type: str
    api: str
    name: str
    kind: str
    properties: dict[str, Any]


def convert(deploy: Deploy) -> Converted:
    """A hunting query as a saved search, an analytics rule as an alert rule."""
    rule = deploy.rule
    if rule.kind not in ("Hunting", "Scheduled", "NRT", ""):
        return Converted(deploy, said=(codes.KIND.at(rule.span_of("kind"), kind=rule.kind, target=TARGET),))
    said = [*limits.texts(deploy, TARGET), *platform(deploy)]
    if deploy.id_made:
        said.append(codes.ID_MADE.at(rule.span_of("id"), id=deploy.id))
    if deploy.hunting:
        resource = Resource(*SAVED_SEARCH, deploy.id, "", _search(deploy))
        held = _SEARCH_HOLDS - {"tags"}
    else:
        said += [*limits.entities(deploy, TARGET), *limits.details(deploy, TARGET)]
        said += [*limits.attack_names(deploy, TARGET), *_analytics(deploy)]
        resource = Resource(*ALERT_RULE, deploy.id, rule.kind, _rule(deploy))
        held = _RULE_HOLDS - (set(_SCHEDULED_ONLY) if rule.kind == "NRT" else set())
        if "templateVersion" not in resource.properties:
            held -= {"version"}
    return Converted(deploy, resource, dropped(rule, held), tuple(said))


def platform(deploy: Deploy) -> list[Diagnostic]:
    """Tables that a workspace has not."""
    said = []
    for name in deploy.compiled.tables:
        table = known_table(name)
        if table is not None and table.platforms and "sentinel" not in table.platforms:
            said.append(codes.OTHER_PLATFORM.at(deploy.rule.span_of("query"), table=name, target=TARGET))
    return said


def _search(deploy: Deploy) -> dict[str, Any]:
    rule = deploy.rule
    tags = {
        "description": rule.description,
        "tactics": ",".join(attack.tactic(t) or t for t in rule.tactics),
        "techniques": ",".join(rule.techniques),
    }
    return {
        "category": CATEGORY,
        "displayName": rule.name,
        "query": deploy.query,
        "version": 2,
        "tags": [{"name": name, "value": value} for name, value in tags.items() if value],
    }


def _analytics(deploy: Deploy) -> list[Diagnostic]:
    rule = deploy.rule
    said = []
    if not rule.severity:
        said.append(codes.NEEDED.at(rule.span_of("severity"), key="severity", target=TARGET))
    elif rule.severity not in fields.SEVERITIES:
        expected = ", ".join(fields.SEVERITIES)
        said.append(
            codes.BAD_VALUE.at(
                rule.span_of("severity"), key="severity", value=rule.severity, target=TARGET, expected=expected
            )
        )
    if rule.kind == "Scheduled":
        said += [*limits.schedule(deploy, TARGET), *limits.context(deploy, rule.schedule.query_period)]
    duration = rule.extra.get("suppressionDuration")
    if duration is not None and values.duration(str(duration)) is None:
        said.append(
            codes.BAD_VALUE.at(
                rule.span_of("suppressionDuration"), key="suppressionDuration", value=duration, target=TARGET,
                expected="a duration such as PT5H",
            )
        )  # fmt: skip
    grouping = rule.extra.get("eventGroupingSettings")
    kind = grouping.get("aggregationKind") if isinstance(grouping, dict) else None
    if grouping is not None and kind not in _GROUPINGS:
        said.append(
            codes.BAD_VALUE.at(
                rule.span_of("eventGroupingSettings"), key="aggregationKind", value=kind, target=TARGET,
                expected=" or ".join(_GROUPINGS),
            )
        )  # fmt: skip
    for key in ("enabled", "suppressionEnabled"):
        if key in rule.extra and not isinstance(rule.extra[key], bool) and rule.extra[key] is not None:
            said.append(
                codes.BAD_VALUE.at(
                    rule.span_of(key), key=key, value=rule.extra[key], target=TARGET, expected="true or false"
                )
            )
    return said


def techniques(rule_techniques: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Techniques and sub-techniques. The service wants the technique of each sub-technique among the former."""
    ids = [t.upper() for t in rule_techniques]
    return list(dict.fromkeys(t.partition(".")[0] for t in ids)), list(dict.fromkeys(t for t in ids if "." in t))


def _duration(value: Any) -> Any:
    found = values.duration(str(value))
    return values.written(found) if found is not None else value


def _rule(deploy: Deploy) -> dict[str, Any]:
    rule, plan, extra = deploy.rule, deploy.rule.schedule, deploy.rule.extra
    above, below = techniques(rule.techniques)
    made: dict[str, Any] = {
        "displayName": rule.name,
        "description": rule.description,
        "severity": rule.severity,
        "enabled": extra.get("enabled") is not False,
        "query": deploy.query,
    }
    if rule.kind == "Scheduled":
        made |= {
            "queryFrequency": values.written(plan.query_frequency) if plan.query_frequency is not None else None,
            "queryPeriod": values.written(plan.query_period) if plan.query_period is not None else None,
            "triggerOperator": OPERATORS.get(plan.trigger_operator or ""),
            "triggerThreshold": plan.trigger_threshold,
        }
    made |= {
        "suppressionDuration": _duration(extra.get("suppressionDuration") or QUIET),
        "suppressionEnabled": extra.get("suppressionEnabled") is True,
        "tactics": [attack.tactic(t) or t for t in rule.tactics],
        "techniques": above,
        "subTechniques": below,
        "alertRuleTemplateName": rule.id if not deploy.id_made else None,
        "templateVersion": rule.version if not deploy.id_made and _VERSION.fullmatch(rule.version) else None,
        "entityMappings": [
            {
                "entityType": m.entity_type,
                "fieldMappings": [{"identifier": i, "columnName": c} for i, c in m.fields],
            }
            for m in rule.entity_mappings
        ],
        "customDetails": dict(rule.custom_details),
    }
    for key in ("alertDetailsOverride", "eventGroupingSettings", "sentinelEntitiesMappings"):
        made[key] = extra.get(key)
    made["incidentConfiguration"] = _incidents(extra.get("incidentConfiguration"))
    return {k: v for k, v in made.items() if v not in (None, [], {}) and (v != "" or k == "description")}


def _incidents(value: Any) -> Any:
    """The settings as given, the look-back as the API spells durations."""
    grouping = value.get("groupingConfiguration") if isinstance(value, dict) else None
    if not isinstance(grouping, dict) or "lookbackDuration" not in grouping:
        return value
    return {**value, "groupingConfiguration": {**grouping, "lookbackDuration": _duration(grouping["lookbackDuration"])}}
