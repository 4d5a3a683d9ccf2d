"""Rows of a table that many statements need, read once.

Rules of a pack ask one large table for a few rows each. What each of them is sure to need is covered by tests of text columns
(`lurcher.plan.covers`). These are answered on the distinct values of each column, counted in one pass; a second pass keeps the
rows with one of the values found, as a table of the engine's own. A statement whose filters are covered by the tests, and whose
time lies within, reads those rows instead (`Views.stored`) and keeps its own filters; a test that few values fulfil is asked as a
list of these. It cannot see a difference.

Whatever does not fit is left out, the rules with most rows first, and reads the table as before. Nothing here makes a query fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lurcher.engines.lowering.context import Stored
from lurcher.engines.views import Narrowed
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.covers import Test, Use, cheapest, tests
from lurcher.plan.windows import ANY_TIME, TimeWindow
from lurcher.sql.printer import Printer

if TYPE_CHECKING:
    from lurcher.engines.duckdb import DuckDBEngine

quote = Printer().name


@dataclass(frozen=True)
class Costs:
    """When it pays. `uses` of a table by different askers, at least; `rows` that the table has, at least; `share` of its rows that
    are kept at most; `bytes` of memory that those of all tables take at most; `values` that a column may have, so that they are
    looked at."""

    uses: int = 3
    rows: int = 50_000
    share: float = 0.25
    bytes: int = 1 << 30
    values: int = 500_000


@dataclass(frozen=True)
class Asked:
    """A place where `who` reads a table."""

    who: str
    use: Use


@dataclass
class Shared:
    """What came of one table. `of` are its rows within the window, `kept` those that are read in their place, in about `bytes` of
    memory, `columns` those whose distinct values were looked at, with their number; `served` who reads them, `others` who does
    not, with the reason."""

    table: str
    of: int = 0
    kept: int = 0
    bytes: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    served: tuple[str, ...] = ()
    others: dict[str, str] = field(default_factory=dict)
    #: Why none are kept, where that is so.
    why: str = ""
    rows: Narrowed | None = None


def narrow(engine: DuckDBEngine, asked: Iterable[Asked], costs: Costs, until: float | None = None) -> list[Shared]:
    """Prepare the tables that these places read. What is prepared lasts as long as the engine's connection."""
    from lurcher.errors import LurcherError
    from lurcher.kql.diagnostics import Refused

    by_table: dict[str, list[Asked]] = {}
    for one in asked:
        by_table.setdefault(one.use.scan.table, []).append(one)
    found = []
    left = costs.bytes
    for table, places in sorted(by_table.items()):
        made = Shared(table)
        try:
            _Table(engine, places, replace(costs, bytes=left), made, until).run()
            left = max(0, left - made.bytes)
        except (LurcherError, Refused) as problem:
            # Too little memory or time to prepare: each asker then reads the table itself.
            made.why = str(problem) or "it could not be prepared"
        if made.why:
            made.rows, made.served = None, ()
        found.append(made)
    return found


