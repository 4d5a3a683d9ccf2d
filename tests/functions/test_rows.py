"""Every row says what it must: documentation, an example, SQL whose holes are its parameters, a function that can be loaded."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import lurcher.functions  # noqa: F401
from lurcher.functions.registry import FUNCTIONS, FunctionKind, Overload
from lurcher.functions.udf import load_udf
from lurcher.functions.unsupported import UNSUPPORTED
from lurcher.sql.template import parse_template

ROWS = [row for rows in FUNCTIONS.values() for row in rows]
PUBLIC = [r for r in ROWS if not r.hidden and not r.obsolete]
#: Their result is another one each time, or is the binder's.
NO_EXAMPLE = {
    "now", "ago", "rand", "new_guid", "pack_all", "bag_pack_columns", "column_ifexists", "ingestion_time", "isnotempty",
    "array_iif", "array_strcat", "todouble", "toboolean", "extractjson", "has_any_ipv4", "has_any_ipv4_prefix", "__box",
    "__bag_pack_nonempty", "replace", "column_names_of", "parse_user_agent",
    "hll_merge", "dcount_hll", "tdigest_merge", "merge_tdigest", "percentile_tdigest", "percentiles_array_tdigest",
    "rank_tdigest", "percentrank_tdigest",
}  # fmt: skip


def test_a_row_has_one_line_of_documentation() -> None:
    wrong = [f"{r.name}: {r.doc!r}" for r in ROWS if not r.doc or "\n" in r.doc or not r.doc.endswith((".", "`."))]
    assert [w for w in wrong if "OPERATOR" not in w] == []


def test_every_scalar_function_has_an_example() -> None:
    scalars = {r.name for r in PUBLIC if r.kind is FunctionKind.SCALAR}
    shown = {r.name for r in ROWS if r.examples}
    assert scalars - shown - NO_EXAMPLE == set()


@pytest.mark.parametrize("row", [r for r in ROWS if isinstance(r.sql, str)], ids=lambda r: r.name)
def test_the_holes_of_a_template_are_parameters(row: Overload) -> None:
    assert isinstance(row.sql, str)
    template = parse_template(row.sql)
    assert set(template.uses) <= {p.name for p in row.params}


@pytest.mark.parametrize("path", sorted({r.udf for r in ROWS if r.udf}))
def test_a_vectorised_function_is_there_and_called_by_its_name(path: str) -> None:
    function = load_udf(path)
    for row in ROWS:
        if row.udf == path and isinstance(row.sql, str):
            assert f"{function.name}(" in row.sql
            called = set(re.findall(r"\bkql_\w+", row.sql))
            assert called == {function.name}


def test_what_is_unsupported_is_not_declared_as_well() -> None:
    declared = {r.name for r in ROWS if r.kind is not FunctionKind.AGGREGATE}
    assert set(UNSUPPORTED) & declared == set()


def test_the_vocabulary_needs_no_engine() -> None:
    code = "import sys, lurcher.functions; sys.exit(any(m in sys.modules for m in ('duckdb', 'pyarrow', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
