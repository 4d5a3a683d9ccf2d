"""The hunting queries that the catalogue makes, as KQL text.

Three ways to know a tool: who signed the file, what ran (file name, original file name, company, product), which host was
talked to. Signers are looked for by their stems with `has`, hosts by whole labels from the right (`.anydesk.com`, never
`evilanydesk.com`), file names whole. What is generic is asked for only beside something of the tool's own.

A query for all tools joins a `datatable` of (tool, terms): rows are filtered by the terms, and the few distinct values that are
left are matched with the tools. Sentinel takes queries of at most 10,000 characters; a list that is longer is cut into parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lurcher.rmm.catalogue import Catalogue, Fact, Signer, Tool

#: Sentinel's limit on a query, in characters.
MAX_QUERY = 10_000
#: How far back the queries look.
SINCE = "7d"
#: Between the terms of a tool in a datatable. No file name, host or signer has it.
SEPARATOR = "|"

HOST = "trim_end(@'\\.', tolower(extract(@'^(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^/?#@]*@)?([^/?#:]+)', 1, RemoteUrl)))"
_TIMES = "FirstSeen = min(Timestamp), LastSeen = max(Timestamp)"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A name with one part that varies: how it begins and ends, lower case."""

    prefix: str
    suffix: str

    def matches(self, text: str) -> bool:
        low = text.lower()
        return (
            len(low) >= len(self.prefix) + len(self.suffix)
            and low.startswith(self.prefix)
            and low.endswith(self.suffix)
        )


def text(value: str) -> str:
    """A KQL string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def listed(values: Iterable[str]) -> str:
    return ", ".join(text(v) for v in values)


# --- what the catalogue gives ---
def stems(signers: Iterable[Signer], scope: str) -> tuple[str, ...]:
    """Stems without those that another one finds as well."""
    from lurcher.rmm.terms import has

    found = tuple(dict.fromkeys(s.stem for s in signers if s.scope == scope and s.stem))
    return tuple(s for s in found if not any(o != s and has(s, o) for o in found))


def names(facts: Sequence[Fact], *, generic: bool = False) -> tuple[str, ...]:
    """Whole file names; those with a part that varies are `patterns`."""
    plain = [f.value for f in facts if f.generic == generic and not set("*?") & set(f.value)]
    return tuple({n.lower(): n for n in plain}.values())


def patterns(facts: Sequence[Fact]) -> tuple[Pattern, ...]:
    """Only the first and the last piece of a pattern count: `wec_launcher_*_.exe` begins and ends so."""
    found = []
    for fact in facts:
        if not fact.generic and "*" in fact.value:
            pieces = fact.value.lower().replace("?", "*").split("*")
            if len(pieces[0]) > 2:
                found.append(Pattern(pieces[0], pieces[-1]))
    return tuple(dict.fromkeys(found))


def domains(facts: Sequence[Fact]) -> tuple[str, ...]:
    """Domains that are the tool's with all below them, without those that lie below another."""
    plain = {
        f.value.lower().removeprefix("*.") for f in facts if not f.generic and "*" not in f.value.removeprefix("*.")
    }
    return tuple(sorted(d for d in plain if not any(d.endswith("." + o) for o in plain)))


def host_patterns(facts: Sequence[Fact]) -> tuple[Pattern, ...]:
    """Hosts with a part that varies, where no domain of the tool's has them."""
    own = domains(facts)
    found = []
    for fact in facts:
        if not fact.generic and "*" in fact.value.removeprefix("*."):
            pieces = fact.value.lower().split("*")
            if not any(("." + pieces[-1].lstrip(".")).endswith("." + d) for d in own):
                found.append(Pattern(pieces[0], pieces[-1]))
    return tuple(dict.fromkeys(found))


def values(facts: Sequence[Fact], *, generic: bool = False) -> tuple[str, ...]:
    """Companies or products, each once whatever its case."""
    return tuple({f.value.lower(): f.value for f in facts if f.generic == generic}.values())


