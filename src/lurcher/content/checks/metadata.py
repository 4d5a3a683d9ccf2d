"""Checks of what a rule says about itself: id, name, description, severity, version, mappings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lurcher.content.checks.registry import Context, check
from lurcher.content.codes import declare
from lurcher.content.fields import (
    MAX_CUSTOM_DETAILS,
    MAX_DESCRIPTION,
    MAX_ENTITY_MAPPINGS,
    MAX_FIELD_MAPPINGS,
    MAX_NAME,
    MAX_QUERY,
    SEVERITIES,
)
from lurcher.content.model import Placed, Presence
from lurcher.kql.diagnostics import Severity

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

NO_ID = declare("LU201", "the rule has no id; it goes by its path and content", Severity.WARNING)
NO_GUID = declare("LU202", "the id '{id}' is no GUID; Sentinel refuses to deploy it", Severity.WARNING)
ID_TWICE = declare("LU203", "the id '{id}' belongs to another rule as well: {others}", Severity.WARNING)
NO_NAME = declare("LU204", "the rule has no name", Severity.WARNING)
LONG_NAME = declare("LU205", "the name has {count} characters; Sentinel takes {limit}", Severity.WARNING)
NO_DESCRIPTION = declare("LU206", "the rule has no description", Severity.NOTE)
LONG_DESCRIPTION = declare(
    "LU207", "the description has {count:,} characters; Sentinel takes {limit:,}", Severity.WARNING
)
LONG_QUERY = declare("LU208", "the query has {count:,} characters; Sentinel's rules take {limit:,}", Severity.WARNING)
BAD_SEVERITY = declare("LU209", "there is no severity '{value}'", Severity.WARNING)
NO_VERSION = declare("LU210", "an analytics rule has a version", Severity.NOTE)
MANY_MAPPINGS = declare("LU211", "{count} entity mappings; Sentinel takes {limit}", Severity.WARNING)
MANY_FIELDS = declare("LU212", "the entity {entity} has {count} fields; Sentinel takes 1 to {limit}", Severity.WARNING)
MANY_DETAILS = declare("LU213", "{count} custom details; Sentinel takes {limit}", Severity.WARNING)


def _analytics(ctx: Context) -> bool:
    return ctx.rule.kind in ("Scheduled", "NRT")


@check(NO_ID, "A rule is told apart by its id: findings, exclusions and deployments refer to it. Give it a GUID.")
def no_id(ctx: Context) -> Iterator[Placed]:
    # A query alone has no place for one; a template may make one when it is deployed; Defender gives its own.
    if not ctx.rule.id and ctx.rule.format not in ("kql", "markdown", "azure", "detection"):
        yield ctx.at(NO_ID, "id")


@check(NO_GUID, "Sentinel's ids are GUIDs: 8-4-4-4-12 hexadecimal digits.")
def no_guid(ctx: Context) -> Iterator[Placed]:
    # What is deployed by hand, or by Defender, may be called as it likes.
    if (
        ctx.rule.id
        and ctx.rule.format not in ("detection", "markdown", "kql")
        and "%%" not in ctx.rule.id
        and not _GUID.fullmatch(ctx.rule.id)
    ):
        yield ctx.at(NO_GUID, "id", id=ctx.rule.id)


@check(ID_TWICE, "Two rules with one id overwrite each other when they are deployed. Give one of them a new GUID.")
def id_twice(ctx: Context) -> Iterator[Placed]:
    if "%%" in ctx.rule.id:
        return
    others = [path for path in ctx.ids.get(ctx.rule.id.lower(), ()) if path != ctx.rule.path]
    if ctx.rule.id and others:
        yield ctx.at(ID_TWICE, "id", id=ctx.rule.id, others=shown_others(others))


def shown_others(others: list[str]) -> str:
    """The paths of rules with the same id, as the message of `ID_TWICE` has them."""
    return ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")


@check(NO_NAME, "The name is what an analyst sees first.")
def no_name(ctx: Context) -> Iterator[Placed]:
    if not ctx.rule.name:
        yield ctx.at(NO_NAME, "name")


@check(LONG_NAME, "Sentinel refuses names of more than 256 characters.")
def long_name(ctx: Context) -> Iterator[Placed]:
    if len(ctx.rule.name) > MAX_NAME:
        yield ctx.at(LONG_NAME, "name", count=len(ctx.rule.name), limit=MAX_NAME)


@check(NO_DESCRIPTION, "Say what the rule finds, and what an analyst does with it.")
def no_description(ctx: Context) -> Iterator[Placed]:
    if not ctx.rule.description and ctx.rule.format != "kql":
        yield ctx.at(NO_DESCRIPTION, "description")


@check(LONG_DESCRIPTION, "Sentinel refuses descriptions of more than 5,000 characters.")
def long_description(ctx: Context) -> Iterator[Placed]:
    if len(ctx.rule.description) > MAX_DESCRIPTION:
        yield ctx.at(LONG_DESCRIPTION, "description", count=len(ctx.rule.description), limit=MAX_DESCRIPTION)


@check(
    LONG_QUERY,
    "Sentinel refuses a query of more than 10,000 characters (its portal takes 15,000). Split the rule, or use a watchlist.",
)
def long_query(ctx: Context) -> Iterator[Placed]:
    if len(ctx.rule.query) > MAX_QUERY and ctx.rule.format != "detection":
        yield ctx.at(LONG_QUERY, "query", count=len(ctx.rule.query), limit=MAX_QUERY)


@check(BAD_SEVERITY, "Sentinel knows Informational, Low, Medium and High.")
def bad_severity(ctx: Context) -> Iterator[Placed]:
    if ctx.rule.severity and ctx.rule.severity not in SEVERITIES:
        yield ctx.at(BAD_SEVERITY, "severity", value=ctx.rule.severity, hint=f"one of {', '.join(SEVERITIES)}")


@check(NO_VERSION, "Content hubs and deployments compare versions; without one a change is not noticed.")
def no_version(ctx: Context) -> Iterator[Placed]:
    # In Azure only a rule that was made of a template has one.
    if _analytics(ctx) and not ctx.rule.version and ctx.rule.format not in ("azure", "detection"):
        yield ctx.at(NO_VERSION, "version")


@check(MANY_MAPPINGS, "Sentinel takes ten entity mappings; older workspaces five.")
def many_mappings(ctx: Context) -> Iterator[Placed]:
    if len(ctx.rule.entity_mappings) > MAX_ENTITY_MAPPINGS:
        yield ctx.at(MANY_MAPPINGS, "entityMappings", count=len(ctx.rule.entity_mappings), limit=MAX_ENTITY_MAPPINGS)


@check(MANY_FIELDS, "An entity is mapped by one to three of its identifiers.")
def many_fields(ctx: Context) -> Iterator[Placed]:
    for mapping in ctx.rule.entity_mappings:
        if not 1 <= len(mapping.fields) <= MAX_FIELD_MAPPINGS:
            entity, count = mapping.entity_type or "?", len(mapping.fields)
            yield Placed(
                MANY_FIELDS.at(mapping.span, entity=entity, count=count, limit=MAX_FIELD_MAPPINGS), ctx.rule.file
            )


@check(MANY_DETAILS, "Sentinel takes twenty custom details.")
def many_details(ctx: Context) -> Iterator[Placed]:
    given = ctx.rule.presence("customDetails") is Presence.GIVEN
    if given and len(ctx.rule.custom_details) > MAX_CUSTOM_DETAILS:
        yield ctx.at(MANY_DETAILS, "customDetails", count=len(ctx.rule.custom_details), limit=MAX_CUSTOM_DETAILS)
