"""The vocabulary: one row for each overload of a function, an aggregate, a window function or an operator.

A row says everything about it: what it takes, what it gives, one line of documentation, an example that runs as a test, and
what it becomes in SQL. The binder reads types off the rows, the lowering SQL, the documentation and the language server the
rest. Rows are declared by the family modules of this package, which `lurcher.functions` imports; there is no second list.

    scalar("hash_sha256", "value: scalar", "string", "SHA-256 of the UTF-8 text, lower-case hex.",
           "sha256({value})", example=('hash_sha256("a")', '"ca978112..."'), spark="sha2({value}, 256)")

Several rows of one name are its overloads, tried in order. Operators are rows too, under their KQL spelling (`==`, `has`).
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lurcher.functions.signature import Param, Returns, parse_params, parse_returns

if TYPE_CHECKING:
    from lurcher.sql.tree import SqlExpr


class FunctionKind(enum.StrEnum):
    SCALAR = "scalar"
    OPERATOR = "operator"
    AGGREGATE = "aggregate"
    #: Needs rows in order: prev, next, row_number, row_cumsum, ...
    WINDOW = "window"


class Nulls(enum.StrEnum):
    """When a function gives null. What is a string is never null in KQL: where a string function's SQL may give null, the
    lowering makes `''` of it."""

    STRICT = "strict"  # null where an argument is null, and only there
    MAYBE = "maybe"  # may be null whatever the arguments are (todatetime of garbage)
    NEVER = "never"  # never null, whatever the arguments are (isnull, strcat, count)


class Naming(enum.StrEnum):
    """The name of a column that is computed by a function and given no name."""

    NONE = "none"  # Column1, print_0
    FIRST = "first"  # the name of the first argument (tostring, bin)
    PREFIX = "prefix"  # prefix_argument (count_, sum_x, dcount_x)


#: SQL as a template over the names of the parameters, or a function of the lowered arguments. A template's `{name}` is the
#: argument; `{name...}` is all arguments of a repeated parameter, comma-separated. Null stands for an omitted optional one.
Lower = str | Callable[..., "SqlExpr"]


@dataclass(frozen=True, slots=True)
class Overload:
    """One row. `sql` is None only for what the binder takes away before any engine sees it (`ago`, `now`, `pack_all`)."""

    name: str
    kind: FunctionKind
    params: tuple[Param, ...]
    returns: Returns
    doc: str
    sql: Lower | None
    #: (KQL expression, KQL literal that it equals), run as a test.
    examples: tuple[tuple[str, str], ...] = ()
    #: engine -> its own SQL, each with the reason in a comment beside the row.
    overrides: dict[str, Lower] = field(default_factory=dict)
    nulls: Nulls = Nulls.STRICT
    naming: Naming = Naming.NONE
    prefix: str = ""
    #: The vectorised Python function that the SQL calls, where SQL alone cannot say it: "module:function", Arrow in, Arrow out.
    udf: str = ""
    #: Set where the name is an older spelling: the current one.
    obsolete: str = ""
    #: Where a column is meant to come out (hidden functions have no page).
    hidden: bool = False
    #: The family that declares it: the name of a module of this package (`strings`), and of the manual's page.
    family: str = ""


#: (kind is not part of the key: a name is one thing, but `count`, `any`, `min_of` may be scalar and aggregate.)
FUNCTIONS: dict[tuple[FunctionKind, str], list[Overload]] = {}


def overloads(kind: FunctionKind, name: str) -> list[Overload]:
    """The rows of a name; empty where there is none."""
    return FUNCTIONS.get((kind, name), [])


def names(kind: FunctionKind) -> list[str]:
    return sorted(n for k, n in FUNCTIONS if k is kind)


def _declare(
    kind: FunctionKind, name: str, params: str, returns: str, doc: str, sql: Lower | None, **more: Any
) -> Overload:
    example = more.pop("example", None)
    examples = more.pop("examples", ())
    spark = more.pop("spark", None)
    overrides: dict[str, Lower] = dict(more.pop("overrides", {}))
    if spark is not None:
        overrides["spark"] = spark
    parsed = parse_params(params)
    # The module that calls scalar(), aggregate(), ...: two frames up, as collections.namedtuple finds its own.
    family = str(sys._getframe(2).f_globals["__name__"]).rpartition(".")[2]
    row = Overload(
        name=name,
        kind=kind,
        params=parsed,
        returns=parse_returns(returns, parsed),
        doc=doc,
        sql=sql,
        examples=((example,) if example else ()) + tuple(examples),
        overrides=overrides,
        family=family,
        **more,
    )
    FUNCTIONS.setdefault((kind, name), []).append(row)
    return row


def scalar(name: str, params: str, returns: str, doc: str, sql: Lower | None, **more: Any) -> Overload:
    """Declare a scalar function. `more`: example, examples, spark, overrides, nulls, naming, udf, obsolete, hidden."""
    return _declare(FunctionKind.SCALAR, name, params, returns, doc, sql, **more)


def operator(name: str, params: str, returns: str, doc: str, sql: Lower | None, **more: Any) -> Overload:
    """Declare an operator under its KQL spelling; a unary one is `unary -`."""
    return _declare(FunctionKind.OPERATOR, name, params, returns, doc, sql, **more)


def aggregate(name: str, params: str, returns: str, doc: str, sql: Lower | None, **more: Any) -> Overload:
    """Declare an aggregate. Its template may use `{order}`: the ORDER BY of the input's order, or nothing."""
    return _declare(FunctionKind.AGGREGATE, name, params, returns, doc, sql, **more)


def window(name: str, params: str, returns: str, doc: str, sql: Lower | None, **more: Any) -> Overload:
    """Declare a function over rows in order. Its template uses `{over}`: the OVER clause."""
    return _declare(FunctionKind.WINDOW, name, params, returns, doc, sql, **more)


def alias(kind: FunctionKind, name: str, of: str, *, obsolete: bool = False) -> None:
    """Declare another spelling: the same rows under another name."""
    from dataclasses import replace

    for row in FUNCTIONS[kind, of]:
        FUNCTIONS.setdefault((kind, name), []).append(
            replace(row, name=name, obsolete=of if obsolete else "", examples=())
        )
