"""The catalogue's file -> `Catalogue`. The form is described at the head of `data/catalogue.toml`."""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import replace
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
        if data.get("overlay"):
            return _over(read(None), data)
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


def _over(base: Catalogue, data: dict[str, Any]) -> Catalogue:
    """The catalogue that is installed with an overlay's additions. A tool or signer that both have gets the facts of both; what the
    overlay says of a signer's stem, scope and tools counts."""
    sources = {s.key: s for s in base.sources} | {key: _source(key, row) for key, row in data["sources"].items()}
    known = set(sources)
    tools = {t.name: t for t in base.tools}
    for row in data.get("tool", []):
        mine = tools.get(row["name"])
        one = _tool(row if mine is None else {"kind": mine.kind, "attack": list(mine.attack), **row}, known)
        if mine is not None:
            facts: dict[str, Any] = {key: (*getattr(mine, key), *getattr(one, key)) for key in _FACTS}
            said = {key: getattr(one, key) for key in ("vendor", "website") if row.get(key)}
            one = replace(mine, kind=one.kind, attack=one.attack, **facts, **said)
        tools[one.name] = one
    signers = {s.name: s for s in base.signers}
    for row in data.get("signer", []):
        old = signers.get(row["name"])
        new = _signer(row if old is None else {"scope": old.scope, **row}, known)
        if old is not None:
            prints = {c.thumbprint: c for c in (*old.certificates, *new.certificates)}
            new = replace(
                old,
                certificates=tuple(prints.values()),
                scope=new.scope,
                stem=new.stem or old.stem,
                why=new.why or old.why,
                tools=new.tools or old.tools,
            )
        signers[new.name] = new
    for signer in signers.values():
        for name in signer.tools:
            if name not in tools:
                raise ValueError(f"{signer.name}: there is no tool '{name}'")
    left_out = tuple(LeftOut(row["tool"], row["fact"], row["why"]) for row in data.get("left_out", []))
    return Catalogue(
        tuple(tools.values()), tuple(signers.values()), tuple(sources.values()), (*base.left_out, *left_out)
    )


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
