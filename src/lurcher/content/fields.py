"""Sentinel's keys: their names, what else they are called, what they hold, and the service's limits.

Source: "Create scheduled analytics rules" and the query style guide of the Azure-Sentinel repository.
"""

from __future__ import annotations

#: The keys of hunting queries and analytics rules.
TOP_KEYS = (
    "id", "name", "description", "description-detailed", "kind", "version", "status", "severity", "tags", "metadata", "author",
    "requiredDataConnectors", "tactics", "relevantTechniques", "query", "queryFrequency", "queryPeriod", "triggerOperator",
    "triggerThreshold", "entityMappings", "customDetails", "alertDetailsOverride", "eventGroupingSettings", "incidentConfiguration",
    "suppressionDuration", "suppressionEnabled", "sentinelEntitiesMappings", "enabled", "exclusions",
)  # fmt: skip

#: What files write for a key -> the key.
SYNONYMS = {
    "techniques": "relevantTechniques",
    "dataConnectors": "requiredDataConnectors",
    "frequency": "queryFrequency",
    "period": "queryPeriod",
}

#: Keys inside a list's members, with the key that begins the member: they lose their column together.
MEMBER_KEYS = {"dataTypes": "connectorId", "fieldMappings": "entityType", "columnName": "identifier"}

TACTICS = (
    "Reconnaissance", "ResourceDevelopment", "InitialAccess", "Execution", "Persistence", "PrivilegeEscalation", "DefenseEvasion",
    "CredentialAccess", "Discovery", "LateralMovement", "Collection", "CommandAndControl", "Exfiltration", "Impact",
    "ImpairProcessControl", "InhibitResponseFunction", "PreAttack",
)  # fmt: skip

SEVERITIES = ("Informational", "Low", "Medium", "High")

#: What files write -> what the model holds (lower case in, no blanks).
OPERATORS = {
    "gt": "gt", "greaterthan": "gt", ">": "gt",
    "lt": "lt", "lessthan": "lt", "<": "lt",
    "eq": "eq", "equal": "eq", "equals": "eq", "==": "eq", "=": "eq",
    "ne": "ne", "notequal": "ne", "notequals": "ne", "!=": "ne",
}  # fmt: skip

KINDS = {"scheduled": "Scheduled", "nrt": "NRT", "hunting": "Hunting", "fusion": "Fusion"}

MAX_NAME = 256
MAX_DESCRIPTION = 5_000
MAX_QUERY = 10_000
MAX_CUSTOM_DETAILS = 20
MAX_ENTITY_MAPPINGS = 10
MAX_FIELD_MAPPINGS = 3
MIN_PERIOD_MINUTES = 5
MAX_PERIOD_DAYS = 14
MAX_THRESHOLD = 10_000
