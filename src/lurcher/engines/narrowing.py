"""Rows of a table that many statements need, read once.

Rules of a pack ask one large table for a few rows each. What each of them is sure to need is covered by tests of text columns
(`lurcher.plan.covers`). These are answered on the distinct values of a column where values repeat (`Answers`), else by the parts
of texts that they ask for, all in one pass. A last pass, a day at a time where rules differ in time, keeps the rows that one of the
tests may be true of, with the columns that anybody looks at, as a table of the engine's own. A statement whose filters are covered
by the tests in its time reads those rows instead (`Views.stored`) and keeps its own filters. It cannot see a difference.

Whatever does not fit is left out, the rules with most rows first, and reads the table as before. Nothing here makes a query fail.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lurcher.engines.answers import Answers, Source
from lurcher.engines.lowering.rel import INGESTED, stored_names
from lurcher.engines.lowering.times import mostly_whole
from lurcher.engines.segments import hulls, segments
from lurcher.engines.views import Narrowed
from lurcher.kql.types import ScalarType
from lurcher.plan.covers import Test, Use, cheapest, tests
from lurcher.plan.windows import TimeWindow
from lurcher.sql.printer import Printer

if TYPE_CHECKING:
    from lurcher.engines.duckdb import DuckDBEngine

quote = Printer().name


@dataclass(frozen=True)
class Costs:
    """When it pays. `uses` of a table by different askers, at least; `rows` that the table has, at least; `share` of its rows that
    are kept at most; `bytes` of memory that those of all tables take at most; `values` that a column may have, so that they are
    looked at; `common`: the share of rows that a part of a text may be in, so that it is looked for in all of them."""

    uses: int = 3
    rows: int = 50_000
    share: float = 0.25
    bytes: int = 1 << 30
    values: int = 500_000
    common: float = 0.02


@dataclass(frozen=True)
class Asked:
    """A place where `who` reads a table; `columns` are looked at beside those of the plan."""

    who: str
    use: Use
    columns: frozenset[str] = frozenset()

    @property
    def looked_at(self) -> frozenset[str]:
        return self.use.columns | self.columns


@dataclass
class Shared:
    """What came of one table. `of` are its rows within the time of all, `kept` those that are read in their place, in about `bytes`
    of memory, `columns` those whose distinct values were looked at, with their number, `texts` those that were searched for parts,
    with the number of parts; `served` who reads them, `others` who does not, with the reason."""

    table: str
    of: int = 0
    kept: int = 0
    bytes: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    texts: dict[str, int] = field(default_factory=dict)
    #: In how many stretches of time the rows were read.
    stretches: int = 0
    seconds: float = 0.0
    served: tuple[str, ...] = ()
    others: dict[str, str] = field(default_factory=dict)
    #: Why none are kept, where that is so.
    why: str = ""
    rows: Narrowed | None = None


def narrow(
    engine: DuckDBEngine,
    asked: Iterable[Asked],
    costs: Costs,
    until: float | None = None,
    told: Callable[[str], None] | None = None,
) -> list[Shared]:
    """Prepare the tables that these places read. What is prepared lasts as long as the engine's connection. `told`: of each table
    before it is read."""
    by_table: dict[str, list[Asked]] = {}
    for one in asked:
        by_table.setdefault(one.use.scan.table, []).append(one)
    found = []
    left = costs.bytes
    for table, places in sorted(by_table.items()):
        if told is not None:
            told(table)
        made = narrow_table(engine, places, replace(costs, bytes=left), until)
        left = max(0, left - made.bytes)
        found.append(made)
    return found


def narrow_table(engine: DuckDBEngine, places: Sequence[Asked], costs: Costs, until: float | None = None) -> Shared:
    """Prepare the table that these places read."""
    from lurcher.errors import LurcherError
    from lurcher.kql.diagnostics import Refused

    made = Shared(places[0].use.scan.table)
    begun = clock.monotonic()
    try:
        _Table(engine, places, costs, made, until).run()
    except (LurcherError, Refused) as problem:
        # Too little memory or time to prepare: each asker then reads the table itself.
        made.why = str(problem) or "it could not be prepared"
    if made.why:
        made.rows, made.served, made.bytes = None, (), 0
    made.seconds = clock.monotonic() - begun
    return made


#: What a place is covered by, and what reading the rows of that costs.
_Cover = tuple[float, frozenset[Test]]


class _Table:
    def __init__(
        self, engine: DuckDBEngine, places: Sequence[Asked], costs: Costs, made: Shared, until: float | None
    ) -> None:
        self._engine, self._places, self._costs, self._made, self._until = engine, places, costs, made, until
        self._scan = places[0].use.scan
        self._time = engine.time_column(made.table)

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
        places = [one for ones in wanted.values() for one in ones]
        answers = Answers(self._engine, self._scan, self._source, self._until)
        try:
            self._within(places, answers)
        finally:
            answers.drop()

    def _window(self, place: Asked) -> TimeWindow:
        return place.use.window(self._time)

    def _hull(self, places: Iterable[Asked]) -> TimeWindow:
        first, *others = (self._window(p) for p in places)
        for window in others:
            first = first.hull(window)
        return first

    def _source(self, window: TimeWindow) -> Source:
        """The table's rows of a window, and some others, as something to select from."""
        return Source.of(self._engine, self._scan, self._time, window)

    def _within(self, places: list[Asked], answers: Answers) -> None:
        made, costs = self._made, self._costs
        source = self._source(mostly_whole(self._hull(places)))
        (made.of,) = self._engine.execute(f"SELECT count(*) FROM {source.rows()}", self._until)[0]
        if made.of < costs.rows:
            made.why = f"it has {made.of:,} rows in this time, too few to gain"
            return
        columns = frozenset[str]().union(*(p.looked_at for p in places))
        row_bytes = self._row_bytes(source, columns)
        limit = int(min(costs.share * made.of, costs.bytes / row_bytes))
        chosen = self._covers(places, answers, source)
        taken = self._that_fit(places, chosen, answers.counts, limit)
        kept = self._kept(taken, chosen, answers, columns, limit)
        if kept is None and any(test in answers.parts for cover in chosen.values() if cover for test in cover[1]):
            # Parts of texts are in more rows than in those that were looked at.
            answers.without_parts()
            chosen = {id(p): cheapest(p.use.predicates, answers.cost) for p in places}
            taken = self._that_fit(places, chosen, answers.counts, limit)
            kept = self._kept(taken, chosen, answers, columns, limit)
        made.columns, made.texts = answers.columns, answers.texts
        if kept is None:
            made.why = made.why or "those whose texts are looked up fast are too few to gain"
            return
        made.why, made.kept, made.rows = "", kept.rows, kept
        made.bytes = int(kept.rows * row_bytes)
        self._engine.use(made.table, kept)
        served = {p.who for p in taken}
        made.served = tuple(dict.fromkeys(p.who for p in self._places if p.who in served))

    # --- what each place is covered by ---
    def _covers(self, places: list[Asked], answers: Answers, source: Source) -> dict[int, _Cover | None]:
        """A column after the other is looked at, as long as there are places that need it."""
        made, costs = self._made, self._costs
        mentioned = {id(p): {x.column for x in tests(p.use.predicates)} for p in places}
        every = set().union(*(tests(p.use.predicates) for p in places))
        # What most places ask about comes first: a column that only those mention who need few rows already is not looked at.
        columns = sorted({x.column for x in every}, key=lambda c: (-sum(c in m for m in mentioned.values()), c))
        few = answers.few_values(source, columns, min(costs.values, max(12_000, made.of // 10)))
        chosen: dict[int, _Cover | None] = dict.fromkeys(map(id, places))

        def waiting(column: str) -> list[Asked]:
            unsure = [p for p in places if (c := chosen[id(p)]) is None or c[0] > _FEW_ROWS * made.of]
            return [p for p in unsure if column in mentioned[id(p)]]

        def look(column: str) -> None:
            for p in waiting(column):
                chosen[id(p)] = cheapest(p.use.predicates, answers.cost)

        def hull(column: str) -> TimeWindow:
            return mostly_whole(self._hull(p for p in places if column in mentioned[id(p)]))

        for column in columns:
            if not waiting(column):
                continue
            here = [x for x in every if x.column == column]
            if column in few:
                answers.look_at(column, hull(column), here)
            elif equal := [x for x in here if x.value is not None]:
                # Hashes, addresses: the rows that have one of these values can be counted without looking at all others.
                answers.look_at(column, hull(column), equal, only=True)
            look(column)
        for column in columns:
            # Command lines: of parts of texts it is guessed how many rows have them, and found out when rows are kept.
            if column not in few and len({p.who for p in waiting(column)}) >= costs.uses:
                answers.search(column, source, [x for x in every if x.column == column], made.of, costs.common)
                look(column)
        return chosen

    def _that_fit(
        self, places: list[Asked], chosen: dict[int, _Cover | None], counts: dict[Test, int], limit: int
    ) -> list[Asked]:
        """Those places whose rows fit, the smallest first: an asker with many rows gains least."""
        made = self._made
        places = sorted(places, key=lambda p: c[0] if (c := chosen[id(p)]) is not None else 0)
        taken, have, total = [], set[Test](), 0
        for one in places:
            cover = chosen[id(one)]
            if cover is None:
                made.others[one.who] = "its texts are of columns whose values hardly repeat"
                continue
            more = sum(counts[x] for x in cover[1] - have)
            if total + more > limit:
                made.others[one.who] = f"it asks for {int(cover[0]):,} rows, too many to be kept"
                continue
            taken.append(one)
            have |= cover[1]
            total += more
        return taken

    # --- the rows ---
    def _kept(
        self,
        taken: list[Asked],
        chosen: dict[int, _Cover | None],
        answers: Answers,
        columns: frozenset[str],
        limit: int,
    ) -> Narrowed | None:
        """The rows of these places; None where there are too few places, or too many rows."""
        if len({p.who for p in taken}) < self._costs.uses:
            return None
        used = hulls((self._window(p), c[1]) for p in taken if (c := chosen[id(p)]) is not None)
        name = f"rows of {self._made.table} that are shared #{self._engine.fresh()}"
        physical = stored_names(c.name for c in self._scan.columns)
        # Not `*`: the texts beside dynamic columns are read where they are stored, or not at all.
        names = [*(physical[c.name] for c in self._scan.columns if c.name in columns), INGESTED]
        table = quote(name)
        at_most = f" LIMIT {limit + 1}" if any(test in answers.parts for test in used) else ""
        rows, made = 0, False
        try:
            for window, here in segments(used, self._time):
                source = self._source(window)
                where = answers.condition(here)
                begin = f"INSERT INTO {table}" if made else f"CREATE TABLE {table} AS"
                self._engine.execute(f"{begin} FROM {source.rows(names)} WHERE {where}{at_most}", self._until)
                made = True
                self._made.stretches += 1
                (rows,) = self._engine.execute(f"SELECT count(*) FROM {table}")[0]
                if at_most and rows > limit:
                    self._engine.execute(f"DROP TABLE {table}")
                    self._made.stretches = 0
                    return None
        except BaseException:
            self._engine.execute(f"DROP TABLE IF EXISTS {table}")
            raise
        return Narrowed(name, self._time, used, rows, columns, answers.matched())

    def _row_bytes(self, source: Source, columns: frozenset[str]) -> float:
        """What a row takes in memory, from some of them."""
        kept = [c for c in self._scan.columns if c.name in columns]
        texts = [c.name for c in kept if c.type in (ScalarType.STRING, ScalarType.DYNAMIC)]
        names = [source.physical[c] for c in texts]
        lengths = " + ".join(f"coalesce(strlen({quote(c)}::VARCHAR), 0)" for c in names) or "0"
        rows = source.rows(names, limit=2000)
        some = self._engine.execute(f"SELECT avg({lengths}) FROM {rows}", self._until)[0][0]
        return float(some or 0) + 16.0 * len(kept) + 8


#: The part of a table's rows that is few for one asker.
_FEW_ROWS = 0.005
