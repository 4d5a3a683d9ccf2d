"""IPv6 addresses, ranges, addresses in text."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from lurcher.functions.udf import udf
from lurcher.functions.udfs.jsontext import dump_plain, load, text_of
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"  # without leading zeros
_DOTTED = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}$", re.ASCII)
_MAPPED = 0xFFFF << 32


def _v4(text: str) -> tuple[int, int] | None:
    """An IPv4 address and its prefix."""
    address, slash, prefix = text.strip().partition("/")
    if not _DOTTED.match(address) or (slash and not (prefix.isdecimal() and int(prefix) <= 32)):
        return None
    a, b, c, d = map(int, address.split("."))
    return a << 24 | b << 16 | c << 8 | d, int(prefix) if slash else 32


def _v6(text: str, *, comparing: bool = False) -> tuple[int, int] | None:
    """An address of either kind as one of 128 bits, and its prefix. Behind a dotted end the prefix is an IPv4 one; where
    addresses are compared only behind one that is dotted as a whole (as measured on Microsoft's emulator)."""
    address, slash, prefix = text.strip().partition("/")
    dotted = "." in address and not (comparing and ":" in address)
    if slash and not (prefix.isdecimal() and int(prefix) <= (32 if dotted else 128)):
        return None
    bits = (int(prefix) + (96 if dotted else 0)) if slash else 128
    if ":" not in address:
        found = _v4(address)
        return (found[0] | _MAPPED, bits) if found else None
    try:
        return int(ipaddress.IPv6Address(address.partition("%")[0])), bits
    except ValueError:
        return None


def _mask(number: int, prefix: int, width: int) -> int:
    return number >> (width - prefix) << (width - prefix)


def _written_out(ip: str | None, prefix: int | None) -> str:
    found = _v6(ip) if ip is not None else None
    if found is None or ip is None or (prefix is not None and not 0 <= prefix <= 128):
        return ""
    number, bits = found
    if prefix is not None:
        bits = min(bits, prefix)
    return ipaddress.IPv6Address(_mask(number, bits, 128)).exploded


@udf("VARCHAR", "BIGINT", returns="VARCHAR")
def parse_ipv6(ip: pa.Array, prefix: pa.Array) -> pa.Array:
    return each(_written_out, "string", ip, prefix, strict=False)


def _compare(one: str, other: str, prefix: int) -> int | None:
    a, b = _v6(one, comparing=True), _v6(other, comparing=True)
    if a is None or b is None or not 0 <= prefix <= 128:
        return None
    bits = min(a[1], b[1], prefix)
    x, y = _mask(a[0], bits, 128), _mask(b[0], bits, 128)
    return (x > y) - (x < y)


@udf("VARCHAR", "VARCHAR", "BIGINT", returns="BIGINT")
def ipv6_compare(one: pa.Array, other: pa.Array, prefix: pa.Array) -> pa.Array:
    return each(_compare, "int64", one, other, prefix)


def _in_ranges(ip: str, ranges: str, version: int) -> bool | None:
    read, width = (_v4, 32) if version == 4 else (_v6, 128)
    address = read(ip)
    listed = load(ranges)
    if address is None or not isinstance(listed, list):
        return None
    found = [read(text_of(r)) for r in listed]
    valid = [f for f in found if f is not None]
    if not valid and found:
        return None
    return any(_mask(address[0], bits, width) == _mask(base, bits, width) for base, bits in valid)


@udf("VARCHAR", "JSON", "BIGINT", returns="BOOLEAN")
def ip_in_ranges(ip: pa.Array, ranges: pa.Array, version: pa.Array) -> pa.Array:
    return each(_in_ranges, "bool", ip, ranges, version)


def _network(ip: str, prefix: int | None) -> tuple[str, int] | None:
    text = ip.strip()
    if text.isdecimal() and int(text) < 1 << 32:
        found: tuple[int, int] | None = (int(text), 32)
    else:
        found = _v4(text)
    if found is None or (prefix is not None and not 0 <= prefix <= 32):
        return None
    bits = found[1] if prefix is None else min(found[1], prefix)
    return str(ipaddress.IPv4Address(_mask(found[0], bits, 32))), bits


def _format(ip: str, prefix: int) -> str:
    found = _network(ip, prefix)
    return found[0] if found else ""


def _format_mask(ip: str, prefix: int) -> str:
    found = _network(ip, prefix)
    return f"{found[0]}/{found[1]}" if found else ""


@udf("VARCHAR", "BIGINT", returns="VARCHAR")
def format_ipv4(ip: pa.Array, prefix: pa.Array) -> pa.Array:
    return each(_format, "string", ip, prefix)


@udf("VARCHAR", "BIGINT", returns="VARCHAR")
def format_ipv4_mask(ip: pa.Array, prefix: pa.Array) -> pa.Array:
    return each(_format_mask, "string", ip, prefix)


def _cidr_list(start: str, end: str) -> str | None:
    first, last = _v4(start), _v4(end)
    if first is None or last is None or first[0] > last[0] or (first[1], last[1]) != (32, 32):
        return None
    networks = ipaddress.summarize_address_range(ipaddress.IPv4Address(first[0]), ipaddress.IPv4Address(last[0]))
    return dump_plain([str(network) for network in networks])


@udf("VARCHAR", "VARCHAR", returns="VARCHAR")
def ipv4_range_to_cidr_list(start: pa.Array, end: pa.Array) -> pa.Array:
    return each(_cidr_list, "string", start, end)


_IN_TEXT = re.compile(r"(?<![^\W_])(?:\d{1,3}\.){3}\d{1,3}(?![^\W_])", re.ASCII)


#: The beginning of an address: one to three parts, each with its dot.
_PREFIX = re.compile(rf"(?:{_OCTET}\.){{1,3}}$", re.ASCII)


def _has(source: str, wanted: str, whole: bool) -> bool:
    """An address in a text stands between characters that are neither letters nor digits."""
    listed = load(wanted)
    texts = [text_of(x).strip() for x in listed] if isinstance(listed, list) else []
    texts = [x for x in texts if _DOTTED.match(x) or (not whole and _PREFIX.match(x))]
    addresses = [m[0] for m in _IN_TEXT.finditer(source) if _DOTTED.match(m[0])]
    # A whole address is no beginning of a longer one.
    return any(a == x or (x.endswith(".") and a.startswith(x)) for a in addresses for x in texts)


@udf("VARCHAR", "JSON", "BOOLEAN", returns="BOOLEAN")
def has_ipv4(source: pa.Array, wanted: pa.Array, whole: pa.Array) -> pa.Array:
    return each(_has, "bool", source, wanted, whole)
