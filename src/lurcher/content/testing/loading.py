"""`<rule>.test.yaml` -> `TestFile`. A test with an error is told with its line and left out; the others stand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lurcher.collect.exports import ReadContext, times
from lurcher.content.codes import WRONG_TYPE
from lurcher.content.files import read
from lurcher.content.model import Placed, Plain, Rule
from lurcher.content.reader import described
from lurcher.content.testing import codes
from lurcher.content.testing.events import cells, near, nearest
from lurcher.content.testing.model import Events, Expect, Kind, RuleTest, TestFile, Wanted
from lurcher.content.yamltree import Broken, Node, parse, plain
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import NOWHERE, Source
from lurcher.kql.types import TYPE_NAMES, Column
from lurcher.schema import TableSchema, known_table, table_names

SUFFIXES = (".test.yaml", ".test.yml")
#: A rule's tests are read as a whole, and run in memory.
MAX_TESTS = 1_000
MAX_CELLS = 500_000
MAX_EXPECTED = 500
#: What the lists and objects inside of values may come to, with all aliases written out.
MAX_PARTS = 1_000_000
_TOP = ("now", "tests", "columns")
_TEST = ("name", "kind", "now", "tables", "expect", "force", "rule", "description")
_EXPECT = ("rows", "findings", "suppressed", "explained")
_KINDS: dict[str, Kind] = {"true positive": "true positive", "false positive": "false positive"}


def tests_of(rule: Rule | Path) -> Path | None:
    """The file of tests beside a rule, None where there is none: `rmm/agent.yaml` -> `rmm/agent.test.yaml`."""
    path = rule if isinstance(rule, Path) else Path(rule.path)
    for suffix in SUFFIXES:
        beside = path.with_name(path.stem + suffix)
        if beside.is_file():
            return beside
    return None


def load_tests(path: Path) -> TestFile:
    """The tests of a file. Raises nothing: what is wrong with the file is in its diagnostics."""
    file = read(path)
    if isinstance(file, Placed):
        return TestFile(path, (), (file,))
    reader = _Reader(path, file.source)
    try:
        tests = reader.file(parse(file.source.text))
    except Broken as broken:
        return TestFile(path, (), (*reader.said, Placed(broken.diagnostic, file.source)))
    return TestFile(path, tests, tuple(reader.said))


@dataclass
class _Reader:
    path: Path
    source: Source
    said: list[Placed] = field(default_factory=list)
    columns: dict[str, TableSchema] = field(default_factory=dict)
    known: dict[tuple[int, str], tuple[Events, bool]] = field(default_factory=dict)
    count: int = 0
    budget: list[int] = field(default_factory=lambda: [MAX_PARTS])
    #: Something of the test that is read is wrong, here or in rows that it shares with another.
    broken: bool = False

    def wrong(self, node: Node, make: Callable[..., Diagnostic], data: dict[str, Any]) -> None:
        self.broken = True
        self.said.append(Placed(make(node.span, **data), self.source))

    def type(self, key: str, node: Node, expected: str) -> None:
        self.wrong(node, WRONG_TYPE.at, {"key": key, "actual": described(node), "expected": expected})

    def keys(self, node: Node, known: tuple[str, ...], where: str) -> dict[str, Node]:
        found = {}
        for key, value in node.pairs:
            if key.value in known:
                found[key.value] = value
            else:
                hint = near(key.value, known) or f"there are: {', '.join(known)}"
                self.wrong(key, codes.UNKNOWN_KEY.at, {"key": key.value, "where": where, "hint": hint})
        return found

    # --- the file ---
    def file(self, documents: list[Node]) -> tuple[RuleTest, ...]:
        if not documents or documents[0].kind != "mapping":
            node = documents[0] if documents else Node("scalar", NOWHERE)
            self.wrong(node, codes.MISSING.at, {"where": "the file", "key": "tests"})
            return ()
        if len(documents) > 1:
            self.type("tests", documents[1], "one YAML document in the file")
        root = documents[0]
        top = self.keys(root, _TOP, "in a file of tests")
        now = self.now(top["now"]) if "now" in top else None
        if "columns" in top:
            self.declared(top["columns"])
        tests = top.get("tests")
        if tests is None:
            self.wrong(
                root.pairs[0][0] if root.pairs else root, codes.MISSING.at, {"where": "the file", "key": "tests"}
            )
            return ()
        if tests.kind != "sequence":
            self.type("tests", tests, "a list of tests")
            return ()
        if len(tests.items) > MAX_TESTS:
            self.wrong(tests.items[MAX_TESTS], codes.TOO_MANY.at, {"what": "tests", "limit": MAX_TESTS})
            return ()
        found: list[RuleTest] = []
        names: set[tuple[str, str]] = set()
        for item in tests.items:
            self.broken = False
            test = self.test(item, now, "now" in top)
            if test is not None and (test.rule, test.name) in names:
                self.wrong(item, codes.NAME_TWICE.at, {"name": test.name})
            if test is not None:
                names.add((test.rule, test.name))
                if not self.broken:
                    found.append(test)
        return tuple(found)

    def declared(self, node: Node) -> None:
        """`columns`: what a table of one's own has, or a known table beyond what is listed."""
        if node.kind != "mapping":
            self.type("columns", node, "tables, each with its columns and their types")
            return
        for name, columns in node.pairs:
            if columns.kind != "mapping":
                self.type(name.value, columns, "columns and their types")
                continue
            base = known_table(name.value) or TableSchema(name.value, ())
            have = {c.name: c.type for c in base.columns}
            more = []
            for key, value in columns.pairs:
                kind = TYPE_NAMES.get(value.value.strip()) if value.kind == "scalar" else None
                if kind is None:
                    hint = near(value.value, TYPE_NAMES) or "such as string, long, datetime, dynamic"
                    self.type(key.value, value, f"the name of a type, {hint}")
                elif have.get(key.value, kind) is not kind:
                    self.type(key.value, value, f"{have[key.value]}, as {name.value} has it")
                elif key.value not in have:
                    more.append(Column(key.value, kind))
            self.columns[name.value] = TableSchema(name.value, (*base.columns, *more), base.platforms, base.open)

    def now(self, node: Node) -> dt.datetime | None:
        context = ReadContext(lambda _: None, "")
        try:
            if node.kind != "scalar" or node.is_null:
                raise ValueError(f"it is {described(node)}")
            micros = times.parse(node.value, context)
        except (ValueError, OverflowError) as error:
            hint = "write it as 2026-03-31T14:05:00Z (UTC)"
            self.wrong(node, codes.BAD_NOW.at, {"why": str(error), "hint": hint})
            return None
        if context.dirty:
            why = "which is the day and which the month?"
            self.wrong(node, codes.BAD_NOW.at, {"why": why, "hint": "write it as 2026-03-31"})
            return None
        return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=micros)

    # --- a test ---
    def test(self, node: Node, now: dt.datetime | None, had_now: bool) -> RuleTest | None:
        if node.kind != "mapping":
            self.type("tests", node, "a mapping with name, kind, tables")
            return None
        keys = self.keys(node, _TEST, "in a test")
        name = self.text("name", keys.get("name"))
        if not name:
            self.wrong(node, codes.MISSING.at, {"where": "the test", "key": "name"})
        where = f"the test '{name}'" if name else "the test"
        if "now" in keys:
            now = self.now(keys["now"])
        elif now is None and not had_now:
            hint = "at the top of the file or in the test: what now() means"
            self.wrong(node, codes.MISSING.at, {"where": where, "key": "now", "hint": hint})
        kind = self.kind(node, keys.get("kind"), where)
        tables = self.tables(node, keys.get("tables"), where)
        expect = self.expect(keys["expect"]) if "expect" in keys else Expect()
        force = self.texts("force", keys.get("force"))
        if not name or now is None or kind is None:
            return None
        rule = self.text("rule", keys.get("rule"))
        return RuleTest(name, kind, now, tables, expect, force, rule, node.span, self.source)

    def kind(self, test: Node, node: Node | None, where: str) -> Kind | None:
        if node is None:
            hint = "true positive or false positive"
            self.wrong(test, codes.MISSING.at, {"where": where, "key": "kind", "hint": hint})
            return None
        value = " ".join(node.value.replace("-", " ").replace("_", " ").split()) if node.kind == "scalar" else ""
        kind = _KINDS.get(value.lower())
        if kind is None:
            data = {"value": node.value[:60] if node.kind == "scalar" else described(node)}
            found = nearest(value, _KINDS)
            self.wrong(node, codes.BAD_KIND.at, {**data, "hint": f"did you mean '{found}'?" if found else ""})
        return kind

    def text(self, key: str, node: Node | None) -> str:
        if node is None or node.is_null:
            return ""
        if node.kind != "scalar":
            self.type(key, node, "a text")
            return ""
        return node.value.strip()

    def texts(self, key: str, node: Node | None) -> tuple[str, ...]:
        if node is None or node.is_null:
            return ()
        if node.kind == "scalar":
            return (node.value.strip(),)
        if node.kind != "sequence" or any(i.kind != "scalar" or i.is_null for i in node.items):
            self.type(key, node, "a list of texts")
            return ()
        return tuple(i.value.strip() for i in node.items)

    # --- events ---
    def tables(self, test: Node, node: Node | None, where: str) -> dict[str, Events]:
        if node is None:
            hint = "tables: {DeviceProcessEvents: [...]}"
            self.wrong(test, codes.MISSING.at, {"where": where, "key": "tables", "hint": hint})
            return {}
        if node.kind != "mapping":
            self.type("tables", node, "tables, each with its rows or the name of a file")
            return {}
        found = {}
        for name, value in node.pairs:
            schema = self.columns.get(name.value) or known_table(name.value)
            if schema is None:
                known = [*self.columns, *table_names()]
                hint = (
                    near(name.value, known)
                    or "a table of your own: say its columns under the key 'columns' of the file"
                )
                self.wrong(name, codes.NO_TABLE.at, {"table": name.value, "hint": hint})
                continue
            events = self.events(schema, name, value)
            if events is not None:
                found[name.value] = events
        return found

    def events(self, schema: TableSchema, name: Node, node: Node) -> Events | None:
        if node.is_null:
            return Events(schema, span=name.span)
        if node.kind == "scalar":
            return self.beside(schema, node)
        if node.kind == "mapping":
            self.type(name.value, node, "a list of rows")
            return None
        # Rows that an alias shares are read once; each use counts, as each is held in memory when it is run.
        key = (id(node), schema.name)
        self.count += sum(1 + len(i.pairs) for i in node.items)
        if self.count > MAX_CELLS:
            raise Broken(codes.TOO_MANY.at(node.span, what="values in the events of one file", limit=MAX_CELLS))
        if key not in self.known:
            before, self.broken = self.broken, False
            self.known[key] = self.rows(schema, node), self.broken
            self.broken |= before
        events, broken = self.known[key]
        self.broken |= broken
        return events

    def rows(self, schema: TableSchema, node: Node) -> Events:
        rows: list[Mapping[str, Plain]] = []
        typed: list[dict[str, Any]] = []
        for item in node.items:
            if item.kind != "mapping":
                self.type(schema.name, item, "a row: columns and their values")
                continue
            row, values = cells(item, schema, self.wrong, self.budget)
            rows.append(row)
            typed.append(values)
        names = {n for values in typed for n in values}
        blank = {c.name: "" if c.type == "string" else None for c in schema.columns}
        columns = {c.name: [v.get(c.name, blank[c.name]) for v in typed] for c in schema.columns if c.name in names}
        return Events(schema, tuple(rows), columns, None, node.span)

    def beside(self, schema: TableSchema, node: Node) -> Events | None:
        """A file of events in the test's folder or below it, and nowhere else: a test file may come from a stranger."""
        written = node.value.strip()

        def bad(why: str, hint: str = "") -> Events | None:
            self.wrong(node, codes.BAD_FILE.at, {"file": written[:200], "why": why, "hint": hint})
            return None

        path = Path(written)
        if not written or "\x00" in written or "\\" in written or path.is_absolute() or ".." in path.parts:
            return bad("it must lie in the folder of the tests", "write it as events/process.ndjson")
        folder = self.path.parent.resolve()
        try:
            found = (folder / path).resolve()
            if not found.is_relative_to(folder):
                return bad("a link leads out of the folder of the tests")
            if not found.is_file():
                return bad("there is no such file" if not found.exists() else "it is no file")
        except (OSError, RuntimeError) as error:
            return bad(getattr(error, "strerror", None) or str(error))
        return Events(schema, file=found, span=node.span)

    # --- what is expected ---
    def expect(self, node: Node) -> Expect:
        if node.is_null:
            return Expect()
        if node.kind != "mapping":
            self.type("expect", node, "a mapping with rows, findings, suppressed, explained")
            return Expect()
        keys = self.keys(node, _EXPECT, "in 'expect'")
        wanted = {key: self.wanted(key, keys[key]) for key in _EXPECT[:3] if key in keys}
        explained = self.explained(keys["explained"]) if "explained" in keys else None
        return Expect(wanted.get("rows"), wanted.get("findings"), wanted.get("suppressed"), explained)

    def wanted(self, key: str, node: Node) -> Wanted | None:
        if node.kind == "scalar":
            number = _number(node)
            if number is None:
                self.type(key, node, "a number of rows, or a list of rows")
            return number
        if node.kind != "sequence" or any(i.kind != "mapping" for i in node.items):
            self.type(key, node, "a number of rows, or a list of rows")
            return None
        if len(node.items) > MAX_EXPECTED:
            self.wrong(node, codes.TOO_MANY.at, {"what": "expected rows", "limit": MAX_EXPECTED})
            return None
        rows = []
        for item in node.items:
            row = plain(item, self.budget)
            assert isinstance(row, dict)
            # A text that looks like a number is compared by the type of the result's column: as it is written.
            rows.append(
                {k.value: v.value if v.kind == "scalar" and not v.is_null else row[k.value] for k, v in item.pairs}
            )
        return tuple(rows)

    def explained(self, node: Node) -> dict[str, int] | None:
        if node.is_null:
            return None
        if node.kind != "mapping":
            self.type("explained", node, "ids of exclusions, each with a number of evidence rows")
            return None
        found = {}
        for key, value in node.pairs:
            number = _number(value)
            if number is None:
                self.type(key.value, value, "a number of evidence rows")
            else:
                found[key.value] = number
        return found


def _number(node: Node) -> int | None:
    value = plain(node) if node.kind == "scalar" else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
