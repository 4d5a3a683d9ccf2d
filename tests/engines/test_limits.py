"""Hostile queries end soon, in rows or in a sentence; time and memory limits hold; no text of a query becomes SQL."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from cases import load
from lurcher.app.session import Limits, Session
from lurcher.engines.background import GRACE, abandoned, in_background
from lurcher.engines.limits import memory_bytes, within
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Refused
from lurcher.kql.source import Source

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "hunting_queries.json"


def session(**limits: Any) -> Session:
    return Session.open(None, NOW, limits=Limits(threads=1, **limits))


@pytest.fixture(scope="module")
def unlimited() -> Session:
    return session()


def _functions(body: str) -> str:
    return "let f0=(x:string){strcat(x,x)};" + "".join(
        f"let f{i + 1}=(x:string){{{body.format(i=i)}}};" for i in range(30)
    )


LARGE = {
    "operators": "print a=1" + " | extend a=a+1" * 5_000,
    "columns": "print a=1" + "".join(f" | extend a{i}=a" for i in range(999)),
    "a chain of additions": "datatable(a:long)[1] | project " + "+".join(["a"] * 10_000),
    "functions that double": _functions("f{i}(f{i}(x))") + "print f30('a')",
    "tables that double": "let t0=(){print a=1};"
    + "".join(f"let t{i + 1}=(){{union t{i}(),t{i}()}};" for i in range(25))
    + "t25()",
    "variables that double": "let a0=now();"
    + "".join(f"let a{i + 1}=strcat(a{i},a{i});" for i in range(40))
    + "print a40",
    "a datatable": "datatable(a:long)[" + ",".join(["1"] * 60_000) + "]",
}


@pytest.mark.parametrize("what", LARGE)
def test_what_is_too_large_is_refused_soon(what: str, unlimited: Session) -> None:
    began = time.monotonic()
    with pytest.raises(Refused) as caught:
        unlimited.run_table(LARGE[what])
    assert "LU003" in {d.code for d in caught.value.diagnostics}
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    "text", ["decimal(1e99999999)", "decimal(1e-99999999)", r'"\ud800"', '"\ud800"', r"['\udfff'] = 1"]
)
def test_literals_that_no_value_is(text: str, unlimited: Session) -> None:
    with pytest.raises(Refused, match="LU004"):
        unlimited.run_table(f"print {text}")


def test_two_halves_are_a_character(unlimited: Session) -> None:
    assert unlimited.run_table(r'print "\ud83d\ude00"').to_pylist() == [{"print_0": "\U0001f600"}]


def test_twenty_thousand_names(unlimited: Session) -> None:
    from lurcher.engines.lowering.rel import stored_names

    began = time.monotonic()
    assert len(set(stored_names(f"a{i}" for i in range(20_000)).values())) == 20_000
    assert time.monotonic() - began < 2


def test_what_cannot_be_interrupted_is_left_alone() -> None:
    def deaf() -> Any:
        time.sleep(3 * GRACE)
        yield 1

    late = time.monotonic() + 0.1
    began = time.monotonic()
    items = in_background(deaf, lambda: None, lambda: LurcherError("late") if time.monotonic() > late else None)
    with pytest.raises(LurcherError, match="late"):
        list(items)
    assert time.monotonic() - began < 2 * GRACE
    assert abandoned()
    time.sleep(2.5 * GRACE)
    assert not abandoned()


@pytest.mark.parametrize("watch", [sys.settrace, sys.setprofile])
def test_a_debugger_or_profiler_goes_on_after_a_limit(watch: Any) -> None:
    # In a process of its own: where it went wrong, it never ended.
    code = (
        f"import sys, time; from lurcher.engines.limits import within; sys.{watch.__name__}(lambda *a: None)\n"
        "for _ in range(3): within(time.monotonic() + 60, ValueError, lambda: len(str(1)))\n"
        "print(sum(len(str(i)) for i in range(10)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "10\n"


def test_what_ends_at_its_limit_has_ended_or_is_late() -> None:
    def work(seconds: float) -> int:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass
        return 1

    for i in range(60):
        with contextlib.suppress(LurcherError):
            within(time.monotonic() + 0.004, lambda: LurcherError("late"), lambda i=i: work(0.0035 + i / 60_000))
        # Nothing comes afterwards.
        assert sum(len(str(j)) for j in range(10)) == 10


def test_memory_beside_the_engines_own_is_counted() -> None:
    if not Path("/proc/self/statm").exists():
        pytest.skip("the system does not say how much memory a process has")
    limited = session(memory="100MB", timeout=20)
    text = "range x from 1 to 150 step 1 | extend a=range(x, 1000000+x) | summarize sum(array_length(a))"
    with pytest.raises(LurcherError, match="more memory"):
        limited.run_table(text)
    while abandoned():
        time.sleep(0.1)
    # The engine goes on, on another connection where the first is still at work.
    assert limited.run_table("print a=1").to_pylist() == [{"a": 1}]


@pytest.mark.parametrize(
    ("size", "wanted"), [("500MB", 500_000_000), ("1.5 GiB", 1_610_612_736), ("4gb", 4_000_000_000)]
)
def test_sizes(size: str, wanted: int) -> None:
    assert memory_bytes(size) == wanted


EVIL = [
    "a'b\"c;--",
    "x' UNION ALL SELECT content FROM read_text('/etc/passwd') --",
    "\u202e\u200f'",
    "$$;SET x=1;$$",
    "{0}%s",
    "a\0b",
]
PLACES = [
    "print ['{n}'] = 1 | extend ['{n}2'] = ['{n}'] | summarize ['{n}3'] = count() by ['{n}'] | sort by ['{n}'] asc",
    "print d = dynamic({{'{n}': 1}}) | extend x = d['{n}'], y = bag_has_key(d, '{n}'), z = bag_keys(d)",
    "datatable(k:string, v:long)['{n}', 1] | evaluate pivot(k, sum(v))",
    "print d = dynamic({{'{n}': 1}}) | evaluate bag_unpack(d)",
    "print s = 'x{n}y' | parse s with a '{n}' b | parse-kv s as (q:string) with (pair_delimiter='{n}', kv_delimiter='=')",
    "print s = 'a' | where s matches regex '{n}' or s has '{n}' or s in~ ('{n}') or s startswith '{n}'",
    "print s = replace_regex('a', '{n}', '{n}'), split('a', '{n}'), extract('{n}', 0, 'a')",
    "print s = format_datetime(now(), '{n}')",
    "print a = 1 | render timechart with (title='{n}', xcolumn=['{n}'])",
    "externaldata(a:string)['{n}'] with (format='{n}')",
    "_GetWatchlist('{n}')",
    "print a = '{n}' | make-graph a --> a | graph-match (['{n}']) project x = ['{n}'].a",
    "range x from 1 to 2 step 1 | scan declare (['{n}']:string = '{n}') with (step ['s{n}']: true => ['{n}'] = '{n}';)",
    "union withsource=['{n}'] (print a = 1), (print b = '{n}')",
    "print a = dynamic([1]) | mv-expand with_itemindex=['{n}'] a",
    "print u = parse_url('{n}'), j = extract_json('$.{n}', '{n}'), p = parse_json('{n}'), x = parse_xml('{n}')",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("evil", EVIL)
def test_a_text_is_never_sql(place: str, evil: str, unlimited: Session) -> None:
    text = place.format(n=evil.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0"))
    try:
        for result in unlimited.run(text):
            found = result.table()
            assert "root:" not in str(found)
    except (Refused, LurcherError) as error:
        said = str(error)
    else:
        return
    assert not any(word in said for word in ("Parser Error", "Binder Error", "Catalog Error")), said


@pytest.mark.parametrize(
    "function", ["read_csv", "read_text", "read_parquet", "duckdb_settings", "pragma_version", "getenv", "glob"]
)
def test_functions_of_the_engine_are_none_of_the_language(function: str, unlimited: Session) -> None:
    with pytest.raises(Refused):
        unlimited.run(f"print {function}('/etc/passwd')")
    with pytest.raises(Refused):
        unlimited.run(f"{function}('/etc/passwd') | take 1")


def _sql(texts: list[str], session: Session) -> int:
    count = 0
    for text in texts:
        compiled = session.compile(Source(text))
        for query in compiled.queries if compiled.ok else ():
            try:
                statement = session.engine.sql(query.plan)
            except (Refused, LurcherError):
                continue
            sqlglot.parse_one(statement, read="duckdb")
            count += 1
    return count


def test_the_sql_of_hunting_queries_is_sql(unlimited: Session) -> None:
    """A second opinion on the statements: of a collection of hunting queries, where there is one. LURCHER_EVERY=1 takes all."""
    if not CORPUS.exists():
        pytest.skip("no collection of hunting queries")
    every = max(1, int(os.environ.get("LURCHER_EVERY", "40")))
    assert _sql([entry["query"] for entry in json.loads(CORPUS.read_text("utf-8"))[::every]], unlimited)


def test_the_sql_of_the_cases_is_sql(unlimited: Session) -> None:
    assert _sql([case.input for case in load("rows")][::3], unlimited)
