"""Exclusions -> the text of a sidecar file (`<rule>.exclusions.yaml`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lurcher.content.export.yamltext import dump
from lurcher.content.model import Exclusion, Plain


def sidecar_text(exclusions: Iterable[Exclusion]) -> str:
    """YAML that loads to the same exclusions. What is not given is left out."""
    return dump({"exclusions": [as_data(e) for e in exclusions]})


def as_data(exclusion: Exclusion) -> Mapping[str, Plain]:
    data: dict[str, Plain] = {
        "id": exclusion.id,
        "scenario": exclusion.scenario,
        "description": exclusion.description,
        "when": exclusion.when,
        "match": exclusion.match,
        "devices": list(exclusion.devices),
        "owner": exclusion.owner,
        "reason": exclusion.reason,
        "expires": exclusion.expires.isoformat() if exclusion.expires else "",
        **exclusion.extra,
    }
    return {k: v for k, v in data.items() if v not in ("", None, [], {})}
