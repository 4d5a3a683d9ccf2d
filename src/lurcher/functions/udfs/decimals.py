"""Products, quotients and remainders of decimals, exact or refused.

The service's decimal has 34 digits wherever the point is; here twenty stand before it and eighteen behind. What comes out in those
is given, anything else stops the query.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal, Inexact
from typing import TYPE_CHECKING

from lurcher.errors import LurcherError
from lurcher.functions.udf import udf
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa

#: Enough for any exact product of two 38-digit numbers; a quotient that does not end is inexact in any number of digits.
_EXACT = Context(prec=80)
_LEAST = Decimal("1e-18")
_MOST = Decimal("1e20")


def _exactly(symbol: str, compute: Callable[[Decimal, Decimal], Decimal], left: str, right: str) -> str:
    a, b = Decimal(left), Decimal(right)
    if symbol != "*" and not b:
        raise _refusal(left, symbol, right, "a decimal divided by zero, of which the service's answer is not published")
    _EXACT.clear_flags()
    value = compute(a, b)
    if _EXACT.flags[Inexact] or abs(value) >= _MOST or _EXACT.remainder(value, _LEAST):
        raise _refusal(left, symbol, right, "a decimal holds twenty digits before the point and eighteen behind it")
    return format(value, "f")


def _refusal(left: str, symbol: str, right: str, why: str) -> LurcherError:
    return LurcherError(
        f"{why}: {Decimal(left).normalize():f} {symbol} {Decimal(right).normalize():f}",
        "use toreal(x)",
        kind="unsupported",
    )


def _remainder(a: Decimal, b: Decimal) -> Decimal:
    """Never negative, as with the other numbers."""
    value = _EXACT.remainder(a, b)
    return _EXACT.add(value, abs(b)) if value < 0 else value


def _product(left: str, right: str) -> str:
    return _exactly("*", _EXACT.multiply, left, right)


def _quotient(left: str, right: str) -> str:
    return _exactly("/", _EXACT.divide, left, right)


def _rest(left: str, right: str) -> str:
    return _exactly("%", _remainder, left, right)


@udf("VARCHAR", "VARCHAR", returns="VARCHAR")
def decimal_product(left: pa.Array, right: pa.Array) -> pa.Array:
    return each(_product, "string", left, right)


@udf("VARCHAR", "VARCHAR", returns="VARCHAR")
def decimal_quotient(left: pa.Array, right: pa.Array) -> pa.Array:
    return each(_quotient, "string", left, right)


@udf("VARCHAR", "VARCHAR", returns="VARCHAR")
def decimal_remainder(left: pa.Array, right: pa.Array) -> pa.Array:
    return each(_rest, "string", left, right)
