"""Laying out a text: the same query, the same comments, and nothing left to do a second time."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from trees import scripts

from lurcher.kql.formatter import format
from lurcher.kql.formatter.comments import comments_of
from lurcher.kql.formatter.layout import layout
from lurcher.kql.lexer import tokenize
from lurcher.kql.parser import parse
from lurcher.kql.syntax import Script
from lurcher.kql.tokens import words

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "hunting_queries.json"
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def laid(text: str) -> str:
    result = parse(text)
    assert result.ok, result.diagnostics
    return layout(text, result.tree)


def holds(text: str) -> None:
    once = laid(text)
    assert parse(once).tree == parse(text).tree
    assert sorted(comments_of(tokenize(once))) == sorted(comments_of(tokenize(text)))
    assert laid(once) == once
    assert not any(line != line.rstrip() for line in once.split("\n") if "```" not in once and "~~~" not in once)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("T|where a==1|take 5", "T\n| where a == 1\n| take 5\n"),
        ("T |\n where x |\n take 5", "T\n| where x\n| take 5\n"),
        ("let a=1;let b = T | count;  b", "let a = 1;\nlet b = T\n    | count;\nb\n"),
        ("let b =\nT|where x\nand y;b", "let b =\n    T\n    | where x\n        and y;\nb\n"),
        # Short subqueries and bodies stay in their line, others open.
        ("T|join kind = inner(U|take 1) on a", "T\n| join kind=inner(U | take 1) on a\n"),
        ("T|join (U\n|take 1) on a", "T\n| join (\n    U\n    | take 1\n) on a\n"),
        ("let f=(a:string){T|where x==a\n};f('x')", "let f = (a:string) {\n    T\n    | where x == a\n};\nf('x')\n"),
        # Comments: behind a token, on lines of their own, at the end.
        ("// head\n\nT // behind \n  // own\n|take 5// last", "// head\n\nT // behind\n// own\n| take 5 // last\n"),
        ("T\n| where a // one\n  // two\n or b", "T\n| where a // one\n    // two\n    or b\n"),
        ("T | // why\nwhere x", "T\n| // why\n    where x\n"),
        ("print dynamic([1, // one\n2 // two\n])", "print dynamic([1, // one\n    2 // two\n])\n"),
        ("T | where s == '// none'", "T\n| where s == '// none'\n"),
        # Signs whose meaning hangs on spaces, or that are not what they look like.
        ("T|project-away A*,B", "T\n| project-away A*, B\n"),
        ("print a=-1,b = 2-1 , c=x.y [ 'z' ]", "print a = -1, b = 2 - 1, c = x.y['z']\n"),
        ("print todatetime (x), datetime( 2024-01-01 )", "print todatetime(x), datetime( 2024-01-01 )\n"),
        ("T|where a between(1..5)", "T\n| where a between (1 .. 5)\n"),
        ("print dynamic({'a':1,'b':{ }})", "print dynamic({'a': 1, 'b': {}})\n"),
        ("T\r\n| take 5\r\n\r\n\r\n\r\n// end", "T\n| take 5\n\n// end\n"),
        ("print ```a\n  b```", "print ```a\n  b```\n"),
        ("", ""),
        ("  \n", ""),
        ("// only", "// only\n"),
    ],
)
def test_layouts(text: str, expected: str) -> None:
    assert laid(text) == expected
    holds(text)


def test_what_is_too_long_is_broken_where_it_was_not() -> None:
    condition = " or ".join(f"ColumnOfTheTable{i} has 'needle{i}'" for i in range(5))
    assert laid(f"T | where {condition}").splitlines()[1:3] == [
        "| where ColumnOfTheTable0 has 'needle0'",
        "    or ColumnOfTheTable1 has 'needle1'",
    ]
    columns = ", ".join(f"ColumnOfTheTable{i}" for i in range(12))
    lines = laid(f"T | project {columns}").splitlines()
    assert len(lines) == 4
    assert all(len(line) <= 120 for line in lines)
    holds(f"T | project {columns} | where {condition} // why")


@settings(max_examples=150, deadline=None, suppress_health_check=_SLOW)
@given(scripts, st.randoms(use_true_random=False))
def test_any_tree_with_any_white_space_and_comments(tree: Script, random: object) -> None:
    text = format(tree)
    if not parse(text).ok:
        return
    tokens = tokenize(text)
    parts = []
    for i in range(len(tokens)):
        gap = text[(tokens.end(i - 1) if i else 0) : tokens.starts[i]]
        if gap:
            gap = random.choice(["", "", "\n", "\n\n\n", " // c1\n", "\n  // c2 \n// c3\n\n"]) + gap  # type: ignore[attr-defined]
        parts += [gap, tokens.texts[i]]
    varied = "".join(parts)
    assert parse(varied).tree == tree
    holds(varied)


_PIECES = [
    *words("T a b where take summarize by join on = == ( ) [ ] { } | ; , . * + - and or has in let 1 1d 'x' dynamic( extend"),
    *words("project union print range from to step mv-apply toscalar(T|count) => : datatable"),
    "// c\n",
    "\n",
    "\n\n",
]  # fmt: skip


@settings(max_examples=500, deadline=None, suppress_health_check=_SLOW)
@given(st.lists(st.sampled_from(_PIECES), max_size=30))
def test_any_text_that_stands(pieces: list[str]) -> None:
    text = " ".join(pieces)
    if parse(text).ok:
        holds(text)


@pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not here")
def test_the_published_queries() -> None:
    queries = [q["query"] for q in json.loads(CORPUS.read_text(encoding="utf-8"))][::12]
    done = 0
    for query in queries:
        if parse(query).ok:
            holds(query)
            done += 1
    assert done > 150
