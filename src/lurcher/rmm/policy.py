"""The policy: which tools are sanctioned, for whom, until when; read from `rmm-policy.yaml`, and turned into exclusions.

A row of the policy becomes one exclusion on each rule that concerns its tool. What the exclusion asks for is what the policy says
and nothing less: the signer, the folder that the program runs from, the devices, and, where the evidence is network events, the
domain. So the tool on another device, under another signer, from a Downloads folder or talking to another tenant stays found.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from pathlib import Path

from lurcher.content import values
from lurcher.content.codes import declare
from lurcher.content.exclusions import parsing
from lurcher.content.exclusions.split import CannotSplit, split
from lurcher.content.files import read
from lurcher.content.mending import rows_of
from lurcher.content.model import Exclusion, Placed, Rule
from lurcher.content.reader import Reader
from lurcher.content.yamltree import Broken, Node, parse
from lurcher.kql.diagnostics import Rule as Code
from lurcher.kql.diagnostics import Severity
from lurcher.kql.rewrite import walk
from lurcher.kql.source import NOWHERE, Source, Span
from lurcher.kql.syntax import Literal
from lurcher.rmm import queries
from lurcher.rmm.catalogue import Catalogue, Tool
from lurcher.rmm.terms import has

#: Where only administrators write: what a row without `folders` means.
FOLDERS = ("C:\\Program Files\\", "C:\\Program Files (x86)\\")
_KEYS = frozenset({"tool", "devices", "signers", "domains", "folders", "until", "by", "reason"})
_MINE = "policy:"

NOT_READ = declare("LU510", "the policy cannot be read: {why}", Severity.ERROR, "syntax")
NO_TOOL = declare("LU511", "the catalogue has no tool '{name}'", Severity.ERROR)
BAD_ROW = declare("LU512", "{tool}: {why}", Severity.ERROR)
ENDED = declare("LU513", "{tool}: sanctioned until {until}, and no more", Severity.WARNING)
OTHER_SIGNER = declare("LU514", "{tool}: '{signer}' is no signer of it that the catalogue knows", Severity.WARNING)
NO_END = declare("LU515", "{tool}: nothing says until when, or who answers for it", Severity.NOTE)
USER_FOLDER = declare("LU516", "{tool}: users write to {folder}: whatever runs from there is excused", Severity.WARNING)
NO_SIGNER = declare(
    "LU517", "{tool}: no signer is known, so nothing of it can be told from a copy: give `signers`", Severity.ERROR
)
OTHER_DOMAIN = declare("LU518", "{tool}: '{domain}' is no host of it that the catalogue knows", Severity.NOTE)


@dataclass(frozen=True)
class Sanction:
    """A row of the policy. Empty `devices` means all. `errors`: it sanctions nothing until it is mended."""

    tool: Tool
    devices: tuple[str, ...]
    signers: tuple[str, ...]
    domains: tuple[str, ...]
    folders: tuple[str, ...]
    until: dt.date | None
    by: str
    reason: str
    span: Span
    number: int
    usable: bool = True

    def in_force(self, today: dt.date) -> bool:
        """`until` is the last day."""
        return self.usable and (self.until is None or today <= self.until)

    @property
    def id(self) -> str:
        return f"{_MINE}{values.slug(self.tool.name)}-{self.number}"


@dataclass(frozen=True)
class Policy:
    """The rows that could be read, and what is wrong with the file, each with its line."""

    file: Source
    rows: tuple[Sanction, ...] = ()
    diagnostics: tuple[Placed, ...] = ()

    @property
    def errors(self) -> tuple[Placed, ...]:
        return tuple(p for p in self.diagnostics if p.diagnostic.is_error)


def load_policy(path: Path, catalogue: Catalogue, today: dt.date) -> Policy:
    """Never raises for what the file says."""
    file = read(path)
    if isinstance(file, Placed):
        return Policy(Source("", str(path)), (), (file,))
    mended = rows_of(file.source.text)
    parsed = mended.freeze()

    def bad(span: Span, why: str) -> Policy:
        return Policy(file.source, (), (Placed(NOT_READ.at(span, why=why), file.source),))

    try:
        documents = parse(parsed)
        if len(documents) != 1:
            return bad(NOWHERE, f"it holds {len(documents)} YAML documents, expected one")
        reader = Reader(documents[0], file.source, mended, parsed, file.newline)
        if "sanctioned" not in reader.values:
            return bad(NOWHERE, "there is no key 'sanctioned'")
        said: list[Placed] = []
        rows = []
        for number, node in enumerate(reader.members("sanctioned"), 1):
            inner = Reader(node, file.source, mended, parsed, file.newline)
            row = _row(inner, node, number, catalogue, today, said)
            if row is not None:
                rows.append(row)
    except Broken as broken:
        return Policy(file.source, (), (Placed(broken.diagnostic, file.source),))
    said += [Placed(d, file.source) for d in reader.problems]
    return Policy(file.source, tuple(rows), tuple(said))


def _row(
    reader: Reader, node: Node, number: int, catalogue: Catalogue, today: dt.date, said: list[Placed]
) -> Sanction | None:
    span = reader.span(node)
    before = len(said)

    def say(code: Code, key: str, hint: str = "", **data: str) -> None:
        said.append(Placed(code.at(reader.spans.get(key, span), hint=hint, **data), reader.file))

    name = reader.text("tool")
    tool = catalogue.tool(name)
    if tool is None:
        say(NO_TOOL if name else BAD_ROW, "tool", "lurcher rmm tools lists them",
            **({"name": name} if name else {"tool": f"row {number}", "why": "it names no tool"}))  # fmt: skip
        return None
    unknown = sorted(set(reader.values) - _KEYS)
    if unknown:
        say(
            BAD_ROW,
            unknown[0],
            f"the keys are {', '.join(sorted(_KEYS))}",
            tool=tool.name,
            why=f"'{unknown[0]}' is no key",
        )
    until = values.date(reader.text("until"))
    if reader.text("until") and until is None:
        say(
            BAD_ROW,
            "until",
            tool=tool.name,
            why=f"'until' is '{reader.text('until')}', expected a date such as 2027-03-31",
        )
    devices, signers = reader.texts("devices"), reader.texts("signers")
    domains, folders = reader.texts("domains"), reader.texts("folders")
    # A scope that is written wrongly, or written and empty, must never widen to all.
    for key, found in (("devices", devices), ("signers", signers), ("domains", domains), ("folders", folders)):
        if key in reader.values and (not found or any(not v.strip() for v in found)):
            say(BAD_ROW, key, "leave the key out, or fill it", tool=tool.name, why=f"'{key}' is given and empty")
    known = [s.name for s in catalogue.signers_of(tool)]
    for signer in signers:
        if signer not in known:
            say(OTHER_SIGNER, "signers", f"it knows {', '.join(known)}" if known else "", tool=tool.name, signer=signer)
    signers = signers or tuple(s.name for s in catalogue.signers_of(tool) if s.exact)
    if not signers:
        say(NO_SIGNER, "tool", tool=tool.name)
    domains = tuple(d.lower().removeprefix("*.").strip(".") for d in domains)
    for domain in domains:
        if not re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+", domain):
            say(BAD_ROW, "domains", tool=tool.name, why=f"'{domain}' is no domain")
        elif tool not in catalogue.tools_by_domain(domain) and tool not in catalogue.tools_by_domain(f"a.{domain}"):
            say(OTHER_DOMAIN, "domains", tool=tool.name, domain=domain)
    folders = tuple(f.rstrip("\\*") + "\\" for f in folders)
    for folder in folders:
        if not re.match(r"(?:[A-Za-z]:\\[^\\*?]|\\\\[^\\*?]|/[^*?])", folder) or set("*?") & set(folder):
            say(
                BAD_ROW,
                "folders",
                "write the whole path: C:\\Program Files\\Agent",
                tool=tool.name,
                why=f"'{folder}' is no folder",
            )
        elif re.search(r"\\(?:users|temp|downloads|public|appdata)\\|^[a-z]:\\programdata\\$", folder, re.IGNORECASE):
            say(USER_FOLDER, "folders", tool=tool.name, folder=folder)
    said += [Placed(d, reader.file) for d in reader.problems]
    usable = not any(p.diagnostic.is_error for p in said[before:])
    if until is not None and today > until:
        say(ENDED, "until", tool=tool.name, until=str(until))
    if until is None or not reader.text("by"):
        say(NO_END, "tool", "give `until` and `by`", tool=tool.name)
    return Sanction(tool, devices, signers, domains, folders or FOLDERS, until, reader.text("by"), reader.text("reason"), span,
                    number, usable)  # fmt: skip


# --- policy -> exclusions ---
def with_policy(rule: Rule, policy: Policy, catalogue: Catalogue) -> Rule:
    """The rule with an exclusion for each row of the policy that concerns it; the same rule where none does."""
    concerned = [row for row in policy.rows if row.usable]
    table = _table(rule) if concerned else ""
    if not table:
        return rule
    words = constants(rule)
    added = tuple(
        _exclusion(row, when, policy)
        for row in concerned
        if concerns(words, row.tool, catalogue) and (when := _when(row, table, catalogue))
    )
    return replace(rule, exclusions=(*rule.exclusions, *added)) if added else rule


def _table(rule: Rule) -> str:
    script, problems = parsing.script(rule.query)
    if any(p.is_error for p in problems):
        return ""
    try:
        return split(script).table
    except CannotSplit:
        return ""


def constants(rule: Rule) -> frozenset[str]:
    """The texts that a query looks for, lower case; those of a packed list each."""
    script, _ = parsing.script(rule.query)
    found: set[str] = set()
    for node in walk(script):
        if isinstance(node, Literal) and isinstance(node.value, str):
            found |= {part.lower() for part in node.value.split(queries.SEPARATOR)}
    from lurcher.kql.syntax import DynamicLiteral

    for node in walk(script):
        if isinstance(node, DynamicLiteral) and isinstance(node.value, list):
            found |= {v.lower() for v in node.value if isinstance(v, str)}
    return frozenset(found)


def concerns(words: frozenset[str], tool: Tool, catalogue: Catalogue) -> bool:
    """Whether a rule looks for the tool: by a signer's name or stem, its own name, a file or a host."""
    mine = {n.lower() for n in tool.names} | {
        f.value.lower().removeprefix("*.") for f in (*tool.executables, *tool.domains)
    }
    if words & mine:
        return True
    names = [s.name for s in catalogue.signers_of(tool)]
    return any(len(w) > 3 and has(n, w) for w in words for n in names)


