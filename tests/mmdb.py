"""A small writer of MaxMind's format, for tests: networks -> records.
Source: the specification of the format, MaxMind DB 2.0."""

from __future__ import annotations

import ipaddress
import struct
from pathlib import Path
from typing import Any

_MARK = b"\xab\xcd\xefMaxMind.com"


def _head(kind: int, size: int) -> bytes:
    """The control byte of a field, with its size. Kinds above 7 have a byte of their own."""
    assert size < 285
    more = bytes([size - 29]) if size >= 29 else b""
    size = min(size, 29)
    return bytes([kind << 5 | size]) + more if kind <= 7 else bytes([size, kind - 7]) + more


def encode(value: Any) -> bytes:
    match value:
        case bool():
            return _head(14, int(value))
        case str():
            data = value.encode()
            return _head(2, len(data)) + data
        case float():
            return _head(3, 8) + struct.pack(">d", value)
        case int():
            data = value.to_bytes((value.bit_length() + 7) // 8)
            return _head(6 if value < 1 << 32 else 9, len(data)) + data
        case dict():
            return _head(7, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
        case list():
            return _head(11, len(value)) + b"".join(map(encode, value))
    raise TypeError(type(value))


def write(path: Path, networks: dict[str, Any], kind: str = "GeoLite2-City") -> Path:
    """A database of IPv6, IPv4 networks in ::/96."""
    data = b""
    nodes: list[list[int | None]] = [[None, None]]
    leaves: list[tuple[int, int, int]] = []
    for text, record in networks.items():
        network = ipaddress.ip_network(text)
        bits, length = int(network.network_address), network.prefixlen + (96 if network.version == 4 else 0)
        node = 0
        for depth in range(length - 1):
            side = bits >> (127 - depth) & 1
            if nodes[node][side] is None:
                nodes.append([None, None])
                nodes[node][side] = len(nodes) - 1
            node = nodes[node][side] or 0
        leaves.append((node, bits >> (128 - length) & 1, len(data)))
        data += encode(record)
    count = len(nodes)
    tree = [[count if side is None else side for side in pair] for pair in nodes]
    for node, side, offset in leaves:
        tree[node][side] = count + 16 + offset
    metadata = {
        "binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": 1_700_000_000,
        "database_type": kind, "description": {"en": "made for tests"}, "ip_version": 6, "languages": ["en"],
        "node_count": count, "record_size": 24,
    }  # fmt: skip
    body = b"".join(side.to_bytes(3) for pair in tree for side in pair)
    path.write_bytes(body + b"\0" * 16 + data + _MARK + encode(metadata))
    return path
