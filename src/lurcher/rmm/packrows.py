"""The catalogue as the rows of the datatables that queries for all tools join."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lurcher.rmm import queries
from lurcher.rmm.catalogue import Catalogue
from lurcher.rmm.queries import Pattern, Terms
from lurcher.rmm.terms import has


@dataclass(frozen=True)
class PackRows:
    """`signers` and `wide`: stems of the makers, by tool, or by maker where several tools share them; `tools` says which those are.
    `programs`: tool, how a file's name begins and ends, product: what stands beside a wide signer."""

    signers: tuple[Terms, ...]
    wide: tuple[Terms, ...]
    programs: tuple[tuple[str, str, str, str], ...]
    names: tuple[Terms, ...]
    patterns: tuple[tuple[str, Pattern], ...]
    makers: tuple[Terms, ...]
    domains: tuple[Terms, ...]
    tools: dict[str, tuple[str, ...]] = field(default_factory=dict)


def pack_rows(catalogue: Catalogue) -> PackRows:
    signers, tools = _signers(catalogue)
    wide, programs = _wide(catalogue)
    names = (Terms(t.name, tuple(n.lower() for n in queries.names(t.executables))) for t in catalogue.tools)
    makers = (
        Terms(t.name, tuple(dict.fromkeys((*queries.values(t.companies), *queries.values(t.products)))))
        for t in catalogue.tools
    )
    domains = (Terms(t.name, queries.domains(t.domains)) for t in catalogue.tools)
    return PackRows(
        signers,
        wide,
        programs,
        tuple(r for r in names if r.terms),
        tuple((t.name, p) for t in catalogue.tools for p in queries.patterns(t.executables)),
        tuple(r for r in makers if r.terms),
        tuple(r for r in domains if r.terms),
        tools,
    )


def whose(catalogue: Catalogue, tools: Sequence[str]) -> str:
    """A signer of several tools resolves to their maker."""
    if len(tools) == 1:
        return tools[0]
    vendors = dict.fromkeys(t.vendor for n in tools if (t := catalogue.tool(n)) is not None and t.vendor)
    return f"{next(iter(vendors))} ({len(tools)} tools)" if len(vendors) == 1 else " or ".join(tools)


def _signers(catalogue: Catalogue) -> tuple[tuple[Terms, ...], dict[str, tuple[str, ...]]]:
    terms: dict[str, list[str]] = {}
    tools: dict[str, tuple[str, ...]] = {}
    own = [s for s in catalogue.signers if s.scope == "own"]
    for stem in queries.stems(own, "own"):
        named = tuple(dict.fromkeys(n for s in own if has(s.name, stem) for n in s.tools))
        label = whose(catalogue, named)
        terms.setdefault(label, []).append(stem)
        tools[label] = tuple(dict.fromkeys((*tools.get(label, ()), *named)))
    rows = sorted(terms.items(), key=lambda t: t[0].casefold())
    return tuple(Terms(label, tuple(found)) for label, found in rows), tools


def _wide(catalogue: Catalogue) -> tuple[tuple[Terms, ...], tuple[tuple[str, str, str, str], ...]]:
    makers: dict[str, list[str]] = {}
    for signer in catalogue.signers:
        for name in signer.tools if signer.scope == "wide" else ():
            if signer.stem not in makers.setdefault(name, []):
                makers[name].append(signer.stem)
    programs: list[tuple[str, str, str, str]] = []
    for name in sorted(makers, key=str.casefold):
        tool = catalogue.tool(name)
        if tool is None:
            continue
        whole = (*queries.names(tool.executables), *queries.names(tool.executables, generic=True))
        programs += [(name, n.lower(), n.lower(), "") for n in whole]
        programs += [(name, p.prefix, p.suffix, "") for p in queries.patterns(tool.executables)]
        programs += [(name, "", "", p) for p in queries.values(tool.products)]
    known = {p[0] for p in programs}
    rows = [Terms(n, tuple(makers[n])) for n in sorted(makers, key=str.casefold) if n in known]
    return tuple(rows), tuple(programs)
