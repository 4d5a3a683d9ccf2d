"""The services' limits. Sources: "Create scheduled analytics rules", the REST reference of alert rules and of saved searches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from lurcher.content import attack, fields, values
from lurcher.content.checks.entities import ENTITIES
from lurcher.content.export import codes
from lurcher.content.export.model import Deploy
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import NOWHERE

#: Of a resource group: deployments that Azure remembers; templates: resources in one.
MAX_DEPLOYMENTS = 800
MAX_RESOURCES = 800
#: Characters of a template that Azure takes (4 MB), less what is around the rules.
MAX_TEMPLATE = 4_000_000
PORTAL_QUERY = 15_000
_LOW, _HIGH = dt.timedelta(minutes=5), dt.timedelta(days=14)


def named(deploy: Deploy, target: str) -> Iterator[Diagnostic]:
    if not deploy.rule.name.strip():
        yield codes.NEEDED.at(deploy.rule.span_of("name"), key="name", target=target)


def texts(deploy: Deploy, target: str) -> Iterator[Diagnostic]:
    """Name, description, query."""
    rule = deploy.rule
    yield from named(deploy, target)
    if len(rule.name) > fields.MAX_NAME:
        yield codes.LONG_NAME.at(rule.span_of("name"), count=len(rule.name), target=target, limit=fields.MAX_NAME)
    if len(rule.description) > fields.MAX_DESCRIPTION:
        yield codes.LONG_DESCRIPTION.at(
            rule.span_of("description"), count=len(rule.description), target=target, limit=fields.MAX_DESCRIPTION
        )
    if len(deploy.query) > fields.MAX_QUERY:
        hint = "export it as published" if deploy.changed and len(rule.query) <= fields.MAX_QUERY else "split the rule"
        if len(deploy.query) <= PORTAL_QUERY:
            hint += f"; typed into the portal, {PORTAL_QUERY:,} characters are taken"
        yield codes.LONG_QUERY.at(
            rule.span_of("query"), count=len(deploy.query), target=target, limit=fields.MAX_QUERY, hint=hint
        )


def entities(deploy: Deploy, target: str) -> Iterator[Diagnostic]:
    """How many there are, their fields, and whether the columns are there."""
    rule = deploy.rule
    for mapping in rule.entity_mappings:
        if mapping.entity_type not in ENTITIES:
            near = next((e for e in ENTITIES if e.lower() == mapping.entity_type.lower()), "")
            yield codes.BAD_VALUE.at(
                mapping.span, key="entityType", value=mapping.entity_type, target=target,
                expected=near or ", ".join(ENTITIES),
            )  # fmt: skip
    if len(rule.entity_mappings) > fields.MAX_ENTITY_MAPPINGS:
        yield codes.MANY_MAPPINGS.at(
            rule.span_of("entityMappings"),
            count=len(rule.entity_mappings),
            target=target,
            limit=fields.MAX_ENTITY_MAPPINGS,
        )
    for mapping in rule.entity_mappings:
        if not 1 <= len(mapping.fields) <= fields.MAX_FIELD_MAPPINGS:
            yield codes.MANY_FIELDS.at(
                mapping.span, entity=mapping.entity_type or "?", count=len(mapping.fields), target=target,
                limit=fields.MAX_FIELD_MAPPINGS,
            )  # fmt: skip
    yield from _there(deploy, "entityMappings", [column for m in rule.entity_mappings for _, column in m.fields])


def details(deploy: Deploy, target: str) -> Iterator[Diagnostic]:
    """Custom details: how many, and whether their columns are there."""
    rule = deploy.rule
    if len(rule.custom_details) > fields.MAX_CUSTOM_DETAILS:
        yield codes.MANY_DETAILS.at(
            rule.span_of("customDetails"),
            count=len(rule.custom_details),
            target=target,
            limit=fields.MAX_CUSTOM_DETAILS,
        )
    yield from _there(deploy, "customDetails", [column for _, column in rule.custom_details])


def _there(deploy: Deploy, key: str, columns: list[str]) -> Iterator[Diagnostic]:
    if deploy.columns is not None:
        for column in dict.fromkeys(columns):
            if column not in deploy.columns:
                yield codes.NO_COLUMN.at(deploy.rule.span_of(key), key=key, column=column)


def schedule(deploy: Deploy, target: str) -> Iterator[Diagnostic]:
    """Of a scheduled rule: five minutes to fourteen days, the period not shorter than the frequency."""
    rule, plan = deploy.rule, deploy.rule.schedule
    for key, value in (
        ("queryFrequency", plan.query_frequency), ("queryPeriod", plan.query_period),
        ("triggerOperator", plan.trigger_operator), ("triggerThreshold", plan.trigger_threshold),
    ):  # fmt: skip
        if value is None:
            yield codes.NEEDED.at(rule.span_of(key), key=key, target=target)
    between = f"{values.written(_LOW)} to {values.written(_HIGH)}"
    for key, time in (("queryFrequency", plan.query_frequency), ("queryPeriod", plan.query_period)):
        if time is not None and not _LOW <= time <= _HIGH:
            yield codes.SCHEDULE.at(
                rule.span_of(key), key=key, value=values.written(time), target=target, expected=between
            )
    frequency, period = plan.query_frequency, plan.query_period
    if frequency is not None and period is not None:
        if period < frequency:
            yield codes.SCHEDULE.at(
                rule.span_of("queryPeriod"), key="queryPeriod", value=values.written(period), target=target,
                expected=f"no less than the frequency, {values.written(frequency)}",
            )  # fmt: skip
        if period >= dt.timedelta(days=2) and frequency < dt.timedelta(hours=1):
            yield codes.SCHEDULE.at(
                rule.span_of("queryFrequency"), key="queryFrequency", value=values.written(frequency), target=target,
                expected="PT1H or more where the period is two days or longer",
            )  # fmt: skip
    threshold = plan.trigger_threshold
    if threshold is not None and not 0 <= threshold <= fields.MAX_THRESHOLD:
        yield codes.SCHEDULE.at(
            rule.span_of("triggerThreshold"), key="triggerThreshold", value=threshold, target=target,
            expected=f"0 to {fields.MAX_THRESHOLD:,}",
        )  # fmt: skip


def attack_names(deploy: Deploy, target: str) -> Iterator[Diagnostic]:
    """Tactics as the API spells them, techniques by their ids."""
    for value in deploy.rule.tactics:
        if not attack.tactic(value):
            yield codes.BAD_VALUE.at(
                deploy.rule.span_of("tactics"), key="tactics", value=value, target=target, expected="ATT&CK's tactics"
            )
    for value in deploy.rule.techniques:
        if not attack.well_formed(value):
            yield codes.BAD_VALUE.at(
                deploy.rule.span_of("relevantTechniques"), key="relevantTechniques", value=value, target=target,
                expected="ids such as T1219 or T1219.002",
            )  # fmt: skip


def context(deploy: Deploy, period: dt.timedelta | None) -> Iterator[Diagnostic]:
    """A service that cuts the data to the rule's period also cuts what its exclusions look up."""
    if deploy.context and period is not None:
        hint = "evidence whose context is not seen is shown, not hidden; a context that is seen in part may excuse it"
        yield codes.SHORT_CONTEXT.at(
            NOWHERE, tables=", ".join(deploy.context), period=values.written(period), hint=hint
        )
