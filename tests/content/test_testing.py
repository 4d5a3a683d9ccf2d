"""Files of tests: what is read, and what is said of one that is wrong."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from lurcher.content.testing import TestFile, load_tests
from lurcher.content.testing import tests_of as beside

HEAD = "now: 2026-11-20T12:00:00Z\ntests:\n  - name: one\n    kind: true positive\n"


def load(tmp_path: Path, text: str) -> TestFile:
    path = tmp_path / "rule.test.yaml"
    path.write_text(text, encoding="utf-8")
    return load_tests(path)


def said(file: TestFile) -> list[tuple[str, int, str, str]]:
    return [(p.diagnostic.code, p.position[0], p.diagnostic.message, p.diagnostic.hint) for p in file.diagnostics]


def test_a_test_with_all_that_it_may_say(tmp_path: Path) -> None:
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "p.ndjson").write_text("{}\n", encoding="utf-8")
    file = load(
        tmp_path,
        HEAD
        + """\
    tables:
      DeviceFileCertificateInfo:
        - {Timestamp: 2026-11-19T08:00:00Z, DeviceId: 007, Signer: 1.10, IsSigned: true, ReportId: 12}
        - {DeviceId: ~}
      DeviceProcessEvents: events/p.ndjson
    expect:
      rows: 2
      findings:
        - {DeviceName: pc1, Count: 1}
      suppressed: 0
      explained: {agent-update: 3}
    force: [agent-update]
  - name: two
    kind: false-positive
    now: 2026-01-01
    tables: {}
