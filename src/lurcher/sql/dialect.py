"""What differs between the engines' SQL, as small facts with defaults. DuckDB's are the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Dialect:
    """Facts about an engine's SQL that the printer asks for."""

    name: str
    #: Around identifiers, doubled inside.
    identifier_quote: str = '"'
    #: Whether a backslash in a string literal is an escape.
    backslash_escapes: bool = False
    #: `lambda x, y: body`, else `(x, y) -> body`.
    lambda_keyword: bool = True
    #: `[a, b]`, else `array(a, b)`.
    list_brackets: bool = True
    #: `x::T`, else `CAST(x AS T)`.
    cast_operator: bool = True
    #: DuckDB's spelling of a type -> the engine's.
    types: Mapping[str, str] = field(default_factory=dict)
    #: Numbers that SQL has no literal for.
    nan: str = "'nan'::DOUBLE"
    infinity: str = "'inf'::DOUBLE"
    #: The character that a string literal cannot hold, as an expression (both engines stop at NUL or refuse it).
    nul: str = "chr(0)"
    #: Index of a list's first element.
    first_index: int = 1
    #: The rows of a CTE are computed once where the word stands.
    materialized_keyword: bool = True
    #: Joins under other words.
    joins: Mapping[str, str] = field(default_factory=dict)
    #: A long list of terms is sought among a column's distinct values first.
    distinct_first: bool = True
    #: `x IN (SELECT ..)` may stand anywhere, else in a filter alone.
    in_select_anywhere: bool = True
    #: `first(x ORDER BY y)`.
    ordered_first: bool = True
    #: `generate_series(first, last, step)` of numbers and times.
    series: bool = True


DUCKDB = Dialect("duckdb")
SPARK = Dialect(
    "spark",
    identifier_quote="`",
    backslash_escapes=True,
    lambda_keyword=False,
    list_brackets=False,
    cast_operator=False,
    types={"VARCHAR": "STRING", "JSON": "STRING", "UUID": "STRING", "INTEGER": "INT"},
    nan="double('NaN')",
    infinity="double('Infinity')",
    nul="char(0)",
    first_index=0,
    materialized_keyword=False,
    joins={"SEMI": "LEFT SEMI", "ANTI": "LEFT ANTI"},
    distinct_first=False,
    in_select_anywhere=False,
    ordered_first=False,
    series=False,
)
