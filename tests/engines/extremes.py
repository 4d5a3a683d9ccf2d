"""Calls of every function and operator with arguments that are hardly ever met: the largest, none, endless, empty, very long."""

from __future__ import annotations

from collections.abc import Iterator

from lurcher.functions.registry import FUNCTIONS, FunctionKind, Overload
from lurcher.functions.signature import Param, TypeKind
from lurcher.kql.types import ScalarType as T

EXTREMES: dict[T, tuple[str, ...]] = {
    T.LONG: ("0", "-1", "9223372036854775807", "-9223372036854775807-1", "long(null)", "1114112", "55296"),
    T.INT: ("int(0)", "int(-1)", "int(2147483647)", "int(-2147483647)", "int(null)"),
    T.REAL: ("0.0", "-1.5", "1e308", "5e-324", "real(nan)", "real(+inf)", "real(-inf)", "real(null)"),
    T.DECIMAL: ("decimal(0)", "decimal(-99999999999999999999.5)", "decimal(1e-18)", "decimal(null)"),
    T.STRING: (
        "''", "'\\0'", "'\\u00df\\ud83d\\ude00'", "strrep('xy', 70000)",
        "'9999999999999999999999'", "'nan'", "'%s{0}[(\\\\'", "'-1:00'",
    ),
    T.BOOL: ("true", "bool(null)"),
    T.DATETIME: ("datetime(0001-01-01)", "datetime(9999-12-31T23:59:59.9999999)", "datetime(null)"),
    T.TIMESPAN: ("0s", "-1tick", "10675199d", "-10675199d", "1tick", "timespan(null)"),
    T.GUID: ("guid(00000000-0000-0000-0000-000000000000)", "guid(null)"),
    T.DYNAMIC: (
        "dynamic([])", "dynamic({})", "dynamic(null)", "dynamic([1e308, null, 'x', {}])",
        "dynamic({'': {'a': [null]}})", "dynamic('')", "dynamic(1e308)", "dynamic([-9223372036854775807])",
    ),
}  # fmt: skip
PLAIN: dict[T, str] = {
    T.LONG: "2",
    T.INT: "int(2)",
    T.REAL: "1.5",
    T.DECIMAL: "decimal(1.5)",
    T.STRING: "'a'",
    T.BOOL: "true",
    T.DATETIME: "datetime(2026-03-01)",
    T.TIMESPAN: "1h",
    T.GUID: "guid(74be27de-1e4e-49d9-b579-fe0b331d3642)",
    T.DYNAMIC: "dynamic([1, 2, 3])",
}
_SETS: dict[TypeKind, tuple[T, ...]] = {
    TypeKind.NUMBER: (T.LONG, T.REAL, T.DECIMAL, T.INT),
    TypeKind.INTEGER: (T.LONG, T.INT),
    TypeKind.REAL_OR_DECIMAL: (T.REAL, T.DECIMAL),
    TypeKind.COMMON_NUMBER: (T.LONG, T.REAL, T.DECIMAL),
    TypeKind.SUMMABLE: (T.LONG, T.REAL, T.TIMESPAN, T.DATETIME),
    TypeKind.COMMON_SUMMABLE: (T.LONG, T.REAL, T.TIMESPAN, T.DATETIME),
    TypeKind.BOXED: (T.DYNAMIC, T.LONG, T.REAL),
    TypeKind.TEXT: (T.STRING, T.LONG),
}
_ALL = (T.LONG, T.STRING, T.REAL, T.DATETIME, T.TIMESPAN, T.DYNAMIC, T.GUID, T.BOOL, T.DECIMAL)


def _types(param: Param) -> tuple[T, ...]:
    found: list[T] = []
    for type_ in param.types:
        found += [type_] if isinstance(type_, T) else _SETS.get(type_, _ALL if type_ is not TypeKind.TABULAR else ())
    return tuple(t for t in dict.fromkeys(found) if t in PLAIN)


def _row(row: Overload) -> Iterator[tuple[str, ...]]:
    """The arguments of calls of one row: one of them extreme, the others plain; then all of them extreme."""
    choices = [_types(p) for p in row.params for _ in range(2 if p.repeated else 1)]
    if not all(choices):
        return
    for count in {len(choices), sum(not p.optional for p in row.params)}:
        plain = [PLAIN[c[0]] for c in choices[:count]]
        for place in range(count):
            for type_ in choices[place]:
                for value in EXTREMES[type_]:
                    yield (*plain[:place], value, *plain[place + 1 :])
        for turn in range(max((len(EXTREMES[c[0]]) for c in choices[:count]), default=0)):
            yield tuple(EXTREMES[c[0]][turn % len(EXTREMES[c[0]])] for c in choices[:count])


def calls() -> Iterator[str]:
    """Expressions, in the order of the registry, none twice."""
    seen: set[str] = set()
    for (kind, name), rows in FUNCTIONS.items():
        for row in rows:
            if row.hidden or kind not in (FunctionKind.SCALAR, FunctionKind.OPERATOR):
                continue
            for args in _row(row):
                if kind is FunctionKind.SCALAR:
                    text = f"{name}({', '.join(args)})"
                elif len(args) == 2:
                    text = f"({args[0]}) {name} ({args[1]})"
                else:
                    text = f"-({args[0]})"
                if text not in seen:
                    seen.add(text)
                    yield text
