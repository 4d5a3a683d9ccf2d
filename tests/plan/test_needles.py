"""What a text holds at least where a test of it is true."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lurcher.plan import nodes as n
from lurcher.plan.catalog import KnownTables
from lurcher.plan.compile import compile_text
from lurcher.plan.needles import looser, needles
from lurcher.plan.render import text
from lurcher.plan.used import wanted_columns
from lurcher.plan.walk import walk

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def plan_of(query: str) -> n.Plan:
    compiled = compile_text(query, KnownTables(), NOW)
    assert compiled.ok, compiled.diagnostics
    return compiled.queries[0].plan


def predicate(condition: str) -> n.Expr:
    return next(
        p for p in walk(plan_of(f"DeviceProcessEvents | where {condition}")) if isinstance(p, n.Filter)
    ).predicate


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("FileName has 'AnyDesk'", {"anydesk"}),
        ("FileName has_cs 'AnyDesk'", {"anydesk"}),
        ("FileName == 'Ü.exe'", {"ü.exe"}),
        ("FileName in~ ('A.exe', 'b.exe')", {"a.exe", "b.exe"}),
        ("FileName has_any ('x1', 'Y2')", {"x1", "y2"}),
        ("FileName has_all ('x1', 'long')", {"long"}),
        ("FileName has 'a' or FileName endswith '.scr'", {"a", ".scr"}),
        ("FileName contains 'setup' and FileName !has 'x'", {"setup"}),
        # Every text has an empty needle, and what is not there needs no text at all.
        ("FileName has ''", None),
        ("FileName in ('a', '')", None),
        ("FileName !has 'a'", None),
        ("FileName has 'a' or FileName !has 'b'", None),
        ("FileName matches regex 'a'", None),
        ("tolower(FileName) has 'a'", None),
    ],
)
def test_needles(condition: str, found: set[str] | None) -> None:
    assert needles(predicate(condition)) == found


@pytest.mark.parametrize(
    ("condition", "instead"),
    [
        ("FileName has 'a'", "FileName contains 'a'"),
        ("FileName hasprefix_cs 'a'", "FileName contains_cs 'a'"),
        ("FileName has_any ('a', 'b')", "FileName contains 'a' or FileName contains 'b'"),
        ("FileName has_all ('a', 'b')", "FileName contains 'a' and FileName contains 'b'"),
        ("FileName has 'a' and FileName !has 'b'", "FileName contains 'a' and FileName !has 'b'"),
        ("not(FileName has 'a')", "not(FileName has 'a')"),
        ("FileName startswith 'a'", "FileName startswith 'a'"),
    ],
)
def test_looser(condition: str, instead: str) -> None:
    assert text(looser(predicate(condition))) == text(predicate(instead))


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("DeviceProcessEvents | where FileName has 'a' | project DeviceId", {"FileName", "DeviceId"}),
        ("DeviceProcessEvents | summarize count() by DeviceId", {"DeviceId"}),
        ("DeviceProcessEvents | extend x = strlen(FileName) | project DeviceId", {"FileName", "DeviceId"}),
        ("let m = materialize(DeviceProcessEvents); m | summarize max(Timestamp)", {"Timestamp"}),
        (
            "let m = materialize(DeviceProcessEvents); m | join kind=leftsemi (m | where MD5 == '') on DeviceId | project SHA1",
            {"MD5", "DeviceId", "SHA1"},
        ),
        ("DeviceProcessEvents | sort by Timestamp asc | project a = MD5 | take 1", {"Timestamp", "MD5"}),
        ("union (DeviceProcessEvents | project A = SHA1, B = MD5), (DeviceEvents | project A = SHA1) | project A", {"SHA1"}),
        ("DeviceEvents | where DeviceId in ((DeviceProcessEvents | where MD5 != '' | project SHA1))", {"MD5", "SHA1"}),
        ("DeviceProcessEvents | top 1 by Timestamp | summarize arg_max(ProcessId, FileName) by MD5 | project FileName",
         {"Timestamp", "ProcessId", "FileName", "MD5"}),
    ],
)  # fmt: skip
def test_wanted_columns(query: str, columns: set[str]) -> None:
    plan = plan_of(query)
    wanted = wanted_columns(plan)
    (scan,) = (p for p in walk(plan) if isinstance(p, n.Scan) and p.table == "DeviceProcessEvents")
    assert wanted[id(scan)] == columns
