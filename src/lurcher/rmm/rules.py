"""The rules that the catalogue makes: Sentinel YAML, each with a file of tests beside it. The same catalogue gives the same bytes.

generated(catalogue, tools=("NinjaOne",), kinds=("signature",))[0].text      # id: ..., name: ..., query: |, ...
pack(catalogue)                                                              # the few rules that look for all tools
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lurcher.rmm import queries
from lurcher.rmm.catalogue import Catalogue, Tool
from lurcher.rmm.packrows import pack_rows
from lurcher.rmm.queries import MAX_QUERY, Terms
from lurcher.rmm.terms import has

Kind = Literal["signature", "process", "network"]
KINDS: tuple[Kind, ...] = ("signature", "process", "network")
#: Ids are made of this and the rule's own name: they stay while the name does.
_NAMESPACE = uuid.UUID("6c6b2d5e-35b5-5c5e-9a55-0a4f2f0c1f6b")
VERSION = "1.0.0"
#: The time of the tests, and of the events in them.
NOW, SEEN = "2026-11-20T12:00:00Z", "2026-11-19T08:00:00Z"
_TABLES: dict[str, str] = {
    "signature": "DeviceFileCertificateInfo",
    "process": "DeviceProcessEvents",
    "network": "DeviceNetworkEvents",
}
#: Tactics of what is no remote access software; it is command and control all the same where ATT&CK has it there.
_TACTICS = {"T1021": "LateralMovement", "T1048": "Exfiltration", "T1567": "Exfiltration", "T1569": "Execution"}

Row = dict[str, str]


@dataclass(frozen=True)
class Case:
    """A test: rows of the rule's tables, and how many rows come of them."""

    name: str
    true: bool
    tables: dict[str, list[Row]]
    rows: int


@dataclass(frozen=True)
class GeneratedRule:
    """`file` is the name without an ending. `tools` are those that it looks for."""

    file: str
    kind: Kind
    name: str
    description: str
    query: str
    techniques: tuple[str, ...]
    tables: tuple[str, ...]
    tools: tuple[str, ...]
    cases: tuple[Case, ...]

    @property
    def id(self) -> str:
        return str(uuid.uuid5(_NAMESPACE, self.file))

    @property
    def tactics(self) -> tuple[str, ...]:
        found = [_TACTICS.get(t.partition(".")[0], "CommandAndControl") for t in self.techniques]
        return tuple(dict.fromkeys(("CommandAndControl", *found)))

    @property
    def text(self) -> str:
        """The rule's file."""
        lines = [f"id: {self.id}", f"name: {_quoted(self.name)}", "description: |", *_block(self.description)]
        lines += ["requiredDataConnectors:", "  - connectorId: MicrosoftThreatProtection", "    dataTypes:"]
        lines += [f"      - {t}" for t in self.tables]
        lines += ["tactics:", *(f"  - {t}" for t in self.tactics)]
        lines += ["relevantTechniques:", *(f"  - {t}" for t in self.techniques)]
        lines += ["query: |", *_block(self.query)]
        lines += ["entityMappings:", "  - entityType: Host", "    fieldMappings:"]
        lines += ["      - identifier: FullName", "        columnName: DeviceName", f"version: {VERSION}"]
        return "\n".join(lines) + "\n"

    @property
    def tests(self) -> str:
        """The file of tests beside it."""
        lines = [f"now: {NOW}", "tests:"]
        for case in self.cases:
            lines += [
                f"  - name: {_quoted(case.name)}",
                f"    kind: {'true' if case.true else 'false'} positive",
                "    tables:",
            ]
            for table, rows in case.tables.items():
                lines.append(f"      {table}:")
                lines += [f"        - {_flow(row)}" for row in rows]
            lines += ["    expect:", f"      rows: {case.rows}"]
        return "\n".join(lines) + "\n"


def generated(
    catalogue: Catalogue, tools: Sequence[str] = (), kinds: Sequence[Kind] = KINDS
) -> tuple[GeneratedRule, ...]:
    """The rules of each tool; of all where none is named. A kind that nothing is known for gives none. Names: the catalogue's."""
    chosen = [t for t in catalogue.tools if not tools or t.name in tools]
    made = (_one(catalogue, tool, kind) for tool in chosen for kind in kinds)
    return tuple(rule for rule in made if rule is not None)


