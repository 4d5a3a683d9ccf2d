"""Rules that are planned together: each gives exactly what it gives alone."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from lurcher.app import hunt as hunting
from lurcher.app.packs import share, unshare
from lurcher.app.rules import RuleText, load_rules
from lurcher.app.session import Limits, Session
from lurcher.engines.lowering.types import SQL_TYPES
from lurcher.engines.narrowing import Costs
from lurcher.errors import LurcherError
from lurcher.hunt.ledger import NAME
from lurcher.kql.types import Column, ScalarType
from lurcher.lake import Lake, SourceId
from lurcher.schema import TableSchema, known_table
from lurcher.sql import tree as sql

NOW = datetime(2026, 3, 6, tzinfo=UTC)
#: Whatever can be shared is.
ALWAYS = Costs(uses=1, rows=0, share=1.0)
NAMES = [
    "",
    "NinjaRMM, LLC",
    "ninjarmm.exe",
    "x_ninjarmm",
    "éNinjaRMM",
    "ANYDESK.EXE",
    "AnyDesk Software GmbH",
    "İdle",
    "a'b",
    "a%b",
    "\\d+",
]
COMMANDS = ["", "AnyDesk.exe --start", "cmd /c ninjarmm", "cmd /c NinjaRMMx", "é", "tool --quiet"]
TABLES = {
    "DeviceProcessEvents": ("FileName", "FolderPath", "ProcessCommandLine"),
    "DeviceNetworkEvents": ("RemoteUrl", "InitiatingProcessFileName", "ActionType"),
}


def rows_of(name, count):
    known = known_table(name)
    columns = {
        "Timestamp": [
            None if i % 17 == 5 else NOW - timedelta(hours=7 * i % 240, microseconds=i) for i in range(count)
        ],
        "DeviceId": [f"d{i % 7}" for i in range(count)],
        "DeviceName": [f"pc{i % 7}" for i in range(count)],
        "ReportId": list(range(count)),
        "AdditionalFields": [None if i % 3 else '{"Name": "anydesk"}' for i in range(count)],
    }
    # One file is of two, one is rare; of some rows it is not known.
    own = "SHA1" if name == "DeviceProcessEvents" else "InitiatingProcessSHA1"
    columns[own] = ["" if i % 5 == 2 else f"{i % 3 if i % 40 else 9:040x}" for i in range(count)]
    for n, column in enumerate(TABLES[name]):
        values = COMMANDS if column == "ProcessCommandLine" else NAMES
        columns[column] = [values[(i * (n + 3) + i // 11) % len(values)] for i in range(count)]
    schema = TableSchema(name, tuple(c for c in known.columns if c.name in columns), known.platforms)
    return schema, pa.table({
        c.name: pa.array(columns[c.name], pa.timestamp("us", "UTC") if c.name == "Timestamp" else None) for c in schema.columns
    })  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    made = Lake.create(tmp_path_factory.mktemp("packs") / "lake")
    for name in TABLES:
        schema, rows = rows_of(name, 180)
        source = SourceId.of_content("test", name.encode(), NOW)
        made.append(
            name, pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches()), source=source, schema=schema
        )
    return made


@pytest.fixture(scope="module")
def alone(lake):
    return Session.open(lake, NOW, limits=Limits(threads=1))


@pytest.fixture(scope="module")
def together(lake):
    return Session.open(lake, NOW, limits=Limits(threads=1))


@pytest.fixture(scope="module", autouse=True)
def _what_is_not_kept_is_wrong():
    """Columns that nobody looks at hold what would show if somebody did."""
    from lurcher.engines.lowering import relations
    from lurcher.engines.lowering.rel import Cell

    wrong = {ScalarType.STRING: "ninjarmm anydesk", ScalarType.DYNAMIC: '"anydesk"', ScalarType.BOOL: "true",
             ScalarType.DATETIME: "2026-03-04", ScalarType.GUID: "00000000-0000-0000-0000-000000000001"}  # fmt: skip
    real = relations.blank
    relations.blank = lambda c: Cell(
        sql.Cast(sql.Literal(wrong.get(c.type, "77")), SQL_TYPES[c.type]), c.type, c.type is not ScalarType.STRING
    )
    yield
    relations.blank = real


def rule(query, number=0):
    text = "\n".join(f"  {line}" for line in query.splitlines())
    return f"id: 00000000-0000-4000-8000-{number:012}\nname: Rule {number}\ndescription: d\nquery: |\n{text}\n"


def rules(queries):
    return load_rules([RuleText(rule(q, n), f"<rule {n}>.yaml") for n, q in enumerate(queries)]).rules


def sorted_rows(table):
    return sorted(map(repr, table.to_pylist()))


def check(queries, alone, together, costs=ALWAYS):
    """What was shared, where every query gives together what it gives alone."""
    sharing = share(rules(queries), together, costs)
    try:
        for query in queries:
            assert sorted_rows(together.run_table(query)) == sorted_rows(alone.run_table(query)), query
        return {made.table: made for made in sharing.tables}, {m.table: m.rows.served for m in sharing.tables if m.rows}
    finally:
        unshare(sharing, together)


# --- random packs ---
texts = st.sampled_from(
    ["ninjarmm", "NinjaRMM", "anydesk", "LLC", "exe", "a", "", "é", "'", "%", "İ", "x_ninjarmm", "\\d+"]
)
OPERATORS = ["has", "!has", "has_cs", "hasprefix", "hassuffix", "contains", "!contains", "contains_cs", "startswith",
             "endswith", "startswith_cs", "==", "!=", "=~", "!~"]  # fmt: skip


def literal(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


TIMES = [
    "Timestamp > ago(3d)",
    "Timestamp > ago(1h)",
    "Timestamp between (datetime(2026-02-26 05:00) .. datetime(2026-02-26 21:00))",
    "Timestamp between (startofday(ago(4d)) .. endofday(ago(3d)))",
    "isnull(Timestamp)",
    "Timestamp between (ago(5d) .. ago(1d))",
    "Timestamp >= datetime(2026-03-02)",
    "Timestamp < ago(2d)",
]
OTHERS = [
    "* has 'anydesk'",
    "AdditionalFields.Name has 'anydesk'",
    "ReportId > 50",
    "ingestion_time() > datetime(2000-01-01)",
]


@st.composite
def predicate(draw, table, depth=2):
    kind = draw(st.integers(0, 9 if depth else 6))
    column = draw(st.sampled_from(TABLES[table]))
    if kind <= 3:
        return f"{column} {draw(st.sampled_from(OPERATORS))} {literal(draw(texts))}"
    if kind == 4:
        listed = ", ".join(literal(t) for t in draw(st.lists(texts, min_size=1, max_size=3)))
        return f"{column} {draw(st.sampled_from(['in', 'in~', '!in', 'has_any', 'has_all']))} ({listed})"
    if kind == 5:
        others = OTHERS if draw(st.booleans()) else [f"{column} matches regex '(?i)ninja'", f"{column} == DeviceName"]
        return draw(st.sampled_from([*others, f"isnotempty({column})", f"tolower({column}) == 'anydesk.exe'"]))
    if kind == 6:
        return draw(st.sampled_from(TIMES))
    inner = predicate(table, depth - 1)
    if kind == 9:
        return f"not({draw(inner)})"
    return f"({draw(inner)} {'and' if kind == 7 else 'or'} {draw(inner)})"


@st.composite
def source(draw):
    table = draw(st.sampled_from(list(TABLES)))
    filters = draw(st.lists(predicate(table), min_size=0, max_size=3))
    return table + "".join(f"\n| where {f}" for f in filters)


COMMON = [
    "DeviceNetworkEvents | where Timestamp > ago(6d) | summarize n = count(), s = make_set(RemoteUrl) by DeviceId",
    "DeviceNetworkEvents | summarize n = count(), s = make_set(RemoteUrl), t = max(Timestamp) by DeviceId",
    "DeviceProcessEvents | distinct DeviceId, DeviceName | extend v = dynamic(1)",
    "DeviceProcessEvents | distinct DeviceId, DeviceName | extend v = dynamic(true)",
    "DeviceProcessEvents | summarize a = take_any(DeviceName), n = count() by DeviceId",
    "DeviceProcessEvents | project DeviceId, F = AdditionalFields, R = ReportId | where R > 9",
]


@st.composite
def query(draw):
    first = draw(source())
    match draw(st.integers(0, 14)):
        case 12 | 13 | 14:
            # What several rules may have in common, whatever else they ask.
            common = draw(st.sampled_from(COMMON))
            kind = draw(st.sampled_from(["inner", "leftouter", "leftanti", "leftsemi"]))
            return f"{first}\n| project DeviceId, ReportId\n| join kind={kind} ({common}) on DeviceId"
        case 0:
            return f"{first}\n| project Timestamp, DeviceId, ReportId"
        case 1:
            return first
        case 7:
            return (
                f"let m = materialize({first}\n| extend Name = strcat(DeviceName, '!'), Short = DeviceId);\n"
                "union (m | summarize n = count() by Name), (m | summarize n = dcount(Short) by Name = 'all')"
            )
        case 8:
            return f"{first}\n| summarize arg_max(ReportId, *) by DeviceId\n| project-away Timestamp"
        case 9:
            return f"{first}\n| sort by ReportId asc\n| serialize r = row_number(), before = prev(DeviceName)\n| project r, before"
        case 10:
            return f"{first}\n| extend F = AdditionalFields\n| mv-expand k = F.Name\n| project ReportId, k"
        case 11:
            kind = draw(st.sampled_from(["leftanti", "leftsemi", "fullouter", "innerunique"]))
            other = f"{draw(source())}\n| project DeviceId, DeviceName"
            tail = "" if kind.startswith("left") else "\n| summarize n = count() by DeviceName1"
            return (
                f"{first}\n| distinct DeviceId, DeviceName\n| join kind={kind} ({other} | distinct *) on DeviceId{tail}"
            )
        case 2:
            return f"{first}\n| summarize n = count(), r = make_set(ReportId), t = min(Timestamp) by DeviceId"
        case 3:
            other = f"{draw(source())}\n| project DeviceId, B = ReportId"
            return f"{first}\n| project DeviceId, A = ReportId\n| join kind=inner ({other}) on DeviceId"
        case 4:
            return f"union ({first}), ({draw(source())})\n| summarize n = count() by DeviceName"
        case 5:
            more = draw(st.sampled_from(["count()", "min(ReportId)"]))
            lets = f"let t = {first};\nlet d = t | summarize v = {more} by DeviceId;\n"
            return f"{lets}t | join kind=leftouter d on DeviceId | summarize n = count(), s = sum(v)"
    return f"let seen = {first} | distinct DeviceId;\n{draw(source())}\n| where DeviceId in (seen) | project ReportId"


@given(st.lists(query(), min_size=1, max_size=5))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_a_pack_gives_what_each_rule_gives_alone(lake, alone, together, queries):
    for q in queries:
        note(q)
    check(queries, alone, together)


@given(st.lists(query(), min_size=2, max_size=3))
@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_findings_are_the_same_in_the_ledger(lake, queries):
    def found(sharing):
        for old in lake.path.glob(NAME + "*"):
            old.unlink()
        import shutil

        shutil.rmtree(lake.path / "ledger", ignore_errors=True)
        session = Session.open(lake, NOW, limits=Limits(threads=1))
        texts = [RuleText(rule(q, n), f"<rule {n}>.yaml") for n, q in enumerate(queries)]
        before, few = hunting.share, hunting.costs_of_few
        hunting.share = partial(share, costs=ALWAYS)
        hunting.costs_of_few = lambda: ALWAYS
        most, hunting.MAX_TRIAGED = hunting.MAX_TRIAGED, 2
        try:
            report = hunting.hunt(lake, texts, session, started=NOW, sharing=sharing)
        finally:
            hunting.share, hunting.costs_of_few, hunting.MAX_TRIAGED = before, few, most
            session.engine.close()
        assert (report.sharing is None) == (not sharing)
        return [
            (
                (one.run.status, one.run.reason, one.run.evidence_total, one.run.window),
                sorted(repr((f.entity, f.state, f.device, one.reasons.get(f.id))) for f in one.findings),
                sorted(repr((x.entity, x.total, x.first, x.last, sorted(map(repr, x.keys)))) for x in one.run.seen),
            )
            for one in report.rules
        ]

    assert found(True) == found(False)


# --- what is shared, and what is not ---
WINDOW = "Timestamp > ago(5d)"


def test_rules_of_texts_read_the_kept_rows_and_a_rule_of_all_rows_does_not(alone, together):
    made, served = check(
        [
            f"DeviceProcessEvents | where {WINDOW} | where FileName has 'NinjaRMM' | project ReportId",
            f"DeviceProcessEvents | where {WINDOW} and FileName =~ 'anydesk.exe' | project ReportId",
            f"DeviceProcessEvents | where {WINDOW} and (FileName == 'İdle' or FolderPath endswith 'exe') | project ReportId",
            f"DeviceProcessEvents | where {WINDOW} | summarize count()",
            f"DeviceProcessEvents | where {WINDOW} and not(FileName has 'a' or FolderPath has 'b') | project ReportId",
        ],
        alone,
        together,
    )
    assert served == {"DeviceProcessEvents": 3}
    shared = made["DeviceProcessEvents"]
    assert len(shared.served) == 3
    assert sorted(shared.others.values()) == ["it asks for rows whatever their texts are"] * 2
    # Rows of five of ten days, and of them those with some of the names.
    assert 0 < shared.kept < shared.of < 180


def test_a_rule_without_a_time_makes_the_kept_rows_those_of_all_days(alone, together):
    queries = [
        "DeviceProcessEvents | where FileName has 'NinjaRMM' | project ReportId",
        f"DeviceProcessEvents | where {WINDOW} | where FileName has 'NinjaRMM' | project ReportId",
    ]
    made, served = check(queries, alone, together)
    assert served == {"DeviceProcessEvents": 2}
    assert made["DeviceProcessEvents"].of == 180


def test_a_wider_time_than_was_kept_reads_the_table(alone, together):
    narrow = f"DeviceProcessEvents | where {WINDOW} | where FileName has 'NinjaRMM' | project ReportId"
    wide = "DeviceProcessEvents | where Timestamp > ago(9d) | where FileName has 'NinjaRMM' | project ReportId"
    sharing = share(rules([narrow]), together, ALWAYS)
    try:
        assert sorted_rows(together.run_table(wide)) == sorted_rows(alone.run_table(wide))
        assert sharing.tables[0].rows.served == 0
        assert sorted_rows(together.run_table(narrow)) == sorted_rows(alone.run_table(narrow))
        assert sharing.tables[0].rows.served == 1
    finally:
        unshare(sharing, together)


def test_another_text_than_was_kept_reads_the_table(alone, together):
    sharing = share(rules(["DeviceProcessEvents | where FileName has 'NinjaRMM'"]), together, ALWAYS)
    try:
        for test in ("FileName has 'ninjarmm'", "FileName has_cs 'NinjaRMM'", "FolderPath has 'NinjaRMM'"):
            query = f"DeviceProcessEvents | where {test} | project ReportId"
            assert sorted_rows(together.run_table(query)) == sorted_rows(alone.run_table(query))
        assert sharing.tables[0].rows.served == 0
    finally:
        unshare(sharing, together)


def test_of_a_list_each_value_is_kept(alone, together):
    sharing = share(rules(["DeviceProcessEvents | where FileName in ('ANYDESK.EXE', 'İdle')"]), together, ALWAYS)
    try:
        query = "DeviceProcessEvents | where 5 < ReportId and FileName == 'İdle' | project ReportId"
        assert sorted_rows(together.run_table(query)) == sorted_rows(alone.run_table(query))
        assert sharing.tables[0].rows.served == 1
    finally:
        unshare(sharing, together)


def test_what_does_not_fit_is_left_out_the_largest_first(alone, together):
    few = [f"DeviceProcessEvents | where FileName == {literal(n)} | project ReportId" for n in ("İdle", "a%b")]
    many = "DeviceProcessEvents | where FileName contains 'n' | project ReportId"
    made, served = check([*few, many], alone, together, Costs(uses=1, rows=0, share=0.25))
    assert served == {"DeviceProcessEvents": 2}
    (reason,) = made["DeviceProcessEvents"].others.values()
    assert reason.endswith("rows, too many to be kept")


@pytest.mark.parametrize(
    ("costs", "why"),
    [
        (Costs(uses=3, rows=0), "2 of 2 ask for it by texts, too few to gain"),
        (Costs(uses=1), "it has 180 rows in this time, too few to gain"),
        (Costs(uses=1, rows=0, bytes=10), "those whose texts are looked up fast are too few to gain"),
    ],
)
def test_where_it_does_not_pay_nothing_is_kept(alone, together, costs, why):
    queries = [f"DeviceProcessEvents | where FileName has {literal(n)} | project ReportId" for n in ("İdle", "a%b")]
    made, served = check(queries, alone, together, costs)
    assert served == {}
    assert made["DeviceProcessEvents"].why == why


def test_the_memory_is_that_of_all_tables_together(alone, together):
    queries = [f"{table} | where {TABLES[table][2]} != 'no such text'" for table in TABLES]
    made, _ = check(queries, alone, together)
    sizes = {table: shared.bytes for table, shared in made.items()}
    assert all(sizes.values())
    # Enough for either, and not for both: the first, by name, is kept.
    made, served = check(
        queries, alone, together, replace(ALWAYS, bytes=max(sizes.values()) + min(sizes.values()) // 2)
    )
    assert list(served) == ["DeviceNetworkEvents"]
    assert made["DeviceProcessEvents"].others["00000000-0000-4000-8000-000000000000"].endswith("too many to be kept")


def test_kept_rows_have_the_columns_that_a_query_can_name(together):
    sharing = share(rules(["DeviceProcessEvents | where FileName has 'İdle'"]), together, ALWAYS)
    try:
        kept = sharing.tables[0].rows.name
        columns = {name for name, *_ in together.engine.execute(f'DESCRIBE "{kept}"')}
        # Not the text beside it.
        assert {"FileName", "AdditionalFields", "ingestion_time()"} <= columns
        assert not any(name.endswith("~text") for name in columns), columns
    finally:
        unshare(sharing, together)


def test_columns_whose_names_differ_in_case_alone(tmp_path):
    made = Lake.create(tmp_path / "lake")
    schema = TableSchema("Own_CL", tuple(Column(name, ScalarType.STRING) for name in ("Name", "name", "v", "t0")))
    rows = pa.table({name: [f"{name} {i % 5}" for i in range(40)] for name in ("Name", "name", "v", "t0")})
    source = SourceId.of_content("test", b"own", NOW)
    made.append(
        "Own_CL", pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches()), source=source, schema=schema
    )
    queries = [f"Own_CL | where ['{name}'] == '{name} 3' or v has '1'" for name in ("Name", "name", "t0")]
    one, other = (Session.open(made, NOW, limits=Limits(threads=1)) for _ in range(2))
    _, served = check(queries, one, other)
    assert served == {"Own_CL": 3}


def test_no_time_to_prepare_is_no_failure(lake, alone):
    hurried = Session.open(lake, NOW, limits=Limits(timeout=60))
    real = hurried.engine.execute
    hurried.engine._timeout = 0.0  # type: ignore[assignment]
    query = "DeviceProcessEvents | where FileName has 'İdle' | project ReportId"
    asked = rules([query])
    hurried.engine.execute = lambda text, until=None: real(text, 0.0)  # type: ignore[method-assign]
    sharing = share(asked, hurried, ALWAYS)
    assert sharing.tables[0].rows is None
    assert "longer than" in sharing.tables[0].why or "interrupted" in sharing.tables[0].why
    hurried.engine._timeout = None  # type: ignore[assignment]
    assert sorted_rows(hurried.run_table(query)) == sorted_rows(alone.run_table(query))


def test_a_text_that_takes_too_long_to_be_understood_is_passed_over(lake, alone):
    session = Session.open(lake, NOW, limits=Limits(threads=1))
    real, slow = session.compile, "DeviceProcessEvents | where FileName has 'a%b'"

    def compile_(source, **more):
        if getattr(source, "text", source).strip() == slow:
            raise LurcherError("the query took longer than 1 s")
        return real(source, **more)

    session.compile = compile_
    query = "DeviceProcessEvents | where FileName has 'İdle' | project ReportId"
    sharing = share(rules([slow, query]), session, ALWAYS)
    assert sorted_rows(session.run_table(query)) == sorted_rows(alone.run_table(query))
    assert sharing.tables[0].rows.served == 1


def test_explain_says_what_was_shared_and_what_not(together):
    # Every eleventh name is that one: 16 whole rounds of 11 rows, and in the four rows after them none.
    queries = [
        "DeviceProcessEvents | where FileName has 'İdle'",
        "DeviceProcessEvents | count",
        "DeviceNetworkEvents | count",
    ]
    sharing = share(rules(queries), together, ALWAYS)
    unshare(sharing, together)
    said = sharing.lines()
    # All columns of the table, and when rows were added.
    assert re.fullmatch(r"  made in \d+\.\d s, about 0\.0 MB with \d+ columns; up to 0 rows not read again", said[2])
    assert [line for line in said if line != said[2]] == [
        "DeviceNetworkEvents: not shared: 0 of 1 ask for it by texts, too few to gain",
        "DeviceProcessEvents: 16 of 180 rows kept for 1 rule, read 0 times instead of the table",
        "  matched on distinct values: FileName (11 values)",
        "  not for 00000000-0000-4000-8000-000000000001: it asks for rows whatever their texts are",
    ]


def test_what_rules_have_in_common_is_computed_once(alone, together):
    devices = (
        "DeviceNetworkEvents | where Timestamp > ago(8d) | summarize n = count(), u = make_set(RemoteUrl) by DeviceId"
    )
    queries = [
        f"DeviceProcessEvents | where ReportId > 3 | join kind=inner ({devices}) on DeviceId | project ReportId, n",
        f"let m = materialize({devices});\nm | where n > 1 | join kind=leftanti (m | where n > 20) on DeviceId",
        f"DeviceProcessEvents | where DeviceId in (({devices} | project DeviceId)) | summarize count()",
        # Another constant, another answer.
        f"DeviceProcessEvents | join kind=inner ({devices.replace('8d', '9d')}) on DeviceId | summarize sum(n)",
    ]
    sharing = share(rules(queries), together, ALWAYS)
    try:
        (part,) = sharing.parts
        assert (part.what, part.rows, len(part.asked)) == (("DeviceNetworkEvents",), 7, 3)
        for query in queries:
            assert sorted_rows(together.run_table(query)) == sorted_rows(alone.run_table(query)), query
        assert part.read == 3
        (line,) = (line for line in sharing.lines() if line.startswith("a part"))
        assert re.fullmatch(
            r"a part of 3 rules over DeviceNetworkEvents: computed once in \d+\.\d s, 7 rows, read 3 times", line
        )
    finally:
        unshare(sharing, together)
    assert not together.engine._views.computed


@pytest.mark.parametrize(
    "part",
    [
        # A sort of rows has no one answer where some are equal; any row is any.
        "DeviceNetworkEvents | take 3",
        "DeviceNetworkEvents | summarize take_any(RemoteUrl) by DeviceId",
        "DeviceNetworkEvents | summarize arg_max(Timestamp, *) by DeviceId",
        "DeviceNetworkEvents | summarize avg(ReportId) by DeviceId",
        "DeviceNetworkEvents | extend r = rand() | project DeviceId, r",
        "DeviceNetworkEvents | where ingestion_time() > ago(3d) | distinct DeviceId",
        "DeviceNetworkEvents",
    ],
)
def test_what_has_more_than_one_answer_is_computed_by_each(together, part):
    queries = [
        f"DeviceProcessEvents | where ReportId > {n} | project DeviceId | join kind=inner ({part}) on DeviceId"
        for n in range(2)
    ]
    sharing = share(rules(queries), together, ALWAYS)
    unshare(sharing, together)
    assert sharing.parts == []


def test_a_part_that_does_not_fit_is_computed_by_each(alone, together):
    queries = [
        f"DeviceProcessEvents | where ReportId > {n}\n"
        "| join kind=inner (DeviceNetworkEvents | where ReportId >= 0 | project DeviceId, a = RemoteUrl) on DeviceId"
        for n in range(170, 172)
    ]
    # 180 rows of two texts take at least 16 bytes a text, and 8.
    for most, parts in ((180 * 40 - 1, 0), (1 << 20, 1)):
        sharing = share(rules(queries), together, replace(ALWAYS, bytes=most))
        try:
            assert len(sharing.parts) == parts
            for query in queries:
                assert sorted_rows(together.run_table(query)) == sorted_rows(alone.run_table(query))
        finally:
            unshare(sharing, together)


NAMED = [
    "DeviceProcessEvents | where FileName has 'İdle' | project ReportId",
    "DeviceProcessEvents | where Timestamp > ago(4d) | where FileName == 'a%b' | project ReportId",
]


def test_of_a_day_only_those_rows_are_kept_that_are_asked_for_then(alone, together):
    made, served = check(
        [
            "DeviceProcessEvents | where Timestamp > ago(2d) | where FileName == 'İdle' | project ReportId",
            "DeviceProcessEvents | where Timestamp between (datetime(2026-02-26) .. 1d) | where FileName == 'a%b'",
            "DeviceProcessEvents | where Timestamp > ago(3d) and FileName == 'ANYDESK.EXE' | project ReportId",
        ],
        alone,
        together,
    )
    assert served == {"DeviceProcessEvents": 3}
    # 26 February to midnight; 3 March, for one rule; all days from 4 March on, for two.
    assert made["DeviceProcessEvents"].stretches == 3


def test_a_column_that_was_not_kept_is_read_where_it_is_stored(alone, together):
    sharing = share(rules(NAMED), together, ALWAYS)
    try:
        for query in (f"{NAMED[0]}, FolderPath", NAMED[1].replace("project", "project DeviceName,"), NAMED[0]):
            assert sorted_rows(together.run_table(query)) == sorted_rows(alone.run_table(query))
        assert "FolderPath" not in sharing.tables[0].rows.columns
        assert sharing.tables[0].rows.served == 1
    finally:
        unshare(sharing, together)


def test_what_exclusions_look_at_is_kept(together):
    text = rule("DeviceProcessEvents | where FileName has 'İdle' | summarize n = count() by DeviceId")
    text += (
        "exclusions:\n  - id: e1\n    reason: r\n    when: process.folder startswith 'x' and process.company == 'y'\n"
    )
    (loaded,) = load_rules([RuleText(text, "<rule>.yaml")]).rules
    sharing = share([loaded], together, ALWAYS)
    unshare(sharing, together)
    assert "FolderPath" in sharing.tables[0].rows.columns


def test_texts_that_hardly_repeat_are_searched_once(alone, together, monkeypatch):
    from lurcher.engines.answers import Answers

    monkeypatch.setattr(Answers, "few_values", lambda self, source, columns, most: setattr(self, "_most", most) or [])
    queries = [
        f"DeviceProcessEvents | where {WINDOW} and ProcessCommandLine {test} | project ReportId"
        for test in ("has 'ninjarmm'", "contains 'RMMx'", "has_any ('quiet', 'é')", "startswith 'ANY'", "!has 'cmd'")
    ]
    costs = replace(ALWAYS, common=0.5)
    made, served = check(queries, alone, together, costs)
    assert served == {"DeviceProcessEvents": 4}
    assert made["DeviceProcessEvents"].texts == {"ProcessCommandLine": 5}
    assert list(made["DeviceProcessEvents"].others.values()) == ["its texts are of columns whose values hardly repeat"]
    # Of texts that are in most rows, nothing is gained.
    made, served = check(queries, alone, together, replace(ALWAYS, common=0.0))
    assert served == {}


def test_more_rows_than_were_guessed_are_not_kept(alone, together, monkeypatch):
    from lurcher.engines.answers import Answers

    real = Answers.search
    monkeypatch.setattr(Answers, "few_values", lambda self, source, columns, most: setattr(self, "_most", most) or [])

    def search(self, *args):
        real(self, *args)
        self.counts |= dict.fromkeys(self.parts, 1)

    monkeypatch.setattr(Answers, "search", search)
    queries = [f"DeviceProcessEvents | where ProcessCommandLine has '{t}' | project ReportId" for t in ("cmd", "start")]
    made, served = check(queries, alone, together, Costs(uses=1, rows=0, share=0.1, common=1.0))
    assert served == {}
    assert made["DeviceProcessEvents"].why == "those whose texts are looked up fast are too few to gain"


def test_a_rule_that_needs_the_memory_runs_without_what_is_kept(lake, monkeypatch, tmp_path):
    from lurcher.engines.failures import too_much

    session = Session.open(lake, NOW, limits=Limits(threads=1))
    real, run_again = hunting.run_one, []

    def crowded(one, *args, **more):
        if one.name == "Rule 1" and session.engine._views.narrowed.get("DeviceProcessEvents"):
            run_again.append(one.name)
            return hunting.RuleRun(one, "failed", hunting._reason(too_much()))
        return real(one, *args, **more)

    monkeypatch.setattr(hunting, "run_one", crowded)
    monkeypatch.setattr(hunting, "share", partial(share, costs=ALWAYS))
    told, done = [], []
    report = hunting.hunt(
        lake,
        [RuleText(rule(q, n), f"<rule {n}>.yaml") for n, q in enumerate(NAMED)],
        session,
        started=NOW,
        triage=False,
        progress=lambda count, note: told.append(note),
        done=lambda run: done.append(run.status),
    )
    assert [one.run.status for one in report.rules] == ["ok", "ok"]
    assert run_again == ["Rule 1"]
    assert done == ["ok", "ok"]
    assert told == ["reading DeviceProcessEvents for all", "Rule 0", "Rule 1"]
    assert report.sharing.lines()[0].startswith("DeviceProcessEvents: not shared: a rule needed the memory")
    session.engine.close()


@pytest.mark.parametrize(
    "never",
    [
        # Of whole days, of parts of them, of one day.
        "Timestamp > ago(3d) and Timestamp < datetime(2026-02-26 18:00)",
        "Timestamp > ago(3d) + 13h and Timestamp < datetime(2026-02-26 05:00)",
        "Timestamp > ago(3d) + 2h and Timestamp < ago(3d) + 1h",
    ],
)
def test_rules_of_a_time_that_cannot_be_find_nothing(alone, together, never):
    queries = [f"DeviceProcessEvents | where {never} and FileName == '{n}' | project ReportId" for n in ("a%b", "İdle")]
    assert all(alone.run_table(q).num_rows == 0 for q in queries)
    for costs in (ALWAYS, Costs(uses=1)):
        check(queries, alone, together, costs)
        # Beside rules of another time they take nothing from them.
        check([*queries, *NAMED], alone, together, costs)


def test_a_hunt_that_is_broken_off_keeps_nothing(lake, monkeypatch):
    session = Session.open(lake, NOW, limits=Limits(threads=1))
    monkeypatch.setattr(hunting, "share", partial(share, costs=ALWAYS))

    def stop(run):
        assert session.engine._views.narrowed["DeviceProcessEvents"]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hunting.hunt(lake, [RuleText(rule(NAMED[0]), "<rule>.yaml")], session, started=NOW, triage=False, done=stop)
    assert not session.engine._views.narrowed["DeviceProcessEvents"]
    session.engine.close()


def test_a_part_that_the_engine_is_left_at_work_on_is_computed_by_each(lake, alone, monkeypatch):
    from lurcher.engines import computed

    session = Session.open(lake, NOW, limits=Limits(threads=1))

    def slow(engine, one, budget):
        # As where a statement has not ended in time: the next one gets another connection.
        engine._forget()
        raise LurcherError("the query took longer than 1 s")

    monkeypatch.setattr(computed, "_computed", slow)
    queries = [
        f"DeviceProcessEvents | where ReportId > {n} | project DeviceId\n"
        f"| join kind=inner (DeviceNetworkEvents | summarize v = {what} by DeviceId) on DeviceId"
        for n in range(2)
        for what in ("count()", "max(ReportId)")
    ]
    assert share(rules(queries), session, ALWAYS).parts == []
    for query in queries:
        assert sorted_rows(session.run_table(query)) == sorted_rows(alone.run_table(query)), query
    session.engine.close()


def test_the_measure_runs(tmp_path):
    import subprocess
    import sys

    bench = Path(__file__).parents[2] / "bench" / "packs.py"
    done = subprocess.run(
        [sys.executable, str(bench), "0.06", "--packs", "1,4", "--others", "4"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "DIFFER" not in done.stdout
    assert "of one rule" in done.stdout
    assert all(f"4 rules: {kind} " in done.stdout for kind in ("words", "days", "joins"))
