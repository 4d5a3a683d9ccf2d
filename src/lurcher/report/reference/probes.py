"""The smallest query for each construct of the language. What becomes of it says whether the construct is supported.

A probe reads T and U (`PRELUDE`), or a table of the services. It is right KQL: one that the binder takes for a mistake raises
where it is tried, so that no mistake in a probe passes for a construct that is missing.

Source of the names: Kusto.Language's tables of operators, plugins and syntax nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

from lurcher.plan.binder.plugins.registry import PLUGINS as DECLARED
from lurcher.plan.binder.plugins.unsupported import UNSUPPORTED

PRELUDE = """let T = datatable(n:long, i:int, r:real, m:decimal, s:string, b:bool, t:datetime, p:timespan, g:guid, x:dynamic)
[1, 1, 1.5, decimal(1.5), "a b", true, datetime(2024-01-01), 1h, guid(74be27de-1e4e-49d9-b579-fe0b331d3642), dynamic({"k":[1,2]}),
 2, 2, 2.5, decimal(2.5), "c=1", false, datetime(2024-01-02), 2h, guid(74be27de-1e4e-49d9-b579-fe0b331d3642), dynamic([3])];
let U = datatable(n:long, v:string)[1, "one"];
"""


@dataclass(frozen=True, slots=True)
class Probe:
    """`construct` is what the manual calls it; `words` are the operators' words that the probe stands for."""

    construct: str
    query: str
    words: tuple[str, ...] = ()


def _op(word: str, query: str, *also: str) -> Probe:
    """An operator, with its other spellings."""
    return Probe(word, query, (word, *also))


_GRAPH = "T | make-graph n --> i with_node_id=id "