def pack(catalogue: Catalogue, kinds: Sequence[Kind] = KINDS) -> tuple[GeneratedRule, ...]:
    """The rules that look for all tools at once."""
    found: list[GeneratedRule] = []
    if "signature" in kinds:
        found += _all_signatures(catalogue)
    if "process" in kinds:
        found += _all_processes(catalogue)
    if "network" in kinds:
        found += _all_networks(catalogue)
    return tuple(found)


# --- one tool ---
_WHAT = {"signature": "file signature", "process": "process", "network": "network"}
_SEEN = {
    "signature": "a file signed by the makers of {tool} was seen",
    "process": "a program of {tool} ran, by its file name, its original file name or its maker",
    "network": "a program talked to a host of {tool}",
}


def _one(catalogue: Catalogue, tool: Tool, kind: Kind) -> GeneratedRule | None:
    query = {
        "signature": lambda: queries.signature(catalogue, tool),
        "process": lambda: queries.process(tool),
        "network": lambda: queries.network(tool),
    }[kind]()
    if not query or len(query) > MAX_QUERY:
        return None
    cases = {"signature": _signature_cases, "process": _process_cases, "network": _network_cases}[kind](catalogue, tool)
    tables = tuple(t for t in _TABLES.values() if t in query)
    about = f"Devices on which {_SEEN[kind].format(tool=tool.name)} in the last seven days.\n{_beside(catalogue, tool, kind)}"
    return GeneratedRule(
        f"{slug(tool.name)}-{_WHAT[kind].replace(' ', '-')}", kind,
        f"Remote management tool - {tool.name} - {_WHAT[kind]}", about, query, _techniques((tool,)), tables, (tool.name,), cases,
    )  # fmt: skip


def _beside(catalogue: Catalogue, tool: Tool, kind: Kind) -> str:
    """What a reader of a finding should know."""
    lines = []
    if tool.former:
        lines.append(f"{tool.name} was called {' and '.join(tool.former)} before.")
    shared = [s for s in catalogue.signers_of(tool) if len(s.tools) > 1]
    if kind == "signature" and shared:
        others = sorted({n for s in shared for n in s.tools} - {tool.name})
        lines.append(f"The same signature is on {', '.join(others)}: a finding says whose it is, not which of them.")
    if kind != "signature":
        lines.append("A name is whatever an intruder makes it; the signature says more, where there is one.")
    lines.append(
        "On a device that your IT department does not look after with it, find out who installed it, and through what."
    )
    return "\n".join(lines)


def _techniques(tools: Iterable[Tool]) -> tuple[str, ...]:
    found = dict.fromkeys(t for tool in tools for t in tool.attack)
    return tuple(sorted(found))


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


# --- rows of tests ---
def _device(number: int) -> Row:
    return {"Timestamp": SEEN, "DeviceId": f"device-{number}", "DeviceName": f"pc-{number}.corp.example"}


def _hash(number: int) -> str:
    return f"{number:040x}"


def _certificates(signers: Sequence[str], first: int = 1) -> list[Row]:
    return [{**_device(n), "SHA1": _hash(n), "Signer": s} for n, s in enumerate(signers, first)]


def _lookalike(term: str) -> str:
    """A name that has the term only inside of a longer word."""
    return f"My{term}x"


def _signature_cases(catalogue: Catalogue, tool: Tool) -> tuple[Case, ...]:
    signers = catalogue.signers_of(tool)
    own, wide = queries.stems(signers, "own"), queries.stems(signers, "wide")
    table = _TABLES["signature"]
    cases = []
    names = [s.name for s in signers if s.scope == "own"]
    if names:
        cases.append(Case("each signer that is known", True, {table: _certificates(names)}, len(names)))
        renamed = [f"{s} Holdings" for s in own]
        cases.append(Case("the company under another legal form", True, {table: _certificates(renamed)}, len(renamed)))
    program = _program_row(tool) if wide else None
    beside = [s.name for s in signers if s.scope == "wide"]
    if program is not None:
        starts = [{**_device(1), "SHA1": _hash(1), **program}]
        cases.append(
            Case("a signer of much else, on the tool's program", True,
                 {table: _certificates(beside[:1]), _TABLES["process"]: starts}, 1)
        )  # fmt: skip
        other = [{**_device(1), "SHA1": _hash(1), "FileName": "setup-of-something.exe"}]
        cases.append(
            Case("the same signer on another program", False,
                 {table: _certificates(beside[:1]), _TABLES["process"]: other}, 0)
        )  # fmt: skip
    wrong = [_lookalike(s) for s in (*own, *wide)]
    strangers = [s.name for s in catalogue.signers if not any(has(s.name, stem) for stem in (*own, *wide))][:2]
    cases.append(
        Case("names that only look alike, and other makers", False, {table: _certificates([*wrong, *strangers])}, 0)
    )
    return tuple(cases)


