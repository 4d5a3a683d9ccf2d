from __future__ import annotations

from lurcher.kql.parser import split_queries


def _split(text: str) -> list[str]:
    return [text[s.start : s.end] for s in split_queries(text)]


def test_a_text_that_parses_whole_is_one_query_whatever_its_blank_lines() -> None:
    assert _split("// head\nlet a = 1;\n\nT\n\n| take a\n// tail") == ["let a = 1;\n\nT\n\n| take a"]


def test_blank_lines_part_queries() -> None:
    assert _split("T\n| take 1\n\n// next\nU\n| take 2\n\n\nV") == ["T\n| take 1", "U\n| take 2", "V"]


def test_a_query_goes_on_after_a_semicolon_a_pipe_an_operator_and_before_a_pipe() -> None:
    assert _split("let a = 1;\n\nT\n| where b ==\n\n2\n\n| take a\n\nU") == [
        "let a = 1;\n\nT\n| where b ==\n\n2\n\n| take a",
        "U",
    ]


def test_brackets_are_not_cut() -> None:
    assert _split("T | where a in (1,\n\n2\n\n)\n\nU") == ["T | where a in (1,\n\n2\n\n)", "U"]


def test_white_space_and_comments_hold_no_query() -> None:
    assert _split(" \n// nothing\n") == []
