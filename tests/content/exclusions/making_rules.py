"""Rules for the tests of exclusions: a query and the conditions of its scenarios."""

from __future__ import annotations

import json

from lurcher.content.loading import load_text
from lurcher.content.model import Exclusion, Rule
from lurcher.schema import known_table

SIGNATURES = """let Time_start = now(-5d);
let Time_end = now();
DeviceFileCertificateInfo
| where Timestamp between (Time_start..Time_end)
| where Signer has 'NinjaRMM'
| summarize FirstSeen=min(Timestamp), LastSeen=max(Timestamp), Report=make_set(ReportId), Count=count() by DeviceId, DeviceName
"""


def columns_of(table: str) -> frozenset[str] | None:
    schema = known_table(table)
    return frozenset(c.name for c in schema.columns) if schema else None


def rule_of(query: str, *whens: str, techniques: str = "T1219", scenario: str = "", **more: object) -> Rule:
    """A rule with one exclusion a condition; they are called e1, e2, ..."""
    lines = [
        "id: 662b8f73-a1f2-48a9-966d-43ffa3555a29",
        "name: NinjaRMM - File Signature",
        "description: d",
        "tactics: [CommandAndControl]",
        f"relevantTechniques: [{techniques}]",
        "query: |",
        *(f"  {line}" for line in query.splitlines()),
    ]
    if whens:
        lines.append("exclusions:")
    for n, when in enumerate(whens, 1):
        lines += [
            f"  - id: e{n}",
            f"    scenario: {json.dumps(scenario or f'scenario {n}')}",
            f"    when: {json.dumps(when)}",
        ]
        lines += [f"    {k}: {json.dumps(v)}" for k, v in more.items()]
    loaded = load_text("rule.yaml", "\n".join(lines).encode())
    assert loaded is not None
    (rule,) = loaded.rules
    return rule


def exclusion_of(when: str, **more: object) -> Exclusion:
    (exclusion,) = rule_of(SIGNATURES, when, **more).exclusions
    return exclusion
