"""`has` and its kin: whole terms on any script, by a reference written without SQL or regular expressions."""

from __future__ import annotations

import unicodedata
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lurcher.functions import terms
from lurcher.sql import tree as t
from lurcher.sql.printer import expr_sql


def is_term(char: str) -> bool:
    return unicodedata.category(char)[0] in "LN"


def reference(text: str, needle: str, left: bool, right: bool, cs: bool) -> bool:
    """The needle occurs with no letter or digit next to where it begins or ends with one itself."""
    if not cs:
        text, needle = terms.fold(text), terms.fold(needle)
    if not needle:
        return True
    for at in range(len(text) - len(needle) + 1):
        if text[at : at + len(needle)] != needle:
            continue
        before, after = text[at - 1 : at] if at else "", text[at + len(needle) : at + len(needle) + 1]
        bad_left = left and is_term(needle[0]) and before and is_term(before)
        bad_right = right and is_term(needle[-1]) and after and is_term(after)
        if not bad_left and not bad_right:
            return True
    return False


@pytest.fixture(scope="module")
def db() -> Any:
    connection = duckdb.connect()
    yield connection
    connection.close()


def found(db: Any, text: str, needle: str, **how: bool) -> bool:
    """The answer, which must be the same for a needle that is written and for one that is computed."""
    literal = terms.find(t.Ident("x"), t.Literal(needle), **how)
    computed = terms.find(t.Ident("x"), t.Ident("n"), **how)
    sql = f"SELECT {expr_sql(literal)}, {expr_sql(computed)} FROM (SELECT ? AS x, ? AS n)"
    written, made = db.execute(sql, [text, needle]).fetchall()[0]
    assert written == made
    return bool(written)


@pytest.mark.parametrize(
    ("text", "needle", "expected"),
    [
        ("NinjaRMM, LLC", "ninjarmm", True),
        ("NinjaRMM, LLC", "NinjaRMM, LLC", True),
        ("x_ninjarmm", "ninjarmm", True),  # _ separates
        ("éNinjaRMM", "ninjarmm", False),  # é is a letter
        ("NinjaRMM2", "ninjarmm", False),
        ("Servably, Inc.", "Servably, Inc.", True),
        ("Servably, Inc.x", "Servably, Inc.", True),  # the needle ends in a dot: nothing is asked of that side
        ("xServably, Inc.", "Servably, Inc.", False),
        ("DWSNET OÜ", "dwsnet oü", True),
        ("DWSNET OÜ", "O", False),  # Ü goes on the term
        ("TEKNOPARS BİLİŞİM", "bilişim", True),
        ("TEKNOPARS BİLİŞİM", "BİLİŞİM", True),
        ("Shanghai 上海贝锐 Co", "上海贝锐", True),
        ("上海贝锐信息", "上海贝锐", False),
        ("Straße", "STRASSE", False),  # one character for one: no full folding
        ("STRAẞE", "straße", True),
        ("400 K", "400 k", True),  # the Kelvin sign
        ("a.b+c", "b+c", True),
        ("a\nb", "b", True),
        ("anything", "", True),
        ("", "a", False),
        ("ab\0cd", "cd", True),
        ("٣٤", "٣", False),  # digits of other scripts are digits
    ],
)
def test_has(db: Any, text: str, needle: str, expected: bool) -> None:
    assert reference(text, needle, True, True, False) is expected
    assert found(db, text, needle) is expected


@pytest.mark.parametrize(
    ("text", "needle", "prefix", "suffix"),
    [
        ("an errorlog", "err", True, False),
        ("an errorlog", "log", False, True),
        ("xa b", "a ", False, True),
        ("x ab y", " a", True, False),
        ("err or", "r o", False, False),
        ("b .b-", " ", True, True),
        ("a_error", "err", True, False),
    ],
)
def test_hasprefix_and_hassuffix_ask_one_side(db: Any, text: str, needle: str, prefix: bool, suffix: bool) -> None:
    assert found(db, text, needle, right=False) is prefix
    assert found(db, text, needle, left=False) is suffix


def test_case_sensitive(db: Any) -> None:
    assert found(db, "North America", "America", cs=True)
    assert not found(db, "North America", "america", cs=True)


_TEXT = st.text(st.sampled_from("aA1_ .é ÜüşŞİiıßẞK上٣́\n-*"), max_size=10)


@given(_TEXT, _TEXT.map(lambda x: x[:4]), st.booleans(), st.booleans(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_against_the_reference(text: str, needle: str, left: bool, right: bool, cs: bool) -> None:
    with duckdb.connect() as db:
        assert found(db, text, needle, left=left, right=right, cs=cs) is reference(text, needle, left, right, cs)


@given(_TEXT, st.lists(_TEXT.map(lambda x: x[:4]), min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_one_expression_of_alternatives_finds_what_each_would(text: str, needles: list[str]) -> None:
    pattern = terms.alternation([terms.fold(n) for n in needles])
    assert pattern is not None
    with duckdb.connect() as db:
        answer = db.execute("SELECT regexp_matches(lower(?), ?)", [text, pattern]).fetchall()[0][0]
    assert answer is any(reference(text, n, True, True, False) for n in needles)


def test_folding_is_the_engines_for_all_of_unicode(db: Any) -> None:
    rows = db.execute(
        "SELECT chr(i::INT), lower(chr(i::INT)) FROM range(1, 1114112) t(i) WHERE NOT (i BETWEEN 55296 AND 57343)"
    ).fetchall()
    assert [c for c, low in rows if terms.fold(c) != low] == []


def test_folding_never_moves_the_border_of_a_term(db: Any) -> None:
    pattern = r"[\p{L}\p{N}]"
    rows = db.execute(
        f"SELECT chr(i::INT) FROM range(1, 1114112) t(i) WHERE NOT (i BETWEEN 55296 AND 57343)"
        f" AND regexp_matches(chr(i::INT), '{pattern}') <> regexp_matches(lower(chr(i::INT)), '{pattern}')"
    ).fetchall()
    assert rows == []
