"""XML as a dynamic value.

Source: "parse_xml()" (Kusto documentation): elements become keys, attributes `@name`, text beside them `#text`, repeated elements
an array; an element without content is null. All values are texts; declarations, comments and instructions are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from lurcher.functions.udf import udf
from lurcher.functions.udfs.jsontext import dump_plain as dump
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

#: The service takes texts up to 128 KB.
_MOST = 128 * 1024
_DEEPEST = 200


class _Refused(Exception):
    pass


class _Element:
    __slots__ = ("children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.children: dict[str, Any] = {f"@{k}": v for k, v in attributes.items()}
        self.text: list[str] = []

    def value(self) -> Any:
        text = "".join(self.text)
        if not self.children:
            return text or None
        if text.strip():
            self.children["#text"] = text.strip()
        return self.children

    def add(self, name: str, value: Any) -> None:
        if name not in self.children:
            self.children[name] = value
        elif isinstance(self.children[name], list):
            self.children[name].append(value)
        else:
            self.children[name] = [self.children[name], value]


def _xml(text: str) -> str | None:
    if len(text.encode()) > _MOST:
        return None
    top = _Element("", {})
    stack = [top]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(stack) > _DEEPEST:
            raise _Refused
        stack.append(_Element(name, attributes))

    def end(name: str) -> None:
        element = stack.pop()
        stack[-1].add(element.name, element.value())

    def refuse(*_: Any) -> None:
        # Entities can make much out of little.
        raise _Refused

    parser = expat.ParserCreate("utf-8")
    parser.ordered_attributes = False
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = lambda data: stack[-1].text.append(data)
    parser.EntityDeclHandler = refuse
    try:
        # A declared encoding is the file's, not this text's.
        parser.Parse(text.encode("utf-8"), True)
    except (expat.ExpatError, _Refused, ValueError):
        return None
    return dump(top.children) if top.children else None


@udf("VARCHAR", returns="VARCHAR")
def parse_xml(text: pa.Array) -> pa.Array:
    return each(_xml, "string", text)
