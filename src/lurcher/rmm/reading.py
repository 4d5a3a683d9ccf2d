"""The catalogue's file -> `Catalogue`. The form is described at the head of `data/catalogue.toml`."""

from __future__ import annotations

import datetime as dt
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from lurcher.rmm.catalogue import (
    Catalogue,
    Certificate,
    Fact,
    LeftOut,
    Scope,
    Signer,
    SourceOfFacts,
    Tool,
    bad_catalogue,
)

#: Keys of a source's facts -> field of `Tool`; `generic_` before them marks what is never hunted alone.
_FACTS = ("executables", "domains", "folders", "companies", "products")
_TOOL_KEYS = frozenset({"name", "vendor", "former", "also", "kind", "attack", "website"})


def read(path: Path | None) -> Catalogue:
    """Raises `LurcherError` where the file is no TOML, lacks a key, or names a source that it does not declare."""
    where: Any = path or "data/catalogue.toml"
    try:
        raw = path.read_bytes() if path else files("lurcher.rmm").joinpath("data/catalogue.toml").read_bytes()
        data = tomllib.loads(raw.decode())
        sources = tuple(_source(key, row) for key, row in data["sources"].items())
        known = {s.key for s in sources}
        return Catalogue(
            tuple(_tool(row, known) for row in data["tool"]),
            tuple(_signer(row, known) for row in data["signer"]),
            sources,
            tuple(LeftOut(row["tool"], row["fact"], row["why"]) for row in data.get("left_out", [])),
        )
    except OSError as error:
        raise bad_catalogue(where, error.strerror or str(error)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise bad_catalogue(where, str(error)) from None
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise bad_catalogue(where, f"{type(error).__name__}: {error}") from None


def _source(key: str, row: dict[str, Any]) -> SourceOfFacts:
    return SourceOfFacts(key, row["name"], row["read"], row.get("url", ""), row.get("licence", ""))


def _tool(row: dict[str, Any], sources: set[str]) -> Tool:
    facts: dict[str, list[Fact]] = {key: [] for key in _FACTS}
    for source, group in row.items():
        if source in _TOOL_KEYS:
            continue
        if source not in sources:
            raise ValueError(f"{row['name']}: '{source}' is neither a key nor a source")
        for key, values in group.items():
            facts[key.removeprefix("generic_")] += [Fact(v, source, key.startswith("generic_")) for v in values]
    return Tool(
        name=row["name"],
        vendor=row.get("vendor", ""),
        former=tuple(row.get("former", ())),
        also=tuple(row.get("also", ())),
        kind=row["kind"],
        attack=tuple(row["attack"]),
        website=row.get("website", ""),
        **{key: tuple(found) for key, found in facts.items()},
    )


def _signer(row: dict[str, Any], sources: set[str]) -> Signer:
    if row["source"] not in sources:
        raise ValueError(f"{row['name']}: no source '{row['source']}'")
    return Signer(
        name=row["name"],
        stem=row.get("stem", ""),
        scope=cast(Scope, row["scope"]),
        why=row.get("why", ""),
        tools=tuple(row.get("tools", ())),
        source=row["source"],
        exact=row.get("exact", True),
        certificates=tuple(_certificate(c) for c in row.get("certificates", ())),
        not_of=dict(row.get("not_of", {})),
        in_use=row.get("in_use", False),
    )


def _certificate(row: dict[str, Any]) -> Certificate:
    start, end = row["from"], row["to"]
    if not isinstance(start, dt.date) or not isinstance(end, dt.date):
        raise TypeError(f"{row['thumbprint']}: validity is no date")
    return Certificate(row["thumbprint"], start, end, row["issuer"])
