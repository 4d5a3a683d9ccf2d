"""A layer of the ATT&CK Navigator, format 4.5, out of a coverage document.

Source: "ATT&CK Navigator Layer File Format Definition", version 4.5 (mitre-attack/attack-navigator).
"""

from __future__ import annotations

import json
import re
from typing import Any

from lurcher.report.coverage import CoverageDocument, CoveredTechnique

LAYER, NAVIGATOR = "4.5", "5.1.0"
#: Few to many.
COLORS = ("#d6e6f4", "#6baed6", "#08519c")
#: How many rules a technique's tooltip names.
MOST = 25


def slug(tactic: str) -> str:
    """`CommandAndControl` -> `command-and-control`, as ATT&CK has its tactics."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", tactic).lower()


def layer(doc: CoverageDocument, name: str = "Coverage by rules", *, by_findings: bool = False) -> dict[str, Any]:
    """The layer's plain data. A technique's score is how many rules name it, or with `by_findings` how many findings those have."""
    counted = "findings" if by_findings else "rules"
    scores = [_score(t, by_findings) for t in doc.techniques]
    most = max([*scores, 1])
    shown = [(t, s) for t, s in zip(doc.techniques, scores, strict=True) if s or not by_findings]
    counting = doc.rules - len(doc.not_counted)
    described = f"Made by lurcher of {counting:,} rules; a technique's score is its number of {counted}."
    return {
        "name": name,
        "versions": {"attack": doc.version.partition(".")[0], "navigator": NAVIGATOR, "layer": LAYER},
        "domain": "enterprise-attack",
        "description": described,
        "filters": {},
        "sorting": 3,
        "layout": {
            "layout": "side", "showID": True, "showName": True, "showAggregateScores": True, "countUnscored": False,
            "aggregateFunction": "sum", "expandedSubtechniques": "annotated",
        },
        "hideDisabled": False,
        "techniques": [_technique(t, s) for t, s in shown],
        "gradient": {"colors": list(COLORS), "minValue": 0, "maxValue": most},
        "legendItems": [
            {"label": f"1 of the {counted}" if most > 1 else f"{counted}: 1", "color": COLORS[0]},
            *([{"label": f"{most:,} {counted}", "color": COLORS[-1]}] if most > 1 else []),
        ],
        "showTacticRowBackground": False,
        "tacticRowBackground": "#dddddd",
        "selectTechniquesAcrossTactics": False,
        "selectSubtechniquesWithParent": False,
        "selectVisibleTechniques": False,
        "metadata": [{"name": "rules", "value": str(counting)}, {"name": "counted", "value": counted}],
        "links": [],
    }  # fmt: skip


def _score(technique: CoveredTechnique, by_findings: bool) -> int:
    return (technique.findings or 0) if by_findings else len(technique.rules)


def _technique(technique: CoveredTechnique, score: int) -> dict[str, Any]:
    more = len(technique.rules) - MOST
    comment = "\n".join(technique.rules[:MOST]) + (f"\nand {more:,} more" if more > 0 else "")
    metadata = [{"name": "rules", "value": str(len(technique.rules))}]
    if technique.findings is not None:
        metadata.append({"name": "findings", "value": str(technique.findings)})
    return {
        "techniqueID": technique.id,
        "tactic": slug(technique.tactic),
        "score": score,
        "comment": comment,
        "enabled": True,
        "metadata": metadata,
        "links": [],
        "showSubtechniques": "." not in technique.id,
    }


def text_of(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"