def _program_row(tool: Tool) -> Row | None:
    """A process start of the tool's."""
    found = (*queries.names(tool.executables), *queries.names(tool.executables, generic=True))
    if found:
        return {"FileName": found[0].upper()}
    some = queries.patterns(tool.executables)
    if some:
        return {"FileName": f"{some[0].prefix}7{some[0].suffix}"}
    if tool.companies or tool.products:
        return _version_rows(queries.values(tool.companies), queries.values(tool.products))[0]
    return None


def _version_rows(companies: Sequence[str], products: Sequence[str]) -> list[Row]:
    return [{"FileName": "a1.exe", "ProcessVersionInfoCompanyName": c} for c in companies] + [
        {"FileName": "a1.exe", "ProcessVersionInfoProductName": p} for p in products
    ]


def _process_cases(catalogue: Catalogue, tool: Tool) -> tuple[Case, ...]:
    table = _TABLES["process"]
    own = queries.names(tool.executables)
    some = queries.patterns(tool.executables)
    companies, products = queries.values(tool.companies), queries.values(tool.products)
    true: list[Row] = [{"FileName": n.upper()} for n in own]
    true += [{"FileName": "svchost.exe", "ProcessVersionInfoOriginalFileName": n} for n in own[:1]]
    true += [{"FileName": f"{p.prefix}7{p.suffix}"} for p in some] + _version_rows(companies, products)
    generic = [
        n for n in queries.names(tool.executables, generic=True) if not any(p.matches(n) for p in some)
    ]  # fmt: skip
    if not true and generic:
        makers = queries.stems_of_maker(tool)
        true = [{"FileName": generic[0], "ProcessVersionInfoCompanyName": makers[0]}]
    false: list[Row] = [{"FileName": f"not-{n}"} for n in own if not any(p.matches(f"not-{n}") for p in some)][:3]
    false += [{"FileName": n} for n in generic]
    false += [{"FileName": "a1.exe", "ProcessVersionInfoCompanyName": _lookalike(c)} for c in companies]
    false.append({"FileName": "lurcher-test.exe"})
    return (
        Case("the tool's programs, under another name as well", True, {table: _numbered(true)}, len(true)),
        Case("other programs, and names that say nothing alone", False, {table: _numbered(false)}, 0),
    )


def _numbered(rows: Sequence[Row]) -> list[Row]:
    return [{**_device(n), **row} for n, row in enumerate(rows, 1)]


def _network_cases(catalogue: Catalogue, tool: Tool) -> tuple[Case, ...]:
    own, some = queries.domains(tool.domains), queries.host_patterns(tool.domains)
    true = [f"https://a1.{d.upper()}:443/x" for d in own] + list(own) + [f"{p.prefix}7{p.suffix}" for p in some]
    false = [
        u
        for d in own
        for u in (f"evil{d}", f"{d}.evil.example", f"https://evil.example/{d}", f"https://{d}@evil.example/")
    ]
    false.append("https://www.example.com/")
    return (
        Case("its hosts, as names and as addresses of pages", True, {_TABLES["network"]: _urls(true)}, len(true)),
        Case("hosts that only look alike", False, {_TABLES["network"]: _urls(false)}, 0),
    )


def _urls(urls: Sequence[str]) -> list[Row]:
    return _numbered([{"RemoteUrl": u, "InitiatingProcessFileName": "a1.exe"} for u in urls])