class _Table:
    def __init__(
        self, engine: DuckDBEngine, places: Sequence[Asked], costs: Costs, made: Shared, until: float | None
    ) -> None:
        self._engine, self._places, self._costs, self._made, self._until = engine, places, costs, made, until
        self._scan = places[0].use.scan
        self._temporary: list[str] = []
        self._counts: dict[Test, int] = {}
        #: Column, table of answers, and the tests that its columns `t0`, ... answer.
        self._flags: list[tuple[str, str, list[Test]]] = []

    def run(self) -> None:
        made, costs = self._made, self._costs
        wanted: dict[str, list[Asked]] = {}
        for one in self._places:
            if tests(one.use.predicates):
                wanted.setdefault(one.who, []).append(one)
            else:
                made.others[one.who] = "it asks for rows whatever their texts are"
        if len(wanted) < costs.uses:
            made.why = f"{len(wanted)} of {len({p.who for p in self._places})} ask for it by texts, too few to gain"
            return
        time = self._engine.time_column(made.table)
        window = ANY_TIME
        places = [one for ones in wanted.values() for one in ones]
        if time is not None:
            window = places[0].use.window(time)
            for one in places[1:]:
                window = window.hull(one.use.window(time))
        try:
            self._within(places, time, window)
        finally:
            for name in self._temporary:
                self._engine.execute(f"DROP TABLE IF EXISTS {quote(name)}")

    def _within(self, places: list[Asked], time: str | None, window: TimeWindow) -> None:
        made, costs = self._made, self._costs
        windows = {time: window} if time is not None and window != ANY_TIME else {}
        stored = self._engine.stored(self._scan, windows)
        source, physical = quote(stored.name), stored.physical
        (made.of,) = self._engine.execute(f"SELECT count(*) FROM {source}", self._until)[0]
        if made.of < costs.rows:
            made.why = f"it has {made.of:,} rows in this time, too few to gain"
            return
        every = set().union(*(tests(p.use.predicates) for p in places))
        mentioned = {id(p): {x.column for x in tests(p.use.predicates)} for p in places}
        # What most places ask about comes first: a column that only those mention who need few rows already is not looked at.
        columns = sorted({x.column for x in every}, key=lambda c: (-sum(c in m for m in mentioned.values()), c))
        few = self._few_values(source, physical, columns)

        def cost(test: Test) -> float | None:
            return float(self._counts[test]) if test in self._counts else None

        chosen: dict[int, tuple[float, frozenset[Test]] | None] = dict.fromkeys(map(id, places))
        for column in columns:
            here = [x for x in every if x.column == column]
            waiting = [p for p in places if (c := chosen[id(p)]) is None or c[0] > _FEW_ROWS * made.of]
            if not any(column in mentioned[id(p)] for p in waiting):
                continue
            if column in few:
                self._answer(column, source, physical, here)
            elif equal := [x for x in here if x.value is not None]:
                # Hashes, addresses: the rows that have one of these values can be counted without looking at all others.
                self._answer(column, source, physical, equal, only=True)
            for p in waiting:
                chosen[id(p)] = cheapest(p.use.predicates, cost)
        row_bytes = self._row_bytes(source, physical)
        limit = min(costs.share * made.of, costs.bytes / row_bytes)
        taken = self._that_fit(places, chosen, limit)
        if len({p.who for p in taken}) < costs.uses:
            made.why = "those whose texts are looked up fast are too few to gain"
            return
        used = frozenset().union(*(c[1] for p in taken if (c := chosen[id(p)]) is not None))
        name = f"rows of {made.table} that are shared #{self._engine.fresh()}"
        where = " OR ".join(
            self._in(column, physical, [x for x in used if x.column == column])
            for column in sorted({x.column for x in used})
        )
        # Not `*`: the texts beside dynamic columns are read where they are stored, or not at all.
        columns_of_it = ", ".join(map(quote, (*physical.values(), stored.ingested)))
        self._engine.execute(
            f"CREATE TABLE {quote(name)} AS SELECT {columns_of_it} FROM {source} WHERE {where}", self._until
        )
        try:
            (made.kept,) = self._engine.execute(f"SELECT count(*) FROM {quote(name)}")[0]
            made.bytes = int(made.kept * row_bytes)
            made.rows = Narrowed(name, time, window, used, made.kept, self._matched())
        except BaseException:
            self._engine.execute(f"DROP TABLE IF EXISTS {quote(name)}")
            raise
        self._engine.use(made.table, made.rows)
        served = {p.who for p in taken}
        made.served = tuple(dict.fromkeys(p.who for p in self._places if p.who in served))

    def _few_values(self, source: str, physical: dict[str, str], columns: list[str]) -> list[str]:
        """The columns whose values repeat often enough to be looked at one by one."""
        if not columns:
            return []
        counted = ", ".join(f"approx_count_distinct({quote(physical[c])})" for c in columns)
        # Where the first rows hardly repeat, all of them would not: they need not be read.
        first = self._engine.execute(f"SELECT {counted} FROM (FROM {source} LIMIT 20000)", self._until)[0]
        known = {c: values for c, values in zip(columns, first, strict=True) if values <= 12_000}
        unsure = [c for c, values in known.items() if values > 4_000]
        if unsure:
            counted = ", ".join(f"approx_count_distinct({quote(physical[c])})" for c in unsure)
            every = self._engine.execute(f"SELECT {counted} FROM {source}", self._until)[0]
            known |= dict(zip(unsure, every, strict=True))
        return [c for c, values in known.items() if values <= self._most]

    @property
    def _most(self) -> int:
        return min(self._costs.values, max(12_000, self._made.of // 10))

    def _answer(
        self, column: str, source: str, physical: dict[str, str], here: list[Test], *, only: bool = False
    ) -> None:
        """What each test of a column says of its distinct values, and of how many rows it is true. `only`: of those values alone
        that the tests name."""
        values = self._values(column)
        at = quote(physical[column])
        where = f" WHERE {at} IN ({', '.join(Printer().string(x.value or '') for x in here)})" if only else ""
        self._engine.execute(
            f"CREATE TABLE {quote(values)} AS SELECT {at} AS v, count(*) AS n FROM {source}{where} GROUP BY ALL",
            self._until,
        )
        self._temporary.append(values)
        (number,) = self._engine.execute(f"SELECT count(*) FROM {quote(values)}")[0]
        if number > self._most or number * len(here) > _ANSWERS:
            return
        if not only:
            self._made.columns[column] = number
        equal = {x.value: x for x in here if x.value is not None}
        if equal:
            self._counts |= dict.fromkeys(equal.values(), 0)
            inner = self._sql(values, [_any_of(equal)])
            for text, rows in self._engine.execute(f"SELECT v, n FROM ({inner}) WHERE t0", self._until):
                self._counts[equal[text]] = rows
        others = [x for x in here if x.value is None]
        for start in range(0, len(others), _AT_ONCE):
            some = others[start : start + _AT_ONCE]
            flags = f"{values} answered #{start}"
            inner = self._sql(values, [_on_value(x.predicate) for x in some])
            self._engine.execute(f"CREATE TABLE {quote(flags)} AS {inner}", self._until)
            self._temporary.append(flags)
            self._flags.append((column, flags, some))
            sums = ", ".join(f"coalesce(sum(n) FILTER (WHERE t{i}), 0)::BIGINT" for i in range(len(some)))
            row = self._engine.execute(f"SELECT {sums} FROM {quote(flags)}", self._until)[0]
            self._counts |= dict(zip(some, row, strict=True))

    def _that_fit(self, places: list[Asked], chosen: dict[int, Any], limit: float) -> list[Asked]:
        """Those places whose rows fit, the smallest first: an asker with many rows gains least."""
        made = self._made
        places = sorted(places, key=lambda p: chosen[id(p)][0] if chosen[id(p)] is not None else 0)
        taken, have, total = [], set[Test](), 0
        for one in places:
            cover = chosen[id(one)]
            if cover is None:
                made.others[one.who] = "its texts are of columns whose values hardly repeat"
                continue
            more = sum(self._counts[x] for x in cover[1] - have)
            if total + more > limit:
                made.others[one.who] = f"it asks for {int(cover[0]):,} rows, too many to be kept"
                continue
            taken.append(one)
            have |= cover[1]
            total += more
        return taken

    def _row_bytes(self, source: str, physical: dict[str, str]) -> float:
        """What a row takes in memory, from some of them."""
        texts = [
            quote(physical[c.name]) for c in self._scan.columns if c.type in (ScalarType.STRING, ScalarType.DYNAMIC)
        ]
        lengths = " + ".join(f"coalesce(strlen({c}::VARCHAR), 0)" for c in texts) or "0"
        some = self._engine.execute(f"SELECT avg({lengths}) FROM (FROM {source} LIMIT 2000)", self._until)[0][0]
        return float(some or 0) + 16.0 * len(self._scan.columns)

    def _in(self, column: str, physical: dict[str, str], used: list[Test]) -> str:
        """The rows with a value that fulfils one of the tests."""
        parts = []
        if equal := [x.value for x in used if x.value is not None]:
            parts.append(f"SELECT v FROM ({self._sql(self._values(column), [_any_of(equal)])}) WHERE t0")
        for at, flags, some in self._flags:
            here = [f"t{i}" for i, test in enumerate(some) if at == column and test in used]
            if here:
                parts.append(f"SELECT v FROM {quote(flags)} WHERE {' OR '.join(here)}")
        matches = f"{self._values(column)} that match"
        self._engine.execute(f"CREATE TABLE {quote(matches)} AS {' UNION '.join(parts)}", self._until)
        self._temporary.append(matches)
        return f"{quote(physical[column])} IN (SELECT v FROM {quote(matches)})"

    def _matched(self) -> dict[Test, tuple[str, ...]]:
        """The values for which tests are true, of those that few fulfil: to look a value up is cheaper than to test it."""
        matched: dict[Test, tuple[str, ...]] = {}
        for _, flags, some in self._flags:
            number = ", ".join(f"count(*) FILTER (WHERE t{i})" for i in range(len(some)))
            (sizes,) = self._engine.execute(f"SELECT {number} FROM {quote(flags)}", self._until)
            known = [i for i, size in enumerate(sizes) if size <= _FEW]
            if known:
                few = ", ".join(f"coalesce(list(v ORDER BY v) FILTER (WHERE t{i}), [])" for i in known)
                (lists,) = self._engine.execute(f"SELECT {few} FROM {quote(flags)}", self._until)
                matched |= {some[i]: tuple(values) for i, values in zip(known, lists, strict=True)}
        return matched

    def _values(self, column: str) -> str:
        # Names of columns may differ in case alone, those of the engine's tables may not.
        place = next(i for i, c in enumerate(self._scan.columns) if c.name == column)
        return f"values of {self._made.table} #{place}"

    def _sql(self, values: str, predicates: list[n.Expr]) -> str:
        """The distinct values (`v`), their rows (`n`), and whether they fulfil each predicate (`t0`, ...)."""
        items: list[n.Item] = [("v", _VALUE), ("n", n.Col(type=ScalarType.LONG, name="n"))]
        items += [(f"t{i}", p) for i, p in enumerate(predicates)]
        scan = n.Scan(columns=(Column("v", ScalarType.STRING), Column("n", ScalarType.LONG)), table=values)
        plan = n.Project(columns=tuple(Column(name, e.type) for name, e in items), input=scan, items=tuple(items))
        return self._engine.sql_over(plan, _Values(values))


#: Tests that one statement answers: planning takes some milliseconds for each regular expression.
_AT_ONCE = 100
#: Answers that are kept, a byte each: values of a column times tests.
_ANSWERS = 200_000_000
#: The part of a table's rows that is few for one asker.
_FEW_ROWS = 0.005
#: Values that are looked up rather than tested.
_FEW = 50
_VALUE = n.Col(type=ScalarType.STRING, name="v")


def _lit(value: str | None) -> n.Lit:
    return n.Lit(type=ScalarType.STRING, value=value)


def _any_of(values: Iterable[str | None]) -> n.Expr:
    return n.InList(type=ScalarType.BOOL, op="in", operand=_VALUE, values=tuple(_lit(v) for v in values))


def _on_value(expr: n.Expr) -> n.Expr:
    """A test as it is asked of a distinct value."""
    match expr:
        case n.Col():
            return _VALUE
        case n.Call(args=args):
            return replace(expr, args=tuple(_on_value(a) for a in args))
        case n.InList(operand=operand):
            return replace(expr, operand=_on_value(operand), values=tuple(_on_value(v) for v in expr.values))
    return expr


@dataclass(frozen=True)
class _Values:
    """The table of distinct values, as the lowering asks for one."""

    name: str

    def stored(self, table: n.Scan, windows: Any, predicates: Sequence[n.Expr] = ()) -> Stored:
        return Stored(self.name, {"v": "v", "n": "n"})

    def is_empty(self, table: n.Scan) -> bool:
        return False

    def supplied(self, rows: n.Supplied) -> Stored:
        raise AssertionError("distinct values are all there is")
