"""The pages as Markdown: path below docs/ -> text."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable, Sequence

from lurcher.functions.registry import FunctionKind
from lurcher.kql.diagnostics import RULES
from lurcher.kql.diagnostics import Rule as Code
from lurcher.report.reference import probes
from lurcher.report.reference.differences import DIFFERENCES, ON_SPARK
from lurcher.report.reference.functions import Entry, Family, families, signature, sql
from lurcher.report.reference.probes import Probe
from lurcher.report.reference.support import FunctionSupport, State, Support, all_of, functions, sql_of

WRITTEN = "<!-- Written by `make docs` from the declarations. Do not edit. -->\n"


def pages() -> dict[str, str]:
    """All of them but the commands', which the command line knows."""
    found = {
        "kql-support.md": support_page(),
        "diagnostics.md": diagnostics_page(),
        "functions/README.md": index_page(),
    }
    return found | {f"functions/{family.name}.md": family_page(family) for family in families()}


# --- Markdown ---
def code(text: str) -> str:
    """A code span, whatever is in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}" if longest else f"`{text}`"


def cell(text: str) -> str:
    """In a table, a | ends the cell, in code spans too."""
    return " ".join(text.split()).replace("|", "\\|")


def plain(text: str) -> str:
    """A text that is no Markdown: what would be markup is shown as it is."""
    return re.sub(r"([\\`*_<\[])", r"\\\1", text)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    lines += [f"| {' | '.join(cell(c) for c in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def anchor(heading: str) -> str:
    """The fragment that a heading is linked by, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


# --- what is supported ---
def support_page() -> str:
    every = functions()
    yes = [f for f in every if f.state is State.YES]
    older = [f for f in yes if f.current]
    parts = [
        "# KQL: what is supported\n",
        WRITTEN,
        "The parser takes the whole language. What is named on this page was tried with a query of its own when the page was"
        " written. What is *refused* is told with its place in the query, and the query gives no rows. What is *off until allowed*"
        " needs something that a query alone is not given.\n",
        f"{len(yes)} functions and aggregates are supported, {len(older)} of them older spellings; {len(every) - len(yes)} are"
        " refused by name.\n",
        "## Where answers differ\n",
        table(
            ("", "the service", "lurcher", "to see it"),
            ((d.about, d.there, d.here, code(d.checks[0][0])) for d in DIFFERENCES),
        ),
        "## Engines\n",
        "Queries are answered alike on DuckDB, on Spark and on Sail ([engines](engines.md)), or refused, but for:\n",
        table(
            ("", "DuckDB", "Spark and Sail", "to see it"),
            ((d.about, d.there, d.here, code(d.checks[0][0])) for d in ON_SPARK),
        ),
        "## Tabular operators\n",
        _supports(probes.OPERATORS),
        "## Statements\n",
        _supports(probes.STATEMENTS),
        "## Where rows come from\n",
        _supports(probes.SOURCES),
        "Functions of Defender and Sentinel (`FileProfile`, `_GetWatchlist`, ASIM parsers such as `_Im_Dns`) are known with their"
        " columns. What they need, and how to supply it: [what only the cloud has](cloud.md). The ASIM parsers are off.\n",
        "## Operators in expressions\n",
        _supports(probes.EXPRESSIONS),
        "## Functions\n",
        _functions(every, FunctionKind.SCALAR),
        "## Aggregates\n",
        _functions(every, FunctionKind.AGGREGATE),
        "## Functions over rows in order\n",
        _functions(every, FunctionKind.WINDOW),
        "## Functions that are refused\n",
        _refused((f.name, f.why, f.hint) for f in every if f.state is not State.YES),
        "Names that begin with `__` are the service's own, and unknown here.\n",
        "## Plugins (`evaluate`)\n",
        _supports(probes.PLUGINS),
    ]
    return "\n".join(parts)


def _supports(tried: Iterable[Probe]) -> str:
    found = all_of(tried)
    yes = [one for one in found if one.state is State.YES]
    lines = ["Supported: " + ", ".join(code(one.construct) for one in yes) + ".\n"] if yes else []
    for state in (State.ALLOWED, State.NO):
        rest = [(one.construct, _reason(one), one.hint) for one in found if one.state is state]
        if rest:
            lines += [f"{state.value.capitalize()}:\n", _refused(rest)]
    return "\n".join(lines)


def _reason(one: Support) -> str:
    """Why, where the message says more than the construct's own name."""
    own = {f"{prefix}{one.construct}: not supported" for prefix in ("", "evaluate ", "the operator ")}
    return "" if one.why in own else one.why