# --- all tools ---
def _all_signatures(catalogue: Catalogue) -> list[GeneratedRule]:
    known = pack_rows(catalogue)
    rows, tools = known.signers, known.tools

    def cases(part: Sequence[Terms]) -> tuple[Case, ...]:
        stems = [s for r in part for s in r.terms]
        names = [s.name for s in catalogue.signers if s.scope == "own" and any(has(s.name, stem) for stem in stems)]
        found = sum(1 for n in names for r in part if any(has(n, s) for s in r.terms))
        generic = [s.name for s in catalogue.signers if s.scope != "own" and not any(has(s.name, t) for t in stems)]
        table = _TABLES["signature"]
        return (
            Case("each signer that is known, and the tool that it is", True, {table: _certificates(names)}, found),
            Case("signers of much else and of bundled parts", False, {table: _certificates(generic)}, 0),
            Case("names that only look alike", False, {table: _certificates([_lookalike(s) for s in stems])}, 0),
        )

    found = _split(catalogue, "signature", "file signature", "a file was seen that a maker of remote-management tools signed", rows,
                   queries.all_signature, cases, tools)  # fmt: skip
    found.append(_all_wide(catalogue))
    return found


def _all_wide(catalogue: Catalogue) -> GeneratedRule:
    """Signers of much else, each beside a program that is called as one of the tool's."""
    known = pack_rows(catalogue)
    rows, programs = known.wide, known.programs
    true: list[Row] = []
    starts: list[Row] = []
    for n, row in enumerate(rows, 1):
        begin, end, product = next(p[1:] for p in programs if p[0] == row.tool)
        name = begin if begin == end else f"{begin}7{end}"
        true.append({**_device(n), "SHA1": _hash(n), "Signer": row.terms[0]})
        starts.append(
            {**_device(n), "SHA1": _hash(n), "FileName": name or "a1.exe", "ProcessVersionInfoProductName": product}
        )
    found = sum(
        any(has(signed["Signer"], t) for t in r.terms) and any(p[0] == r.tool and _starts(p, start) for p in programs)
        for signed, start in zip(true, starts, strict=True)
        for r in rows
    )
    others = [{**row, "FileName": "a1.exe", "ProcessVersionInfoProductName": ""} for row in starts]
    table, process = _TABLES["signature"], _TABLES["process"]
    cases = (
        Case("each tool's program under its maker's signature", True, {table: true, process: starts}, found),
        Case("the same signatures on other programs", False, {table: true, process: others}, 0),
    )
    rule = _all(catalogue, "signature", "file signature and program",
                "a maker that signs much else signed a file that runs as a remote-management tool's program",
                queries.all_wide(rows, programs), tuple(r.tool for r in rows), cases, "")  # fmt: skip
    return replace(rule, tables=(table, process))


def _starts(program: tuple[str, str, str, str], start: Row) -> bool:
    _, begin, end, product = program
    name = start["FileName"].lower()
    if begin and name.startswith(begin) and name.endswith(end):
        return True
    return bool(product) and has(start["ProcessVersionInfoProductName"], product)


def _all_processes(catalogue: Catalogue) -> list[GeneratedRule]:
    known = pack_rows(catalogue)
    table = _TABLES["process"]

    def by_name(part: Sequence[Terms]) -> tuple[Case, ...]:
        names = list(dict.fromkeys(n for r in part for n in r.terms))
        count = sum(1 for n in names for r in part if n in r.terms)
        original = {"FileName": "svchost.exe", "ProcessVersionInfoOriginalFileName": names[0]}
        generic = [
            n for t in catalogue.tools for n in queries.names(t.executables, generic=True) if n.lower() not in names
        ]
        wrong = [{"FileName": f"not-{n}"} for n in names if f"not-{n}" not in names]
        wrong += [{"FileName": n} for n in dict.fromkeys(generic)]
        return (
            Case("each name that is known", True, {table: _numbered([{"FileName": n.upper()} for n in names])}, count),
            Case(
                "a program under another name",
                True,
                {table: _numbered([original])},
                sum(names[0] in r.terms for r in part),
            ),
            Case("names that are longer, and those that say nothing alone", False, {table: _numbered(wrong)}, 0),
        )

    found = _split(catalogue, "process", "process name", "a program ran that has the name of a remote-management tool's",
                   known.names, queries.all_process, by_name, {})  # fmt: skip
    found.append(_all_patterns(catalogue))

    def by_maker(part: Sequence[Terms]) -> tuple[Case, ...]:
        terms = list(dict.fromkeys(t for r in part for t in r.terms))
        count = sum(1 for t in terms for r in part if any(has(f"{t} / ", x) for x in r.terms))
        wrong = _version_rows([_lookalike(t) for t in terms], [_lookalike(t) for t in terms])
        return (
            Case("each company and product", True, {table: _numbered(_version_rows(terms, ()))}, count),
            Case("names that only look alike", False, {table: _numbered(wrong)}, 0),
        )

    found += _split(catalogue, "process", "version information",
                    "a program ran whose version information names a maker of such tools",
                    known.makers, queries.all_versions, by_maker, {})  # fmt: skip
    return found


