"""A case in Python: what its calls take, give and refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import lurcher
from lurcher.api import Case, Result
from lurcher.kql.diagnostics import Refused

ROWS = [
    {"Timestamp": "2026-03-01T00:00:00Z", "DeviceName": "pc1", "FileName": "a.exe", "ProcessId": 9007199254740993},
    {"Timestamp": "2026-03-02T00:00:00Z", "DeviceName": "pc2", "FileName": "<b>\x1b[31m\u202e</b>", "ProcessId": None},
]
RULE = """id: 11111111-2222-3333-4444-555555555555
name: a.exe runs
query: |
  DeviceProcessEvents
  | where FileName == "a.exe"
"""


@pytest.fixture
def case(tmp_path: Path) -> Case:
    export = tmp_path / "export.jsonl"
    export.write_text("".join(json.dumps(r) + "\n" for r in ROWS), encoding="utf-8")
    case = lurcher.init(tmp_path / "case", as_of="latest")
    assert case.add(export, table="DeviceProcessEvents").rows == 2
    return case


def test_import_is_light_and_names_are_there() -> None:
    code = (
        "import sys, lurcher; before = set(sys.modules);"
        "heavy = {m for m in before if m.startswith('lurcher.')} | ({'pyarrow', 'duckdb', 'click', 'orjson'} & before);"
        "assert not heavy, heavy; assert {'open', 'init', 'query', 'Refused'} <= set(dir(lurcher));"
        "lurcher.LurcherError, lurcher.Refused, lurcher.open, lurcher.init, lurcher.query, lurcher.Case, lurcher.Result;"
        "heavy = {'pyarrow', 'duckdb', 'click', 'pandas', 'polars', 'matplotlib', 'IPython'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    with pytest.raises(AttributeError, match="nosuch"):
        lurcher.nosuch  # noqa: B018


def test_open_never_makes_a_case_unless_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(lurcher.LurcherError, match="no lake in") as error:
        lurcher.open(tmp_path / "x")
    assert error.value.hint == f"make one with: lurcher.init({str(tmp_path / 'x')!r})"
    assert not (tmp_path / "x").exists()
    made = lurcher.open(tmp_path / "x", create=True)
    assert lurcher.open(tmp_path / "x", create=True).path == made.path == tmp_path / "x"
    with pytest.raises(lurcher.LurcherError, match="there is a lake already"):
        lurcher.init(tmp_path / "x")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(lurcher.LurcherError, match="no lake here"):
        lurcher.open()
    (tmp_path / "x" / "below").mkdir()
    monkeypatch.chdir(tmp_path / "x" / "below")
    assert lurcher.open().path == tmp_path / "x"


def test_adding_twice_adds_nothing_and_a_dry_run_never(case: Case, tmp_path: Path) -> None:
    again = case.add([tmp_path / "export.jsonl"], table="DeviceProcessEvents")
    assert (again.rows, len(again), again.failed) == (0, 1, [])
    other = tmp_path / "other.jsonl"
    other.write_text(json.dumps({**ROWS[0], "FileName": "c.exe"}) + "\n")
    dry = case.add(other, table="DeviceProcessEvents", dry_run=True)
    assert dry.rows == 1
    assert "dry run: nothing was added" in repr(dry)
    assert case.query("DeviceProcessEvents | count").value() == 2
    with pytest.raises(lurcher.LurcherError, match="no such file"):
        case.add(tmp_path / "nosuch")


def test_values_in_python(case: Case) -> None:
    row = case.query(
        "print n=datetime(2026-03-01 01:02:03.4567891), t=time(-1.02:03:04.5000007), d=dynamic({'a': [1, null]}), x=decimal(1.5), "
        "r=1.5, b=true, i=int(null), s='', g=guid(74be27de-1e4e-49d9-b579-fe0b331d3642), l=9007199254740993"
    )[0]
    assert row == {
        "n": datetime(2026, 3, 1, 1, 2, 3, 456789, UTC), "t": -timedelta(days=1, hours=2, minutes=3, seconds=4.5),
        "d": {"a": [1, None]}, "x": Decimal("1.5"), "r": 1.5, "b": True, "i": None, "s": "",
        "g": "74be27de-1e4e-49d9-b579-fe0b331d3642", "l": 9007199254740993,
    }  # fmt: skip
    assert row["n"].tzinfo is UTC


def test_a_null_changes_no_number_of_a_frame(case: Case) -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("polars")
    result = case.query(
        "DeviceProcessEvents | sort by Timestamp asc | project Timestamp, ProcessId, t = Timestamp - datetime(2026-03-01)"
    )
    assert result.column("ProcessId") == [9007199254740993, None]
    frame = result.pandas()
    assert frame["ProcessId"][0] == 9007199254740993
    assert str(frame["ProcessId"].dtype) == "Int64"
    assert str(frame["Timestamp"].dtype) == "datetime64[us, UTC]"
    assert frame["t"][1] == timedelta(days=1)
    polars = result.polars()
    assert polars["ProcessId"].to_list() == [9007199254740993, None]
    assert polars["t"].to_list() == [timedelta(0), timedelta(days=1)]
    assert result.arrow().schema.field("t").metadata == {b"kql": b"timespan"}
    assert result.arrow().column("t").to_pylist() == [0, 864_000_000_000]


def test_a_package_that_is_not_there_is_named(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    result = case.query("print 1")
    for name in ("pandas", "polars"):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(lurcher.LurcherError) as error:
            getattr(result, name)()
        assert error.value.message == f"a DataFrame of {name} needs {name}, which is not installed"
        assert error.value.hint == f"pip install {name}"


def test_a_result_is_a_sequence(case: Case) -> None:
    result = case.query("range x from 1 to 5 step 1 | sort by x asc")
    assert len(result) == 5
    assert [r["x"] for r in result] == [r["x"] for r in result] == [1, 2, 3, 4, 5]
    assert result[-1] == {"x": 5}
    assert result[1:3] == [{"x": 2}, {"x": 3}]
    assert result[9:] == []
    assert next(result.rows()) == (1,)
    with pytest.raises(IndexError):
        result[5]
    with pytest.raises(lurcher.LurcherError, match="no column 'y'"):
        result.column("y")
    with pytest.raises(lurcher.LurcherError, match="5 rows and 1 column"):
        result.value()


def test_several_queries_of_a_text(case: Case) -> None:
    result = case.query("let a = 1; print a; print b = 2; DeviceInfo | take 0")
    assert [r.names[0] for r in result.all] == ["print_0", "b", "Timestamp"]
    assert result is result.all[0]
    assert "the first of 3 results" in repr(result)
    assert "the first of" not in repr(result.all[1])


def test_refusals_are_those_of_the_command_line(case: Case, tmp_path: Path) -> None:
    with pytest.raises(lurcher.Refused) as refused:
        case.query("DeviceProcessEvents\n| where FileNam == 1")
    assert str(refused.value).splitlines() == [
        "<query>:2:9: error: the name 'FileNam' does not refer to any known column, table, variable or function [KS142]",
        "2 | | where FileNam == 1",
        "  |         ^^^^^^^",
        "  = hint: did you mean FileName?",
    ]
    assert refused.value._render_traceback_() == [str(refused.value)]
    file = tmp_path / "q.kql"
    file.write_text("T |", encoding="utf-8")
    with pytest.raises(Refused, match=r"q\.kql:1:"):
        case.query(file)
    with pytest.raises(lurcher.LurcherError, match="the query is empty"):
        case.query("")
    with pytest.raises(lurcher.LurcherError, match="cannot be read"):
        case.query(tmp_path / "nosuch.kql")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"timeout": 0}, "timeout=0 is no number of seconds"),
        ({"timeout": "5"}, "timeout='5' is no number of seconds"),
        ({"threads": 0}, "threads=0"),
        ({"memory_limit": "much"}, "memory_limit='much' is no size"),
        ({"as_off": "latest"}, "there is no option 'as_off'"),
        ({"as_of": "yesterday"}, "is no time"),
        ({"geo": "nosuch.mmdb"}, "no such file"),
        ({"here": "moon"}, "is no other place"),
    ],
)
def test_an_option_that_is_none_is_told(case: Case, options: dict[str, object], said: str) -> None:
    with pytest.raises(lurcher.LurcherError, match=said):
        case.query("print 1", **options)  # type: ignore[arg-type]


def test_options_of_the_case_hold_for_its_queries(case: Case) -> None:
    assert case.query("DeviceProcessEvents | project n = now() | take 1").value() == datetime(2026, 3, 2, tzinfo=UTC)
    other = lurcher.open(case.path, as_of=datetime(2026, 1, 1))
    assert other.query("print now()").value() == datetime(2026, 1, 1, tzinfo=UTC)
    assert other.query("print now()", as_of="2026-01-02").value() == datetime(2026, 1, 2, tzinfo=UTC)


def test_the_timeout_is_told(case: Case) -> None:
    many = "range x from 1 to 1000000 step 1 | extend k = 1"
    with pytest.raises(lurcher.LurcherError, match="took longer than"):
        case.query(f"{many} | join kind=inner ({many}) on k | count", timeout=0.3)


def test_a_time_filter_that_leaves_nothing_is_told(case: Case) -> None:
    result = case.query("DeviceProcessEvents | where Timestamp > ago(1h)", as_of="2026-05-01")
    assert len(result) == 0
    assert "The newest row of DeviceProcessEvents is of 2026-03-02" in result.notes[-1]


def test_files_without_a_case(tmp_path: Path) -> None:
    file = tmp_path / "DeviceInfo.csv"
    file.write_text("Timestamp,DeviceName\n2026-01-01T00:00:00Z,pc1\n")
    assert lurcher.query("DeviceInfo | project DeviceName", file).value() == "pc1"
    assert lurcher.query("Mine | project DeviceName", [file], table="Mine").value() == "pc1"
    assert lurcher.query("DeviceInfo | count").value() == 0


def test_a_rule_by_its_text_is_the_same_rule_each_time(case: Case, tmp_path: Path) -> None:
    first = case.hunt(RULE)
    assert [(f.rule_name, f.state.value) for f in first] == [("a.exe runs", "new")]
    path = tmp_path / "rule.yaml"
    path.write_text(RULE)
    assert [f.state.value for f in case.hunt(path)] == ["known"]
    bare = "DeviceProcessEvents | where FileName == 'a.exe'"
    assert len(case.hunt(bare).new) == 1
    assert case.hunt(bare).new == []
    assert len(case.findings()) == 2
    assert len(case.findings("all")) == 2
    assert len(case.findings(["gone"])) == 0
    with pytest.raises(lurcher.LurcherError, match="there is no state"):
        case.findings("old")
    case.hunt(bare, report=[tmp_path / "r.html", str(tmp_path / "r.csv")])
    assert "<h1>Hunt " in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert len((tmp_path / "r.csv").read_text(encoding="utf-8").splitlines()) == 2
    with pytest.raises(lurcher.LurcherError, match="does not say what report"):
        case.hunt(bare, report=tmp_path / "r.pdf")
    broken = case.hunt("DeviceProcessEvents | where Nope == 1")
    assert "Nope" in broken.not_run[0].run.reason
    with pytest.raises(lurcher.LurcherError, match="no such file"):
        case.hunt(tmp_path / "nosuch.yaml")


def test_check_of_a_text(case: Case) -> None:
    checked = case.check(RULE.replace("FileName", "FileNam"))
    assert not checked.ok
    assert any(p.code == "KS142" for p in checked)
    assert "1 rule: " in repr(checked)


def test_tables_and_signatures(case: Case, tmp_path: Path) -> None:
    assert case.tables()["DeviceProcessEvents"].info.rows == 2
    with pytest.raises(KeyError):
        case.tables()["Nope"]
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "note.txt").write_text("no program")
    report = case.collect_signatures(tmp_path / "disk", device="pc9", workers=1)
    assert "0 programs" in repr(report)


def test_writing(case: Case, tmp_path: Path) -> None:
    result = case.query("DeviceProcessEvents | project FileName | sort by FileName desc")
    assert result.write(tmp_path / "r.csv").read_text().splitlines()[1] == "a.exe"
    assert result.write(tmp_path / "r.jsonl").read_text().count("\n") == 2
    assert result.write(tmp_path / "r", "parquet").stat().st_size
    with pytest.raises(lurcher.LurcherError, match="says no format"):
        result.write(tmp_path / "r.docx")


def test_what_an_intruder_wrote_is_shown_and_never_sent(case: Case) -> None:
    result = case.query("DeviceProcessEvents | extend Long = strrep('x', 1000)")
    page = result._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;\\x1b[31m\\u202e&lt;/b&gt;" in page
    assert "x" * 301 not in page
    for text in (page, repr(result)):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert set(result._repr_mimebundle_()) == {"text/plain", "text/html"}
    named = case.query('print ["<script>alert(1)</script>"] = 1')._repr_html_()
    assert "<script" not in named


def test_the_first_rows_are_shown_and_how_many_there_are(case: Case) -> None:
    result = case.query("range x from 1 to 1234 step 1")
    assert repr(result).splitlines()[-1] == "\u2026 the first 20 of 1,234 rows"
    assert result._repr_html_().count("<tr>") == 21
    assert "the first 20 of 1,234 rows" in result._repr_html_()
    assert "long" in result._repr_html_()
    assert repr(case.query("print a=1")).splitlines() == ["a", "1", "1 row"]


def test_a_chart_where_matplotlib_is(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    result = case.query("DeviceProcessEvents | summarize count() by bin(Timestamp, 1d) | render timechart")
    assert isinstance(result, Result)
    assert result.render is not None
    assert "2026-03-01" in repr(result)
    pytest.importorskip("matplotlib")
    assert "data:image/svg+xml;base64," in result._repr_html_()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "needs matplotlib" in result._repr_html_()
