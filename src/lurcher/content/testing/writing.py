"""Tests as the text of a test file."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z")
_WORDS = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))


def scalar(value: Any) -> str:
    """A value as YAML has it; a text in quotes where it could be read as anything else."""
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else json.dumps(value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=True)
    return json.dumps(value)


def row(event: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{scalar(k)}: {scalar(v)}" for k, v in event.items()) + "}"


def head(now: dt.datetime) -> str:
    return f"now: {now.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}\ntests:\n"


def one(
    name: str, kind: str, tables: Mapping[str, Sequence[Mapping[str, Any]]], expect: Mapping[str, Any], rule: str = ""
) -> str:
    """A test as a member of `tests`."""
    lines = [f"  - name: {json.dumps(name)}", f"    kind: {kind}"]
    if rule:
        lines.append(f"    rule: {scalar(rule)}")
    lines.append("    tables:")
    for table, rows in tables.items():
        lines += [f"      {table}:", *(f"        - {row(r)}" for r in rows)]
    if expect:
        lines.append(f"    expect: {row(expect)}")
    return "\n".join(lines) + "\n"
