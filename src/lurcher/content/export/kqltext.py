"""A rule as a KQL file: its query below comments that say what it is."""

from __future__ import annotations

from lurcher.content.export.model import Converted, Deploy, dropped

_HOLDS = frozenset({"severity"})


def convert(deploy: Deploy) -> Converted:
    rule = deploy.rule
    if rule.format == "kql" and not deploy.changed:
        # The file is the query, its own comments are the metadata.
        return Converted(deploy, rule.query if rule.query.endswith("\n") else rule.query + "\n")
    lines = [
        f"// {key}: {_line(value)}"
        for key, value in (
            ("Id", rule.id), ("Name", rule.name), ("Description", rule.description), ("Severity", rule.severity),
            ("Tactics", ", ".join(rule.tactics)), ("Techniques", ", ".join(rule.techniques)),
            ("Exclusions in the query", ", ".join(deploy.applied)),
        )
        if value.strip()
    ]  # fmt: skip
    query = deploy.query if deploy.query.endswith("\n") else deploy.query + "\n"
    return Converted(deploy, "\n".join((*lines, query)), dropped(rule, _HOLDS))


def _line(text: str) -> str:
    """On one line, whatever ends lines: what followed would be part of the query."""
    return " ".join(text.split())
