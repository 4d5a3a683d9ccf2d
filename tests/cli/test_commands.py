"""Commands as a user types them: what they print, what they end with, and that nobody ever sees a traceback."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CSV = (
    "Timestamp,DeviceId,DeviceName,SHA1,IsSigned,Signer,IsTrusted,ReportId\n"
    "2026-03-01T10:00:00.1234567Z,d1,ws-1,aa,true,NinjaOne LLC,true,9223372036854775807\n"
    '2026-03-02T10:00:00Z,d2,ws-2,bb,true,"NinjaRMM, LLC",false,2\n'
    "2026-03-03T10:00:00Z,d3,ws-3,cc,false,,,3\n"
)


def lurcher(*argv: str, cwd: Path, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """A process of its own: what a shell would see."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith("LURCHER_")} | env
    return subprocess.run(
        [sys.executable, "-m", "lurcher", *argv], cwd=cwd, input=stdin, capture_output=True, text=True, env=variables, check=False
    )  # fmt: skip


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "DeviceFileCertificateInfo.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def test_a_file_is_queried_at_once(export: Path, tmp_path: Path) -> None:
    done = lurcher(
        "query", "--data", str(export), "--format", "csv",
        "DeviceFileCertificateInfo | where Signer has 'ninjaone' | project DeviceName, Signer, ReportId, Timestamp", cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout == (
        "DeviceName,Signer,ReportId,Timestamp\nws-1,NinjaOne LLC,9223372036854775807,2026-03-01T10:00:00.1234560Z\n"
    )
    assert done.returncode == 0


def test_a_query_is_explained(export: Path, tmp_path: Path) -> None:
    query = (
        "query",
        "--data",
        str(export),
        "--explain",
        "DeviceFileCertificateInfo\n| where Signer has 'ninjaone'\n| count",
    )
    done = lurcher(*query, cwd=tmp_path)
    assert done.returncode == 0
    for said in (
        "1  read DeviceFileCertificateInfo  [1]",
        "SELECT count(*)",
        "3 rows, from memory",
        "where the time went",
    ):
        assert said in done.stdout
    told = json.loads(lurcher(*query, "--format", "json", cwd=tmp_path).stdout)
    assert told["queries"][0]["measured"]["rows"] == 1
    assert lurcher(*query, "-o", "plan.html", cwd=tmp_path).returncode == 0
    assert "Where the time went" in (tmp_path / "plan.html").read_text(encoding="utf-8")
    for wrong in (("-o", "plan.csv"), ("--format", "csv"), ("--sql",)):
        refused = lurcher(*query, *wrong, cwd=tmp_path)
        assert refused.returncode == 2
        assert "Traceback" not in refused.stderr


def test_a_case_from_nothing(export: Path, tmp_path: Path) -> None:
    assert lurcher("init", "case", cwd=tmp_path).returncode == 0
    case = tmp_path / "case"
    added = lurcher("add", str(export), cwd=case)
    assert "3 rows to DeviceFileCertificateInfo" in added.stdout
    again = lurcher("add", str(export), cwd=case)
    assert "0 rows added" in again.stdout
    assert again.returncode == 0
    tables = lurcher("tables", cwd=case)
    assert "DeviceFileCertificateInfo" in tables.stdout
    assert "2026-03-03 10:00" in tables.stdout
    counted = lurcher(
        "query",
        "--format",
        "csv",
        "--as-of",
        "latest",
        "DeviceFileCertificateInfo | where Timestamp > ago(1d) | count",
        cwd=case,
    )
    # now() is the newest row's time, so that row alone is within a day of it (the bound itself is not).
    assert counted.stdout == "Count\n1\n"


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("query", "DeviceFileCertificateInf | take 1"), "DeviceFileCertificateInfo"),
        (("query", "DeviceInfo | where DeviceNam == 'x'"), "DeviceName"),
        (("query", "DeviceInfo | where"), "expected"),
        (("query", "DeviceInfo | evaluate no_such_plugin()"), "no_such_plugin"),
        (("query", "--data", "nowhere.csv", "print 1"), "nowhere.csv"),
        (("query", "--as-of", "yesterday", "print 1"), "yesterday"),
        (("query", "--as-of", "latest", "print now()"), "--as-of"),
        (("query", "-f", "nowhere.kql"), "nowhere.kql"),
        (("query", "--format", "parquet", "print 1"), "--output"),
        (("add", "x.csv"), "lurcher init"),
        (("tables",), "lurcher init"),
        (("hunt", "x.yaml"), "lurcher init"),
        (("findings",), "lurcher init"),
        (("check", "nowhere.yaml"), "nowhere.yaml"),
        (("init",), "CASE"),
        (("quer", "print 1"), "did you mean query"),
        (("collect", "signatures", "nowhere"), "lurcher init"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else "",
)
def test_bad_input_is_told_in_a_sentence(argv: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = lurcher(*argv, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "unforeseen" not in done.stderr


def test_all_errors_of_a_query_come_at_once_with_a_caret(tmp_path: Path) -> None:
    done = lurcher("query", "DeviceInfo | where Nope == 1 | extend x = nofunction(2)", cwd=tmp_path)
    assert "KS142" in done.stderr
    assert "KS211" in done.stderr
    assert "^^^^" in done.stderr


def test_an_empty_answer_says_where_the_rows_are(export: Path, tmp_path: Path) -> None:
    done = lurcher(
        "query", "--data", str(export), "DeviceFileCertificateInfo | where Timestamp > ago(1d)", cwd=tmp_path
    )
    assert "2026-03-03 10:00:00" in done.stderr
    assert "--as-of latest" in done.stderr
    assert done.returncode == 0


def test_json_lines_answer_every_line_in_order(tmp_path: Path) -> None:
    lines = [
        '{"id": 1, "query": "print a = 1, b = \'x\', c = 1d, d = dynamic({\\"k\\": [1, null]})"}',
        '{"id": "two", "query": "print nope"}',
        "no json at all",
        '{"id": 4}',
        '{"id": 5, "query": "DeviceInfo | take 1 | project DeviceName, OSBuild"}',
        '{"id": 6, "query": "DeviceInfo |"}',
    ]
    done = lurcher("query", "--jsonl", cwd=tmp_path, stdin="\n".join(lines) + "\n")
    first, second, third, fourth, fifth, sixth = (json.loads(line) for line in done.stdout.splitlines())
    assert first == {
        "id": 1,
        "columns": [
            {"name": "a", "type": "long"}, {"name": "b", "type": "string"}, {"name": "c", "type": "timespan"},
            {"name": "d", "type": "dynamic"},
        ],
        "rows": [[1, "x", "1.00:00:00", {"k": [1, None]}]],
    }  # fmt: skip
    assert (second["id"], second["error"]["kind"]) == ("two", "semantic")
    assert second["error"]["diagnostics"][0] | {"message": "", "hint": ""} == {
        "code": "KS142", "severity": "error", "message": "", "hint": "", "line": 1, "column": 7, "length": 4,
    }  # fmt: skip
    assert (third["id"], third["error"]["kind"]) == (None, "error")
    assert fourth["error"]["kind"] == "error"
    assert fifth["columns"] == [{"name": "DeviceName", "type": "string"}, {"name": "OSBuild", "type": "long"}]
    assert fifth["rows"] == []
    assert sixth["error"]["kind"] == "syntax"


def test_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "rows.csv"
    os.mkfifo(pipe)
    done = lurcher("query", "print a = 1", "-o", str(pipe), cwd=tmp_path)
    assert (done.returncode, pipe.is_fifo()) == (2, True)
    assert "rows.csv: this is there, and no file" in done.stderr


def test_json_lines_are_of_standard_input_alone(tmp_path: Path) -> None:
    for more in (["print a = 1"], ["--sql"], ["-o", "rows.jsonl"]):
        done = lurcher("query", "--jsonl", *more, cwd=tmp_path, stdin="")
        assert done.returncode == 2
        assert "--jsonl answers the queries on standard input" in done.stderr


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet"])
def test_the_ending_of_a_file_is_its_format(ending: str, export: Path, tmp_path: Path) -> None:
    out = tmp_path / f"out.{ending}"
    done = lurcher(
        "query",
        "--data",
        str(export),
        "-o",
        str(out),
        "DeviceFileCertificateInfo | project DeviceName, IsTrusted | sort by DeviceName asc",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert not out.with_name(out.name + ".partial").exists()
    rows = [("ws-1", True), ("ws-2", False), ("ws-3", None)]
    if ending == "parquet":
        import pyarrow.parquet as pq

        table = pq.read_table(out)
        assert [tuple(r.values()) for r in table.to_pylist()] == rows
        assert table.schema.field("IsTrusted").metadata == {b"kql": b"bool"}
    elif ending == "csv":
        assert out.read_text(encoding="utf-8") == "DeviceName,IsTrusted\nws-1,true\nws-2,false\nws-3,\n"
    else:
        text = out.read_text(encoding="utf-8")
        data = json.loads(text) if ending == "json" else [json.loads(line) for line in text.splitlines()]
        assert [tuple(r.values()) for r in data] == rows


def test_sql_is_printed_and_not_run(tmp_path: Path) -> None:
    done = lurcher("query", "--sql", "DeviceInfo | where DeviceName has 'ws' | count", cwd=tmp_path)
    assert done.returncode == 0
    assert "SELECT" in done.stdout
    assert '"DeviceInfo"' in done.stdout or "DeviceInfo" in done.stdout


def test_a_terminal_is_not_steered_by_data() -> None:
    from lurcher.report.tables import print_table

    out = io.StringIO()
    print_table(("a",), [("\x1b[2Jgone\u202eexe.txt",)], out=out)
    assert "\x1b" not in out.getvalue()
    assert "\\x1b[2Jgone\\u202eexe.txt" in out.getvalue()


def test_a_reader_that_goes_away_is_no_error(export: Path, tmp_path: Path) -> None:
    code = f"{sys.executable} -m lurcher query --format csv 'range x from 1 to 200000 step 1' | head -n 2"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "x\n1\n"
    assert done.stderr == ""


def test_a_text_that_asks_nothing_is_told(tmp_path: Path) -> None:
    for text in ("", "  \n", "// a comment", "let x = 1;"):
        done = lurcher("query", text, cwd=tmp_path)
        assert done.returncode == 2, text
        assert "query" in done.stderr
        assert done.stdout == ""


def test_a_folder_without_rules_is_no_clean_bill(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    done = lurcher("check", "rules", cwd=tmp_path)
    assert done.returncode == 2
    assert "no rule" in done.stderr


def test_a_file_that_is_no_rule_is_counted(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("", encoding="utf-8")
    done = lurcher("check", "empty.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.endswith("0 rules: 1 error, 0 warnings, 0 notes\n")


def test_a_hunt_names_the_place_in_a_rule_that_does_not_run(export: Path, tmp_path: Path) -> None:
    lurcher("init", "case", cwd=tmp_path)
    lurcher("add", str(export), "--lake", "case", cwd=tmp_path)
    rule = tmp_path / "rule.yaml"
    rule.write_text("name: x\nquery: |\n  DeviceFileCertificateInfo\n  | where Signr has 's'\n", encoding="utf-8")
    done = lurcher("hunt", str(rule), "--lake", "case", cwd=tmp_path)
    assert done.returncode == 1
    assert "line 4, column 11: the name 'Signr'" in done.stdout
    assert "did you mean Signer?" in done.stdout


def test_a_chart_is_drawn_below_its_rows_or_into_a_file(export: Path, tmp_path: Path) -> None:
    kql = "DeviceFileCertificateInfo | summarize count() by Signer | sort by Signer | render barchart with (title='Signers')"
    done = lurcher("query", "--data", str(export), kql, cwd=tmp_path)
    assert done.returncode == 0
    assert "\nSigners\nNinjaRMM, LLC 1 ██" in done.stdout
    done = lurcher("query", "--data", str(export), "--format", "csv", kql, cwd=tmp_path)
    assert done.stdout.splitlines() == ["Signer,count_", '"NinjaRMM, LLC",1', "NinjaOne LLC,1", ",1"]
    done = lurcher("query", "--data", str(export), "--chart", "signers.pdf", kql, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        "error: no chart can be written to signers.pdf\n  hint: end its name with one of .svg, .png, .html\n",
    )
    done = lurcher("query", "--chart", "x.svg", "print 1", cwd=tmp_path)
    assert "error: <query>: --chart: the query asks for no chart" in done.stderr


def test_json_lines_say_how_to_show_a_result(tmp_path: Path) -> None:
    asked = json.dumps({"id": 1, "query": "print a='x', n=1 | render columnchart with (title='T', ycolumns=n)"})
    done = lurcher("query", "--jsonl", cwd=tmp_path, stdin=asked + "\n")
    answer = json.loads(done.stdout)
    assert answer["render"] == {"kind": "columnchart", "properties": {"title": "T", "ycolumns": ["n"]}}


@pytest.mark.parametrize("option", ["--output", "--chart"])
def test_a_file_that_cannot_be_written_is_told(option: str, tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "x.svg"
    more = ["--format", "csv"] if option == "--output" else []
    done = lurcher("query", option, str(path), *more, "print a='x', n=1 | render piechart", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        f"error: {path}: the file cannot be written: No such file or directory\n  hint: check that its folder is there\n",
    )
