"""A newer LOLRMM against the catalogue: what is new, what has changed, what is gone; and the overlay that brings the new in.

The catalogue was reviewed and LOLRMM was not. So what is new comes in with care: a signer that nobody has looked at is hunted only
beside a program of the tool's (`wide`), unless its name has a stem of the tool's that was reviewed; a file name or a host that
other tools have, or that says nothing, is `generic`. What a newer checkout lacks is told and kept: old agents keep running.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from lurcher.rmm.catalogue import Catalogue, Fact, Tool
from lurcher.rmm.lolrmm import Checkout, RawTool, SignedBy
from lurcher.rmm.terms import LEGAL_FORM, has

#: Names that say nothing by themselves.
COMMON_NAMES = frozenset(
    f"{n}.exe"
    for n in (
        "agent", "client", "server", "service", "setup", "install", "installer", "uninstall", "update", "updater", "launcher",
        "helper",
        "viewer", "connect", "remote", "host", "main", "app", "start", "console", "support", "unins000", "svchost", "cmd",
        "powershell",
    )
)  # fmt: skip
#: Below these are many people's hosts.
SHARED_HOSTS = (
    "amazonaws.com", "cloudfront.net", "azurewebsites.net", "azureedge.net", "windows.net", "azure.com", "microsoft.com",
    "google.com",
    "googleapis.com", "github.com", "githubusercontent.com", "github.io", "web.app", "firebaseapp.com", "pages.dev", "workers.dev",
    "cloudflare.com", "cloudflarestorage.com", "apple.com", "windowsupdate.com", "akamaized.net", "dropbox.com", "sharepoint.com",
)  # fmt: skip


@dataclass
class Change:
    """What is new of a tool, by kind. `gone` are facts of LOLRMM's that the newer one does not have."""

    tool: str
    is_new: bool
    executables: list[Fact] = field(default_factory=list)
    domains: list[Fact] = field(default_factory=list)
    folders: list[Fact] = field(default_factory=list)
    products: list[Fact] = field(default_factory=list)
    signers: list[NewSigner] = field(default_factory=list)
    certificates: list[SignedBy] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    raw: RawTool | None = None

    @property
    def adds(self) -> bool:
        return self.is_new or bool(
            self.executables or self.domains or self.folders or self.products or self.signers or self.certificates
        )


@dataclass(frozen=True, slots=True)
class NewSigner:
    """A name that the catalogue has not. `reviewed`: a stem of the tool's own is in it."""

    name: str
    stem: str
    reviewed: bool
    certificates: tuple[SignedBy, ...]


@dataclass(frozen=True)
class Difference:
    """`missing`: tools of LOLRMM's that the newer one does not have; not known where some of it is `broken`."""

    changes: tuple[Change, ...]
    missing: tuple[str, ...]
    broken: tuple[tuple[str, str], ...]

    @property
    def adds(self) -> tuple[Change, ...]:
        return tuple(c for c in self.changes if c.adds)


def difference(catalogue: Catalogue, checkout: Checkout) -> Difference:
    """Raises nothing."""
    changes: dict[str, Change] = {}
    for raw in checkout.tools:
        tool = catalogue.tool(raw.name)
        name = tool.name if tool is not None else raw.name
        change = changes.setdefault(name, Change(name, tool is None, raw=raw))
        _compare(change, raw, tool, catalogue, checkout.whole)
    listed = {
        t.name for t in catalogue.tools if any(f.source == "lolrmm" for f in (*t.executables, *t.domains, *t.folders))
    }
    # What could not be read may be any of them.
    missing = tuple(sorted(listed - set(changes))) if checkout.whole and not checkout.broken else ()
    ordered = sorted(changes.values(), key=lambda c: (not c.is_new, c.tool.casefold()))
    return Difference(tuple(c for c in ordered if c.adds or c.gone), missing, checkout.broken)


def _compare(change: Change, raw: RawTool, tool: Tool | None, catalogue: Catalogue, whole: bool) -> None:
    out = {row.fact.casefold() for row in catalogue.left_out if row.tool == change.tool}
    for key in ("executables", "domains", "folders", "products"):
        have: tuple[Fact, ...] = getattr(tool, key) if tool is not None else ()
        known = {f.value.casefold() for f in have} | out
        new: list[Fact] = getattr(change, key)
        for value in getattr(raw, key):
            if value.casefold() not in known:
                new.append(Fact(value, "lolrmm", key != "folders" and _generic(key, value, change.tool, catalogue)))
                known.add(value.casefold())
        if whole and key in ("executables", "domains"):
            here = {v.casefold() for v in getattr(raw, key)}
            change.gone += [
                f"{key[:-1]} {f.value}" for f in have if f.source == "lolrmm" and f.value.casefold() not in here
            ]
    exact = {s.name: s for s in catalogue.signers}
    by_name: dict[str, list[SignedBy]] = {}
    for signed in raw.signers:
        by_name.setdefault(signed.name, []).append(signed)
    for name, certificates in by_name.items():
        known_signer = exact.get(name)
        fresh = [
            c
            for c in certificates
            if c.certificate is not None and catalogue.signer_by_thumbprint(c.thumbprint) is None
        ]
        if known_signer is None:
            stem, reviewed = _stem(name, tool, catalogue)
            if name.casefold() not in out:
                change.signers.append(NewSigner(name, stem, reviewed, tuple(certificates)))
        elif fresh and known_signer.scope != "generic":
            change.certificates += fresh