def _when(row: Sanction, table: str, catalogue: Catalogue) -> str:
    """The condition in the exclusions' language; "" for evidence of a table that says nothing of who runs."""
    signers = ", ".join(queries.text(s) for s in row.signers)
    folders = " or ".join(f"process.path startswith {queries.text(f)}" for f in row.folders)
    tests = [f"process.signer in~ ({signers})", f"({folders})"]
    if table == "DeviceFileCertificateInfo":
        tests[0] = f"file.signer in~ ({signers})"
    elif table == "DeviceNetworkEvents":
        if row.domains:
            below = "|".join(d.replace(".", "\\.") for d in row.domains)
            pattern = r"^(?:[a-z][a-z0-9+.-]*://)?(?:[^/?#@]*@)?(?:[^/?#:@]*\.)?(?:" + below + r")\.?(?:[/?#:]|$)"
            tests.append(f"RemoteUrl matches regex {queries.text('(?i)' + pattern)}")
    elif table != "DeviceProcessEvents":
        return ""
    vouch = [s for s in catalogue.signers_of(row.tool) if s.name in row.signers]
    names = (*queries.names(row.tool.executables), *queries.names(row.tool.executables, generic=True))
    if any(len(s.tools) > 1 or s.scope != "own" for s in vouch) and names:
        # The signature is on other things as well.
        tests.append(f"process.name in~ ({', '.join(queries.text(n) for n in names)})")
    return " and ".join(tests)


def _exclusion(row: Sanction, when: str, policy: Policy) -> Exclusion:
    where = f" on {', '.join(row.devices)}" if row.devices else ""
    return Exclusion(
        id=row.id,
        scenario=f"{row.tool.name} is sanctioned{where}",
        description=f"A row of {Path(policy.file.name).name}: signer, folder, devices, and domain of network events are so.",
        when=when,
        when_source=Source(when, f"{policy.file.name}: {row.id}"),
        match="every",
        devices=row.devices,
        owner=row.by,
        reason=row.reason,
        expires=row.until,
        file=policy.file,
        span=row.span,
    )
