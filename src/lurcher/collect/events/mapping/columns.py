"""The vocabulary of the mapping: what makes a column of the fields of events. Each takes a frame and gives a whole column.

An expression gives None where the events have none of its fields: the column is then not in the rows at all, which is null.
`-` and empty are null everywhere. Field names are compared without case, as versions of Sysmon spell them differently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lurcher.collect.events.mapping import values
from lurcher.collect.events.mapping.frame import Frame
from lurcher.kql.types import ScalarType

#: The values of a column, None for null; times are microseconds since 1970.
Column = Sequence[Any]


@dataclass(frozen=True)
class Expr:
    """A column's type, what makes it, and how the manual says that. `holds` are the fields (in lower case) of which nothing
    is lost in the column: these are not repeated in AdditionalFields."""

    kind: ScalarType
    build: Callable[[Frame], Column | None]
    words: str
    holds: frozenset[str] = frozenset()


def _converted(convert: Callable[[str], Any], kind: ScalarType, field: str, words: str, *, holds: bool) -> Expr:
    return Expr(
        kind,
        lambda frame: frame.convert(field, convert, strict=holds),
        words,
        frozenset({field.lower()}) if holds else frozenset(),
    )


# --- texts ---


def text(field: str) -> Expr:
    """A field as it is."""
    return Expr(ScalarType.STRING, lambda frame: frame.texts(field), field, frozenset({field.lower()}))


def info(field: str) -> Expr:
    """A field of a file's version information; Sysmon writes `?` where the file has none."""
    known = _converted(lambda t: None if t == "?" else t, ScalarType.STRING, field, field, holds=False)
    return replace(known, holds=frozenset({field.lower()}))


def name(field: str) -> Expr:
    """The file name of a path."""
    return _converted(values.file_name, ScalarType.STRING, field, f"name of {field}", holds=False)


def domain(field: str) -> Expr:
    r"""The domain of `DOMAIN\name`."""
    return _converted(values.domain, ScalarType.STRING, field, f"domain of {field}", holds=False)


def account(field: str) -> Expr:
    r"""The name of `DOMAIN\name`. With `domain` of the same field it says all of it."""
    return _converted(values.account_name, ScalarType.STRING, field, f"account of {field}", holds=True)


def converted(convert: Callable[[str], str | None], field: str, words: str = "") -> Expr:
    """What a function of `values` makes of each text; the field stays in AdditionalFields."""
    return _converted(
        convert, ScalarType.STRING, field, words or f"{convert.__name__.replace('_', ' ')} of {field}", holds=False
    )


def guid(field: str) -> Expr:
    """Lower case, without braces."""
    return _converted(values.guid, ScalarType.STRING, field, field, holds=False)


def sha1(field: str) -> Expr:
    return converted(values.sha1, field, f"SHA1 of {field}")


def sha256(field: str) -> Expr:
    return converted(values.sha256, field, f"SHA256 of {field}")


def md5(field: str) -> Expr:
    return converted(values.md5, field, f"MD5 of {field}")


# --- numbers, times ---


def integer(field: str) -> Expr:
    """Decimal or hexadecimal."""
    return _converted(values.integer, ScalarType.LONG, field, field, holds=True)


def port(field: str) -> Expr:
    return _converted(values.port, ScalarType.INT, field, field, holds=True)


def truth(field: str) -> Expr:
    return _converted(values.truth, ScalarType.BOOL, field, field, holds=True)


def equals(field: str, value: str) -> Expr:
    """Whether a field says this, where it says anything."""
    return _converted(lambda t: t == value, ScalarType.BOOL, field, f"{field} = {value}", holds=False)


def time(field: str) -> Expr:
    """A time in UTC."""
    return Expr(ScalarType.DATETIME, lambda frame: frame.times(field), field, frozenset({field.lower()}))


# --- addresses ---


def ip(field: str) -> Expr:
    return _converted(values.ip, ScalarType.STRING, field, field, holds=True)


def ip_type(field: str) -> Expr:
    return _converted(values.ip_type, ScalarType.STRING, field, f"kind of {field}", holds=False)


# --- what is not in the data ---


def constant(value: str) -> Expr:
    return Expr(ScalarType.STRING, lambda frame: [value] * frame.count, f"`{value}`")


def event_time() -> Expr:
    """The time of the event itself."""
    return Expr(ScalarType.DATETIME, lambda frame: frame.take(frame.batch.micros()), "time of the event")


def system_integer(part: str, words: str) -> Expr:
    """A number of the System part."""
    return Expr(ScalarType.LONG, lambda frame: frame.system(part), words)


def system_text(part: str, words: str) -> Expr:
    return Expr(ScalarType.STRING, lambda frame: frame.system(part), words)


# --- combinations ---


def coalesce(columns: Sequence[Column]) -> Column | None:
    """For each row the first value that there is."""
    result: Column | None = None
    for column in columns:
        if result is None:
            result = column
        elif None in result:
            result = [a if a is not None else b for a, b in zip(result, column, strict=True)]
    return result


def first(*choices: Expr) -> Expr:
    """The first that has a value."""

    def build(frame: Frame) -> Column | None:
        return coalesce([column for choice in choices if (column := choice.build(frame)) is not None])

    return Expr(choices[0].kind, build, ", else ".join(c.words for c in choices), choices[0].holds)


def choose(key: Column, cases: Mapping[str, Expr], frame: Frame) -> Column:
    """For each row the value of one expression or another, as the key says; null for a key that is not among them."""
    built = {value: expr.build(frame) for value, expr in cases.items() if value in set(key)}
    columns = {value: column for value, column in built.items() if column is not None}
    if len(columns) == 1 and set(key) == set(columns):
        return next(iter(columns.values()))
    return [columns[value][place] if value in columns else None for place, value in enumerate(key)]


def by(field: str, cases: Mapping[str, Expr]) -> Expr:
    """One expression or another, by what a field says (without regard to case); null where it says none of these."""

    def build(frame: Frame) -> Column | None:
        key = frame.convert(field, str.lower)
        return None if key is None else choose(key, cases, frame)

    kind = next(iter(cases.values())).kind
    words = ", ".join(f"{expr.words} ({field} {value})" for value, expr in cases.items())
    return Expr(kind, build, words, frozenset().union(*(expr.holds for expr in cases.values())))


def only_if(field: str, convert: Callable[[str], bool], expr: Expr, words: str) -> Expr:
    """An expression where a field is such that `convert` says yes; null elsewhere."""

    def build(frame: Frame) -> Column | None:
        yes, column = frame.convert(field, convert), expr.build(frame)
        if yes is None or column is None:
            return None
        return [value if kept else None for kept, value in zip(yes, column, strict=True)]

    return Expr(expr.kind, build, f"{expr.words} ({words})", expr.holds)
