"""Templates of Azure Resource Manager (JSON)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from lurcher.content.export.sentinel import ALERT_RULE, Resource

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
#: What a value of the parameter is, for who deploys.
WORKSPACE = "The name of the Log Analytics workspace that Sentinel is on."


def template(resources: Sequence[Resource]) -> str:
    made = {
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": {"workspace": {"type": "string", "metadata": {"description": WORKSPACE}}},
        "resources": [_resource(r) for r in resources],
    }
    return json.dumps(made, ensure_ascii=False, indent=2) + "\n"


def _resource(r: Resource) -> dict[str, Any]:
    if r.type == ALERT_RULE[0]:
        # An extension of the workspace: its type and name are put together with the provider's.
        made: dict[str, Any] = {
            "type": "Microsoft.OperationalInsights/workspaces/providers/alertRules",
            "apiVersion": r.api,
            "name": f"[concat(parameters('workspace'), '/Microsoft.SecurityInsights/{r.name}')]",
            "kind": r.kind,
        }
    else:
        made = {"type": r.type, "apiVersion": r.api, "name": f"[concat(parameters('workspace'), '/{r.name}')]"}
    return made | {"properties": literal(r.properties)}


def literal(value: Any) -> Any:
    """Plain data of which the service evaluates nothing. A text that begins with `[` and ends with `]` is an expression, unless
    it begins with `[[`; one that merely begins with `[` is none, and a bracket more would stay in it."""
    if isinstance(value, str):
        return "[" + value if value.startswith("[") and value.endswith("]") else value
    if isinstance(value, dict):
        return {k: literal(v) for k, v in value.items()}
    if isinstance(value, list):
        return [literal(v) for v in value]
    return value
