"""Encodings of text and bytes; xxHash64."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
import zlib
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes, unquote_plus

from lurcher.functions.udf import udf
from lurcher.functions.udfs.jsontext import Number, dump, load
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

#: What a text may grow to when it is decompressed: a bomb gives the empty text.
_MOST = 16 << 20


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _text(data: bytes | None) -> str:
    try:
        return "" if data is None else data.decode("utf-8")
    except UnicodeDecodeError:
        return ""


@udf("VARCHAR", returns="VARCHAR")
def base64_text(text: pa.Array) -> pa.Array:
    return each(lambda x: _text(_bytes(x)), "string", text)


def _array(text: str) -> str | None:
    data = _bytes(text)
    return None if data is None else dump(list(data))


@udf("VARCHAR", returns="VARCHAR")
def base64_bytes(text: pa.Array) -> pa.Array:
    return each(_array, "string", text)


def _of_bytes(array: str) -> str:
    values = load(array)
    if not isinstance(values, list):
        return ""
    numbers = [int(v.text) if isinstance(v, Number) and v.text.isdecimal() else 256 for v in values]
    return base64.b64encode(bytes(numbers)).decode() if all(n < 256 for n in numbers) else ""


@udf("JSON", returns="VARCHAR")
def base64_of_bytes(array: pa.Array) -> pa.Array:
    return each(_of_bytes, "string", array)


def _guid(text: str) -> str | None:
    data = _bytes(text)
    return str(uuid.UUID(bytes_le=data)) if data is not None and len(data) == 16 else None


@udf("VARCHAR", returns="VARCHAR")
def base64_guid(text: pa.Array) -> pa.Array:
    return each(_guid, "string", text)


@udf("VARCHAR", returns="VARCHAR")
def base64_of_guid(guid: pa.Array) -> pa.Array:
    return each(lambda x: base64.b64encode(uuid.UUID(x).bytes_le).decode(), "string", guid)


def _encode_url(text: str) -> str:
    quoted = quote_from_bytes(text.encode(), safe="-_.!*() ").replace("~", "%7E").replace(" ", "+")
    return re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), quoted)


@udf("VARCHAR", returns="VARCHAR")
def url_encode(text: pa.Array) -> pa.Array:
    return each(_encode_url, "string", text)


@udf("VARCHAR", returns="VARCHAR")
def url_decode(text: pa.Array) -> pa.Array:
    return each(unquote_plus, "string", text)


def _inflate(text: str, gzip: bool) -> str:
    data = _bytes(text)
    if data is None:
        return ""
    reader = zlib.decompressobj(31 if gzip else 15)
    try:
        out = reader.decompress(data, _MOST)
    except zlib.error:
        return ""
    return _text(out) if reader.eof else ""


@udf("VARCHAR", "BOOLEAN", returns="VARCHAR")
def decompress(text: pa.Array, gzip: pa.Array) -> pa.Array:
    return each(_inflate, "string", text, gzip)


@udf("VARCHAR", returns="VARCHAR")
def to_punycode(text: pa.Array) -> pa.Array:
    return each(lambda x: x.encode("punycode").decode("ascii"), "string", text)


def _from_punycode(text: str) -> str:
    try:
        return text.encode("ascii").decode("punycode")
    except (UnicodeError, ValueError):
        return ""


@udf("VARCHAR", returns="VARCHAR")
def from_punycode(text: pa.Array) -> pa.Array:
    return each(_from_punycode, "string", text)


#: What separates labels (RFC 3490, 3.1).
_DOTS = re.compile("[.\u3002\uff0e\uff61]")


def _to_domain(text: str) -> str:
    labels = (x if x.isascii() else "xn--" + x.encode("punycode").decode("ascii") for x in _DOTS.split(text))
    return ".".join(labels)


def _from_domain(text: str) -> str:
    labels = []
    for label in _DOTS.split(text):
        if label[:4].lower() == "xn--":
            label = _from_punycode(label[4:])
            if not label:
                return ""
        labels.append(label)
    return ".".join(labels)


@udf("VARCHAR", returns="VARCHAR")
def to_punycode_domain(text: pa.Array) -> pa.Array:
    return each(_to_domain, "string", text)


@udf("VARCHAR", returns="VARCHAR")
def from_punycode_domain(text: pa.Array) -> pa.Array:
    return each(_from_domain, "string", text)


_M = (1 << 64) - 1
_P1, _P2, _P3, _P4, _P5 = (
    11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579, 2870177450012600261,
)  # fmt: skip


def _turn(x: int, n: int) -> int:
    return ((x << n) | (x >> (64 - n))) & _M


def _round(acc: int, lane: int) -> int:
    return _turn((acc + lane * _P2) & _M, 31) * _P1 & _M


def _xxhash64(data: bytes) -> int:
    """xxHash64 with seed 0, as a signed number. Source: the xxHash specification."""
    at, size = 0, len(data)
    if size >= 32:
        accs = [(_P1 + _P2) & _M, _P2, 0, -_P1 & _M]
        while at <= size - 32:
            for i in range(4):
                accs[i] = _round(accs[i], int.from_bytes(data[at + 8 * i : at + 8 * i + 8], "little"))
            at += 32
        h = (_turn(accs[0], 1) + _turn(accs[1], 7) + _turn(accs[2], 12) + _turn(accs[3], 18)) & _M
        for acc in accs:
            h = ((h ^ _round(0, acc)) * _P1 + _P4) & _M
    else:
        h = _P5
    h = (h + size) & _M
    while at <= size - 8:
        h = (_turn(h ^ _round(0, int.from_bytes(data[at : at + 8], "little")), 27) * _P1 + _P4) & _M
        at += 8
    if at <= size - 4:
        h = (_turn(h ^ (int.from_bytes(data[at : at + 4], "little") * _P1 & _M), 23) * _P2 + _P3) & _M
        at += 4
    for byte in data[at:]:
        h = _turn(h ^ (byte * _P5 & _M), 11) * _P1 & _M
    h = (h ^ (h >> 33)) * _P2 & _M
    h = (h ^ (h >> 29)) * _P3 & _M
    h ^= h >> 32
    return h - (1 << 64) if h >> 63 else h


@udf("VARCHAR", returns="BIGINT")
def xxhash64(text: pa.Array) -> pa.Array:
    return each(lambda x: _xxhash64(x.encode()), "int64", text)


@udf("BIGINT", returns="BIGINT")
def xxhash64_number(number: pa.Array) -> pa.Array:
    """Of the eight bytes of a number."""
    return each(lambda x: _xxhash64(x.to_bytes(8, "little", signed=True)), "int64", number)
