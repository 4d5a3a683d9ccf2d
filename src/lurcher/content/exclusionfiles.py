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


def with_exclusion(text: str, exclusion: Exclusion) -> str | None:
    """The text of a sidecar with one more exclusion at the end of its list; None where there is no such list to add to. All else
    stays as it was."""
    from lurcher.content.yamltree import Broken, parse

    if not text.strip():
        return sidecar_text([exclusion])
    try:
        documents = parse(text)
    except Broken:
        return None
    if len(documents) != 1:
        return None
    root = documents[0]
    rows = root if root.kind == "sequence" else root.get("exclusions")
    if rows is None or rows.kind != "sequence" or rows.flow or not rows.items:
        return None
    newline = "\r\n" if "\r\n" in text else "\n"
    start = rows.items[0].span.start
    line = text.rfind("\n", 0, start) + 1
    indent = len(text[line:start]) - len(text[line:start].lstrip(" "))
    if not text[line + indent :].startswith("-"):
        return None
    made = sidecar_text([exclusion]).split("\n", 1)[1].rstrip("\n").split("\n")
    own = len(made[0]) - len(made[0].lstrip(" "))
    block = newline.join((" " * indent + row[own:]) if row.strip() else "" for row in made) + newline
    end = rows.items[-1].span.end
    end = len(text[:end].rstrip())
    rest = text.find("\n", end)
    head = text[: rest + 1] if rest >= 0 else text[:end] + newline
    return head + block + (text[rest + 1 :] if rest >= 0 else "")
