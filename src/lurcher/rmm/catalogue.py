"""The catalogue of remote-management tools: facts with their sources, and ways to find them.

catalogue = Catalogue.load()
catalogue.tool("NinjaRMM").name                     # 'NinjaOne': former names and other spellings find it too
catalogue.tool_by_signer("ConnectWise, LLC").vendor # a shared signer resolves to its vendor
catalogue.known_executable("ninjaRMM.exe")          # (): no catalogue knows it
"""

from __future__ import annotations

import datetime as dt
import fnmatch
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from lurcher.errors import LurcherError
from lurcher.rmm.terms import has

#: `own` is hunted by itself, `wide` only beside a product name, `generic` never.
Scope = Literal["own", "wide", "generic"]


@dataclass(frozen=True, slots=True)
class SourceOfFacts:
    """Where facts come from, and the day on which they were read."""

    key: str
    name: str
    read: dt.date
    url: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One artefact of a tool. `generic`: true of much else as well, never hunted alone."""

    value: str
    source: str
    generic: bool = False


@dataclass(frozen=True, slots=True)
class Certificate:
    """A signing certificate: SHA-1 thumbprint in lower-case hex (Defender's SignerHash), validity, the issuer's common name."""

    thumbprint: str
    valid_from: dt.date
    valid_to: dt.date
    issuer: str


@dataclass(frozen=True, slots=True)
class Signer:
    """A name on certificates (Defender's `Signer`: the common name). `not_of` maps tools under which a source lists it wrongly
    to the reason. `exact` is False where only a search term is known, not the whole name."""

    name: str
    stem: str
    scope: Scope
    why: str
    tools: tuple[str, ...]
    source: str
    exact: bool
    certificates: tuple[Certificate, ...]
    not_of: dict[str, str]
    #: Known to sign today though no certificate of it is listed.
    in_use: bool = False

    @property
    def since(self) -> dt.date | None:
        """The first day of its oldest known certificate."""
        return min((c.valid_from for c in self.certificates), default=None)

    @property
    def until(self) -> dt.date | None:
        return max((c.valid_to for c in self.certificates), default=None)

    def valid_on(self, day: dt.date) -> bool:
        return self.in_use or any(c.valid_from <= day <= c.valid_to for c in self.certificates)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool. `also` are other spellings in the sources; `kind` is `RMM`, `remote access`, `RAT`, `tunnel`, ..."""

    name: str
    vendor: str
    former: tuple[str, ...]
    also: tuple[str, ...]
    kind: str
    attack: tuple[str, ...]
    website: str
    executables: tuple[Fact, ...]
    domains: tuple[Fact, ...]
    folders: tuple[Fact, ...]
    companies: tuple[Fact, ...]
    products: tuple[Fact, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.former, *self.also)


@dataclass(frozen=True, slots=True)
class Maker:
    """Whose a signer is: the vendor, and the tools of his that it signs. `tool` only where there is no doubt."""

    signer: Signer
    vendor: str
    tools: tuple[Tool, ...]

    @property
    def tool(self) -> Tool | None:
        return self.tools[0] if len(self.tools) == 1 else None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A fact of a source's that the review took out, with the reason."""

    tool: str
    fact: str
    why: str


@dataclass(frozen=True)
class Catalogue:
    """All tools and signers. Make one with `load`, which takes some 50 ms; the indexes are built when first used."""

    tools: tuple[Tool, ...]
    signers: tuple[Signer, ...]
    sources: tuple[SourceOfFacts, ...]
    left_out: tuple[LeftOut, ...]

    @staticmethod
    def load(path: Path | None = None) -> Catalogue:
        """The catalogue that ships, or another file of its form. Raises `LurcherError` where it cannot be read."""
        from lurcher.rmm.reading import read

        return read(path)

    @cached_property
    def _by_name(self) -> dict[str, Tool]:
        index: dict[str, Tool] = {}
        for tool in self.tools:
            for name in tool.names:
                index.setdefault(name.casefold(), tool)
        return index | {t.name.casefold(): t for t in self.tools}

    @cached_property
    def _by_tool(self) -> dict[str, tuple[Signer, ...]]:
        index: dict[str, list[Signer]] = {}
        for signer in self.signers:
            for name in signer.tools:
                index.setdefault(name, []).append(signer)
        return {name: tuple(found) for name, found in index.items()}

    @cached_property
    def _exact(self) -> dict[str, Signer]:
        """By the name as it is, and without case: two names may differ in case alone (`ConnectWise, LLC`, `Connectwise, LLC`)."""
        return {s.name.casefold(): s for s in self.signers} | {s.name: s for s in self.signers}

    @cached_property
    def _executables(self) -> tuple[dict[str, tuple[Tool, ...]], tuple[tuple[str, Tool], ...]]:
        """Plain names, and patterns with `*`."""
        plain: dict[str, list[Tool]] = {}
        patterns: list[tuple[str, Tool]] = []
        for tool in self.tools:
            for fact in tool.executables:
                name = fact.value.casefold()
                if "*" in name or "?" in name:
                    patterns.append((name, tool))
                elif tool not in plain.setdefault(name, []):
                    plain[name].append(tool)
        return {name: tuple(found) for name, found in plain.items()}, tuple(patterns)

    @cached_property
    def _thumbprints(self) -> dict[str, Signer]:
        return {c.thumbprint: s for s in self.signers for c in s.certificates}

    def tool(self, name: str) -> Tool | None:
        """By its name, a former name or a spelling of the sources, in any case."""
        return self._by_name.get(name.casefold())

    def signers_of(self, tool: Tool | str) -> tuple[Signer, ...]:
        """The signers that are the maker's own or wide; never a bundled part's."""
        found = self.tool(tool) if isinstance(tool, str) else tool
        return self._by_tool.get(found.name, ()) if found else ()

    def signer(self, name: str) -> Signer | None:
        """By the whole name first, then by the longest stem that occurs in it as a term."""
        exact = self._exact.get(name) or self._exact.get(name.casefold())
        if exact is not None:
            return exact
        stems = [s for s in self.signers if s.stem and s.scope != "generic" and has(name, s.stem)]
        return max(stems, key=lambda s: len(s.stem), default=None)

    def tool_by_signer(self, name: str) -> Maker | None:
        """Whose signature it is; None where it is nobody's that we know, or a generic one."""
        signer = self.signer(name)
        if signer is None or signer.scope == "generic":
            return None
        tools = tuple(t for n in signer.tools if (t := self.tool(n)) is not None)
        vendors = tuple(dict.fromkeys(t.vendor for t in tools if t.vendor))
        return Maker(signer, vendors[0] if len(vendors) == 1 else signer.stem, tools)

    def signer_by_thumbprint(self, thumbprint: str) -> Signer | None:
        return self._thumbprints.get(thumbprint.lower())

    def known_executable(self, name: str) -> tuple[Tool, ...]:
        """The tools that have a file of this name (not a path), generic names included; () where no catalogue knows it."""
        plain, patterns = self._executables
        wanted = name.casefold()
        found = list(plain.get(wanted, ()))
        found += [t for pattern, t in patterns if t not in found and fnmatch.fnmatchcase(wanted, pattern)]
        return tuple(found)

    def generic_executable(self, name: str) -> bool:
        """Whether the name says nothing by itself (`agent.exe`, `putty.exe`)."""
        wanted = name.casefold()
        facts = [
            f
            for t in self.known_executable(name)
            for f in t.executables
            if fnmatch.fnmatchcase(wanted, f.value.casefold())
        ]
        return any(f.generic for f in facts)

    def tools_by_domain(self, host: str) -> tuple[Tool, ...]:
        """The tools that talk to a host, by domains that are theirs alone."""
        wanted = host.casefold().rstrip(".")
        return tuple(
            tool
            for tool in self.tools
            if any(not f.generic and (wanted == f.value or fnmatch.fnmatchcase(wanted, f.value)) for f in tool.domains)
        )


def bad_catalogue(path: Any, why: str) -> LurcherError:
    return LurcherError(
        f"the catalogue cannot be read: {why}", "see the comments at the head of the file that ships", str(path)
    )
