"""User agents, by the rules of uap-core that the library ua-parser carries (the extra `user-agents`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.functions.udf import udf
from lurcher.functions.udfs.jsontext import dump_plain
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

try:
    from ua_parser import parse
except ImportError as error:
    raise LurcherError(
        "parse_user_agent() needs the rules of uap-core", "pip install 'lurcher[user-agents]'", kind="unsupported"
    ) from error

#: What is asked for -> its key, and part of the library's answer -> key.
_PARTS: dict[str, tuple[str, str, dict[str, str]]] = {
    "browser": (
        "Browser",
        "user_agent",
        {"family": "Family", "major": "MajorVersion", "minor": "MinorVersion", "patch": "Patch"},
    ),
    "os": (
        "OperatingSystem",
        "os",
        {
            "family": "Family",
            "major": "MajorVersion",
            "minor": "MinorVersion",
            "patch": "Patch",
            "patch_minor": "PatchMinor",
        },
    ),
    "device": ("Device", "device", {"family": "Family", "brand": "Brand", "model": "Model"}),
}
WANTED = tuple(_PARTS)


def _parse(text: str, wanted: str) -> str:
    result = parse(text)
    found: dict[str, Any] = {}
    for name in wanted.split():
        key, attribute, parts = _PARTS[name]
        part = getattr(result, attribute)
        values = {shown: getattr(part, field, None) or "" for field, shown in parts.items()}
        # What no rule knows is of the family Other.
        found[key] = values if part is not None else {**values, "Family": "Other"}
    return dump_plain(found)


@udf("VARCHAR", "VARCHAR", returns="VARCHAR")
def parse_user_agent(text: pa.Array, wanted: pa.Array) -> pa.Array:
    """`wanted` are names of `WANTED`, separated by spaces."""
    return each(_parse, "string", text, wanted)
