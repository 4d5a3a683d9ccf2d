"""A bag of many keys is taken apart in a time that grows with its keys, not with their square."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lurcher.app.session import Session
from lurcher.kql.diagnostics import Refused

MANY = "range x from 1 to 40000 step 1 | summarize b = make_bag(bag_pack(strcat('k', x), x)) | "
#: Seventy keys, one of them twice: it has its first value both times.
TWICE = "{" + ",".join(f'"k{i}":{i}' for i in range(70)) + ',"k3":99}'


def _rows(text: str) -> list[tuple[object, ...]]:
    session = Session.open(None, datetime(2026, 3, 10, tzinfo=UTC))
    return [tuple(row.values()) for batch in session.run(text)[0].batches for row in batch.to_pylist()]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        (MANY + "mv-expand b | summarize count(), sum(array_length(bag_keys(b)))", (40000, 40000)),
        (
            MANY + "mv-expand kind=array b | summarize count(), sum(tolong(b[1])), max(strlen(b[0]))",
            (40000, 800020000, 6),
        ),
        (f"print b = parse_json('{TWICE}') | mv-expand b | summarize count(), sum(tolong(b.k3))", (71, 6)),
        (
            "range x from 1 to 70 step 1 | extend v = iff(x == 7, dynamic(null), pack_array(x, strcat('\"', x)))"
            " | summarize b = make_bag(bag_pack(strcat('k/', x), v)) | mv-expand kind=array b"
            " | where b[0] in ('k/7', 'k/8') | summarize take_any(tostring(b[0]), tostring(b[1])) by k = tostring(b) | top 1 by k",
            ('["k/8",[8,"\\"8"]]', "k/8", '[8,"\\"8"]'),
        ),
    ],
)
def test_each_key_is_a_row(text: str, row: tuple[object, ...]) -> None:
    assert _rows(text) == [row]


def test_too_many_columns_are_refused_soon() -> None:
    with pytest.raises(Refused) as caught:
        _rows(MANY + "evaluate bag_unpack(b) | count")
    assert "makes more than 4000 columns" in caught.value.diagnostics[0].message