# --- one tool ---
def program_test(tool: Tool, *, with_generic: bool = False) -> str:
    """What makes a process start one of the tool's; "" where nothing is known of its programs. `with_generic`: something else
    vouches for them, so that generic names count."""
    own = names(tool.executables)
    some = names(tool.executables, generic=True)
    companies, products = values(tool.companies), values(tool.products)
    tests = []
    wanted = (*own, *some) if with_generic else own
    if wanted:
        tests.append(f"FileName in~ ({listed(wanted)})")
        tests.append(f"ProcessVersionInfoOriginalFileName in~ ({listed(wanted)})")
    tests += [_like("FileName", p) for p in patterns(tool.executables)]
    if companies:
        tests.append(f"ProcessVersionInfoCompanyName has_any ({listed(companies)})")
    if products:
        tests.append(f"ProcessVersionInfoProductName has_any ({listed(products)})")
    makers = (*companies, *stems_of_maker(tool))
    if some and makers and not with_generic and not companies:
        tests.append(f"(FileName in~ ({listed(some)}) and ProcessVersionInfoCompanyName has_any ({listed(makers)}))")
    return "\n      or ".join(tests)


def stems_of_maker(tool: Tool) -> tuple[str, ...]:
    """What vouches for a generic name: the maker's name, where it is no everyday word."""
    return (tool.vendor,) if len(tool.vendor) > 3 else ()


def _like(column: str, pattern: Pattern) -> str:
    tests = [f"{column} startswith {text(pattern.prefix)}"] if pattern.prefix else []
    tests += [f"{column} endswith {text(pattern.suffix)}"] if pattern.suffix else []
    return f"({' and '.join(tests)})"


def signature(catalogue: Catalogue, tool: Tool) -> str:
    """ "" where no signer is known, or only one that signs much else and nothing stands beside it."""
    signers = catalogue.signers_of(tool)
    own, wide = stems(signers, "own"), stems(signers, "wide")
    beside = program_test(tool, with_generic=True) if wide else ""
    tests = [f"Signer has_any ({listed(own)})"] if own else []
    head = ""
    if wide and beside:
        head = (
            "// A signer of much else: only with a program of this name.\n"
            f"let Programs = DeviceProcessEvents\n    | where Timestamp > ago({SINCE})\n"
            f"    | where {beside}\n    | where isnotempty(SHA1)\n    | distinct SHA1;\n"
        )
        tests.append(f"(Signer has_any ({listed(wide)}) and SHA1 in (Programs))")
    if not tests:
        return ""
    return (
        f"{head}DeviceFileCertificateInfo\n| where Timestamp > ago({SINCE})\n| where {' or '.join(tests)}\n"
        f"| summarize {_TIMES}, Signers = make_set(Signer, 100),\n"
        "    Files = dcount(SHA1), Count = count() by DeviceId, DeviceName\n"
    )


def process(tool: Tool) -> str:
    test = program_test(tool)
    if not test:
        return ""
    return (
        f"DeviceProcessEvents\n| where Timestamp > ago({SINCE})\n| where {test}\n"
        f"| summarize {_TIMES}, Programs = make_set(FileName, 100),\n"
        "    Folders = make_set(FolderPath, 100), Accounts = make_set(AccountName, 100), Count = count() by DeviceId, DeviceName\n"
    )


def network(tool: Tool) -> str:
    own, some = domains(tool.domains), host_patterns(tool.domains)
    if not own and not some:
        return ""
    tests = []
    if own:
        tests.append(f"Host matches regex @'(?:^|\\.)(?:{'|'.join(_regex(d) for d in own)})$'")
    tests += [_like("Host", p) for p in some]
    words = (*own, *(_word(p) for p in some))
    return (
        f"DeviceNetworkEvents\n| where Timestamp > ago({SINCE})\n| where RemoteUrl has_any ({listed(words)})\n"
        f"| extend Host = {HOST}\n| where {' or '.join(tests)}\n"
        f"| summarize {_TIMES}, Hosts = make_set(Host, 100),\n"
        "    Programs = make_set(InitiatingProcessFileName, 100), Count = count() by DeviceId, DeviceName\n"
    )


