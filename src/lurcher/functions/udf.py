"""Vectorised Python functions that SQL calls where it cannot say a thing itself.

A function row names one as `udf="package.module:function"`, and its template calls `kql_<function>(...)`. The function is
marked with the SQL types that it takes and gives; it is imported, and registered with the engine, only when a statement
names it:

    @udf("VARCHAR", returns="VARCHAR")
    def command_line_arguments(text: pa.Array) -> pa.Array: ...

Each argument is a `pyarrow.Array` of the same length (`VARCHAR` and `JSON`: string; `BIGINT`: int64; `TIMESTAMP`: timestamp[us];
`UUID` is not passed: cast to VARCHAR), nulls included; so is what it gives, JSON as VARCHAR, which the template casts. It never
raises for a value: it gives null, or what the service gives.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Udf:
    """`name` is the one that SQL calls it by. A volatile one gives another answer each time."""

    name: str
    function: Callable[..., Any]
    params: tuple[str, ...]
    returns: str
    volatile: bool = False


def udf(*params: str, returns: str, volatile: bool = False) -> Callable[[_F], _F]:
    """Mark a function as one that SQL calls."""

    def mark(function: _F) -> _F:
        name = "kql_" + getattr(function, "__name__", "")
        # DuckDB evaluates the annotations, whose names are there for a type checker only.
        function.__annotations__.clear()
        setattr(function, "__udf__", Udf(name, function, params, returns, volatile))  # noqa: B010
        return function

    return mark


def load_udf(path: str) -> Udf:
    """The function that a row names as `package.module:function`. Raises ValueError where it is not marked."""
    module, _, attribute = path.partition(":")
    function = getattr(importlib.import_module(module), attribute)
    marked = getattr(function, "__udf__", None)
    if not isinstance(marked, Udf):
        raise ValueError(f"{path} is not marked with @udf")
    return marked
