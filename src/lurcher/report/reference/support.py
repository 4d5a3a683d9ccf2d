"""What becomes of a construct: its probe, bound and lowered."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lurcher.functions.registry import FunctionKind
from lurcher.functions.unsupported import UNSUPPORTED
from lurcher.kql.diagnostics import LU001, LU002, Diagnostic, Refused, render
from lurcher.kql.source import Source
from lurcher.plan import nodes as n
from lurcher.plan.catalog import KnownTables
from lurcher.plan.compile import compile_text
from lurcher.report.reference.functions import Entry, call, entries, entry
from lurcher.report.reference.probes import PLUGIN_REASONS, PRELUDE, Probe
from lurcher.schema import TableSchema

#: 2024-01-03, in ticks: what now() means in a probe.
NOW = 638_398_368_000_000_000


class State(enum.StrEnum):
    YES = "yes"
    #: Only where the user allows it, or brings what it needs.
    ALLOWED = "off until allowed"
    NO = "refused"


@dataclass(frozen=True, slots=True)
class Support:
    """`why` is the diagnostic's message, `hint` what to do instead; of a supported construct, its warnings."""

    construct: str
    state: State
    why: str = ""
    hint: str = ""


class _Tables(KnownTables):
    """The services' tables, none of which has rows."""

    def data(self, name: str) -> None:
        return None

    def table(self, name: str) -> TableSchema | None:
        return KnownTables.table(self, name)

    def supplied(self, rows: n.Supplied) -> None:
        return None


def support(probe: Probe) -> Support:
    """Bind and lower a probe. Raises ValueError where it is found wrong: then it is the probe that must be mended."""
    found = diagnostics(probe.query)
    refusal = next((d for d in found if d.is_error), None)
    if refusal is None:
        return Support(probe.construct, State.YES, "; ".join(d.message for d in found))
    if refusal.code not in (LU001.code, LU002.code):
        raise ValueError(
            f"the probe of {probe.construct} is no right KQL\n{render(found, Source(PRELUDE + probe.query))}"
        )
    state = State.NO if refusal.code == LU001.code else State.ALLOWED
    why = PLUGIN_REASONS.get(probe.words[0], "") if probe.words else ""
    return Support(probe.construct, state, why or refusal.message, refusal.hint)


def diagnostics(query: str) -> tuple[Diagnostic, ...]:
    """What is said of a query over T and U, until it is SQL."""
    compiled = compile_text(PRELUDE + query, _Tables(), NOW, probe=_rows)
    if compiled.ok:
        try:
            for bound in compiled.queries:
                _sql(bound.plan)
        except Refused as refused:
            return (*compiled.diagnostics, *refused.diagnostics)
    return compiled.diagnostics


def _rows(plan: Any) -> Any:
    from lurcher.engines.duckdb import DuckDBEngine
    from lurcher.plan.nodes import Query

    return DuckDBEngine(_Tables()).run(Query(plan)).table()


def _sql(plan: Any) -> str:
    from lurcher.engines.duckdb import DuckDBEngine

    return DuckDBEngine(_Tables()).sql(plan)


def sql_of(expression: str) -> str:
    """The SQL of an expression over T's columns, as the engine gets it: what stands between SELECT and AS."""
    compiled = compile_text(PRELUDE + f"print y = {expression}", _Tables(), NOW).checked()
    text = " ".join(_sql(compiled.queries[0].plan).split())
    found = re.match(r'SELECT (?P<sql>.*) AS "?y"?(?: FROM .*)?$', text)
    return found["sql"] if found is not None else text