def _regex(domain: str) -> str:
    return domain.replace(".", "\\.")


def _word(pattern: Pattern) -> str:
    """What a host of the pattern has as whole terms."""
    return pattern.suffix.lstrip("-.") if pattern.suffix[:1] in "-." else pattern.suffix.partition(".")[2]


# --- all tools ---
@dataclass(frozen=True, slots=True)
class Terms:
    """A tool with its terms, as a row of the datatable."""

    tool: str
    terms: tuple[str, ...]

    @property
    def row(self) -> str:
        return f"    {text(self.tool)}, {text(SEPARATOR.join(self.terms))}"


def _table(rows: Sequence[Terms], name: str) -> str:
    body = ",\n".join(r.row for r in rows)
    return (
        f"let {name} = datatable(Tool: string, Terms: string) [\n{body}\n]\n"
        f"    | mv-expand Term = split(Terms, '{SEPARATOR}') to typeof(string)\n    | project Tool, Term;\n"
    )


def _signed() -> str:
    """The distinct signers first: they are few, and each is compared with every stem."""
    return (
        f"let Names = DeviceFileCertificateInfo\n    | where Timestamp > ago({SINCE})\n    | distinct Signer\n"
        "    | where Signer has_any ((Makers | project Term))\n    | extend One = 1\n"
        "    | join kind=inner (Makers | extend One = 1) on One\n    | where Signer has Term\n    | distinct Signer, Tool;\n"
    )


def all_signature(rows: Sequence[Terms]) -> str:
    return (
        _table(rows, "Makers")
        + _signed()
        + f"DeviceFileCertificateInfo\n| where Timestamp > ago({SINCE})\n| lookup kind=inner Names on Signer\n"
        + f"| summarize {_TIMES}, Signers = make_set(Signer, 100),\n"
        + "    Files = dcount(SHA1), Count = count() by Tool, DeviceId, DeviceName\n"
    )


def all_wide(rows: Sequence[Terms], programs: Sequence[tuple[str, str, str, str]]) -> str:
    """`programs`: tool, how the file's name begins and ends (a whole name is both), product. A signature belongs to a content, so
    SHA1 alone ties it to what ran."""
    body = ",\n".join("    " + ", ".join(text(t) for t in p) for p in programs)
    label = "extend Label = strcat(FileName, ' / ', ProcessVersionInfoProductName)"
    return (
        _table(rows, "Makers")
        + f"let Programs = datatable(Tool: string, Begin: string, End: string, Product: string) [\n{body}\n];\n"
        + f"let Labels = DeviceProcessEvents\n    | where Timestamp > ago({SINCE})\n    | {label}\n"
        + "    | distinct Label, FileName, ProcessVersionInfoProductName\n    | extend One = 1\n"
        + "    | join kind=inner (Programs | extend One = 1) on One\n"
        + "    | where (isnotempty(Begin) and FileName startswith Begin and FileName endswith End)\n"
        + "        or (isnotempty(Product) and ProcessVersionInfoProductName has Product)\n    | distinct Label, Tool;\n"
        + f"let Started = DeviceProcessEvents\n    | where Timestamp > ago({SINCE})\n    | where isnotempty(SHA1)\n"
        + f"    | {label}\n    | lookup kind=inner Labels on Label\n    | distinct SHA1, Tool;\n"
        + _signed()
        + f"DeviceFileCertificateInfo\n| where Timestamp > ago({SINCE})\n| lookup kind=inner Names on Signer\n"
        + "| lookup kind=inner Started on SHA1, Tool\n"
        + f"| summarize {_TIMES}, Signers = make_set(Signer, 100),\n"
        + "    Files = dcount(SHA1), Count = count() by Tool, DeviceId, DeviceName\n"
    )


