"""What a rule gave against what a test expects."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from lurcher.collect.exports import ReadContext
from lurcher.collect.exports.text_values import text_value
from lurcher.content.testing.events import near
from lurcher.content.testing.model import RuleTest, Wanted
from lurcher.content.testing.outcome import Difference, Row
from lurcher.kql.types import ScalarType

#: Columns of a result by name.
Types = Mapping[str, ScalarType]
#: Rows that a failure shows; all are counted.
SHOWN = 5


def differences(
    test: RuleTest,
    types: Types,
    rows: Sequence[Row],
    findings: Sequence[Row],
    suppressed: Sequence[Row],
    explained: Mapping[str, int] | None,
) -> tuple[Difference, ...]:
    """All that is not as the test expects it. `explained` is None where evidence cannot be told apart."""
    expect = test.expect
    found: list[Difference] = []
    for what, wanted, got in (
        ("rows", expect.rows, rows),
        ("findings", expect.findings, findings),
        ("suppressed", expect.suppressed, suppressed),
    ):
        if wanted is not None:
            found += _compared(what, wanted, got, types)
    for id_, number in (expect.explained or {}).items():
        have = (explained or {}).get(id_, 0)
        if explained is None:
            found.append(Difference(f"explained.{id_}", _evidence(number), "evidence that cannot be told apart"))
        elif have != number:
            found.append(Difference(f"explained.{id_}", _evidence(number), _evidence(have)))
    if expect.findings is None:
        # What kind of test it is says what must be left, whatever else is expected.
        if test.kind == "true positive" and not findings:
            found.append(Difference("findings", "at least 1", "none", surplus=tuple(suppressed[:SHOWN])))
        if test.kind == "false positive" and findings:
            found.append(Difference("findings", "none", str(len(findings)), surplus=tuple(findings[:SHOWN])))
    return tuple(found)


def _evidence(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'} of evidence"


def _compared(what: str, wanted: Wanted, got: Sequence[Row], types: Types) -> list[Difference]:
    if isinstance(wanted, int):
        if len(got) == wanted:
            return []
        return [Difference(what, str(wanted), str(len(got)), surplus=tuple(got[:SHOWN]))]
    found = []
    for name in dict.fromkeys(n for row in wanted for n in row if n not in types):
        hint = near(name, types)
        found.append(Difference(what, f"a column '{name}'", f"a result without it{f' ({hint})' if hint else ''}"))
    if found:
        return found
    pairs = _matched(wanted, got, types)
    missing = tuple(row for i, row in enumerate(wanted) if i not in pairs)
    taken = set(pairs.values())
    surplus = tuple(row for i, row in enumerate(got) if i not in taken)
    if missing or surplus:
        others = f", {len(surplus):,} of them not as expected" if surplus else ""
        return [Difference(what, _count(len(wanted)), _count(len(got)) + others, missing[:SHOWN], surplus[:SHOWN])]
    return []


def _count(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"


def _matched(wanted: Sequence[Row], got: Sequence[Row], types: Types) -> dict[int, int]:
    """Expected row -> the row that it is, as many pairs as can be: one that says little must not take the row of another."""
    fits = [[j for j, have in enumerate(got) if _fits(row, have, types)] for row in wanted]
    owner: dict[int, int] = {}

    def place(i: int, tried: set[int]) -> bool:
        for j in fits[i]:
            if j not in tried:
                tried.add(j)
                if j not in owner or place(owner[j], tried):
                    owner[j] = i
                    return True
        return False

    for i in range(len(wanted)):
        place(i, set())
    return {i: j for j, i in owner.items()}


def _fits(wanted: Row, have: Row, types: Types) -> bool:
    return all(equal(value, have.get(name), types[name]) for name, value in wanted.items())


def equal(wanted: Any, have: Any, kind: ScalarType) -> bool:
    """Whether a value as YAML has it is a value of a result (`lurcher.hunt.answers.plain`), by the column's type."""
    if wanted is None:
        return have is None or have == ""
    if have is None:
        return wanted == "" and kind is not ScalarType.STRING
    if kind is ScalarType.DYNAMIC:
        return _same(_json(wanted), _json(have))
    if kind is ScalarType.STRING:
        return bool((wanted if isinstance(wanted, str) else json.dumps(wanted, separators=(",", ":"))) == have)
    try:
        value = text_value(str(wanted), kind, ReadContext(lambda _: None, ""))
        if kind is ScalarType.DATETIME:
            return bool(value == text_value(str(have), kind, ReadContext(lambda _: None, "")))
        if kind is ScalarType.REAL:
            return math.isclose(float(value), float(have), rel_tol=1e-9, abs_tol=1e-12)
        if kind is ScalarType.DECIMAL:
            return bool(value == text_value(str(have), kind, ReadContext(lambda _: None, "")))
    except (ValueError, ArithmeticError, TypeError):
        return False
    return bool(value == have)


def _json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _same(a: Any, b: Any) -> bool:
    """Equal, whatever the order of a list's members: make_set() and make_list() promise none."""
    if isinstance(a, list) and isinstance(b, list):
        rest = list(b)
        for one in a:
            at = next((i for i, other in enumerate(rest) if _same(one, other)), None)
            if at is None:
                return False
            del rest[at]
        return not rest
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(v, b[k]) for k, v in a.items())
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return bool(a == b)
