"""JSON in files: objects a line, or one document.

A file is read as lines, some at a time. Where its first line is not JSON by itself the file is a document: an array, whose elements
are read some at a time as well, or objects over several lines, each of which is read whole, up to a limit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from lurcher.collect.exports.elements import read_values
from lurcher.collect.exports.files import Leaf, reading
from lurcher.collect.exports.keys import RepeatedKeyError, all_once, check_keys
from lurcher.collect.exports.lines import Lines, read_lines
from lurcher.collect.exports.rows import Reject
from lurcher.errors import LurcherError

#: The largest single document: the services' APIs answer with 64 MiB at most.
MAX_DOCUMENT = 256 * 1024 * 1024
#: Rows of a document that are made into one batch.
_ROWS = 20_000
_BOM = b"\xef\xbb\xbf"


@dataclass
class Piece:
    """Objects, with where each stood."""

    unit: str
    values: list[dict[str, Any]] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    #: The lines, where the values came from lines.
    source: Lines | None = None

    def reject(self, place: int, reason: str) -> Reject:
        return Reject(self.unit, self.positions[place], reason, self._raw(place))

    def rejecter(self, places: Sequence[int]) -> Callable[[int, str], Reject]:
        """What rejects rows that are those of these places."""
        return lambda i, why: self.reject(places[i], why)

    def _raw(self, place: int) -> bytes:
        if self.source is not None:
            return self.source.lines[self.positions[place] - self.source.first].strip()
        return repr_json(self.values[place])


def repr_json(value: Any) -> bytes:
    import orjson

    try:
        return orjson.dumps(value)
    except TypeError:
        return repr(value)[:65_536].encode("utf-8", "backslashreplace")


def stretches(leaf: Leaf, unwrap: str = "", blocks: int = 1) -> Iterator[Lines | Piece]:
    """A file, some of it at a time: lines that `objects` makes objects of, or, of a document, its objects."""
    if not is_lines(leaf):
        yield from _of_values(leaf, unwrap)
        return
    with reading(leaf.name), closing(leaf.open()) as stream:
        yield from read_lines(stream, blocks)


def objects(stretch: Lines | Piece, unwrap: str = "") -> Piece:
    """The objects of a stretch. `unwrap` names a key that may hold a list of them."""
    return _of_lines(stretch, unwrap) if isinstance(stretch, Lines) else stretch


def documents(leaf: Leaf, *, unwrap: str = "") -> Iterator[Piece]:
    """The objects of a file, some at a time. `unwrap` names a key that may hold a list of them."""
    for stretch in stretches(leaf, unwrap):
        yield objects(stretch, unwrap)


def first_object(head: bytes, unwrap: str = "") -> dict[str, Any] | None:
    """The first row of a file that begins so; None where it is none, or goes on beyond the head."""
    from json import JSONDecodeError, JSONDecoder

    text = head.removeprefix(_BOM).decode("utf-8", "ignore").lstrip()
    for _ in range(2):
        text = text.removeprefix("[").lstrip()
        if unwrap and (match := re.match(rf'\{{\s*"{unwrap}"\s*:\s*\[\s*', text)):
            text = text[match.end() :]
    if not text.startswith("{"):
        return None
    try:
        value, _ = JSONDecoder(parse_int=str, parse_float=str).raw_decode(text)
    except (JSONDecodeError, RecursionError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def load(leaf: Leaf) -> Any:
    """The one JSON document that a file is. Raises `LurcherError` where it is none, or too large."""
    import orjson

    with reading(leaf.name), closing(leaf.open()) as stream:
        blocks, size = [], 0
        while block := stream.read(1 << 20):
            blocks.append(block)
            size += len(block)
            if size > MAX_DOCUMENT:
                raise LurcherError(
                    f"one JSON document of more than {MAX_DOCUMENT >> 20} MiB",
                    "make JSON lines of it: one object a line",
                    leaf.name,
                )
    text = b"".join(blocks).removeprefix(_BOM)
    try:
        document = orjson.loads(text)
        check_keys(text, document)
    except orjson.JSONDecodeError as error:
        raise LurcherError(f"not JSON: {error.msg}", "is the file cut off?", leaf.name, error.lineno) from None
    except RepeatedKeyError as error:
        raise LurcherError(str(error), "which of the two is meant?", leaf.name) from None
    return document


def elements(document: Any, unwrap: str) -> list[Any]:
    """The rows of a document: an array's elements, an object's list under `unwrap`, or the object itself."""
    if isinstance(document, dict) and unwrap and _wraps(document, unwrap):
        document = document[unwrap]
    return document if isinstance(document, list) else [document]


def _wraps(document: dict[str, Any], unwrap: str) -> bool:
    """Whether an object is but the cover of a list. `value` is a name like any other, except in what OData writes."""
    if not isinstance(document.get(unwrap), list):
        return False
    return unwrap != "value" or any(name.startswith("@odata.") for name in document)


def _of_values(leaf: Leaf, unwrap: str) -> Iterator[Piece]:
    with reading(leaf.name), closing(leaf.open()) as stream:
        for found in read_values(stream):
            piece = Piece("element", rejects=found.rejects)
            for value, position in zip(found.values, found.positions, strict=True):
                if type(value) is dict and not (unwrap and _wraps(value, unwrap)):
                    piece.values.append(value)
                    piece.positions.append(position)
                    continue
                covered = type(value) is dict
                for i, row in enumerate(elements(value, unwrap) if covered else [value], 1):
                    if isinstance(row, dict):
                        piece.values.append(row)
                        piece.positions.append(i if covered else position)
                    else:
                        piece.rejects.append(
                            Reject("element", i if covered else position, "not a JSON object", repr_json(row))
                        )
                    if len(piece.values) >= _ROWS:
                        yield piece
                        piece = Piece("element")
            yield piece


def _pieces(values: list[Any]) -> Iterator[Piece]:
    for start in range(0, len(values), _ROWS):
        piece = Piece("element")
        for i, value in enumerate(values[start : start + _ROWS], start + 1):
            if isinstance(value, dict):
                piece.values.append(value)
                piece.positions.append(i)
            else:
                piece.rejects.append(Reject("element", i, "not a JSON object", repr_json(value)))
        yield piece


def of_values(values: list[Any]) -> Iterator[Piece]:
    """Rows that were in a document."""
    yield from _pieces(values)


def is_lines(leaf: Leaf) -> bool:
    """Whether the first line with anything in it is an object by itself, or looks like one that is broken."""
    import orjson

    head = leaf.head().removeprefix(_BOM).lstrip()
    first, newline, _ = head.partition(b"\n")
    if not first.startswith(b"{"):
        return not first.startswith(b"[")
    if not newline:
        return len(head) > 60_000 or not _document_follows(first)
    try:
        orjson.loads(first)
        return True
    except orjson.JSONDecodeError:
        # An indented document's first line is a brace and little more; a broken line is longer.
        return not _document_follows(first)


def _document_follows(first: bytes) -> bool:
    return first.rstrip().endswith((b"{", b"[", b",")) and len(first) < 4096


def _whole(lines: Lines, unwrap: str) -> list[dict[str, Any]] | None:
    """The objects of lines of which each is one, and nothing is wrong with any; else None: each has to be looked at."""
    import orjson

    try:
        values = list(map(orjson.loads, lines.lines))
    except orjson.JSONDecodeError:
        return None
    if lines.text is None or set(map(type, values)) != {dict} or (unwrap and any(unwrap in v for v in values)):
        return None
    return values if all_once(lines.text, values) else None


def _of_lines(lines: Lines, unwrap: str) -> Piece:
    import orjson

    piece = Piece("line", source=lines)
    if lines.overlong is not None:
        piece.rejects.append(Reject("line", lines.first, "the line is longer than 64 MiB", lines.overlong))
        return piece
    if (whole := _whole(lines, unwrap)) is not None:
        piece.values = whole
        piece.positions = list(range(lines.first, lines.first + len(whole)))
        return piece
    values, positions = piece.values, piece.positions
    parsed: list[tuple[int, bytes, Any]] = []
    for number, line in enumerate(lines.lines, lines.first):
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            text = line.removeprefix(_BOM) if number == 1 else line
            if not text.strip():
                continue
            try:
                value = orjson.loads(text)
            except orjson.JSONDecodeError:
                piece.rejects.append(Reject("line", number, f"not JSON: {error.msg}", line.rstrip(b"\r")))
                continue
        parsed.append((number, line, value))
    plain = lines.text is not None and all_once(lines.text, [value for _, _, value in parsed])
    for number, line, value in parsed:
        if not plain:
            try:
                check_keys(line, value)
            except RepeatedKeyError as error:
                piece.rejects.append(Reject("line", number, str(error), line.rstrip(b"\r")))
                continue
        if type(value) is dict and not (unwrap and _wraps(value, unwrap)):
            values.append(value)
            positions.append(number)
            continue
        for element in elements(value, unwrap):
            if isinstance(element, dict):
                values.append(element)
                positions.append(number)
            else:
                piece.rejects.append(Reject("line", number, "not a JSON object", line.rstrip(b"\r")))
    return piece