def all_process(rows: Sequence[Terms]) -> str:
    return (
        _table(rows, "Names")
        + f"let Started = DeviceProcessEvents\n    | where Timestamp > ago({SINCE})\n"
        + "    | where FileName in~ ((Names | project Term)) or ProcessVersionInfoOriginalFileName in~ ((Names | project Term))\n"
        + "    | extend Program = iff(ProcessVersionInfoOriginalFileName in~ ((Names | project Term)),"
        + " tolower(ProcessVersionInfoOriginalFileName), tolower(FileName));\n"
        + "Started\n| lookup kind=inner (Names | project Tool, Program = Term) on Program\n"
        + _processes()
    )


def all_versions(rows: Sequence[Terms]) -> str:
    maker = "extend Maker = strcat(ProcessVersionInfoCompanyName, ' / ', ProcessVersionInfoProductName)"
    return (
        _table(rows, "Makers")
        + f"let Known = DeviceProcessEvents\n    | where Timestamp > ago({SINCE})\n    | {maker}\n    | distinct Maker\n"
        + "    | where Maker has_any ((Makers | project Term))\n    | extend One = 1\n"
        + "    | join kind=inner (Makers | extend One = 1) on One\n    | where Maker has Term\n    | distinct Maker, Tool;\n"
        + f"DeviceProcessEvents\n| where Timestamp > ago({SINCE})\n| {maker}\n| lookup kind=inner Known on Maker\n"
        + _processes()
    )


def all_patterns(rows: Sequence[tuple[str, Pattern]]) -> str:
    body = ",\n".join(f"    {text(t)}, {text(p.prefix)}, {text(p.suffix)}" for t, p in rows)
    return (
        f"let Patterns = datatable(Tool: string, Begin: string, End: string) [\n{body}\n];\n"
        f"let Known = DeviceProcessEvents\n    | where Timestamp > ago({SINCE})\n    | distinct FileName\n    | extend One = 1\n"
        "    | join kind=inner (Patterns | extend One = 1) on One\n"
        "    | where FileName startswith Begin and FileName endswith End\n    | distinct FileName, Tool;\n"
        f"DeviceProcessEvents\n| where Timestamp > ago({SINCE})\n| lookup kind=inner Known on FileName\n" + _processes()
    )


def _processes() -> str:
    return (
        f"| summarize {_TIMES}, Programs = make_set(FileName, 100),\n"
        "    Folders = make_set(FolderPath, 100), Accounts = make_set(AccountName, 100), Count = count()"
        " by Tool, DeviceId, DeviceName\n"
    )


def all_network(rows: Sequence[Terms]) -> str:
    return (
        _table(rows, "Domains")
        + f"let Known = DeviceNetworkEvents\n    | where Timestamp > ago({SINCE})\n    | distinct RemoteUrl\n"
        + "    | where RemoteUrl has_any ((Domains | project Term))\n"
        + f"    | extend Host = {HOST}\n    | extend One = 1\n"
        + "    | join kind=inner (Domains | extend One = 1) on One\n"
        + "    | where strcat('.', Host) endswith strcat('.', Term)\n    | distinct RemoteUrl, Host, Tool;\n"
        + f"DeviceNetworkEvents\n| where Timestamp > ago({SINCE})\n| lookup kind=inner Known on RemoteUrl\n"
        + f"| summarize {_TIMES}, Hosts = make_set(Host, 100),\n"
        + "    Programs = make_set(InitiatingProcessFileName, 100), Count = count() by Tool, DeviceId, DeviceName\n"
    )


def parts(rows: Sequence[Terms], query: Callable[[Sequence[Terms]], str]) -> list[tuple[Terms, ...]]:
    """The rows in as few parts as keep each query within Sentinel's limit, of much the same length."""
    for count in range(1, len(rows) + 1):
        room = sum(len(r.row) for r in rows) / count
        found: list[list[Terms]] = [[]]
        size = 0.0
        for row in rows:
            if size + len(row.row) / 2 > room * len(found) and len(found) < count:
                found.append([])
            found[-1].append(row)
            size += len(row.row)
        if all(len(query(part)) <= MAX_QUERY for part in found):
            return [tuple(part) for part in found if part]
    return [tuple(rows)] if rows else []