""",
    )
    assert not file.diagnostics
    one, two = file.tests
    assert (one.name, one.kind, one.force, one.line) == ("one", "true positive", ("agent-update",), 3)
    assert one.now == dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
    events = one.tables["DeviceFileCertificateInfo"]
    # Texts are as they are written, whatever YAML would make of them.
    assert events.rows[0]["DeviceId"] == "007"
    assert events.values["Signer"] == ["1.10", ""]
    assert events.values["IsSigned"] == [True, None]
    assert events.values["ReportId"] == [12, None]
    assert events.values["Timestamp"] == [1795075200000000, None]
    assert one.tables["DeviceProcessEvents"].file == (tmp_path / "events" / "p.ndjson").resolve()
    assert (one.expect.rows, one.expect.suppressed, one.expect.explained) == (2, 0, {"agent-update": 3})
    assert one.expect.findings == ({"DeviceName": "pc1", "Count": "1"},)
    assert (two.kind, two.now, two.expect.empty) == ("false positive", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now: 1\n", ("LU605", 1, "'now' is no time: '1' is not a time", "write it as 2026-03-31T14:05:00Z (UTC)")),
        (
            "now: 03/04/2026\ntests: []\n",
            ("LU605", 1, "'now' is no time: which is the day and which the month?", "write it as 2026-03-31"),
        ),
        ("now: 2026-01-01\n", ("LU606", 1, "the file has no 'tests'", "")),
        ("", ("LU606", 1, "the file has no 'tests'", "")),
        ("test: []\n", ("LU601", 1, "there is no key 'test' in a file of tests", "did you mean tests?")),
        ("tests: 1\n", ("LU128", 1, "'tests' is '1', expected a list of tests", "")),
        ("tests: [a\n", ("LU120", 2, "not YAML: while parsing a flow sequence did not find expected ',' or ']'", "")),
        (
            HEAD + "    tables: {}\n    expcet: {}\n",
            ("LU601", 6, "there is no key 'expcet' in a test", "did you mean expect?"),
        ),
        (
            HEAD + "    tables: {}\n    expect: {finding: 1}\n",
            ("LU601", 6, "there is no key 'finding' in 'expect'", "did you mean findings?"),
        ),
        (
            HEAD + "    tables: {}\n    expect: {rows: -1}\n",
            ("LU128", 6, "'rows' is '-1', expected a number of rows, or a list of rows", ""),
        ),
        (
            HEAD + "    tables: {}\n    expect: {explained: {a: many}}\n",
            ("LU128", 6, "'a' is 'many', expected a number of evidence rows", ""),
        ),
        (HEAD, ("LU606", 3, "the test 'one' has no 'tables'", "tables: {DeviceProcessEvents: [...]}")),
        (
            HEAD + "    tables: {DeviceProcesEvents: []}\n",
            ("LU604", 5, "there is no table 'DeviceProcesEvents'", "did you mean DeviceProcessEvents?"),
        ),
        (
            HEAD + "    tables: {DeviceInfo: 5}\n",
            ("LU608", 5, "the events in '5' cannot be read: there is no such file", ""),
        ),
        (
            HEAD + "    tables: {DeviceInfo: {a: b}}\n",
            ("LU128", 5, "'DeviceInfo' is a mapping, expected a list of rows", ""),
        ),
        (
            HEAD + "    tables: {DeviceInfo: [5]}\n",
            ("LU128", 5, "'DeviceInfo' is '5', expected a row: columns and their values", ""),
        ),
        (
            HEAD + "    tables:\n      DeviceInfo:\n        - {DeviceNam: a}\n",
            ("LU602", 7, "the table DeviceInfo has no column 'DeviceNam'", "did you mean DeviceName?"),
        ),
        (
            HEAD + "    tables:\n      DeviceInfo:\n        - {Timestamp: yesterday}\n",
            ("LU603", 7, "DeviceInfo.Timestamp: 'yesterday' is not a time", ""),
        ),
        (
            HEAD + "    tables:\n      DeviceInfo:\n        - {ReportId: 1.5}\n",
            ("LU603", 7, "DeviceInfo.ReportId: '1.5' is not of type long", ""),
        ),
        (
            HEAD + "    tables: {}\n  - name: one\n    kind: false positive\n    tables: {}\n",
            ("LU609", 6, "two tests are called 'one'", ""),
        ),
        (
            "tests:\n  - {name: a, kind: maybe, now: 2026-01-01, tables: {}}\n",
            ("LU607", 2, "'kind' is 'maybe', expected 'true positive' or 'false positive'", ""),
        ),
        (
            "tests:\n  - {name: a, kind: true positive, tables: {}}\n",
            ("LU606", 2, "the test 'a' has no 'now'", "at the top of the file or in the test: what now() means"),
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, expected: tuple[str, int, str, str]) -> None:
    file = load(tmp_path, text)
    assert expected in said(file)
    assert all(t.name != "one" or "kind: false" in text for t in file.tests)


@pytest.mark.parametrize(
    "name", ["../secret.json", "/etc/passwd", "..\\x.json", "a/../../x.json", "link.json", "C:\\x.json"]
)
def test_events_come_from_no_other_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    (tmp_path / "secret.json").write_text("{}", encoding="utf-8")
    (folder / "link.json").symlink_to(tmp_path / "secret.json")
    file = load(folder, HEAD + f"    tables: {{DeviceInfo: '{name}'}}\n")
    assert [d[0] for d in said(file)] == ["LU608"]
    assert not file.tests


def test_a_broken_test_leaves_the_others(tmp_path: Path) -> None:
    file = load(tmp_path, HEAD + "    tables: {Nope: []}\n  - {name: two, kind: true positive, tables: {}}\n")
    assert [t.name for t in file.tests] == ["two"]


def test_rows_that_are_shared_and_wrong_break_both_tests(tmp_path: Path) -> None:
    file = load(
        tmp_path,
        HEAD
        + "    tables: {DeviceInfo: &rows [{Nope: 1}]}\n  - {name: two, kind: true positive, tables: {DeviceInfo: *rows}}\n",
    )
    assert not file.tests
    assert len(file.diagnostics) == 1


def test_a_table_of_ones_own_says_its_columns(tmp_path: Path) -> None:
    text = (
        "now: 2026-01-01\ncolumns: {Mine_CL: {TimeGenerated: datetime, n: int}}\n"
        "tests: [{name: a, kind: true positive, tables: {Mine_CL: [{n: 3}]}}]\n"
    )
    file = load(tmp_path, text)
    assert not file.diagnostics
    assert file.tests[0].tables["Mine_CL"].values == {"n": [3]}
    wrong = load(tmp_path, text.replace("n: int", "n: number"))
    assert said(wrong)[0][:2] == ("LU128", 2)


def test_aliases_do_not_grow_without_bound(tmp_path: Path) -> None:
    bomb = "x: &a0 [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"x{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)
    )
    file = load(
        tmp_path,
        HEAD
        + "    tables:\n      DeviceInfo:\n        - AdditionalFields:\n"
        + "".join(f"            {line}\n" for line in bomb.splitlines()),
    )
    assert "LU121" in [d[0] for d in said(file)]


def test_the_file_beside_a_rule(tmp_path: Path) -> None:
    assert beside(tmp_path / "agent.yaml") is None
    (tmp_path / "agent.test.yml").touch()
    assert beside(tmp_path / "agent.yaml") == tmp_path / "agent.test.yml"
    (tmp_path / "agent.test.yaml").touch()
    assert beside(tmp_path / "agent.yaml") == tmp_path / "agent.test.yaml"
