"""The data of events as the XML that Log Analytics has in `EventData` and `ParameterXml`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from lurcher.collect.events.mapping.frame import Frame, as_text, flat

_NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
_OPEN, _CLOSE = f'<EventData xmlns="{_NAMESPACE}">', "</EventData>"
#: What no XML may hold, in any writing.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_ELEMENT = re.compile(r"[A-Za-z_][\w.-]*")


def escape(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _FORBIDDEN.sub("\ufffd", text)


def _attribute(text: str) -> str:
    return escape(text).replace('"', "&quot;")


def _safe(column: Sequence[Any]) -> Sequence[Any]:
    """A column with its texts escaped. Whether any needs it is seen at once."""
    try:
        joined = "".join(column)
    except TypeError:
        return [None if v is None else escape(v) if isinstance(v, str) else v for v in column]
    if "&" in joined or "<" in joined or ">" in joined or _FORBIDDEN.search(joined):
        return [escape(v) for v in column]
    return column


def event_data(frame: Frame, user_data: str | None) -> list[str]:
    """`<EventData>` of each event, or its `<UserData>`; empty where it has neither."""
    if not frame.names:
        return [""] * frame.count
    columns = [_safe(frame.values(name)) for name in frame.names]
    if user_data is not None:
        return [_user_data(user_data, frame.names, row) for row in zip(*columns, strict=True)]
    tags = ["<Data>" if name == "Data" else f'<Data Name="{_attribute(name)}">' for name in frame.names]
    plain = not frame.sparse and all(set(map(type, column)) <= {str} for column in columns)
    if plain:
        body = "%s</Data>".join(tag.replace("%", "%%") for tag in (_OPEN + tags[0], *tags[1:])) + "%s</Data>" + _CLOSE
        return [body % row for row in zip(*columns, strict=True)]
    return [
        _OPEN + "".join(_data(tag, value) for tag, value in zip(tags, row, strict=True)) + _CLOSE
        for row in zip(*columns, strict=True)
    ]


def _data(tag: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and tag == "<Data>":  # data without names: an element each
        return "".join(f"<Data>{escape(flat(as_text(v)) or '')}</Data>" for v in value)
    return f"{tag}{value if isinstance(value, str) else escape(flat(value) or '')}</Data>"


def _user_data(element: str, names: Sequence[str], row: Sequence[Any]) -> str:
    inner = "".join(_nested(name, value) for name, value in zip(names, row, strict=True))
    return f'<UserData xmlns="{_NAMESPACE}">{_element(element, inner)}</UserData>'


def _nested(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return _element(name, "".join(_nested(k, _inner(v)) for k, v in value.items()))
    if isinstance(value, list):
        return "".join(_nested(name, _inner(v)) for v in value)
    return _element(name, value)


def _inner(value: Any) -> Any:
    """What nests is not escaped yet."""
    if isinstance(value, dict | list):
        return value
    return escape(flat(as_text(value)) or "")


def _element(name: str, inner: str) -> str:
    name = name.rpartition(":")[2]
    if _ELEMENT.fullmatch(name):
        return f"<{name}>{inner}</{name}>"
    return f'<Data Name="{_attribute(name)}">{inner}</Data>'


def parameters(frame: Frame) -> Iterator[str]:
    """`<Param>` of each value."""
    if not frame.names:
        return iter([""] * frame.count)
    columns = [_safe(frame.values(name)) for name in frame.names]
    if not frame.sparse and all(set(map(type, column)) <= {str} for column in columns):
        body = "<Param>%s</Param>" * len(columns)
        return (body % row for row in zip(*columns, strict=True))
    return ("".join(map(_parameter, row)) for row in zip(*columns, strict=True))


def _parameter(value: Any) -> str:
    if value is None:
        return ""
    parts = value if isinstance(value, list) else [value]
    return "".join(f"<Param>{p if p is value and isinstance(p, str) else escape(flat(as_text(p)) or '')}</Param>" for p in parts)
