"""The data of events as the XML that Log Analytics has in `EventData` and `ParameterXml`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

from lurcher.collect.events.mapping.frame import Frame, as_text, flat

_NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
_OPEN, _CLOSE = f'<EventData xmlns="{_NAMESPACE}">', "</EventData>"
_ITEM = '<DataItem Type="System.XmlData" time="'
#: What no XML may hold, in any writing.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_ELEMENT = re.compile(r"[A-Za-z_][\w.-]*")


def escape(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _FORBIDDEN.sub("\ufffd", text)


def _attribute(text: str) -> str:
    return escape(text).replace('"', "&quot;")


def _safe(frame: Frame, name: str) -> Sequence[Any]:
    """A field with its texts escaped. Whether any needs it is seen at once."""
    column, joined = frame.values(name), frame.joined.get(name)
    if joined is None:
        return [escape(value) if isinstance(value, str) else value for value in column]
    if "&" in joined or "<" in joined or ">" in joined or _has_forbidden(joined):
        return [escape(value) for value in column if isinstance(value, str)]
    return column


def _has_forbidden(text: str) -> bool:
    """The regular expression looks at each character; most texts have nothing below a blank."""
    import numpy as np

    octets = np.frombuffer(text.encode(), np.uint8)
    low = octets[octets < 32]
    return bool((low != 9).any() and _FORBIDDEN.search(text)) or "\ufffe" in text or "\uffff" in text


def _escaped(frame: Frame) -> list[Sequence[Any]]:
    """The data, escaped; made once."""
    if "xml" not in frame.made:
        frame.made["xml"] = [_safe(frame, name) for name in frame.names]
    return frame.made["xml"]


def _woven(texts: Sequence[str], columns: Sequence[Sequence[str]]) -> list[str]:
    """For each row: the first text, the value of the first column, the second text, ..., the last text."""
    count = len(columns[0])
    pieces: list[Iterable[str]] = [repeat(texts[0], count)]
    for column, text in zip(columns, texts[1:], strict=True):
        pieces += [column, repeat(text, count)]
    return list(map("".join, zip(*pieces, strict=True)))


def event_data(frame: Frame) -> list[str]:
    """`<EventData>` of each event, or its `<UserData>`; empty where it has neither."""
    return _data_of(frame, None)


def data_item(frame: Frame) -> list[str]:
    """The same in a `<DataItem>` with the time, as the table Event has it."""
    return _data_of(frame, frame.take(frame.batch.time_texts()))


def _data_of(frame: Frame, times: Sequence[str] | None) -> list[str]:
    if not frame.names:
        return [""] * frame.count
    columns = _escaped(frame)
    if frame.user_data is not None:
        data = [_user_data(frame.user_data, frame.names, row) for row in zip(*columns, strict=True)]
    else:
        tags = ["<Data>" if name == "Data" else f'<Data Name="{_attribute(name)}">' for name in frame.names]
        if len(frame.joined) == len(columns):
            texts = [_OPEN + tags[0], *("</Data>" + tag for tag in tags[1:]), "</Data>" + _CLOSE]
            if times is None:
                return _woven(texts, columns)
            return _woven([_ITEM, '">' + texts[0], *texts[1:-1], texts[-1] + "</DataItem>"], [times, *columns])
        data = [
            _OPEN + "".join(_data(tag, value) for tag, value in zip(tags, row, strict=True)) + _CLOSE
            for row in zip(*columns, strict=True)
        ]
    return data if times is None else _woven([_ITEM, '">', "</DataItem>"], [times, data])


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


def parameters(frame: Frame) -> list[str]:
    """`<Param>` of each value."""
    if not frame.names:
        return [""] * frame.count
    columns = _escaped(frame)
    if len(frame.joined) == len(columns):
        return _woven(["<Param>", *["</Param><Param>"] * (len(columns) - 1), "</Param>"], columns)
    return ["".join(map(_parameter, row)) for row in zip(*columns, strict=True)]


def _parameter(value: Any) -> str:
    if value is None:
        return ""
    parts = value if isinstance(value, list) else [value]
    return "".join(
        f"<Param>{p if p is value and isinstance(p, str) else escape(flat(as_text(p)) or '')}</Param>" for p in parts
    )
