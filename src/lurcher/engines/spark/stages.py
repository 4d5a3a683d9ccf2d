"""A plan in parts: what Spark's SQL can say, and what runs in the workers as DuckDB's.

A node that Spark has no exact form for becomes a part of its own, with those around it that go well with it. Parts are of four
sorts:

| sort | what it is | how it runs |
|---|---|---|
| sql | nodes that Spark says | one statement |
| rows | nodes that look at each row alone | in every worker, on the rows that it has |
| groups | groups by keys | the rows of some keys together |
| whole | what looks at all rows, or at an order | one worker has them all |

Between parts a column is `c0`, `c1`, ...: Spark takes names that differ in case for one. Rows that come in an order that counts
stay in one part from there on: Spark promises none between two of its steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from lurcher.engines.lowering.sharing import calls
from lurcher.engines.spark.rebuild import Rewriting, is_volatile, normal, places, reads_outer, split, with_inputs
from lurcher.kql.types import Column, Columns, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.used import used_columns
from lurcher.plan.walk import inputs, walk
from lurcher.plan.windows import parents_first

#: What the tables are called that stand for the rows of a part. No table of a catalogue is called so.
MARK = "\x01"
#: Nodes whose rows are in the order of their input's.
_KEEPING = (n.Filter, n.Project, n.Limit, n.Expand, n.Aligned, n.Shared, n.Apply)
#: Nodes that look at each row alone.
_SINGLE = (n.Filter, n.Project, n.Expand, n.Aligned, n.Apply)
#: Keys of these types are the same ones to Spark's hash as to DuckDB's groups.
_PLAIN = frozenset({ScalarType.BOOL, ScalarType.INT, ScalarType.LONG, ScalarType.STRING, ScalarType.DATETIME,
                    ScalarType.TIMESPAN, ScalarType.GUID})  # fmt: skip
#: Aggregates that are the same whichever row comes first.
_EXACT = frozenset({"count", "cnt", "countif", "dcount", "dcountif", "count_distinct", "count_distinctif", "min", "max", "minif",
                    "maxif"})  # fmt: skip
#: The column of the keys' hash.
BUCKET = "$bucket"


@dataclass
class Part:
    """`plan` reads other parts as tables (`number_of`). `keys`: how many of the last columns of the only part that it reads are
    there for their hash alone."""

    number: int
    sort: str
    plan: n.Plan
    keys: int = 0
    #: Its columns, and which of them anybody reads, by position: its plan gives no others, once that is known.
    columns: Columns = ()
    needed: tuple[int, ...] = ()
    #: Which columns it reads of others, by number.
    read: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def reads(self) -> list[n.Scan]:
        return [p for p in walk(self.plan) if isinstance(p, n.Scan) and number_of(p) is not None]


def number_of(scan: n.Scan) -> int | None:
    """The number of the part that a table stands for."""
    return int(scan.table[1:]) if scan.table.startswith(MARK) else None


def stand_in(number: int, columns: Columns) -> n.Scan:
    return n.Scan(f"{MARK}{number}", columns=columns)


def cut(plan: n.Plan, says: Callable[[n.Plan], bool], *, inline: bool = True) -> list[Part]:
    """The parts of a plan, each after those that it reads; the last is of sort `sql` and gives the plan's rows. `says` is asked of
    a node over tables in place of its inputs. `inline`: what reads no table is computed where it is read."""
    shaped = Rewriting(normal(plan), lambda node, _: _shaped(node, says)).plan
    made = _Cutting(shaped, says, inline)
    root = made.part_of(shaped)
    if made.parts[root].sort != "sql":
        made.add("sql", stand_in(root, shaped.columns))
    _narrow(made.parts)
    return made.parts


def alone(node: n.Plan) -> n.Plan:
    """The node over tables in place of its inputs."""
    return with_inputs(node, lambda below: stand_in(0, below.columns))


def needs_once(plan: n.Plan) -> set[int]:
    """The identities of plans with rows that differ each time they are computed, and that stand in several places; and of all above
    them: these are computed in one part, once."""
    counts, order = places(plan), parents_first(plan)
    carrying = _carrying(order)
    differs: set[int] = set()
    may_differ: set[int] = set()
    held: set[int] = set()
    for node, below in reversed(order):
        own = isinstance(node, n.Sample) or (isinstance(node, n.Limit) and id(node.input) not in carrying)
        if own or any(id(child) in differs for child in below) or is_volatile(alone(node)):
            differs.add(id(node))
        if id(node) in differs or _is_loose(node) or any(id(child) in may_differ for child in below):
            may_differ.add(id(node))
        once = may_differ if isinstance(node, n.Shared) else differs
        if any(id(child) in held for child in below) or (counts[id(node)] > 1 and id(node) in once):
            held.add(id(node))
    return held


def _is_loose(node: n.Plan) -> bool:
    """Whether its rows may be others where several are first in an order, or come in another one."""
    if isinstance(node, n.Limit | n.Pick | n.Window | n.TableFunction | n.Series):
        return True
    if not isinstance(node, n.Aggregate):
        return False
    return any(isinstance(e, n.Agg) and e.function.name not in _EXACT for _, e in node.items)


def _carrying(order: Iterable[tuple[n.Plan, list[n.Plan]]]) -> set[int]:
    """The identities of those whose rows may be in an order that counts."""
    found: set[int] = set()
    for node, _ in reversed(list(order)):
        if isinstance(node, n.Sort | n.Window | n.TableFunction) or (
            isinstance(node, _KEEPING) and id(node.input) in found
        ):
            found.add(id(node))
    return found


def _shaped(node: n.Plan, says: Callable[[n.Plan], bool]) -> n.Plan:
    """What Spark cannot say as a whole, with those of its parts below it that it can."""
    match node:
        case n.Filter() if not says(alone(node)):
            low, high = split(node, lambda e: not is_volatile(e) and says(alone(replace(node, predicate=e))))
            if low is not None and high is not None:
                return replace(node, input=replace(node, predicate=low), predicate=high)
        case n.Project(input=below, items=items) if not says(alone(node)):
            asks = [(name, e) for name, e in items if _asks(e)]
            early = [e for _, e in asks if says(alone(n.Project(below, (("x", e),), columns=(Column("x", e.type),))))]
            if early:
                return _early(node, early)
        case n.Limit(input=n.Sort(keys=keys) as sort) if says(alone(node)):
            # Sorted once more: few rows, and whoever needs their order can have it without all the others.
            return n.Sort(node, keys, columns=sort.columns, span=sort.span)
    return node


def _asks(expr: n.Expr) -> bool:
    """Whether an expression asks for rows of other tables, or for what only a table has."""
    probe = n.Filter(n.Values((), columns=()), expr, columns=())
    return len(inputs(probe)) > 1 or calls(probe, "ingestion_time")


def _early(node: n.Project, early: list[n.Expr]) -> n.Plan:
    """Some of the expressions in a projection below."""
    below = node.input
    made = [(f"$early {i}", e) for i, e in enumerate(early)]
    items = (*((c.name, n.Col(c.name, type=c.type)) for c in below.columns), *made)
    columns = (*below.columns, *(Column(name, e.type) for name, e in made))
    names = {id(e): n.Col(name, type=e.type) for name, e in made}
    later = tuple((name, names.get(id(e), e)) for name, e in node.items)
    return replace(node, input=n.Project(below, items, columns=columns, span=node.span), items=later)


class _Cutting:
    def __init__(self, plan: n.Plan, says: Callable[[n.Plan], bool], inline: bool) -> None:
        self._says, self._inline = says, inline
        self.parts: list[Part] = []
        self._numbers: dict[int, int] = {}
        self._kept: list[n.Plan] = []
        order = parents_first(plan)
        self._counts = places(plan)
        self._carrying = _carrying(order)
        self._once = needs_once(plan)
        self._wanted = _wanted(plan, order)
        self._constant = _constant(order) if inline else set()
        self._open = _open(order)
        self._here: set[int] = set(self._open | self._once)
        for node, below in reversed(order):
            if id(node) not in self._here and (not says(alone(node)) or self._goes_with(node, below)):
                self._here.add(id(node))
        for node, below in order:
            if id(node) in self._here:
                # An order that counts cannot come from Spark.
                self._here.update(id(c) for c in below if id(c) in self._carrying and (id(node), id(c)) in self._wanted)

    def _goes_with(self, node: n.Plan, below: list[n.Plan]) -> bool:
        """Whether Spark could say it, and yet it belongs to the part below it."""
        if not isinstance(node, _KEEPING):
            return False
        first = node.input
        if id(first) not in self._here:
            return False
        if id(first) in self._carrying and (id(node), id(first)) in self._wanted:
            return True
        # What comes back from a worker is less, then.
        row = isinstance(node, n.Filter | n.Project) and isinstance(first, _SINGLE)
        return row and len(below) == 1 and self._counts[id(first)] == 1

    # --- parts ---
    def add(self, sort: str, plan: n.Plan, keys: int = 0) -> int:
        self.parts.append(Part(len(self.parts), sort, plan, keys))
        return len(self.parts) - 1

    def part_of(self, node: n.Plan) -> int:
        """The number of the part that gives a node's rows, made where it is not there yet."""
        found = self._numbers.get(id(node))
        if found is None:
            found = self._made(node)
            self._numbers[id(node)] = found
            self._kept.append(node)
        return found

    def _made(self, node: n.Plan) -> int:
        if id(node) not in self._here:
            return self.add("sql", self._sql(node, {}))
        if self._is_single(node):
            return self.add("rows", self._duckdb(node, {}, "rows"))
        if self._is_grouped(node):
            return self._groups(node)
        return self.add("whole", self._duckdb(node, {}, "whole"))

    def _sql(self, node: n.Plan, done: dict[int, n.Plan]) -> n.Plan:
        if id(node) in self._here:
            return stand_in(self.part_of(node), node.columns)
        found = done.get(id(node))
        if found is None:
            found = done[id(node)] = with_inputs(node, lambda c: self._sql(c, done))
        return found

    def _duckdb(self, node: n.Plan, done: dict[int, n.Plan], sort: str) -> n.Plan:
        found = done.get(id(node))
        if found is None:
            found = with_inputs(node, lambda c: self._below(node, c, done, sort))
            done[id(node)] = found
            self._kept += [node, found]
        return found

    def _below(self, node: n.Plan, child: n.Plan, done: dict[int, n.Plan], sort: str) -> n.Plan:
        if id(child) in self._constant or id(child) in self._open or id(child) in self._once:
            return self._duckdb(child, done, sort)
        ordered = id(child) in self._carrying and (id(node), id(child)) in self._wanted
        own = id(child) not in self._here or self._is_grouped(child) or (sort == "whole" and self._is_single(child))
        if own and not ordered:
            return stand_in(self.part_of(child), child.columns)
        return self._duckdb(child, done, sort)

    # --- sorts of parts ---
    def _is_single(self, node: n.Plan) -> bool:
        """Whether nodes that look at each row alone lead from here down to rows of another part."""
        while True:
            if not isinstance(node, _SINGLE) or id(node) in self._once or id(node) in self._open:
                return False
            below = node.input
            for other in inputs(node):
                if other is not below and (not self._is_own(other) or is_volatile(other)):
                    return False
            if id(below) in self._constant or id(below) in self._once:
                return False
            if id(below) not in self._here:
                return not (id(below) in self._carrying and (id(node), id(below)) in self._wanted)
            if self._is_grouped(below):
                return True
            node = below

    def _is_own(self, plan: n.Plan) -> bool:
        """Whether a plan inside of a node reads nothing but the node's row, or constants."""
        return all(id(p) in self._constant or id(p) in self._open for p in walk(plan))

    def _is_grouped(self, node: n.Plan) -> bool:
        if not isinstance(node, n.Aggregate) or not node.keys or id(node) not in self._here:
            return False
        below = node.input
        if id(node) in self._once or id(node) in self._open or id(below) in self._constant or len(inputs(node)) > 1:
            return False
        return all(e.type in _PLAIN for _, e in node.keys) and self._says(alone(_keyed(node, node.input)))

    def _groups(self, node: n.Plan) -> int:
        assert isinstance(node, n.Aggregate)
        below = stand_in(self.part_of(node.input), node.input.columns)
        keyed = _keyed(node, below)
        number = self.add("sql", keyed)
        return self.add("groups", replace(node, input=stand_in(number, keyed.columns)), len(node.keys))


