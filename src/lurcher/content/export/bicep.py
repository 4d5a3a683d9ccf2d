r"""Bicep files.

A text is written as a multi-line string (`'''`), which knows no escapes, where that gives it back to the character; else as a plain
one, in which `\`, `'`, `${` and control characters are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lurcher.content.export.arm import WORKSPACE
from lurcher.content.export.sentinel import ALERT_RULE, Resource
from lurcher.content.values import slug

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Words that mean something to Bicep where a key may stand.
_RESERVED = frozenset({"for", "if", "null", "true", "false"})
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def template(resources: Sequence[Resource], names: Sequence[str]) -> str:
    """`names` are what the rules' files are called, one a resource: symbols are made of them."""
    out = [
        f"@description({text(WORKSPACE)})",
        "param workspace string",
        "",
        "resource sentinelWorkspace 'Microsoft.OperationalInsights/workspaces@2022-10-01' existing = {",
        "  name: workspace",
        "}",
    ]
    symbols: set[str] = set()
    for resource, name in zip(resources, names, strict=True):
        out += ["", *_resource(resource, _symbol(name, symbols))]
    return "\n".join(out) + "\n"


def _resource(r: Resource, symbol: str) -> list[str]:
    # An alert rule extends the workspace, a saved search is a part of it.
    where = "scope" if r.type == ALERT_RULE[0] else "parent"
    lines = [f"resource {symbol} '{r.type}@{r.api}' = {{", f"  {where}: sentinelWorkspace", f"  name: {text(r.name)}"]
    if r.kind:
        lines.append(f"  kind: {text(r.kind)}")
    return [*lines, f"  properties: {value(r.properties, 1)}", "}"]


def _symbol(name: str, taken: set[str]) -> str:
    base = "rule_" + (re.sub(r"[^a-z0-9]+", "_", slug(name)).strip("_") or "x")
    symbol, n = base, 1
    while symbol in taken:
        n += 1
        symbol = f"{base}_{n}"
    taken.add(symbol)
    return symbol


def value(data: Any, depth: int) -> str:
    """Plain data as an expression; `depth` is that of the line it stands on."""
    pad, inner = "  " * depth, "  " * (depth + 1)
    if isinstance(data, bool):
        return "true" if data else "false"
    if data is None:
        return "null"
    if isinstance(data, int):
        return str(data)
    if isinstance(data, float):
        # The language has no fractions.
        return f"json({text(repr(data))})"
    if isinstance(data, dict):
        if not data:
            return "{}"
        return "{\n" + "".join(f"{inner}{_key(k)}: {value(v, depth + 1)}\n" for k, v in data.items()) + pad + "}"
    if isinstance(data, list):
        return "[\n" + "".join(f"{inner}{value(v, depth + 1)}\n" for v in data) + pad + "]" if data else "[]"
    return text(str(data))


def _key(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) and name not in _RESERVED else text(name)


def text(value: str) -> str:
    if "\n" in value and _whole_in_lines(value):
        # A line end right after the opening quotes is not part of the string.
        return "'''\n" + value + "'''"
    return (
        "'"
        + "".join(_ESCAPES.get(c) or (_code(c) if not c.isprintable() else c) for c in value).replace("${", "\\${")
        + "'"
    )


def _whole_in_lines(value: str) -> bool:
    """Whether a multi-line string gives the text back: nothing in it closes it, and no tool changes its white space."""
    return "'''" not in value and not value.endswith("'") and all(c.isprintable() or c in "\n\t" for c in value)


def _code(char: str) -> str:
    return f"\\u{{{ord(char):x}}}"
