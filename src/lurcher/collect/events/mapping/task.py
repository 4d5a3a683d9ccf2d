"""A scheduled task's XML -> JSON, as queries on Defender's rows read it: `parse_json(AdditionalFields.TaskContent)`.

An element is an object, or its text where it has nothing else; attributes are `@name`, text beside others `#text`, elements of
the same name a list. The namespace goes.
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

_DEEPEST = 50
_LONGEST = 1 << 20


def task_json(xml: str) -> str | None:
    """None where it is no XML that can be taken: the event's own field still has the text."""
    import orjson

    if len(xml) > _LONGEST or "<!" in xml.replace("<!--", "").replace("<![CDATA[", ""):
        return None  # entities of its own: nothing that a task has
    try:
        root = ElementTree.fromstring(_undeclared(xml))
        return orjson.dumps({_local(root.tag): _value(root, 0)}).decode()
    except (ElementTree.ParseError, ValueError):
        return None


def _undeclared(xml: str) -> str:
    """Without the declaration: it says UTF-16, and the text is not in UTF-16 any more."""
    xml = xml.lstrip("\ufeff \t\r\n")
    return xml.partition("?>")[2] if xml.startswith("<?xml") else xml


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _value(element: ElementTree.Element, depth: int) -> Any:
    if depth > _DEEPEST:
        raise ValueError("nested deeper than any task")
    result: dict[str, Any] = {f"@{_local(name)}": value for name, value in element.attrib.items()}
    for child in element:
        name, value = _local(child.tag), _value(child, depth + 1)
        if name not in result:
            result[name] = value
        elif isinstance(result[name], list):
            result[name].append(value)
        else:
            result[name] = [result[name], value]
    text = (element.text or "").strip()
    if not result:
        return text
    if text:
        result["#text"] = text
    return result