def _keyed(node: n.Aggregate, below: n.Plan) -> n.Project:
    """The rows below, and the keys of their groups as columns."""
    made = [(f"{BUCKET} {i}", e) for i, (_, e) in enumerate(node.keys)]
    items = (*((c.name, n.Col(c.name, type=c.type)) for c in below.columns), *made)
    columns = (*below.columns, *(Column(name, e.type) for name, e in made))
    return n.Project(below, items, columns=columns, span=node.span)


def _wanted(plan: n.Plan, order: Iterable[tuple[n.Plan, list[n.Plan]]]) -> set[tuple[int, int]]:
    """(id(node), id(input)) where the order of the input's rows may count."""
    wanted = {id(plan)}
    found: set[tuple[int, int]] = set()
    for node, below in order:
        for child in below:
            if isinstance(node, n.Aggregate | n.Join | n.Pick | n.Union | n.Sort):
                want = False
            elif isinstance(node, n.Filter | n.Project | n.Expand | n.Aligned | n.Shared | n.Apply):
                want = id(node) in wanted
            else:
                want = True
            if want:
                wanted.add(id(child))
                found.add((id(node), id(child)))
    return found


def _constant(order: Iterable[tuple[n.Plan, list[n.Plan]]]) -> set[int]:
    """The identities of those that read no table."""
    found: set[int] = set()
    for node, below in reversed(list(order)):
        if not isinstance(node, n.Scan | n.Supplied) and all(id(c) in found for c in below):
            found.add(id(node))
    return found


