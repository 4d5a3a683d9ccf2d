"""lurcher fmt on files: what changes, what stays to the byte, what it ends with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lurcher.app import language
from lurcher.app.fmt import format_file, format_query, format_yaml
from lurcher.cli import main
from lurcher.kql.source import Source

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "hunting_queries.json"
RULE = """id: 12345678-1234-1234-1234-123456789012   # kept
name:   "A rule"
query: |
    // why
    T|where a==1
     | take 5   // few

    // end

tactics:
  - Execution   # kept too
"""
LAID = """id: 12345678-1234-1234-1234-123456789012   # kept
name:   "A rule"
query: |
    // why
    T
    | where a == 1
    | take 5 // few

    // end

tactics:
  - Execution   # kept too
"""


def test_only_the_block_of_a_rule_changes() -> None:
    assert format_yaml(Source(RULE)).text == LAID
    assert format_yaml(Source(LAID)).text == LAID


@pytest.mark.parametrize("tail", ["", "\n", "\n\n\n"])
@pytest.mark.parametrize("head", ["|", "|-", "|+", "|  # comment", "|2"])
def test_ends_of_blocks(head: str, tail: str) -> None:
    done = format_yaml(Source(f"query: {head}\n  T|take 5{tail}"))
    assert done.text == f"query: {head}\n  T\n  | take 5{tail}"


def test_line_ends_and_marks_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + RULE.replace("\n", "\r\n").encode())
    assert main(["fmt", str(path)]) == 0
    assert path.read_bytes() == b"\xef\xbb\xbf" + LAID.replace("\n", "\r\n").encode()
    query = tmp_path / "a.kql"
    query.write_bytes(b"T|take 5 // x\r\n")
    assert main(["fmt", str(query)]) == 0
    assert query.read_bytes() == b"T\r\n| take 5 // x\r\n"


def test_an_error_points_into_the_file_and_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.yaml"
    text = RULE.replace("a==1", "(a==1")
    path.write_text(text)
    assert main(["fmt", str(path)]) == 1
    assert path.read_text() == text
    assert f"{path}:6:14: error" in capsys.readouterr().err


def test_quoted_queries_stay_with_a_note() -> None:
    done = format_yaml(Source('query: "T|take 5"\n', "a.yaml"))
    assert done.text == 'query: "T|take 5"\n'
    assert done.notes[0].startswith("a.yaml:1: left as it is")


def test_check_and_diff_write_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.kql"
    path.write_text("T|take 5\n")
    assert main(["fmt", "--check", str(path)]) == 1
    assert main(["fmt", "--diff", str(path)]) == 0
    assert "-T|take 5\n+T\n+| take 5\n" in capsys.readouterr().out
    assert path.read_text() == "T|take 5\n"
    assert main(["fmt", str(path)]) == 0
    assert main(["fmt", "--check", str(tmp_path)]) == 0
    assert path.read_text() == "T\n| take 5\n"


def test_other_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("T")
    assert main(["fmt", str(path)]) == 2
    assert "does not know files of this name" in capsys.readouterr().err


def test_yaml_without_a_query_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "ci.yml"
    path.write_text("on:   push\njobs: {}\n")
    before, after, done = format_file(path)
    assert (before, done.problems, done.notes) == (after, (), ())


def test_a_text_that_is_empty() -> None:
    assert format_query(Source("")).text == ""
    assert format_yaml(Source("query: |\n\nname: x\n")).text == "query: |\n\nname: x\n"


def test_a_folder_may_hold_what_is_no_yaml_at_all(tmp_path: Path) -> None:
    (tmp_path / "chart.yaml").write_text("{{- if .Values.x }}\na: b\n{{ end }}\n")
    (tmp_path / "a.kql").write_text("T|count\n")
    assert main(["fmt", str(tmp_path)]) == 0
    assert (tmp_path / "a.kql").read_text() == "T\n| count\n"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.kql").write_text("T|count\n")
    (tmp_path / "link.kql").symlink_to("real.kql")
    assert main(["fmt", str(tmp_path / "link.kql")]) == 0
    assert (tmp_path / "link.kql").is_symlink()
    assert (tmp_path / "real.kql").read_text() == "T\n| count\n"


def test_several_rules_in_a_file_and_indented_blocks_with_spaces_in_strings() -> None:
    text = "query: |\n  T|count\n---\nname: x\nquery: |\n    print ```a\n      b\n\n    c```\n"
    assert format_yaml(Source(text)).text == text.replace("T|count", "T\n  | count")


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")
def test_published_queries_in_a_block_become_what_they_do_alone() -> None:
    done = 0
    for query in [q["query"] for q in json.loads(CORPUS.read_text(encoding="utf-8"))][::20]:
        text = query.replace("\r\n", "\n").replace("\t", "    ").strip("\n") + "\n"
        alone = format_query(Source(text))
        if alone.problems or any(ord(c) < 32 and c != "\n" for c in text):
            continue
        head, tail = "name: x\nquery: |2\n", "version: 1\n"

        def block(rows: str) -> str:
            return "".join(f"  {row}\n" if row.strip() else "\n" for row in rows.removesuffix("\n").split("\n"))

        rule = head + block(text) + tail
        assert format_yaml(Source(rule)).text == head + block(alone.text) + tail
        # And every character is found in the file, and back.
        (region,) = language.queries_in("a.yaml", rule)[0]
        for at in range(0, len(region.text), 5):
            if region.text[at] != "\n":
                assert rule[region.in_document(at)] == region.text[at]
                assert region.in_query(region.in_document(at)) == at
        done += 1
    assert done > 80