def _refused(found: Iterable[tuple[str, str, str]]) -> str:
    """(name, why, what to do) as a table, names of one reason together."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name, why, hint in found:
        groups.setdefault((why or "not yet", hint), []).append(code(name))
    return table(
        ("", "why", "what to do"), ((", ".join(of), plain(why), plain(hint)) for (why, hint), of in groups.items())
    )


def _functions(every: list[FunctionSupport], kind: FunctionKind) -> str:
    lines = []
    for f in every:
        if f.kind is kind and f.state is State.YES:
            written = f"{code(f.name)} (write {_link(f.current, kind)})" if f.current else _link(f.name, kind)
            lines.append(written)
    return ", ".join(lines) + "\n"


def _link(name: str, kind: FunctionKind, folder: str = "functions/") -> str:
    for family in families():
        if any(e.name == name and e.kind is kind for e in family.entries):
            # The signs of an operator leave no anchor to link to.
            at = "" if kind is FunctionKind.OPERATOR else f"#{anchor(name)}"
            return f"[{code(name)}]({folder}{family.name}.md{at})"
    return code(name)


# --- functions ---
LEGEND = (
    "`name...` may be repeated, `name?` left out; `constant` must be known before the query runs, `literal` is written out. Types"
    " beside KQL's own: `scalar` any; `number` int, long, real, decimal; `integer` int, long; `summable` a number, datetime,"
    " timespan; `orderable`, `not_dynamic` all but dynamic; `common` one type for all such parameters; `text` any, taken as its"
    " text; `boxed` any, taken as a dynamic value. `{name}` in SQL stands for the argument.\n"
)
#: SQL that is longer is not shown: nobody reads it.
LONGEST = 300


def index_page() -> str:
    rows = []
    for family in families():
        names = ", ".join(_link(e.name, e.kind, "") for e in family.entries if not e.current and not _hidden(e))
        rows.append((f"[{family.name}]({family.name}.md)", family.about, names))
    return "\n".join(
        (
            "# Functions\n",
            WRITTEN,
            "What is refused, and why: [kql-support.md](../kql-support.md).\n",
            table(("", "", ""), rows),
        )
    )


def family_page(family: Family) -> str:
    shown = [e for e in family.entries if not e.current]
    others = [e for e in family.entries if e.current]
    parts = [f"# {family.name}\n", WRITTEN, family.about + "\n"]
    if family.source:
        parts.append(f"Source: {family.source}\n")
    parts.append(LEGEND)
    parts += [_entry(e) for e in shown]
    if others:
        spelled = (f"{code(signature(e.rows[0]))} is {_link(e.current, e.kind, '')}" for e in others)
        parts.append("## Other spellings\n\n" + "; ".join(spelled) + ".\n")
    return "\n".join(parts)


def _hidden(e: Entry) -> bool:
    return all(row.hidden for row in e.rows)


def _entry(e: Entry) -> str:
    lines = [f"## {e.name}\n" if e.kind is not FunctionKind.OPERATOR else f"## {code(e.name)}\n"]
    lines += [f"{plain(doc)}\n" for doc in e.docs]
    spelled: dict[str, list[str]] = {}
    for row in e.rows:
        spelled.setdefault(_sql(e, sql(row)), []).append(signature(row))
    for becomes, signatures in spelled.items():
        lines += [f"- {code(s)}" for s in dict.fromkeys(signatures)]
        if becomes:
            lines.append(f"  - {becomes}")
    if e.examples:
        lines.append("\n" + table(("example", "value"), ((code(a), code(b)) for a, b in e.examples)).rstrip())
    return "\n".join(lines) + "\n"


def _sql(e: Entry, template: str) -> str:
    """The SQL of a row: its template, or where code makes it, the SQL of the first example."""
    text, of = " ".join(template.split()), ""
    if not template:
        if e.kind is not FunctionKind.SCALAR or not e.examples:
            return ""
        text, of = sql_of(e.examples[0][0]), f" of {code(e.examples[0][0])}"
    if len(text) > LONGEST:
        return "SQL: long; `lurcher query --sql` shows it"
    return f"SQL{of}: {code(text)}"


# --- codes ---
def declare_all() -> None:
    """Import what declares codes: they stand beside the checks that give them."""
    import lurcher.content
    import lurcher.hunt
    import lurcher.rmm

    for package in (lurcher.content, lurcher.rmm, lurcher.hunt):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


GROUPS: tuple[tuple[str, str, str], ...] = (
    ("KS", "Microsoft's", "The language: the codes of Microsoft's own parser where it has one."),
    ("LU0", "lurcher's", "The language: what Microsoft's parser has no code for, and what is not supported here."),
    (
        "LU1",
        "Loading rules",
        "Rule files as they are read: what was mended, what keeps a rule from being run. [rules.md](rules.md)",
    ),
    ("LU6", "Tests of rules", "`lurcher test`: what is wrong with a file of tests. [testing.md](testing.md)"),
    ("LU", "Checks of rules", "`lurcher check`. What each means and what to do: [rules.md](rules.md)."),
    ("LX0", "Exclusions: reading", "The conditions of exclusions. [exclusions.md](exclusions.md)"),
    ("LX1", "Exclusions: applying", "An exclusion on a rule."),
    ("LX2", "Exclusions: what they hide", "Blind spots."),
    ("", "Others", ""),
)  # fmt: skip


def diagnostics_page() -> str:
    declare_all()
    left = dict(sorted(RULES.items()))
    parts = [
        "# Diagnostics\n",
        WRITTEN,
        "What is wrong with a query, a rule or an exclusion has a code, a severity, a place and a message. An *error* keeps a query"
        " from running, a *warning* and a *note* do not. `{...}` stands for what the message names.\n",
        "Kinds: `syntax` it cannot be read; `semantic` it can, and means nothing; `unsupported` right KQL that lurcher does not"
        " run; `denied` needs something that you must allow or bring; `error` a limit.\n",
    ]
    for prefix, title, about in GROUPS:
        rows = [left.pop(c) for c in list(left) if c.startswith(prefix)]
        if rows:
            parts += [
                f"## {title}\n",
                about + "\n",
                table(("code", "severity", "kind", "message"), map(_code_row, rows)),
            ]
    return "\n".join(parts)


def _code_row(row: Code) -> tuple[str, str, str, str]:
    return row.code, row.severity.value, row.kind, plain(row.message)