def _all_patterns(catalogue: Catalogue) -> GeneratedRule:
    rows = pack_rows(catalogue).patterns
    names = [f"{p.prefix}7{p.suffix}" for _, p in rows]
    count = sum(1 for n in dict.fromkeys(names) for t in dict.fromkeys(t for t, p in rows if p.matches(n)))
    wrong = [{"FileName": f"not-{n}"} for n in names if not any(p.matches(f"not-{n}") for _, p in rows)]
    table = _TABLES["process"]
    cases = (
        Case("each name, with something in the part that varies", True,
             {table: _numbered([{"FileName": n} for n in dict.fromkeys(names)])}, count),
        Case("names that begin otherwise", False, {table: _numbered(wrong)}, 0),
    )  # fmt: skip
    tools = tuple(dict.fromkeys(t for t, _ in rows))
    seen = "a program ran that is called as a remote-management tool's are, with a part that varies"
    return _all(catalogue, "process", "process name pattern", seen, queries.all_patterns(rows), tools, cases, "")


def _all_networks(catalogue: Catalogue) -> list[GeneratedRule]:
    def below(host: str, hosts: Sequence[str]) -> bool:
        return any(host.endswith("." + h) for h in hosts)

    def cases(part: Sequence[Terms]) -> tuple[Case, ...]:
        hosts = list(dict.fromkeys(d for r in part for d in r.terms))
        count = sum(1 for h in hosts for r in part if any(f".{h}".endswith(f".{d}") for d in r.terms))
        wrong = [u for h in hosts for u in (f"evil{h}", f"{h}.evil.example") if not below(u, hosts)]
        table = _TABLES["network"]
        return (
            Case("a host below each domain", True, {table: _urls([f"https://a1.{h.upper()}/x" for h in hosts])}, count),
            Case("hosts that only look alike", False, {table: _urls(wrong)}, 0),
        )

    return _split(catalogue, "network", "network", "a program talked to a host of a remote-management tool",
                  pack_rows(catalogue).domains, queries.all_network, cases, {})  # fmt: skip


def _split(
    catalogue: Catalogue, kind: Kind, what: str, seen: str, rows: Sequence[Terms], query: Callable[[Sequence[Terms]], str],
    cases: Callable[[Sequence[Terms]], tuple[Case, ...]], tools: dict[str, tuple[str, ...]],
) -> list[GeneratedRule]:  # fmt: skip
    parts = queries.parts(rows, query)
    found = []
    for number, part in enumerate(parts, 1):
        mark = f" {number} of {len(parts)}" if len(parts) > 1 else ""
        names = tuple(dict.fromkeys(n for r in part for n in tools.get(r.tool, (r.tool,))))
        found.append(
            _all(catalogue, kind, what, seen, query(part), names, cases(part), mark, part[0].tool, part[-1].tool)
        )
    return found


def _all(
    catalogue: Catalogue, kind: Kind, what: str, seen: str, query: str, tools: tuple[str, ...], cases: tuple[Case, ...], mark: str,
    first: str = "", last: str = "",
) -> GeneratedRule:  # fmt: skip
    about = f"Devices on which {seen} in the last seven days, and which tool it is.\n"
    if mark:
        about += f"Part{mark}, for a query may have 10,000 characters: the tools from {first} to {last}.\n"
    about += "Set aside what your IT department uses itself with a policy (lurcher rmm policy), not by "
    about += "taking tools out of the list."
    file = f"all-tools-{what.replace(' ', '-')}" + (f"-{mark.split()[0]}" if mark else "")
    techniques = _techniques(t for n in tools if (t := catalogue.tool(n)) is not None)
    return GeneratedRule(
        file, kind, f"Remote management tools - all - {what}{mark and f' ({mark.strip()})'}", about, query,
        techniques, (_TABLES[kind],), tools, cases,
    )  # fmt: skip


# --- YAML ---
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_ ().,/-]*[A-Za-z0-9)]")


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _block(text: str) -> list[str]:
    return [f"  {line}" if line else "" for line in text.rstrip("\n").split("\n")]


def _flow(row: Row) -> str:
    # JSON is YAML, and no name of a company makes it another.
    return json.dumps(row, ensure_ascii=False)
