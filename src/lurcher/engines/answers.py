"""What tests of text columns say of the rows of a table: asked of the distinct values where these repeat, and of parts of texts
where they do not (`lurcher.engines.narrowing`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lurcher.engines.lowering.context import Stored
from lurcher.engines.lowering.rel import stored_names
from lurcher.engines.lowering.times import by_days
from lurcher.functions.terms import escape
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.covers import Test
from lurcher.plan.needles import looser, needles
from lurcher.plan.windows import ANY_TIME, TimeWindow
from lurcher.sql.printer import Printer

if TYPE_CHECKING:
    from lurcher.engines.duckdb import DuckDBEngine

quote, string = Printer().name, Printer().string

#: Tests that one statement answers: planning takes some milliseconds for each regular expression.
_AT_ONCE = 100
#: Answers that are kept, a byte each: values of a column times tests.
_ANSWERS = 200_000_000
#: Values that are looked up rather than tested.
_FEW = 50
#: Rows in which it is looked how common parts of texts are.
_SOME = 5_000
#: Parts of texts that are looked for at once, and their characters together: an expression that is longer is slow.
_PARTS, _LETTERS = 1_000, 20_000


@dataclass(frozen=True)
class Source:
    """Views that together have the rows of a window, in order of time."""

    views: tuple[str, ...]
    physical: dict[str, str]

    @classmethod
    def of(cls, engine: DuckDBEngine, scan: n.Scan, time: str | None, window: TimeWindow) -> Source:
        # A day of which a part is asked for is read for its time, whole days are not.
        pieces = [window] if time is None or window == ANY_TIME else by_days(window)
        stored = [engine.stored(scan, {time: p} if time is not None and p != ANY_TIME else {}) for p in pieces]
        return cls(tuple(dict.fromkeys(s.name for s in stored)), stored[0].physical)

    def rows(self, names: Iterable[str] = (), limit: int | None = None) -> str:
        """What to select from; `names`: the columns, as the views call them. `limit` is of each view."""
        columns = ", ".join(map(quote, names)) or "1 AS v"
        end = f" LIMIT {limit}" if limit is not None else ""
        each = [f"SELECT {columns} FROM {quote(view)}{end}" for view in self.views]
        return f"({' UNION ALL '.join(f'({e})' for e in each) if len(each) > 1 else each[0]})"


class Answers:
    """Filled a column at a time. `counts`: of how many rows a test is true (or may be)."""

    def __init__(
        self, engine: DuckDBEngine, scan: n.Scan, source: Callable[[TimeWindow], Source], until: float | None
    ) -> None:
        self._engine, self._scan, self._source, self._until = engine, scan, source, until
        self._physical = stored_names(c.name for c in scan.columns)
        self._number = engine.fresh()
        self.counts: dict[Test, int] = {}
        #: Column -> its distinct values; column -> parts that are looked for in its texts.
        self.columns: dict[str, int] = {}
        self.texts: dict[str, int] = {}
        #: Test -> the parts of which one is in each text that it is true of.
        self.parts: dict[Test, frozenset[str]] = {}
        self._windows: dict[str, TimeWindow] = {}
        self._temporary: list[str] = []
        #: Column, table of answers, and the tests that its columns `t0`, ... answer.
        self._flags: list[tuple[str, str, list[Test]]] = []
        #: Tests that no value fulfils.
        self._none: set[Test] = set()

    def cost(self, test: Test) -> float | None:
        return float(self.counts[test]) if test in self.counts else None

    def drop(self) -> None:
        for name in self._temporary:
            self._engine.execute(f"DROP TABLE IF EXISTS {quote(name)}")

    def _run(self, text: str) -> list[Any]:
        return self._engine.execute(text, self._until)

    # --- columns whose values repeat ---
    def few_values(self, source: Source, columns: Sequence[str], most: int) -> list[str]:
        """The columns whose values repeat often enough to be looked at one by one."""
        if not columns:
            return []
        self._most = most
        names = [source.physical[c] for c in columns]
        counted = ", ".join(f"approx_count_distinct({quote(c)})" for c in names)
        # Where the first rows hardly repeat, all of them would not: they need not be read.
        first = self._run(f"SELECT {counted} FROM {source.rows(names, limit=20_000)}")[0]
        known = {c: values for c, values in zip(columns, first, strict=True) if values <= 12_000}
        unsure = [c for c, values in known.items() if values > 4_000]
        if unsure:
            names = [source.physical[c] for c in unsure]
            counted = ", ".join(f"approx_count_distinct({quote(c)})" for c in names)
            known |= dict(zip(unsure, self._run(f"SELECT {counted} FROM {source.rows(names)}")[0], strict=True))
        return [c for c, values in known.items() if values <= most]

    def look_at(self, column: str, window: TimeWindow, here: list[Test], *, only: bool = False) -> None:
        """What each test of a column says of its distinct values in a window, and of how many rows it is true. `only`: of those
        values alone that the tests name."""
        source = self._source(window)
        values = self._values(column)
        at = quote(source.physical[column])
        where = f" WHERE {at} IN ({', '.join(string(x.value or '') for x in here)})" if only else ""
        rows = source.rows((source.physical[column],))
        self._run(f"CREATE TABLE {quote(values)} AS SELECT {at} AS v, count(*) AS n FROM {rows}{where} GROUP BY ALL")
        self._temporary.append(values)
        (number,) = self._run(f"SELECT count(*) FROM {quote(values)}")[0]
        if number > self._most or number * len(here) > _ANSWERS:
            return
        self._windows[column] = window
        if not only:
            self.columns[column] = number
        equal = {x.value: x for x in here if x.value is not None}
        if equal:
            self.counts |= dict.fromkeys(equal.values(), 0)
            inner = self._sql(values, [_any_of(equal)])
            for text, rows_of_it in self._run(f"SELECT v, n FROM ({inner}) WHERE t0"):
                self.counts[equal[text]] = rows_of_it
        others = [x for x in here if x.value is None]
        for start in range(0, len(others), _AT_ONCE):
            # Most of what a pack looks for is nowhere. That is seen without the regular expressions of terms.
            some = others[start : start + _AT_ONCE]
            sums = self._sums(f"({self._sql(values, [looser(_on_value(x.predicate)) for x in some])})", len(some))
            for test, rows_of_it in zip(some, sums, strict=True):
                if not rows_of_it:
                    self.counts[test] = 0
                    self._none.add(test)
        others = [x for x in others if x not in self._none]
        for start in range(0, len(others), _AT_ONCE):
            some = others[start : start + _AT_ONCE]
            flags = f"{values} answered #{start}"
            inner = self._sql(values, [_on_value(x.predicate) for x in some])
            self._run(f"CREATE TABLE {quote(flags)} AS {inner}")
            self._temporary.append(flags)
            self._flags.append((column, flags, some))
            self.counts |= dict(zip(some, self._sums(quote(flags), len(some)), strict=True))

    def _sums(self, rows: str, tests: int) -> Sequence[int]:
        sums = ", ".join(f"coalesce(sum(n) FILTER (WHERE t{i}), 0)::BIGINT" for i in range(tests))
        found: Sequence[int] = self._run(f"SELECT {sums} FROM {rows}")[0]
        return found

    # --- columns whose values do not ---
    def search(self, column: str, source: Source, here: list[Test], of: int, common: float) -> None:
        """How many of `of` rows may have a text in which tests look for something, guessed from some of them. What would be in
        more than the `common` part of them is not looked for."""
        known = {x: found for x in here if x not in self.counts and (found := needles(x.predicate)) is not None}
        every = sorted(frozenset[str]().union(*known.values()))
        if not every or len(every) > _PARTS or sum(map(len, every)) > _LETTERS:
            return
        text = quote(source.physical[column])
        shown = f"SELECT lower({text}) AS v FROM {source.rows((source.physical[column],), limit=_SOME)}"
        counts: dict[str, int] = {}
        for start in range(0, len(every), 200):
            some = every[start : start + 200]
            asked = ", ".join(f"count(*) FILTER (WHERE contains(v, {string(part)}))" for part in some)
            rows, *found = self._run(f"SELECT count(*), {asked} FROM ({shown})")[0]
            counts |= dict(zip(some, found, strict=True))
        for test, parts in known.items():
            seen = sum(counts[p] for p in parts)
            # Of what is in none of them, some may be elsewhere.
            if rows and seen <= common * rows:
                self.counts[test] = int(max(seen, 0.5) * of / rows)
                self.parts[test] = parts
        if self.parts:
            self.texts[column] = len(frozenset[str]().union(*(p for t, p in self.parts.items() if t.column == column)))

    def without_parts(self) -> None:
        for test in self.parts:
            del self.counts[test]
        self.parts, self.texts = {}, {}

    # --- what comes of it ---
    def condition(self, used: Collection[Test]) -> str:
        """Of a row of which one of these tests is true, this is, too."""
        columns = sorted({x.column for x in used})
        found = [part for c in columns for part in self._conditions(c, [x for x in used if x.column == c])]
        return " OR ".join(found) or "false"

    def _conditions(self, column: str, used: list[Test]) -> list[str]:
        at = quote(self._physical[column])
        found = []
        looked_for = sorted(frozenset[str]().union(*(self.parts.get(x, ()) for x in used)))
        if looked_for:
            found.append(f"regexp_matches(lower({at}), {string('|'.join(map(escape, looked_for)))})")
        parts = []
        if equal := [x.value for x in used if x.value is not None and x not in self.parts]:
            parts.append(f"SELECT v FROM ({self._sql(self._values(column), [_any_of(equal)])}) WHERE t0")
        for at_column, flags, some in self._flags:
            here = [f"t{i}" for i, test in enumerate(some) if at_column == column and test in used]
            if here:
                parts.append(f"SELECT v FROM {quote(flags)} WHERE {' OR '.join(here)}")
        if parts:
            matches = f"{self._values(column)} that match #{self._engine.fresh()}"
            self._run(f"CREATE TABLE {quote(matches)} AS {' UNION '.join(parts)}")
            self._temporary.append(matches)
            found.append(f"{at} IN (SELECT v FROM {quote(matches)})")
        return found

    def matched(self) -> dict[Test, tuple[TimeWindow, tuple[str, ...]]]:
        """The values for which tests are true, of those that few fulfil: to look a value up is cheaper than to test it."""
        matched: dict[Test, tuple[TimeWindow, tuple[str, ...]]] = {
            test: (self._windows[test.column], ()) for test in self._none
        }
        for column, flags, some in self._flags:
            number = ", ".join(f"count(*) FILTER (WHERE t{i})" for i in range(len(some)))
            (sizes,) = self._run(f"SELECT {number} FROM {quote(flags)}")
            known = [i for i, size in enumerate(sizes) if size <= _FEW]
            if known:
                few = ", ".join(f"coalesce(list(v ORDER BY v) FILTER (WHERE t{i}), [])" for i in known)
                (lists,) = self._run(f"SELECT {few} FROM {quote(flags)}")
                window = self._windows[column]
                matched |= {some[i]: (window, tuple(values)) for i, values in zip(known, lists, strict=True)}
        return matched

    def _values(self, column: str) -> str:
        # Names of columns may differ in case alone, those of the engine's tables may not.
        place = next(i for i, c in enumerate(self._scan.columns) if c.name == column)
        return f"values of {self._scan.table} #{self._number} #{place}"

    def _sql(self, values: str, predicates: list[n.Expr]) -> str:
        """The distinct values (`v`), their rows (`n`), and whether they fulfil each predicate (`t0`, ...)."""
        items: list[n.Item] = [("v", _VALUE), ("n", n.Col(type=ScalarType.LONG, name="n"))]
        items += [(f"t{i}", p) for i, p in enumerate(predicates)]
        scan = n.Scan(columns=(Column("v", ScalarType.STRING), Column("n", ScalarType.LONG)), table=values)
        plan = n.Project(columns=tuple(Column(name, e.type) for name, e in items), input=scan, items=tuple(items))
        return self._engine.sql_over(plan, _Values(values))


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
