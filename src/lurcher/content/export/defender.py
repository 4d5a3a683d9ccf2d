"""A rule as a custom detection of Defender, as Microsoft Graph takes it (`POST /security/rules/detectionRules`, v1.0).

The shape is that of 2026: `status`, `queryCondition`, `schedule.frequency`, `detectionAction.alertTemplate` with `tactics` and
`entityMappings`. Source: the Graph reference (detectionRule, alertTemplate, entityMappingConfiguration and their parts) and
"Create and manage custom detection rules" for the columns that a result must have and for how far back a run looks.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from lurcher.content import attack, fields, values
from lurcher.content.export import codes, limits
from lurcher.content.export.model import Converted, Deploy, Dropped, dropped
from lurcher.content.export.sentinel import techniques
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.syntax import NameRef
from lurcher.schema.tables import TableSchema, known_table

TARGET = "Defender"
TIMES = ("Timestamp", "TimeGenerated")
_H = dt.timedelta(hours=1)
#: How often a detection may run -> how far back each run looks.
LOOKS_BACK = {_H: 4 * _H, 3 * _H: 12 * _H, 12 * _H: 48 * _H, 24 * _H: 30 * 24 * _H}
CONTINUOUS = dt.timedelta(0)
#: Of rules on Sentinel's tables alone.
LOW, HIGH = dt.timedelta(minutes=5), dt.timedelta(days=14)

#: Sentinel's entity and identifier -> Defender's collection and property. What is not here has no place there.
ENTITIES: dict[tuple[str, str], tuple[str, str]] = {
    ("Host", "HostName"): ("hosts", "nameColumn"),
    ("Host", "DnsDomain"): ("hosts", "dnsDomainColumn"),
    ("Host", "NTDomain"): ("hosts", "ntDomainColumn"),
    ("Host", "NetBiosName"): ("hosts", "netBiosNameColumn"),
    ("Account", "Name"): ("accounts", "nameColumn"),
    ("Account", "UPNSuffix"): ("accounts", "upnSuffixColumn"),
    ("Account", "AadUserId"): ("accounts", "aadUserIdColumn"),
    ("Account", "Sid"): ("accounts", "sidColumn"),
    ("Account", "NTDomain"): ("accounts", "ntDomainColumn"),
    ("Account", "DnsDomain"): ("accounts", "dnsDomainColumn"),
    ("IP", "Address"): ("ips", "addressColumn"),
    ("File", "Name"): ("files", "nameColumn"),
    ("URL", "Url"): ("urls", "addressColumn"),
    ("DNS", "DomainName"): ("dns", "domainNameColumn"),
    ("Mailbox", "MailboxPrimaryAddress"): ("mailboxes", "primaryAddressColumn"),
    ("MailMessage", "NetworkMessageId"): ("mailMessages", "networkMessageIdColumn"),
    ("MailMessage", "Recipient"): ("mailMessages", "recipientColumn"),
    ("MailMessage", "Sender"): ("mailMessages", "senderColumn"),
    ("MailMessage", "Subject"): ("mailMessages", "subjectColumn"),
    ("CloudApplication", "AppId"): ("cloudApplications", "appIdColumn"),
    ("CloudApplication", "Name"): ("cloudApplications", "nameColumn"),
    ("AzureResource", "ResourceId"): ("azureResources", "resourceIdColumn"),
}  # fmt: skip
#: The properties of which a mapping must have one set whole. The service refuses a mapping that names its entity no better, and
#: states these sets when it does.
SUFFICIENT: dict[str, tuple[frozenset[str], ...]] = {
    name: tuple(frozenset(f"{part}Column" for part in one.split("+")) for one in sets)
    for name, sets in {
        "hosts": ("deviceId", "name", "netBiosName+ntDomain", "netBiosName+dnsDomain"),
        "accounts": ("aadUserId", "sid", "upn", "name+ntDomain", "name+dnsDomain", "name+upnSuffix"),
        "files": ("sha1", "sha256"),
        "mailMessages": ("networkMessageId+recipient+sender+subject",),
    }.items()
}
#: An alert wants one of these; other entities come with it.
ASSETS = frozenset({"hosts", "accounts", "mailboxes", "ips"})
#: A column that names the asset beyond doubt, and what it is mapped to where the rule maps none of that sort.
STRONG: dict[str, tuple[str, str]] = {
    "DeviceId": ("hosts", "deviceIdColumn"),
    "DeviceName": ("hosts", "nameColumn"),
    "AccountObjectId": ("accounts", "aadUserIdColumn"),
    "AccountSid": ("accounts", "sidColumn"),
    "AccountUpn": ("accounts", "upnColumn"),
    "InitiatingProcessAccountObjectId": ("accounts", "aadUserIdColumn"),
    "InitiatingProcessAccountSid": ("accounts", "sidColumn"),
    "InitiatingProcessAccountUpn": ("accounts", "upnColumn"),
    "RecipientEmailAddress": ("mailboxes", "primaryAddressColumn"),
}
_WHY = {
    "requiredDataConnectors": "Defender reads its own tables",
    "version": "",
    "queryPeriod": "how far back a run looks follows from its frequency",
    "triggerOperator": "every row alerts",
    "triggerThreshold": "every row alerts",
}
_HOLDS = frozenset({"severity", "customDetails", "entityMappings", "queryFrequency", "enabled"})


def convert(deploy: Deploy) -> Converted:
    rule = deploy.rule
    if rule.kind not in ("Hunting", "Scheduled", "NRT", ""):
        return Converted(deploy, said=(codes.KIND.at(rule.span_of("kind"), kind=rule.kind, target=TARGET),))
    frequency, said_of_schedule = _frequency(deploy)
    mappings, lost = _entities(deploy)
    tactics, left = _tactics(deploy)
    said = [
        *limits.named(deploy, TARGET), *limits.attack_names(deploy, TARGET), *limits.details(deploy, TARGET),
        *said_of_schedule, *_columns(deploy, mappings), *_trigger(deploy), *_time(deploy), *_platform(deploy),
    ]  # fmt: skip
    severity = rule.severity
    if not severity:
        severity = "Medium"
        said.append(codes.FILLED_IN.at(rule.span_of("severity"), key="severity", value="medium"))
    elif severity not in fields.SEVERITIES:
        expected = ", ".join(fields.SEVERITIES)
        said.append(
            codes.BAD_VALUE.at(
                rule.span_of("severity"), key="severity", value=severity, target=TARGET, expected=expected
            )
        )
    template: dict[str, Any] = {
        "title": rule.name,
        "description": rule.description,
        "severity": severity.lower(),
        "tactics": tactics,
        "entityMappings": mappings,
        "customDetails": dict(rule.custom_details),
    }
    made = {
        "displayName": rule.name,
        "status": "disabled" if rule.extra.get("enabled") is False else "enabled",
        "queryCondition": {"queryText": deploy.query},
        "schedule": {"frequency": _written(frequency)},
        "detectionAction": {"alertTemplate": {k: v for k, v in template.items() if v not in ("", [], {})}},
    }
    return Converted(deploy, made, (*dropped(rule, _HOLDS, _WHY), *left, *lost, *_id(deploy)), tuple(said))


def _id(deploy: Deploy) -> tuple[Dropped, ...]:
    return (Dropped("id", "Defender gives its own"),) if deploy.rule.id else ()


def _written(time: dt.timedelta) -> str:
    """A day is P1D, continuous PT0S."""
    return "PT0S" if time == CONTINUOUS else values.written(time)


def _tables(deploy: Deploy) -> list[TableSchema]:
    return [t for name in deploy.compiled.tables if (t := known_table(name)) is not None]


def _sentinel_only(deploy: Deploy) -> bool:
    tables = deploy.compiled.tables
    known = _tables(deploy)
    return bool(tables) and len(known) == len(tables) and all("defender" not in t.platforms for t in known)


def _frequency(deploy: Deploy) -> tuple[dt.timedelta, list[Diagnostic]]:
    """How often it runs, as the service has it."""
    rule, plan = deploy.rule, deploy.rule.schedule
    said: list[Diagnostic] = []
    if rule.kind == "NRT":
        if len(deploy.compiled.tables) > 1:
            what = f"continuous detection over several tables ({', '.join(deploy.compiled.tables)})"
            said.append(codes.NOT_HELD.at(rule.span_of("query"), target=TARGET, what=what))
        return CONTINUOUS, said
    frequency = plan.query_frequency
    if frequency is None:
        said.append(codes.FILLED_IN.at(rule.span_of("queryFrequency"), key="queryFrequency", value="P1D"))
        return 24 * _H, said
    if _sentinel_only(deploy):
        if not LOW <= frequency <= HIGH:
            said.append(
                _schedule(deploy, "queryFrequency", frequency, f"{values.written(LOW)} to {values.written(HIGH)}")
            )
        return frequency, said
    if frequency not in LOOKS_BACK:
        expected = ", ".join(values.written(f) for f in LOOKS_BACK) + " for Defender's tables, or kind: NRT"
        said.append(_schedule(deploy, "queryFrequency", frequency, expected))
        return frequency, said
    back = LOOKS_BACK[frequency]
    if plan.query_period is not None and plan.query_period > back:
        enough = next((f for f, b in LOOKS_BACK.items() if b >= plan.query_period), None)
        hint = f"a run every {values.written(enough)} looks back {values.written(LOOKS_BACK[enough])}" if enough else ""
        expected = f"{values.written(back)} at most with a run every {values.written(frequency)}"
        said.append(_schedule(deploy, "queryPeriod", plan.query_period, expected, hint))
    said += limits.context(deploy, back)
    return frequency, said


def _schedule(deploy: Deploy, key: str, value: dt.timedelta, expected: str, hint: str = "") -> Diagnostic:
    return codes.SCHEDULE.at(
        deploy.rule.span_of(key), key=key, value=values.written(value), target=TARGET, expected=expected, hint=hint
    )


def _trigger(deploy: Deploy) -> Iterator[Diagnostic]:
    plan = deploy.rule.schedule
    if plan.trigger_operator is not None and (plan.trigger_operator, plan.trigger_threshold or 0) != ("gt", 0):
        what = f"threshold ({plan.trigger_operator} {plan.trigger_threshold})"
        hint = "every row of the result is an alert: count in the query, and give a row where the threshold is met"
        yield codes.NOT_HELD.at(deploy.rule.span_of("triggerThreshold"), target=TARGET, what=what, hint=hint)


def _columns(deploy: Deploy, mappings: dict[str, Any]) -> Iterator[Diagnostic]:
    """The columns that tie an alert to its event and to what it happened on."""
    columns = deploy.columns
    if columns is None:
        return
    missing = []
    if not columns & set(TIMES):
        missing.append("Timestamp (or TimeGenerated)")
    families = {t.name for t in _tables(deploy) if "defender" in t.platforms}
    if any(name.startswith("Device") for name in families):
        missing += [c for c in ("DeviceId", "ReportId") if c not in columns]
    elif any(name.startswith("Observation") for name in families):
        missing += [] if "ObservationId" in columns else ["ObservationId"]
    elif families and not all(name.startswith("Alert") for name in families) and "ReportId" not in columns:
        missing.append("ReportId")
    if not mappings.keys() & ASSETS and "DeviceId" not in missing:
        missing.append(
            f"column that names a host, an account, a mailbox or an address ({', '.join(list(STRONG)[:5])}, ...)"
        )
    if missing:
        hint = "keep them beside each other from one event: summarize arg_max(Timestamp, ReportId, ...) by DeviceId"
        named = " and no ".join(missing)
        yield codes.MISSING_COLUMNS.at(deploy.rule.span_of("query"), columns=named, target=TARGET, hint=hint)
    for mapping in deploy.rule.entity_mappings:
        for identifier, column in mapping.fields:
            if column not in columns:
                what = f"column '{column}' for {mapping.entity_type}.{identifier}"
                yield codes.MISSING_COLUMNS.at(mapping.span, columns=what, target=TARGET)


def _time(deploy: Deploy) -> Iterator[Diagnostic]:
    """`TimeGenerated` of a table that has only `Timestamp` in Defender."""
    from lurcher.content.checks.tree import walk

    script = deploy.compiled.script
    tables = [t for t in _tables(deploy) if "defender" in t.platforms]
    if script is None or not tables or len(tables) != len(deploy.compiled.tables):
        return
    used = {node.name.text for node in walk(script) if isinstance(node, NameRef)}
    for table in tables:
        if "TimeGenerated" in used and table.column("Timestamp") is not None and "Timestamp" not in used:
            yield codes.OTHER_TIME.at(
                deploy.rule.span_of("query"), used="TimeGenerated", table=table.name, column="Timestamp", target=TARGET
            )
            return


def _platform(deploy: Deploy) -> Iterator[Diagnostic]:
    for table in _tables(deploy):
        if table.platforms and "defender" not in table.platforms:
            hint = "it is there only where a Sentinel workspace is connected to the Defender portal"
            yield codes.OTHER_PLATFORM.at(deploy.rule.span_of("query"), table=table.name, target=TARGET, hint=hint)


def _tactics(deploy: Deploy) -> tuple[list[dict[str, Any]], list[Dropped]]:
    """The tactic that most of the techniques belong to, with these: the service takes one. A technique that is known to none
    goes with it."""
    above, below = techniques(deploy.rule.techniques)
    names = list(dict.fromkeys(attack.tactic(t) or t for t in deploy.rule.tactics))
    if not names:
        why = "they stand below a tactic, and the rule names none"
        return [], [Dropped("relevantTechniques", why)] if above else []
    fits = {name: [t for t in above if _fits(t, name, names)] for name in names}
    chosen = max(names, key=lambda name: len(fits[name]))
    entries = []
    for technique in fits[chosen]:
        entry: dict[str, Any] = {"technique": technique}
        if subs := [b for b in below if b.startswith(technique + ".")]:
            entry["subTechniques"] = subs
        entries.append(entry)
    left = [Dropped(f"tactics {name}", "Defender takes one tactic") for name in names if name != chosen]
    left += [Dropped(f"relevantTechniques {t}", "it belongs to another tactic") for t in above if t not in fits[chosen]]
    return [{"tactic": chosen, "techniques": entries}], left


def _fits(technique: str, tactic: str, named: list[str]) -> bool:
    row = attack.technique(technique)
    return row is None or tactic in row.tactics or not set(row.tactics) & set(named)


def _entities(deploy: Deploy) -> tuple[dict[str, Any], list[Dropped]]:
    """The rule's mappings as far as they name their entity, and, for hosts, accounts and mailboxes that none of them names, the
    result's own columns."""
    made: dict[str, list[dict[str, str]]] = {}
    lost: list[Dropped] = []
    columns = deploy.columns or frozenset()
    registry: dict[str, str] = {}
    for mapping in deploy.rule.entity_mappings:
        kind = mapping.entity_type
        one: dict[str, dict[str, str]] = {}
        names = {identifier for identifier, _ in mapping.fields}
        for identifier, column in mapping.fields:
            place = _place(kind, identifier, column, names)
            if place is None:
                lost.append(Dropped(f"entityMappings {kind}.{identifier}", "no such identifier there"))
            elif place[0] == "registryValues":
                registry[place[1]] = column
            else:
                one.setdefault(place[0], {})[place[1]] = column
        for collection, properties in one.items():
            if collection == "hosts" and "DeviceId" in columns:
                properties = {"deviceIdColumn": "DeviceId", **properties}
            if collection == "files":
                properties |= {f"{c.lower()}Column": c for c in ("SHA1", "SHA256") if c in columns}
            sets = SUFFICIENT.get(collection, ())
            if sets and not any(s <= properties.keys() for s in sets):
                lost.append(Dropped(f"entityMappings {kind}", f"{', '.join(properties)} alone does not name one there"))
                continue
            made.setdefault(collection, []).append(properties)
    if registry.keys() == {"keyColumn", "valueNameColumn"}:
        made["registryValues"] = [registry]
    elif registry:
        lost.append(Dropped("entityMappings RegistryKey, RegistryValue", "both are needed there"))
    for column, (collection, name) in STRONG.items():
        if column in columns and collection not in made:
            made[collection] = [{name: column}]
    return made, lost


def _place(kind: str, identifier: str, column: str, beside: set[str]) -> tuple[str, str] | None:
    if (kind, identifier) == ("Host", "FullName"):
        # Defender's name of a device is the full one where there is one.
        return ("hosts", "nameColumn") if "HostName" not in beside else None
    if (kind, identifier) == ("FileHash", "Value"):
        hashes = [h for h in ("sha1", "sha256") if column.lower().endswith(h)]
        return ("files", f"{hashes[0]}Column") if hashes else None
    if (kind, identifier) in (("RegistryKey", "Key"), ("RegistryValue", "Name")):
        return "registryValues", "keyColumn" if kind == "RegistryKey" else "valueNameColumn"
    return ENTITIES.get((kind, identifier))