def _stem(name: str, tool: Tool | None, catalogue: Catalogue) -> tuple[str, bool]:
    stems = [s.stem for s in catalogue.signers_of(tool) if s.scope == "own" and s.stem] if tool is not None else []
    found = max((s for s in stems if has(name, s)), key=len, default="")
    if found:
        return found, True
    bare = LEGAL_FORM.sub("", name).rstrip(" ,.")
    return (bare if len(bare) > 5 else name), False


def _generic(key: str, value: str, tool: str, catalogue: Catalogue) -> bool:
    low = value.casefold()
    if key == "executables":
        others = [t for t in catalogue.known_executable(value) if t.name != tool]
        return (
            low in COMMON_NAMES
            or len(low.removesuffix(".exe").strip("*")) < 4
            or bool(others)
            or catalogue.generic_executable(value)
        )
    if key == "domains":
        bare = low.removeprefix("*.")
        shared = any(f".{bare}".endswith(f".{h}") for h in SHARED_HOSTS)
        return shared or any(f.generic and f.value == low for t in catalogue.tools for f in t.domains)
    return len(low) < 4 or low in ("remote", "agent", "client", "connect", "viewer", "launch")


# --- the overlay ---
def overlay(found: Difference, day: dt.date, source: str) -> str:
    """A catalogue that adds to the one that is installed: TOML, in the form of `data/catalogue.toml`."""
    lines = [
        "# Additions to lurcher's catalogue of remote-management tools, made by `lurcher rmm update`. Edit it as you review it:",
        "# scope = \"wide\" hunts a signer only beside a program of the tool's; \"own\" hunts it by itself. See docs/rmm.md.",
        "overlay = true", "", "[sources.lolrmm]", 'name = "LOLRMM"', 'url = "https://github.com/magicsword-io/LOLRMM"',
        'licence = "Apache-2.0"', f"read = {day.isoformat()}", f"gave = {_text(source)}", "",
    ]  # fmt: skip
    signers: dict[str, tuple[list[str], NewSigner]] = {}
    more: dict[str, list[SignedBy]] = {}
    for change in found.adds:
        lines += _tool(change)
        for signer in change.signers:
            signers.setdefault(signer.name, ([], signer))[0].append(change.tool)
        for signed in change.certificates:
            more.setdefault(signed.name, []).append(signed)
    for name, (tools, new) in sorted(signers.items()):
        lines += ["[[signer]]", f"name = {_text(name)}", f"stem = {_text(new.stem)}"]
        lines += ['scope = "own"'] if new.reviewed else ['scope = "wide"', 'why = "has not been reviewed"']
        lines += [f"tools = {_texts(tools)}", 'source = "lolrmm"', *_certificates(new.certificates), ""]
    for name, certificates in sorted(more.items()):
        lines += ["[[signer]]", f"name = {_text(name)}", 'source = "lolrmm"', *_certificates(certificates), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _tool(change: Change) -> list[str]:
    facts = [(k, getattr(change, k)) for k in ("executables", "domains", "folders", "products")]
    if not change.is_new and not any(values for _, values in facts):
        return []
    lines = ["[[tool]]", f"name = {_text(change.tool)}"]
    if change.is_new:
        raw = change.raw
        lines += [
            f"kind = {_text(raw.kind if raw else 'RMM')}",
            'attack = ["T1219"]',
            f"website = {_text(raw.website if raw else '')}",
        ]
    lines.append("[tool.lolrmm]")
    for key, values in facts:
        for prefix, generic in (("", False), ("generic_", True)):
            chosen = [f.value for f in values if f.generic == generic]
            if chosen:
                lines.append(f"{prefix}{key} = {_texts(chosen)}")
    return [*lines, ""]


def _certificates(certificates: Iterable[SignedBy]) -> list[str]:
    rows = [
        f"  {{ thumbprint = {_text(c.thumbprint)}, from = {c.valid_from}, to = {c.valid_to},"
        f" issuer = {_text(c.issuer or 'unknown')} }},"
        for s in certificates
        if (c := s.certificate) is not None
    ]
    return ["certificates = [", *rows, "]"] if rows else []


def _texts(values: Iterable[str]) -> str:
    return "[" + ", ".join(_text(v) for v in values) + "]"


def _text(value: str) -> str:
    # JSON's escapes are TOML's.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
