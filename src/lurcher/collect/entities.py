"""Names of things, written one way, so that rows of different sources meet: devices, accounts, files, addresses.

What is not of a thing's form stays as it was (trimmed): nothing is dropped, nothing is guessed. `-`, which Windows writes
where it has nothing, is empty. Each function on one text has one on a whole column beside it, which does the work once for
each distinct value.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

_GUID = re.compile(r"[0-9a-fA-F]{8}(-?)[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{12}")
_SID = re.compile(r"[sS]-1-\d{1,15}(?:-\d{1,10}){0,15}|[sS]-1-0[xX][0-9a-fA-F]{12}(?:-\d{1,10}){0,15}", re.ASCII)
#: MD5, SHA-1, SHA-256, SHA-384, SHA-512: digits of each.
_DIGEST = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128}")


def host_label(name: str) -> str:
    """What a host is known by, whoever wrote its name: the first label, lower case. An IP address is whole; `''` for no name.

    `WS01`, `ws01.corp.local`, `\\\\WS01` and `ws01.` are one host.
    """
    name = _bare(name).lstrip("\\").rstrip(".")
    if not name:
        return ""
    address = ip_address(name)
    if _is_address(address):
        return address.lower()
    label = name.partition(".")[0].strip()
    return (label or name).lower()


def device_id(name: str) -> str:
    """The `DeviceId` of a host whose source has none: 40 hex digits, as Defender's own look; `''` for no name.

    It is the SHA-1 of `host_label(name)` in UTF-8, so that one host has one id in every source, lake and run.
    """
    label = host_label(name)
    return hashlib.sha1(label.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest() if label else ""


def guid(text: str) -> str:
    """`{0F5D...}` and `0F5D...` are `0f5d...`: hyphens, lower case, no braces."""
    text = _bare(text)
    inner = text[1:-1] if text[:1] == "{" and text[-1:] == "}" else text
    if not _GUID.fullmatch(inner):
        return text
    digits = inner.replace("-", "").lower()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def sid(text: str) -> str:
    """A SID with its `S` in upper case; `%{S-1-5-18}`, as some events write it, is the SID alone."""
    text = _bare(text)
    inner = text[2:-1] if text[:2] == "%{" and text[-1:] == "}" else text
    return "S" + inner[1:] if _SID.fullmatch(inner) else text


def file_hash(text: str) -> str:
    """A digest of a file in hex, lower case, as Defender's tables have it."""
    text = _bare(text)
    return text.lower() if _DIGEST.fullmatch(text) else text


def ip_address(text: str) -> str:
    """An address in its one form: IPv6 in lower case and short (RFC 5952), an IPv4 address within IPv6 with its dots."""
    text = _bare(text)
    inner = text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text
    if ":" not in inner or len(inner) > 100:
        return text
    address, mark, zone = inner.partition("%")
    try:
        value = ipaddress.IPv6Address(address)
    except ValueError:
        return text
    # Python's own text of a mapped address differs between versions.
    short = f"::ffff:{value.ipv4_mapped}" if value.ipv4_mapped is not None else str(value)
    return short + mark + zone


def device_ids(names: pa.Array) -> pa.Array:
    return distinct(names, device_id)


def guids(texts: pa.Array) -> pa.Array:
    return distinct(texts, guid)


def sids(texts: pa.Array) -> pa.Array:
    return distinct(texts, sid)


def file_hashes(texts: pa.Array) -> pa.Array:
    return distinct(texts, file_hash)


def ip_addresses(texts: pa.Array) -> pa.Array:
    return distinct(texts, ip_address)


def distinct(texts: pa.Array, change: Callable[[str], str]) -> pa.Array:
    """`change` of each text, called once for each distinct one. A null is `''`."""
    import pyarrow as pa

    coded = texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    done = pa.array([change(t) if t is not None else "" for t in coded.dictionary.to_pylist()], pa.string())
    taken = done.take(coded.indices)
    return taken.fill_null("") if taken.null_count else taken


def _bare(text: str) -> str:
    text = text.strip().strip("\0")
    return "" if text == "-" else text


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