OPERATORS: tuple[Probe, ...] = (
    _op("where", "T | where n > 1", "filter"),
    _op("take", "T | take 1", "limit"),
    _op("sample", "T | sample 1"),
    _op("sample-distinct", "T | sample-distinct 1 of n"),
    _op("count", "T | count"),
    Probe("count as name", "T | count as many"),
    _op("distinct", "T | distinct n, s"),
    Probe("distinct *", "U | distinct *"),
    _op("sort", "T | sort by n asc nulls last", "order"),
    _op("top", "T | top 1 by n"),
    _op("top-nested", "T | top-nested 1 of s by sum(n)"),
    Probe("top-nested ... with others", "T | top-nested 1 of s with others='rest' by sum(n)"),
    _op("top-hitters", "T | top-hitters 1 of s"),
    _op("extend", "T | extend y = n + 1"),
    _op("project", "T | project n, y = s"),
    _op("project-away", "T | project-away n*", "__projectAway"),
    _op("project-keep", "T | project-keep n*"),
    _op("project-rename", "T | project-rename y = n"),
    _op("project-reorder", "T | project-reorder s, * asc"),
    _op("project-by-names", "T | project-by-names 'n'"),
    _op("serialize", "T | serialize y = row_number()"),
    _op("getschema", "T | getschema"),
    _op("as", "T | as V | where n == toscalar(V | summarize max(n))"),
    _op("consume", "T | consume"),
    _op("assert-schema", "U | assert-schema (n:long, v:string)"),
    _op("__executeAndCache", "T | __executeAndCache"),
    _op("render", "T | render timechart with (title='x')"),
    _op("summarize", "T | summarize count(), max(n) by s, bin(t, 1h)"),
    _op("make-series", "T | make-series count() default=0 on t from datetime(2024-01-01) to datetime(2024-01-03) step 1d by s"),
    Probe("make-series without from and to", "T | make-series count() on t step 1d"),
    Probe("make-series ... in range()", "T | make-series count() on t in range(datetime(2024-01-01), datetime(2024-01-03), 1d)"),
    _op("partition", "T | partition by s (top 1 by n)"),
    Probe("partition hint.strategy=native", "T | partition hint.strategy=native by s (top 1 by n)"),
    _op("__partitionby", "T | __partitionby s (top 1 by n)"),
    _op("reduce", "T | reduce by s"),
    _op("join", "T | join (U) on n"),
    *(
        Probe(f"join kind={kind}", f"T | join kind={kind} (U) on n")
        for kind in (
            "inner", "innerunique", "leftouter", "rightouter", "fullouter", "leftsemi", "rightsemi", "leftanti", "rightanti",
            "anti", "leftantisemi", "rightantisemi",
        )
    ),
    Probe("join on $left.a == $right.b", "T | join (U) on $left.s == $right.v"),
    Probe("join hint.strategy=...", "T | join hint.strategy=broadcast (U) on n"),
    Probe("join ... where", "T | join (U) where n == n"),
    _op("lookup", "T | lookup (U) on n"),
    Probe("lookup kind=inner", "T | lookup kind=inner (U) on n"),
    _op("union", "T | union U"),
    Probe("union with wildcards", "union withsource=Table isfuzzy=true DeviceP*, U"),
    Probe("union *", "union * | where DeviceName == 'a'"),
    Probe("union kind=inner", "T | union kind=inner U"),
    _op("search", "search in (DeviceProcessEvents) 'a'"),
    Probe("search over a pipe", "T | search 'a' and s:'b'"),
    Probe("search everywhere", "search 'a'"),
    Probe("search kind=case_sensitive", "search kind=case_sensitive in (DeviceInfo) 'a' and DeviceName has 'b'"),
    _op("find", "find in (DeviceProcessEvents, DeviceFileEvents) where FileName == 'a' project DeviceName"),
    Probe("find without project", "find in (DeviceProcessEvents, DeviceFileEvents) where FileName == 'a'"),
    Probe("find of a term in all tables", "find 'a'"),
    Probe("find ... project pack(*)", "find in (DeviceProcessEvents) where FileName == 'a' project DeviceName, pack(*)"),
    _op("invoke", "let f = (X:(n:long)) { X | where n > 1 }; T | invoke f()"),
    _op("evaluate", "T | evaluate bag_unpack(x) : (k:dynamic)"),
    _op("fork", "T | fork (count) (take 1)"),
    _op("facet", "T | facet by s"),
    _op("macro-expand", "macro-expand entity_group [cluster('a').database('b')] as X (X.DeviceInfo | count)"),
    _op("mv-expand", "T | mv-expand x to typeof(long) limit 10", "mvexpand"),
    Probe("mv-expand with_itemindex, kind=array", "T | mv-expand with_itemindex=at kind=array x"),
    _op("mv-apply", "T | mv-apply y = x to typeof(long) on (summarize sum(y))", "mvapply"),
    Probe("mv-apply inside an mv-apply", "T | mv-apply y = x on (mv-apply z = y on (take 1))"),
    Probe("mv-apply ... id", "T | mv-apply y = x id guid(74be27de-1e4e-49d9-b579-fe0b331d3642) on (take 1)"),
    _op("parse", "T | parse s with a ' ' rest"),
    Probe("parse kind=relaxed", "T | parse kind=relaxed s with a:long '=' b:long"),
    Probe("parse kind=regex", "T | parse kind=regex s with a '[ =]' b"),
    _op("parse-where", "T | parse-where s with a '=' b:long"),
    _op("parse-kv", "T | parse-kv s as (a:string, c:long) with (pair_delimiter=' ', kv_delimiter='=')"),
    Probe("parse-kv ... quote", "T | parse-kv s as (a:string) with (pair_delimiter=' ', kv_delimiter='=', quote='\"')"),
    Probe("parse-kv ... quote, escape",
          "T | parse-kv s as (a:string) with (pair_delimiter=' ', kv_delimiter='=', quote='()', escape='#')"),
    Probe("parse-kv ... greedy", "T | parse-kv s as (a:string) with (pair_delimiter=' ', kv_delimiter='=', greedy=true)"),
    Probe("parse-kv ... regex", "T | parse-kv s as (a:string) with (regex=@'(\\w)=(\\w)')"),
    Probe("parse-kv without delimiters", "T | parse-kv s as (a:string)"),
    _op("print", "print 1, x = 'a'"),
    _op("range", "range y from 1 to 3 step 1"),
    _op("scan", "T | sort by t asc | scan declare (y:long = 0) with (step a: true => y = n + a.y;)"),
    _op("make-graph", "T | make-graph n --> i with U on n | graph-to-table nodes"),
    Probe("make-graph ... with_node_id", _GRAPH + "| graph-to-table nodes"),
    Probe("make-graph ... partitioned-by", _GRAPH + "partitioned-by s (graph-match (a)-[e]->(b) project a.id, e.s)"),
    _op("graph-match", _GRAPH + "| graph-match (a)-[e]->(b)--(c) where a.id > 1 project a.id, e.s"),
    Probe("graph-match cycles=none", _GRAPH + "| graph-match cycles=none (a)-->(b), (b)<--(c) project a.id"),
    Probe("graph-match with edges of variable length",
          _GRAPH + "| graph-match (a)-[e*1..3]->(b) where all(e, n > 1) and any(inner_nodes(e), id > 0)"
          " project b.id, p = map(e, s)"),
    Probe("node_id(), node_degree_in(), node_degree_out(), labels()",
          _GRAPH + "| graph-match (a)-->(b) project node_id(a), node_degree_in(b), node_degree_out(b), labels(a)"),
    _op("graph-shortest-paths", _GRAPH + "| graph-shortest-paths output=all (a)-[e*1..3]->(b) project a.id, array_length(e)"),
    _op("graph-to-table", "T | make-graph n --> i | graph-to-table nodes as N, edges as E"),
    Probe("graph-to-table nodes with_node_id", "T | make-graph s --> s | graph-to-table nodes with_node_id=H"),
    _op("graph-mark-components", _GRAPH + "| graph-mark-components kind=strong with_component_id=c | graph-to-table nodes"),
    _op("graph-where-nodes", _GRAPH + "| graph-where-nodes id > 1 | graph-to-table nodes"),
    _op("graph-where-edges", "T | make-graph n --> i | graph-where-edges s has 'a' | graph-to-table edges"),
)  # fmt: skip