# --- functions ---
#: Functions whose probe cannot be made of their signature.
_CALLS: dict[str, str] = {
    "column_ifexists": "T | extend y = column_ifexists('n', 1)",
    "columnifexists": "T | extend y = columnifexists('n', 1)",
    "replace": "print y = replace('a', 'b', 'aa')",
    "pack_all": "U | extend y = pack_all()",
    "ingestion_time": "DeviceInfo | extend y = ingestion_time()",
    "geo_info_from_ip_address": "T | extend y = geo_info_from_ip_address(s)",
    "bag_pack_columns": "T | extend y = bag_pack_columns(n, s)",
    "arg_max": "T | summarize arg_max(n, *)",
    "arg_min": "T | summarize arg_min(n, *)",
    "argmax": "T | summarize argmax(n, *)",
    "argmin": "T | summarize argmin(n, *)",
    "percentiles": "T | summarize percentiles(n, 5, 50)",
    "parse_user_agent": "T | extend y = parse_user_agent(s, 'browser')",
    **{
        name: f"T | summarize s = {name}({arguments}) | project y = isnull(s)"
        for name, arguments in (("hll", "n"), ("hll_if", "n, n > 1"), ("tdigest", "n"))
    },
    **{
        name: f"T | summarize s = {made}(n) by b = i | summarize m = {name}(s) | project y = isnull(m)"
        for name, made in (("hll_merge", "hll"), ("tdigest_merge", "tdigest"), ("merge_tdigest", "tdigest"))
    },
    "dcount_hll": "T | summarize s = hll(n) | project y = dcount_hll(s)",
    **{
        name: f"T | summarize s = tdigest(n) | project y = {name}(s, 50)"
        for name in ("percentile_tdigest", "percentiles_array_tdigest", "rank_tdigest", "percentrank_tdigest")
    },
    "column_names_of": "print y = column_names_of(T)",
    "iscolumnexists": "T | extend y = iscolumnexists('n')",
    "bin_auto": "set query_bin_auto_size=2; T | extend y = bin_auto(n)",
    "percentilesw_array": "T | summarize percentilesw_array(n, i, 5, 50)",
    "percentilesw": "T | summarize percentilesw(n, i, 5, 50)",
}
#: What the binder itself makes of calls that have no row.
BINDER_FUNCTIONS: tuple[Probe, ...] = (
    Probe("toscalar", "print y = toscalar(T | count)", ("toscalar",)),
    Probe("materialize", "let M = materialize(T); M | union M", ("materialize",)),
    Probe("table", "table('DeviceInfo') | take 1", ("table",)),
    Probe("cluster", "cluster('a').database('b').DeviceInfo", ("cluster",)),
    Probe("database", "database('a').DeviceInfo", ("database",)),
    *(
        Probe(
            name, f"T | make-graph n --> i with_node_id=id | graph-match (a)-[e*1..3]->(b) project y = {call}", (name,)
        )
        for name, call in (
            ("all", "all(e, n > 1)"),
            ("any", "any(e, n > 1)"),
            ("map", "map(e, s)"),
            ("inner_nodes", "map(inner_nodes(e), id)"),
            ("node_id", "node_id(a)"),
            ("node_degree_in", "node_degree_in(a)"),
            ("node_degree_out", "node_degree_out(a)"),
            ("labels", "labels(a)"),
        )
    ),
)


def function_probe(e: Entry) -> Probe:
    return Probe(e.name, _CALLS.get(e.name) or _query(e))


def _query(e: Entry) -> str:
    match e.kind:
        case FunctionKind.AGGREGATE:
            return f"T | summarize y = {call(e)}"
        case FunctionKind.WINDOW:
            return f"T | serialize y = {call(e)}"
    if e.examples:
        return f"print y = {e.examples[0][0]}"
    current = entry(e.kind, e.current)
    if current is not None and current.examples:
        written = re.sub(rf"\b{current.name}\(", f"{e.name}(", current.examples[0][0])
        return f"print y = {written}"
    return f"T | extend y = {call(e)}"


@dataclass(frozen=True, slots=True)
class FunctionSupport:
    """A name of the language. `current` is the name to use where this is an older spelling; `entry` has its rows, if it has any."""

    name: str
    kind: FunctionKind
    state: State
    why: str = ""
    hint: str = ""
    current: str = ""
    entry: Entry | None = None


def functions() -> list[FunctionSupport]:
    """Every function, aggregate and window function, by name."""
    found = []
    for e in entries():
        if e.kind is FunctionKind.OPERATOR:
            continue
        one = support(function_probe(e))
        found.append(FunctionSupport(e.name, e.kind, one.state, one.why, one.hint, e.current, e))
    for probe in BINDER_FUNCTIONS:
        one = support(probe)
        found.append(FunctionSupport(probe.construct, FunctionKind.SCALAR, one.state, one.why, one.hint))
    known = {f.name for f in found}
    for name, why in UNSUPPORTED.items():
        if name not in known:
            one = support(Probe(name, _CALLS.get(name, f"print y = {name}()")))
            found.append(FunctionSupport(name, FunctionKind.SCALAR, one.state, why, one.hint))
    return sorted(found, key=lambda f: (f.name, f.kind))


def all_of(probes: Iterable[Probe]) -> list[Support]:
    return [support(probe) for probe in probes]
