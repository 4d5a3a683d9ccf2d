"""Checks of what an alert is made of: entities, their identifiers, the columns of its name and description.

Source: "Microsoft Sentinel entity types reference", "Customize alert details in Microsoft Sentinel".
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping

from lurcher.content.checks.registry import Context, check
from lurcher.content.codes import declare
from lurcher.content.model import Placed
from lurcher.kql.diagnostics import Severity

#: Entity -> its identifiers; none are listed of entities whose identifiers are judged by the service alone.
ENTITIES: Mapping[str, tuple[str, ...]] = {
    "Account": (
        "Name", "FullName", "NTDomain", "DnsDomain", "UPNSuffix", "Sid", "AadTenantId", "AadUserId", "PUID", "IsDomainJoined",
        "DisplayName", "ObjectGuid", "CloudAppAccountId", "IsAnonymized",
    ),
    "Host": (
        "DnsDomain", "NTDomain", "HostName", "FullName", "NetBiosName", "AzureID", "OMSAgentID", "OSFamily", "OSVersion",
        "IsDomainJoined",
    ),
    "IP": ("Address", "AddressScope"),
    "Malware": ("Name", "Category"),
    "File": ("Directory", "Name"),
    "Process": ("ProcessId", "CommandLine", "ElevationToken", "CreationTimeUtc"),
    "CloudApplication": ("AppId", "Name", "InstanceName", "InstanceId", "SaasId"),
    "DNS": ("DomainName",),
    "AzureResource": ("ResourceId",),
    "FileHash": ("Algorithm", "Value"),
    "RegistryKey": ("Hive", "Key"),
    "RegistryValue": ("Name", "Value", "ValueType"),
    "SecurityGroup": ("DistinguishedName", "SID", "ObjectGuid"),
    "URL": ("Url",),
    "IoTDevice": (),
    "Mailbox": ("MailboxPrimaryAddress", "DisplayName", "Upn", "AadId", "ExternalDirectoryObjectId", "RiskLevel"),
    "MailCluster": (),
    "MailMessage": (),
    "SubmissionMail": (),
    "SecurityAlert": (),
    "HuntingBookmark": (),
    "Nic": (),
}  # fmt: skip
_FOLDED = {name.lower(): name for name in ENTITIES}

BAD_ENTITY = declare("LU241", "there is no entity '{value}'", Severity.WARNING)
BAD_IDENTIFIER = declare("LU242", "the entity {entity} has no identifier '{value}'", Severity.WARNING)
NO_ALERT_COLUMN = declare("LU331", "'{key}' takes the column '{column}', which the result has not", Severity.WARNING)


@check(
    BAD_ENTITY, "Sentinel knows a fixed list of entities; a mapping to any other is refused when the rule is deployed."
)
def bad_entity(ctx: Context) -> Iterator[Placed]:
    for mapping in ctx.rule.entity_mappings:
        value = mapping.entity_type
        if value.lower() not in _FOLDED:
            yield Placed(BAD_ENTITY.at(mapping.span, value=value, hint=_near(value, tuple(ENTITIES))), ctx.rule.file)


@check(BAD_IDENTIFIER, "An entity is told apart by the identifiers that Sentinel has for it.")
def bad_identifier(ctx: Context) -> Iterator[Placed]:
    for mapping in ctx.rule.entity_mappings:
        entity = _FOLDED.get(mapping.entity_type.lower(), "")
        known = ENTITIES.get(entity, ())
        folded = {k.lower() for k in known}
        for identifier, _ in mapping.fields:
            if known and identifier.lower() not in folded:
                hint = _near(identifier, known)
                yield Placed(BAD_IDENTIFIER.at(mapping.span, entity=entity, value=identifier, hint=hint), ctx.rule.file)


def _near(value: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(value.lower(), [k.lower() for k in known], n=1)
    meant = next((k for k in known if close and k.lower() == close[0]), "")
    return f"did you mean {meant}?" if meant else f"one of {', '.join(known)}"


_PARAMETER = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_FORMATS = ("alertDisplayNameFormat", "alertDescriptionFormat")
_COLUMNS = ("alertSeverityColumnName", "alertTacticsColumnName")


@check(NO_ALERT_COLUMN, "The name and the description of an alert show columns of the result; others stay empty.")
def alert_columns(ctx: Context) -> Iterator[Placed]:
    details = ctx.rule.extra.get("alertDetailsOverride")
    if ctx.compiled.columns is None or not isinstance(details, dict):
        return
    names = {c.name for c in ctx.compiled.columns}
    wanted = [
        (key, column)
        for key in _FORMATS
        if isinstance(text := details.get(key), str)
        for column in _PARAMETER.findall(text)
    ]
    wanted += [(key, column) for key in _COLUMNS if isinstance(column := details.get(key), str) and column]
    for key, column in dict.fromkeys(wanted):
        # A field of a dynamic column is written as `Column.field`.
        if column.partition(".")[0] not in names:
            hint = f"the result has {', '.join(sorted(names)[:12])}"
            yield ctx.at(NO_ALERT_COLUMN, "alertDetailsOverride", key=key, column=column, hint=hint)