STATEMENTS: tuple[Probe, ...] = (
    Probe("let of a value", "let y = 1; print y"),
    Probe("let of a table", "let Y = T | take 1; Y"),
    Probe("let of a function, with defaults and names", "let f = (a:long, b:long = 2) { a + b }; print f(1, b = 3)"),
    Probe("let of a function of a table", "let f = (X:(*)) { X | count }; f(T)"),
    Probe("a function that is called for each row", "let f = (a:long) { toscalar(U | summarize max(n)) + a }; T | extend y = f(n)"),
    Probe("let of a view", "let V = view () { T | take 1 }; V"),
    Probe("set", "set notruncation; T"),
    Probe("declare query_parameters", "declare query_parameters(y:long = 1); print y"),
    Probe("declare pattern", "declare pattern f = (a:string)[b:string] { ('x').['y'] = { T } ; }; f('x').y"),
    Probe("alias database", "alias database D = cluster('a').database('b'); T"),
    Probe("restrict access to", "restrict access to (T); T"),
    Probe("several queries in one text", "T | count; U | count"),
)  # fmt: skip

SOURCES: tuple[Probe, ...] = (
    Probe("a table of Defender or Sentinel", "DeviceProcessEvents | take 1"),
    Probe("datatable", "datatable(y:long)[1, 2]"),
    Probe("table('name')", "table('DeviceProcessEvents') | take 1"),
    Probe("materialize()", "let M = materialize(T | where n > 1); M | union M"),
    Probe("toscalar()", "print toscalar(T | count)"),
    Probe("externaldata", "externaldata(y:string)['https://example.org/list.csv'] with (format='csv')"),
    Probe("external_table()", "external_table('x')"),
    Probe("workspace().Table", "workspace('a').SigninLogs"),
    Probe("database().Table", "database('a').DeviceInfo"),
    Probe("cluster().database().Table", "cluster('a').database('b').DeviceInfo"),
    Probe("arg().Table", "arg('').Resources"),
    Probe("app(), resource()", "app('a').DeviceInfo"),
)

#: Expressions of which no function's row says anything: operators that the binder spells out, literals, paths.
EXPRESSIONS: tuple[Probe, ...] = (
    *(
        Probe(op, f"T | where {text}", (op,))
        for op, text in {
            "==": "n == 1", "!=": "n != 1", "<": "n < 1", "<=": "n <= 1", ">": "n > 1", ">=": "n >= 1",
            "+": "n + 1 > 0", "-": "n - 1 > 0", "*": "n * 1 > 0", "/": "n / 1 > 0", "%": "n % 2 == 0",
            "unary -": "-n < 0", "unary +": "+n > 0", "and": "b and true", "or": "b or true",
            "=~": "s =~ 'A B'", "!~": "s !~ 'A B'", "has": "s has 'a'", "!has": "s !has 'a'", "has_cs": "s has_cs 'a'",
            "!has_cs": "s !has_cs 'a'", "hasprefix": "s hasprefix 'a'", "!hasprefix": "s !hasprefix 'a'",
            "hasprefix_cs": "s hasprefix_cs 'a'", "!hasprefix_cs": "s !hasprefix_cs 'a'", "hassuffix": "s hassuffix 'a'",
            "!hassuffix": "s !hassuffix 'a'", "hassuffix_cs": "s hassuffix_cs 'a'", "!hassuffix_cs": "s !hassuffix_cs 'a'",
            "contains": "s contains 'a'", "!contains": "s !contains 'a'", "contains_cs": "s contains_cs 'a'",
            "!contains_cs": "s !contains_cs 'a'", "startswith": "s startswith 'a'", "!startswith": "s !startswith 'a'",
            "startswith_cs": "s startswith_cs 'a'", "!startswith_cs": "s !startswith_cs 'a'", "endswith": "s endswith 'b'",
            "!endswith": "s !endswith 'b'", "endswith_cs": "s endswith_cs 'b'", "!endswith_cs": "s !endswith_cs 'b'",
            "notcontains": "s notcontains 'a'", "notcontainscs": "s notcontainscs 'a'", "containscs": "s containscs 'a'",
            "like": "s like 'a*'", "likecs": "s likecs 'a*'", "notlike": "s notlike 'a*'", "notlikecs": "s notlikecs 'a*'",
            "matches regex": "s matches regex '^a'", "in": "n in (1, 2)", "!in": "n !in (1, 2)", "in~": "s in~ ('A B')",
            "!in~": "s !in~ ('A B')", "between": "n between (1 .. 2)", "!between": "n !between (1 .. 2)",
            "has_any": "s has_any ('a', 'c')", "has_all": "s has_all ('a', 'b')", ".": "x.k == 1", "[]": "x[0] == 3",
        }.items()
    ),
    Probe(":", "T | search s:'a'", (":",)),
    Probe("in (query)", "T | where n in (U | project n)"),
    Probe("has_any (query)", "T | where s has_any (U | project v)"),
    Probe("in (dynamic)", "T | where n in (dynamic([1, 2]))"),
    Probe("* has 'x'", "U | where * has 'one'"),
)  # fmt: skip

