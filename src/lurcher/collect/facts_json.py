"""Facts about a file as JSON, for the journal of a collection: what a run has found is kept until it is in the lake."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from lurcher.collect.examine import FileFacts, SignatureFacts

#: Raised whenever the same file gives other facts than before: unchanged files are then read again.
VERSION = 1

_TIMES = ("created", "expires", "countersigned")
_NAMES = tuple(f.name for f in fields(SignatureFacts))


def dump(facts: FileFacts) -> bytes:
    """All but where the file is, and what serves to find its catalogue; the same facts give the same octets."""
    import orjson

    rows = [dump_signature(s) for s in facts.signatures]
    return orjson.dumps([facts.size, facts.hashes, facts.details, rows], option=orjson.OPT_SORT_KEYS)


def load(path: str, content: bytes) -> FileFacts:
    import orjson

    size, hashes, details, rows = orjson.loads(content)
    return FileFacts(path, size, hashes, details, tuple(load_signature(r) for r in rows), ())


def dump_signature(signature: SignatureFacts) -> list[Any]:
    values: list[Any] = []
    for name in _NAMES:
        value = getattr(signature, name)
        values.append(value.isoformat() if isinstance(value, datetime) else value)
    return values


def load_signature(values: list[Any]) -> SignatureFacts:
    found: dict[str, Any] = dict(zip(_NAMES, values, strict=True))
    for name in _TIMES:
        if found[name] is not None:
            found[name] = datetime.fromisoformat(found[name])
    if found["crl_urls"] is not None:
        found["crl_urls"] = tuple(found["crl_urls"])
    return SignatureFacts(**found)
