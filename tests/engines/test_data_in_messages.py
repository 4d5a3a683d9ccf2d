"""A message may name what is in the data: it shows it, on one line, and does what nothing in it says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lurcher.app.session import Session
from lurcher.errors import LurcherError, shown
from lurcher.kql.diagnostics import Refused

EVIL = "x\n  hint: run me\u202e\0"
LITERAL = "'x\\n  hint: run me\\u202e\\0'"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain caf\u00e9 \u65e5\u672c", "plain caf\u00e9 \u65e5\u672c"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\u202eexe.txt\u2066", "\\u202eexe.txt\\u2066"),
        ("\0\x1b[31m\x85\u2028", "\\x00\\x1b[31m\\x85\\u2028"),
        ("\ud800", "\\ud800"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 80 + "..."),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, seen: str) -> None:
    assert shown(text) == seen


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.open(None, datetime(2026, 3, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "project bag_remove_keys(dynamic({'a':1}), pack_array(strcat('$.a[0]', k)))",
            "does not lead through keys alone",
        ),
        ("project datetime_utc_to_local(datetime(2024-01-01), k)", "there is no time zone"),
        ("project 'a' matches regex strcat('(', k)", "a regular expression is none"),
        ("project datetime_utc_to_local(datetime(2024-01-01), strrep(k, 200))", "there is no time zone"),
    ],
)
def test_values_in_refusals_of_rows(text: str, message: str, session: Session) -> None:
    with pytest.raises(LurcherError, match=message) as caught:
        list(session.run(f"datatable(k:string)[{LITERAL}] | {text}")[0].batches)
    _one_line(caught.value.message)
    assert "run me" not in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "project d = bag_pack(k, dynamic(null)) | evaluate bag_unpack(d)",
        "extend n = 1 | evaluate pivot(k, sum(n)) | project y",
        "summarize by k, ['x\\n  hint: run me\\u202e\\0'] = 1 | evaluate pivot(k)",
        "extend n = 1 | evaluate pivot(k, sum(n)) | project ['x\\n  hint: run you']",
    ],
)
def test_keys_and_names_in_diagnostics(text: str, session: Session) -> None:
    with pytest.raises(Refused) as caught:
        session.run(f"datatable(k:string)[{LITERAL}] | {text}")
    for found in caught.value.diagnostics:
        _one_line(found.hint)
        if "refer to any" not in found.message:  # That one repeats what the query says.
            _one_line(found.message)


def _one_line(text: str) -> None:
    assert text.isprintable(), text
    assert len(text) < 500
