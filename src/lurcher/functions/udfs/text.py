"""Text functions that SQL cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lurcher.functions.udf import udf
from lurcher.functions.udfs.jsontext import load
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa


def _replace(text: str, lookups: str, rewrites: str) -> str | None:
    """One lookup after the other over what none has replaced yet."""
    old, new = load(lookups), load(rewrites)
    if not isinstance(old, list) or not isinstance(new, list) or len(old) != len(new):
        return None
    pieces: list[tuple[bool, str]] = [(False, text)]
    for lookup, given in zip(old, new, strict=True):
        if not isinstance(lookup, str) or not lookup:
            continue
        # What is no text replaces nothing, but its lookup's places are taken all the same.
        rewrite = given if isinstance(given, str) else lookup
        after: list[tuple[bool, str]] = []
        for done, piece in pieces:
            if done:
                after.append((done, piece))
                continue
            for i, rest in enumerate(piece.split(lookup)):
                if i:
                    after.append((True, rewrite))
                after.append((False, rest))
        pieces = after
    return "".join(piece for _, piece in pieces)


@udf("VARCHAR", "JSON", "JSON", returns="VARCHAR")
def replace_strings(text: pa.Array, lookups: pa.Array, rewrites: pa.Array) -> pa.Array:
    return each(_replace, "string", text, lookups, rewrites)
