"""Which row a call means, and what is said where none fits."""

from __future__ import annotations

import pytest

import lurcher.functions  # noqa: F401
from lurcher.functions.operands import Operands, operands
from lurcher.functions.registry import FunctionKind
from lurcher.functions.resolve import Match, Mismatch, Special, common, resolve, widest
from lurcher.kql.types import ScalarType as T

S, A = FunctionKind.SCALAR, FunctionKind.AGGREGATE


def match(kind: FunctionKind, name: str, *types: T | Special) -> Match:
    found = resolve(kind, name, types)
    assert isinstance(found, Match), found
    return found


def test_an_exact_row_comes_before_one_that_converts() -> None:
    found = match(S, "strlen", T.DYNAMIC)
    assert found.overload.params[0].types == (T.DYNAMIC,)
    assert found.targets == (None,)


def test_a_dynamic_value_is_given_as_the_type_that_is_asked_for() -> None:
    assert match(S, "parse_url", T.DYNAMIC).targets == (T.STRING,)


def test_numbers_widen_to_the_wider_argument() -> None:
    found = match(S, "bin", T.LONG, T.REAL)
    assert (found.type, found.targets) == (T.REAL, (T.REAL, None))


def test_branches_have_one_type_and_dynamic_gives_way() -> None:
    found = match(S, "iff", T.BOOL, T.DYNAMIC, T.STRING)
    assert (found.type, found.targets) == (T.STRING, (None, T.STRING, None))


def test_case_takes_pairs_and_an_else() -> None:
    assert match(S, "case", T.BOOL, T.LONG, T.BOOL, T.LONG, T.LONG).type is T.LONG
    assert isinstance(resolve(S, "case", (T.BOOL, T.LONG, T.BOOL, T.LONG)), Mismatch)


def test_integers_divide_to_a_long() -> None:
    assert widest((T.INT, T.INT)) is T.LONG
    assert common((T.INT, T.LONG)) is T.LONG
    assert common((T.STRING, T.LONG)) is None


@pytest.mark.parametrize(
    ("kind", "name", "types", "code", "argument"),
    [
        (S, "ago", (T.STRING,), "KS107", 0),
        (S, "tolower", (), "KS120", None),
        (S, "coalesce", (T.STRING, T.LONG), "KS232", None),
        (A, "sum", (T.STRING,), "KS138", 0),
        (A, "dcount", (Special.STAR,), "KS191", 0),
        (S, "datetime_diff", (T.STRING, T.DATETIME, T.LONG), "KS107", 2),
    ],
)
def test_a_call_that_fits_nowhere_says_where(
    kind: FunctionKind, name: str, types: tuple[T | Special, ...], code: str, argument: int | None
) -> None:
    found = resolve(kind, name, types)
    assert isinstance(found, Mismatch)
    assert (found.rule.code, found.argument) == (code, argument)


@pytest.mark.parametrize(
    ("op", "left", "right", "expected"),
    [
        # A text that is compared with a number is read as one.
        ("==", T.LONG, T.STRING, Operands(T.LONG, T.LONG, T.BOOL)),
        # A dynamic 1.5 is not the long 1.
        ("==", T.DYNAMIC, T.LONG, Operands(T.REAL, T.REAL, T.BOOL)),
        ("==", T.DYNAMIC, T.STRING, Operands(T.STRING, T.STRING, T.BOOL)),
        ("+", T.DATETIME, T.TIMESPAN, Operands(T.DATETIME, T.TIMESPAN, T.DATETIME)),
        ("-", T.DATETIME, T.DATETIME, Operands(T.DATETIME, T.DATETIME, T.TIMESPAN)),
        ("/", T.TIMESPAN, T.TIMESPAN, Operands(T.TIMESPAN, T.TIMESPAN, T.REAL)),
        ("+", T.INT, T.INT, Operands(T.LONG, T.LONG, T.LONG)),
        ("has", T.DYNAMIC, T.STRING, Operands(T.STRING, T.STRING, T.BOOL)),
        ("<", T.DATETIME, T.STRING, None),
        ("<", T.STRING, T.STRING, None),
        ("has", T.LONG, T.STRING, None),
        ("+", T.STRING, T.STRING, None),
        ("and", T.STRING, T.BOOL, None),
    ],
)
def test_operands(op: str, left: T, right: T, expected: Operands | None) -> None:
    assert operands(op, left, right) == expected