def _open(order: Iterable[tuple[n.Plan, list[n.Plan]]]) -> set[int]:
    """The identities of those that read the row of an `Apply` around them."""
    found: set[int] = set()
    for node, below in reversed(list(order)):
        # The body of an Apply is closed by it.
        inner = [node.input] if isinstance(node, n.Apply) else below
        if isinstance(node, n.Elements) or reads_outer(node) or any(id(c) in found for c in inner):
            found.add(id(node))
    return found


def _narrow(made: list[Part]) -> None:
    """Which columns of each part anybody reads; its plan then gives no others."""
    wanted: dict[int, set[str]] = {part.number: set() for part in made}
    wanted[made[-1].number] = {c.name for c in made[-1].plan.columns}
    for part in reversed(made):
        part.columns = part.plan.columns
        keep = [i for i, c in enumerate(part.columns) if c.name in wanted[part.number]]
        part.needed = tuple(keep)
        if len(keep) < len(part.columns):
            kept = tuple(part.columns[i] for i in keep)
            shown = tuple((c.name, n.Col(c.name, type=c.type)) for c in kept)
            part.plan = n.Project(part.plan, shown, columns=kept, span=part.plan.span)
        read = used_columns(part.plan)
        for scan in part.reads():
            number = number_of(scan)
            assert number is not None
            asked = read.get(scan.table, set())
            keys = {c.name for c in scan.columns if c.name.startswith(BUCKET)} if part.keys else set()
            wanted[number] |= asked | keys
            part.read[number] = tuple(i for i, c in enumerate(scan.columns) if c.name in asked)
