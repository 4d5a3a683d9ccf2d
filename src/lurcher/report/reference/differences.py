"""Where an answer differs from the service's, or could: what a user has to know, each with queries that show it.

A check is a query and the first row that it gives, or the beginning of the message that refuses it; all of them run as tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """`here` is what lurcher does, `there` the service. `checks` are (query, row) or (query, beginning of the refusal)."""

    about: str
    there: str
    here: str
    checks: tuple[tuple[str, list[Any] | str], ...]


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "the seventh digit of a time",
        "a datetime counts 100 ns",
        "a datetime has microseconds: the seventh digit is lost (time spans keep it) and shown as 0, but behind .999999 as 9:"
        " there the end of a day or an hour is more common than a measured time; nanoseconds are refused",
        (
            ("print tostring(datetime(2024-01-01 00:00:00.1234567))", ["2024-01-01T00:00:00.1234560Z"]),
            ("print tostring(endofday(datetime(2024-01-01)))", ["2024-01-01T23:59:59.9999999Z"]),
            ("print tostring(time(00:00:00.1234567))", ["00:00:00.1234567"]),
            (
                "print t = datetime(2024-01-01) | project datetime_part('nanosecond', t)",
                "datetime_part(): times are kept in microseconds",
            ),
        ),
    ),
    Difference(
        "`dcount()`, `percentile()`",
        "estimates",
        "exact, so within every accuracy that may be asked for",
        (("range y from 1 to 100000 step 1 | summarize dcount(y), percentile(y, 50)", [100000, 50000]),),
    ),
    Difference(
        "the order of `make_set()`",
        "any",
        "sorted: the same rows give the same text, run after run",
        (("datatable(y:string)['b', 'a', 'b'] | summarize make_set(y)", [["a", "b"]]),),
    ),
    Difference(
        "`take`, `take_any()`, `sample`, `join kind=innerunique`",
        "any rows",
        "any rows as well, not the same ones",
        (("datatable(y:long)[1, 2] | take 1 | count", [1]),),
    ),
    Difference(
        "upper and lower case in `=~`, `has`, `contains`, ...",
        "documented for ASCII alone",
        "one character for one character in all scripts: `Ü` is `ü`; `ß` is not `SS`, a final `ς` is not `σ`",
        (("print 'ÄÖ' =~ 'äö', 'ß' =~ 'SS', 'ΣΑΣ' =~ 'σας', 'ÜBER' has 'über'", [True, False, False, True]),),
    ),
    Difference(
        "regular expressions",
        "RE2",
        "RE2, of an older version: named groups are rewritten where the pattern is a constant; what RE2 does not know"
        " (lookaround, back references) fails on both sides",
        (
            ("print extract('(?<a>b)', 1, 'ab')", ["b"]),
            ("print replace_regex('abc', '(b)', @'[\\1]')", ["a[b]c"]),
            ("print extract('b(?=c)', 0, 'abc')", "the regular expression has (?=, which KQL's (RE2) have not"),
        ),
    ),
    Difference(
        "integers that are too large",
        "wrap around",
        "wrap around too; a `sum()` that does not fit fails instead of giving a number",
        (
            ("print 9223372036854775807 + 1", [-9223372036854775808]),
            ("datatable(y:long)[9223372036854775807, 1] | summarize sum(y)", "a sum is larger than a long"),
        ),
    ),
    Difference(
        "`decimal`",
        "a decimal number of 128 bits",
        "20 digits before the point, more are refused, and 18 behind it; products and quotients that do not fit stop the query;"
        " no decimal in a dynamic value",
        (
            ("print decimal(0.1) + decimal(0.2)", ["0.3"]),
            ("print decimal(1) / decimal(3)", "a decimal holds twenty digits before the point"),
            ("print bag_pack('a', decimal(1))", "a conversion from decimal to dynamic"),
            ("print todecimal('1e30')", "a number does not fit into decimal"),
        ),
    ),
    Difference(
        "`now()`",
        "when the query runs",
        "stands still for a whole run; `--as-of` sets it, `--as-of latest` to the newest row",
        (("print now() == now(), ago(1d) == now() - 1d", [True, True]),),
    ),
    Difference(
        "`FileProfile()`",
        "what Microsoft knows of a file",
        "what the tables here say of it (signer, signature, hashes, size); the rest is null, and a warning says so",
        (
            (
                "datatable(SHA1:string)['a'] | invoke FileProfile(SHA1) | summarize count(), countif(isnull(GlobalPrevalence))",
                [1, 1],
            ),
        ),
    ),
    Difference(
        "limits on results",
        "cut off (Kusto: at 500,000 rows or 64 MB)",
        "none, but for `--timeout` and `--memory`",
        (("range y from 1 to 600000 step 1 | count", [600000]),),
    ),
    Difference(
        "`render`",
        "draws",
        "kept with the result, not drawn",
        (("print 1 | render table", [1]),),
    ),
)  # fmt: skip

#: Where an answer on Spark differs from that on DuckDB: `there` is DuckDB, `here` Spark and Sail. All else is the same, or refused.
ON_SPARK: tuple[Difference, ...] = (
    Difference(
        "rows that are not sorted",
        "most often as they were added",
        "in any order, and `take`, `take_any()` and `limit` give any of them; findings of one hunt may have other numbers",
        (("range y from 1 to 100 step 1 | take 5 | count", [5]),),
    ),
    Difference(
        "`arg_max()`, `arg_min()` of equal rows",
        "the first of them",
        "any of them, all columns of the same one",
        (("datatable(a:long, b:string)[1, 'x', 1, 'y'] | summarize arg_max(a, b) | project b in ('x', 'y')", [True]),),
    ),
    Difference(
        "`decimal` that goes from one part of a query to the next, or comes out",
        "more digits than 20 before the point come out of `parse_version()`",
        "refused; `tostring()` of it is answered",
        (
            ("print parse_version('1.2.3.4')", "a number does not fit into decimal"),
            ("print tostring(parse_version('1.2.3.4'))", ["1000000020000000300000004"]),
        ),
    ),
    Difference(
        "long whole numbers that overflow",
        "go on from the other end",
        "too, but the query runs twice: Spark's own statement fails first",
        (("print 9223372036854775807 + 1", [-9223372036854775808]),),
    ),
)
