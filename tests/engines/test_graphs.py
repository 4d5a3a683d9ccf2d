"""graph-match, graph-shortest-paths and graph-mark-components against an enumeration in plain Python, on small random graphs."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from lurcher.engines.duckdb import DuckDBEngine
from lurcher.engines.values import protocol_rows
from lurcher.errors import LurcherError
from lurcher.plan.compile import compile_text
from lurcher.schema import TableSchema

NODES = "ABCDE"
Edge = tuple[str, str, int]


class Nothing:
    def table(self, name: str) -> TableSchema | None:
        return None

    def table_names(self) -> list[str]:
        return []

    def data(self, name: str) -> Any:
        return None


@pytest.fixture(scope="module")
def engine() -> Any:
    made = DuckDBEngine(Nothing(), threads=1)
    yield made
    made.close()


def rows(engine: DuckDBEngine, text: str) -> list[tuple[Any, ...]]:
    compiled = compile_text(text, Nothing(), now=datetime(2026, 3, 1, tzinfo=UTC))
    assert compiled.ok, compiled.diagnostics
    result = engine.run(compiled.queries[0])
    return [tuple(row) for batch in result.batches for row in protocol_rows(batch, result.columns)]


def table(edges: list[Edge]) -> str:
    values = ", ".join(f"'{s}', '{t}', {w}" for s, t, w in edges)
    return f"let E = datatable(s:string, t:string, w:long)[{values}]; let N = datatable(id:string)['A', 'E'];"


def random_edges(seed: int) -> list[Edge]:
    random_ = random.Random(seed)
    return [(random_.choice(NODES), random_.choice(NODES), i) for i in range(random_.randint(0, 8))]


@dataclass(frozen=True)
class Step:
    """An edge of a pattern: from the node of one number to that of another."""

    left: int
    right: int
    direction: str = "out"
    low: int = 1
    high: int = 1


def ways(edges: list[Edge], node: str, direction: str) -> Iterator[tuple[int, str]]:
    """The edges that lead on from a node, and where they lead. A loop is one way, whichever direction is asked for."""
    for i, (s, t, _) in enumerate(edges):
        if s == node and direction in ("out", "any"):
            yield i, t
        elif t == node and direction in ("in", "any"):
            yield i, s


def walks(edges: list[Edge], node: str, step: Step) -> Iterator[tuple[tuple[int, ...], tuple[str, ...]]]:
    found = [((), (node,))]
    for length in range(step.high + 1):
        if length >= step.low:
            yield from found  # type: ignore[misc]
        found = [((*e, i), (*ns, to)) for e, ns in found for i, to in ways(edges, ns[-1], step.direction)]  # type: ignore[misc]


def matches(
    edges: list[Edge], steps: list[Step], cycles: str
) -> Iterator[tuple[dict[int, str], list[tuple[int, ...]]]]:
    nodes = sorted({n for s, t, _ in edges for n in (s, t)} | {"A", "E"})
    numbers = sorted({n for step in steps for n in (step.left, step.right)})
    for chosen in itertools.product(nodes, repeat=len(numbers)):
        at = dict(zip(numbers, chosen, strict=True))
        options = [
            [(e, ns) for e, ns in walks(edges, at[step.left], step) if ns[-1] == at[step.right]] for step in steps
        ]
        for picked in itertools.product(*options):
            used = [i for e, _ in picked for i in e]
            inside = [node for _, ns in picked for node in ns[1:-1]]
            if cycles == "unique_edges" and len(set(used)) < len(used):
                continue
            if cycles == "none" and len({*at.values(), *inside}) < len(at) + len(inside):
                continue
            yield at, [e for e, _ in picked]


PATTERNS = [
    ("(n0)-[e0]->(n1)", [Step(0, 1)]),
    ("(n0)<-[e0]-(n1)", [Step(0, 1, "in")]),
    ("(n0)-[e0]-(n1)-[e1]-(n2)", [Step(0, 1, "any"), Step(1, 2, "any")]),
    ("(n0)-[e0]->(n1)<-[e1]-(n2)", [Step(0, 1), Step(1, 2, "in")]),
    ("(n0)-[e0*1..3]->(n1)", [Step(0, 1, "out", 1, 3)]),
    ("(n0)<-[e0*2..3]-(n1)", [Step(0, 1, "in", 2, 3)]),
    ("(n0)-[e0*1..2]-(n1)", [Step(0, 1, "any", 1, 2)]),
    ("(n0)-[e0]->(n1)-[e1*1..2]->(n2)", [Step(0, 1), Step(1, 2, "out", 1, 2)]),
    ("(n0)-[e0*1..2]->(n1)-[e1*1..2]-(n2)", [Step(0, 1, "out", 1, 2), Step(1, 2, "any", 1, 2)]),
    ("(n0)-[e0]->(n1), (n1)-[e1]->(n2), (n3)-[e2]->(n1)", [Step(0, 1), Step(1, 2), Step(3, 1)]),
]
CYCLIC = [
    ("(n0)-[e0]->(n0)", [Step(0, 0)]),
    ("(n0)-[e0]->(n1)-[e1]->(n0)", [Step(0, 1), Step(1, 0)]),
    ("(n0)-[e0]->(n1), (n0)-[e1*1..2]->(n1)", [Step(0, 1), Step(0, 1, "out", 1, 2)]),
    ("(n0)-[e0*0..2]->(n1)", [Step(0, 1, "out", 0, 2)]),
    ("(n0)-[e0*1..3]->(n0)", [Step(0, 0, "out", 1, 3)]),
]


@pytest.mark.parametrize("cycles", ["unique_edges", "all", "none"])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pattern", range(len(PATTERNS) + len(CYCLIC)))
def test_a_pattern_matches_what_an_enumeration_does(engine: Any, pattern: int, seed: int, cycles: str) -> None:
    if cycles == "none" and pattern >= len(PATTERNS):
        return  # Refused: see the case files.
    text, steps = (PATTERNS + CYCLIC)[pattern]
    edges = random_edges(seed * 100 + pattern)
    numbers = sorted({n for step in steps for n in (step.left, step.right)})
    shown = [f"n{i}.id" for i in numbers]
    shown += [
        f"map(e{i}, w)" if step.high > 1 or step.low == 0 else f"pack_array(e{i}.w)" for i, step in enumerate(steps)
    ]
    got = rows(
        engine,
        f"{table(edges)} E | make-graph s --> t with N on id | graph-match cycles={cycles} {text} project {', '.join(shown)}",
    )
    wanted = [(*(at[i] for i in numbers), *(list(e) for e in used)) for at, used in matches(edges, steps, cycles)]
    assert Counter(map(repr, got)) == Counter(map(repr, wanted))


CONDITIONS: list[tuple[str, Any]] = [
    ("n0.id == 'A'", lambda at, e, ns: at[0] == "A"),
    ("n1.id == 'B'", lambda at, e, ns: at[1] == "B"),
    ("strcmp(n0.id, n1.id) < 0", lambda at, e, ns: at[0] < at[1]),
    ("all(e0, w > 1)", lambda at, e, ns: all(w > 1 for w in e)),
    ("not(all(e0, w > 1))", lambda at, e, ns: not all(w > 1 for w in e)),
    ("any(e0, w % 2 == 0)", lambda at, e, ns: any(w % 2 == 0 for w in e)),
    ("e0.w > 1", lambda at, e, ns: all(w > 1 for w in e)),
    ("all(inner_nodes(e0), id != 'B')", lambda at, e, ns: "B" not in ns),
    ("any(inner_nodes(e0), id == 'B')", lambda at, e, ns: "B" in ns),
    ("array_length(e0) == 2 and n0.id != n1.id", lambda at, e, ns: len(e) == 2 and at[0] != at[1]),
    ("n1.id == 'B' or array_length(map(inner_nodes(e0), id)) > 1", lambda at, e, ns: at[1] == "B" or len(ns) > 1),
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("which", range(len(CONDITIONS)))
@pytest.mark.parametrize("arrow", ["-[e0*1..3]->", "<-[e0*1..3]-", "-[e0*1..2]-"])
def test_a_condition_holds_wherever_it_is_asked(engine: Any, arrow: str, which: int, seed: int) -> None:
    condition, holds = CONDITIONS[which]
    edges = random_edges(seed * 31 + which)
    direction = {"-[": "out", "<-": "in"}[arrow[:2]] if not arrow.endswith("]-") or arrow[0] == "<" else "any"
    step = Step(0, 1, direction, 1, 2 if direction == "any" else 3)
    got = rows(
        engine,
        f"{table(edges)} E | make-graph s --> t with N on id | graph-match (n0){arrow}(n1) where {condition}"
        " project n0.id, n1.id, map(e0, w), map(inner_nodes(e0), id)",
    )
    wanted = []
    for node in sorted({n for s, t, _ in edges for n in (s, t)}):
        for used, ns in walks(edges, node, step):
            at = {0: node, 1: ns[-1]}
            if len(set(used)) == len(used) and holds(at, used, ns[1:-1]):
                wanted.append((node, ns[-1], list(used), list(ns[1:-1])))
    assert Counter(map(repr, got)) == Counter(map(repr, wanted))


@pytest.mark.parametrize("output", ["any", "all"])
@pytest.mark.parametrize("condition", ["", "where all(e, w != 2)", "where a.id != 'B' and any(e, w > 1)"])
@pytest.mark.parametrize("low", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_shortest_paths_are_the_shortest(engine: Any, seed: int, low: int, condition: str, output: str) -> None:
    edges = random_edges(seed + 7)
    got = rows(
        engine,
        f"{table(edges)} E | make-graph s --> t with N on id | graph-shortest-paths output={output} (a)-[e*{low}..4]->(b)"
        f" {condition} project a.id, b.id, map(e, w)",
    )
    paths: dict[tuple[str, str], list[list[int]]] = {}
    for node in sorted({n for s, t, _ in edges for n in (s, t)}):
        for used, ns in walks(edges, node, Step(0, 1, "out", low, 4)):
            if len(set(ns)) < len(ns):
                continue
            if "!= 2" in condition and 2 in used:
                continue
            if "any" in condition and (node == "B" or max(used) <= 1):
                continue
            paths.setdefault((node, ns[-1]), []).append(list(used))
    wanted = [(*ends, path) for ends, found in paths.items() for path in found if len(path) == min(map(len, found))]
    if output == "all":
        assert Counter(map(repr, got)) == Counter(map(repr, wanted))
    else:
        assert {row[:2] for row in got} == set(paths)
        assert len(got) == len(paths)
        assert all(row in wanted for row in got)


@pytest.mark.parametrize("kind", ["weak", "strong"])
@pytest.mark.parametrize("seed", range(6))
def test_components_are_what_reaches_each_other(engine: Any, seed: int, kind: str) -> None:
    edges = random_edges(seed + 50)
    got = dict(
        rows(
            engine,
            f"{table(edges)} E | make-graph s --> t with N on id | graph-mark-components kind={kind} | graph-to-table nodes",
        )
    )
    nodes = sorted({n for s, t, _ in edges for n in (s, t)} | {"A", "E"})
    reach = {(a, a) for a in nodes} | {(s, t) for s, t, _ in edges}
    if kind == "weak":
        reach |= {(b, a) for a, b in reach}
    for via, a, b in itertools.product(nodes, repeat=3):
        if (a, via) in reach and (via, b) in reach:
            reach.add((a, b))
    assert set(got) == set(nodes)
    for a, b in itertools.product(nodes, repeat=2):
        assert (got[a] == got[b]) == ((a, b) in reach and (b, a) in reach)
    assert sorted(set(got.values())) == list(range(len(set(got.values()))))


def test_paths_that_explode_are_refused_in_time(engine: Any) -> None:
    text = (
        "let E = range x from 1 to 40 step 1 | extend k = 1 | join kind=inner (range y from 1 to 40 step 1 | extend k = 1) on k;"
        " E | make-graph x --> y with_node_id=id | graph-match (a)-[p*1..20]->(b) project a.id, b.id"
    )
    with pytest.raises(LurcherError, match="paths of one length"):
        rows(engine, text)
