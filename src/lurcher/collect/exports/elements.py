"""The values of a JSON document one by one, however large it is: of one array, or of what stands one after the other.

Where each value ends is found by its brackets alone, over whole blocks at once; the parser then gets whole values. So a document
that is cut, or broken in one place, gives the values before that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from lurcher.collect.exports.keys import RepeatedKeyError, all_once, check_keys
from lurcher.collect.exports.rows import Reject

if TYPE_CHECKING:
    import numpy as np

BLOCK = 4 * 1024 * 1024
#: The largest single value: the services' APIs answer with 64 MiB at most.
MAX_VALUE = 256 * 1024 * 1024
_SPACE = b" \t\r\n"
_RAW = 65_536
#: Objects and lists that are opened (+1) and closed (-1).
_STEPS = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}


@dataclass
class Values:
    """Some values, the number of each (from 1), and what is none."""

    values: list[Any] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


def read_values(stream: IO[bytes]) -> Iterator[Values]:
    """The elements of the array that the stream begins with, or, where it begins with none, its values."""
    buffer = b""
    while not buffer and (block := stream.read(BLOCK)):
        buffer = block.removeprefix(b"\xef\xbb\xbf").lstrip(_SPACE)
    array = buffer[:1] == b"["
    buffer = buffer[1:] if array else buffer
    number, want = 1, BLOCK
    while True:
        starts, ends, closed = _bounds(buffer, array)
        found = Values()
        at = 0
        if ends:
            number, at = _parse(buffer, starts, ends, number, found)
        if closed >= 0:
            number = _between(buffer[at:closed], number, found)
            rest = buffer[closed + 1 :].strip(_SPACE) or stream.read(_RAW).strip(_SPACE)
            if rest:
                found.rejects.append(Reject("element", number, "something follows the end of the array", rest[:_RAW]))
            yield found
            return
        buffer = buffer[at:]
        if found.values or found.rejects:
            yield found
            want = BLOCK
        elif len(buffer) > MAX_VALUE:
            most = f"a value of more than {MAX_VALUE >> 20} MiB: it and what follows is not read"
            yield Values(rejects=[Reject("element", number, most, buffer[:_RAW])])
            return
        else:
            want = max(BLOCK, len(buffer))  # twice as much each time: what is large is looked at but a few times
        block = stream.read(want)
        if not block:
            rest = buffer.strip(_SPACE + b",")
            if rest or array:
                reason = (
                    "cut: the document ends before its end"
                    if array or rest[:1] in (b"{", b"[")
                    else "not a JSON object"
                )
                yield Values(rejects=[Reject("element", number, reason, rest[:_RAW])])
            return
        buffer += block


def _bounds(buffer: bytes, array: bool) -> tuple[list[int], list[int], int]:
    """Where objects and lists start and end that are not within others, and where the array is closed (-1: nowhere here)."""
    import numpy as np

    octets = np.frombuffer(buffer, np.uint8)
    quotes = _quotes(octets)
    table = np.zeros(256, np.int8)
    for octet, step in _STEPS.items():
        table[octet] = step
    places = np.flatnonzero(table[octets])
    places = places[(np.searchsorted(quotes, places) & 1) == 0]
    steps = table[octets[places]]
    depth = np.cumsum(steps, dtype=np.int64)
    closed = -1
    if len(beyond := np.flatnonzero(depth < 0)):
        if array:
            closed = int(places[beyond[0]])
        places, steps, depth = places[: beyond[0]], steps[: beyond[0]], depth[: beyond[0]]
    ends = places[(depth == 0) & (steps < 0)]
    starts = places[(depth == 1) & (steps > 0)][: len(ends)]
    return starts.tolist(), ends.tolist(), closed


def _quotes(octets: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The places of the quotes that begin and end strings: those before which an even number of backslashes stands."""
    import numpy as np

    quotes = np.flatnonzero(octets == 0x22)
    slashes = np.flatnonzero(octets == 0x5C)
    if not len(slashes) or not len(quotes):
        return quotes
    first = np.concatenate(([True], np.diff(slashes) != 1))
    start = slashes[np.flatnonzero(first)][np.cumsum(first) - 1]
    odd = slashes[((slashes - start) & 1) == 0]  # the first, third, ... of a run: each escapes what follows it
    return quotes[~np.isin(quotes, odd + 1, assume_unique=True)]


def _parse(buffer: bytes, starts: list[int], ends: list[int], number: int, found: Values) -> tuple[int, int]:
    """Read the values between the places. Returns the next number, and where what was read ends."""
    import orjson

    pieces, numbers, at = [], [], 0
    for start, end in zip(starts, ends, strict=True):
        if start > at + 1 or (start == at + 1 and buffer[at] not in b", \t\r\n"):
            number = _between(buffer[at:start], number, found)
        pieces.append(buffer[start : end + 1])
        numbers.append(number)
        number += 1
        at = end + 1
    text = b"[" + b",".join(pieces) + b"]"
    try:
        values = orjson.loads(text)
        if len(values) == len(pieces) and all_once(text, values):
            found.values += values
            found.positions += numbers
            return number, at
    except orjson.JSONDecodeError:
        pass
    for piece, place in zip(pieces, numbers, strict=True):
        try:
            value = orjson.loads(piece)
            check_keys(piece, value)
        except orjson.JSONDecodeError as error:
            found.rejects.append(Reject("element", place, f"not JSON: {error.msg}", piece[:_RAW]))
        except RepeatedKeyError as error:
            found.rejects.append(Reject("element", place, str(error), piece[:_RAW]))
        else:
            found.values.append(value)
            found.positions.append(place)
    return number, at


def _between(gap: bytes, number: int, found: Values) -> int:
    """What stands between two values, other than a comma: values too, but no objects."""
    for part in gap.split(b","):
        if text := part.strip(_SPACE):
            found.rejects.append(Reject("element", number, "not a JSON object", text[:_RAW]))
            number += 1
    return number