#: Plugins whose probe needs arguments; every other is called with none.
_PLUGIN_QUERIES: dict[str, tuple[tuple[str, str], ...]] = {
    "bag_unpack": (
        ("bag_unpack with a schema", "T | evaluate bag_unpack(x) : (k:dynamic)"),
        ("bag_unpack without a schema", "T | project x | evaluate bag_unpack(x)"),
    ),
    "pivot": (("pivot", "T | project n, s | evaluate pivot(s, sum(n))"),),
    "narrow": (
        ("narrow", "T | project s, n | evaluate narrow()"),
        ("narrow over times, reals, ...", "T | project t | evaluate narrow()"),
    ),
    "dcount_intersect": (
        (
            "dcount_intersect",
            "T | summarize a = hll(n), b = hll(n + 1) | evaluate dcount_intersect(a, b) | project s0, s1",
        ),
    ),
    "activity_metrics": (
        (
            "activity_metrics",
            "T | evaluate activity_metrics(s, t, datetime(2024-01-01), datetime(2024-01-07), 7d)",
        ),
        (
            "activity_metrics by dimensions",
            "T | evaluate activity_metrics(n, t, datetime(2024-01-01), datetime(2024-01-03), 1d, s)",
        ),
    ),
    "new_activity_metrics": (
        (
            "new_activity_metrics",
            "T | evaluate new_activity_metrics(s, t, datetime(2024-01-01), datetime(2024-01-03) - 1tick, 1d)",
        ),
        (
            "new_activity_metrics by dimensions",
            "T | evaluate new_activity_metrics(n, t, datetime(2024-01-01), datetime(2024-01-03) - 1tick, 1d, s)",
        ),
    ),
    "ipv4_lookup": (("ipv4_lookup", "T | evaluate ipv4_lookup(U, s, v)"),),
    "ipv6_lookup": (("ipv6_lookup", "T | evaluate ipv6_lookup(U, s, v)"),),
    "geo_polygon_lookup": (("geo_polygon_lookup", "U | evaluate geo_polygon_lookup(T, x, n, n)"),),
    "geo_line_lookup": (("geo_line_lookup", "U | evaluate geo_line_lookup(T, x, n, n, 10)"),),
    "active_users_count": (
        (
            "active_users_count",
            "T | evaluate active_users_count(s, t, datetime(2024-01-01), datetime(2024-01-03), 2d, 1d, 2, 1d)",
        ),
    ),
    "rows_near": (("rows_near", "T | sort by n asc | evaluate rows_near(b, 1)"),),
    "rolling_percentile": (("rolling_percentile", "T | evaluate rolling_percentile(n, 50, t, 1d, 2)"),),
    "schema_merge": (("schema_merge", "T | getschema | evaluate schema_merge()"),),
    "session_count": (
        ("session_count", "T | evaluate session_count(s, t, datetime(2024-01-01), datetime(2024-01-03), 1d, 1d)"),
    ),
    "activity_counts_metrics": (
        (
            "activity_counts_metrics",
            "T | evaluate activity_counts_metrics(s, t, datetime(2024-01-01), datetime(2024-01-03), 1d)",
        ),
    ),
    "sliding_window_counts": (
        (
            "sliding_window_counts",
            "T | evaluate sliding_window_counts(s, t, datetime(2024-01-01), datetime(2024-01-03), 1d, 1d)",
        ),
    ),
}
#: Plugin -> why it is refused, where it is. An empty reason: what is said of its probe tells it.
PLUGIN_REASONS: dict[str, str] = {**UNSUPPORTED, **dict.fromkeys(DECLARED, "")}
PLUGINS: tuple[Probe, ...] = tuple(
    Probe(construct, query, (name,))
    for name in sorted(PLUGIN_REASONS)
    for construct, query in _PLUGIN_QUERIES.get(name, ((name, f"T | evaluate {name}()"),))
)
