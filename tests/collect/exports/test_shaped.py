"""Lines of one shape, read at once: what comes of them is what reading them one by one gives."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from lurcher.collect.exports.content import content_hashes, content_hashes_of
from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.lines import Lines
from lurcher.collect.exports.readers import defender_stream
from lurcher.collect.exports.rows import Reject
from lurcher.collect.exports.shaped import Shape, is_regular
from lurcher.schema import known_table

Row = dict[str, Any]


def _event(row: Row, category: str = "AdvancedHunting-DeviceProcessEvents") -> Row:
    return {"time": "2026-01-02T03:04:05.1234567Z", "tenantId": "t", "operationName": "Publish", "category": category,
            "properties": row}  # fmt: skip


def _row(dice: random.Random, odd: bool) -> Row:
    texts = [
        "",
        "x",
        'C:\\users\\a "b"',
        "é€😀",
        "a\nb\tc",
        "\u0001\u0010\u001f",
        '{"a": 1}',
        '{"a": }',
        "[1]",
        "null",
        "\\u0001",
    ]
    if not odd:
        texts = [text.replace("\x01", "") for text in texts]
    row: Row = {
        "Timestamp": f"2026-01-0{dice.randint(1, 3)}T03:04:05.12345{dice.randint(10, 99)}Z",
        "DeviceName": dice.choice(texts),
        "ProcessCommandLine": dice.choice(texts),
        "ProcessId": dice.choice([1, 2, 4_294_967_296, None]),
        "FileSize": dice.choice([0, 5, -3, None]),
        "AdditionalFields": dice.choice([*texts, None]),
        "IsProcessRemoteSession": dice.choice([True, False, None]),
        "ReportId": dice.randint(0, 3),
    }
    if odd and dice.random() < 0.1:
        row |= dice.choice(
            [
                {"ProcessId": "12"}, {"ProcessId": 1.5}, {"ProcessId": 2**70}, {"AdditionalFields": {"b": 1, "a": [None]}},
                {"New": "n"}, {"New": 5}, {"DeviceName_s": "d"}, {"DeviceName": 7}, {"Timestamp": "1/2/2026 3:04:05 AM"},
                {"Timestamp": "no time"}, {"ProcessCreationTime": "2026-01-01"},
            ]
        )  # fmt: skip
    if dice.random() < 0.1:
        row = dict(dice.sample(sorted(row.items(), key=lambda pair: pair[0]), len(row)))
    return {name: value for name, value in row.items() if value is not None or dice.random() < 0.7}


def _written(event: Row, dice: random.Random) -> str:
    text = json.dumps(event, ensure_ascii=dice.random() < 0.5, separators=dice.choice([(",", ":"), (", ", ": ")]))
    return text + dice.choice(["", "", "", "\r"])


def _mutated(text: bytes, dice: random.Random) -> bytes:
    pieces = [b"\n", b"\r", b"{", b"}", b'"', b",", b":", b"\\", b"\0", b"\x01", b"\xff", b"\\u0001", b"\\ud800", b"1", b"-", b"0",
              b"null", b"NaN", b"}{", b"}\n{", b'"ProcessId":1,', b'"records":[],', b" ", b"\t",
              b"\xef\xbb\xbf", b"e5", b".0"]  # fmt: skip
    for _ in range(dice.randint(0, 2)):
        at = dice.randrange(len(text) + 1)
        match dice.randrange(4):
            case 0:
                text = text[:at] + dice.choice(pieces) + text[at:]
            case 1:
                text = text[:at] + text[at + dice.randint(1, 4) :]
            case 2:
                text = text[:at] + bytes([dice.randrange(256)]) + text[at + 1 :]
            case _:
                end = text.find(b",", at)
                again = text.find(b",", end + 1)
                if 0 <= end < again:
                    text = text[:again] + text[end:again] + text[again:]
    return text


def _read(
    text: bytes, at_once: bool, monkeypatch: pytest.MonkeyPatch | None = None
) -> tuple[list[Any], list[Reject], Any]:
    """Rows (as they are stored) and rejects; and whether they were read at once."""
    reader = defender_stream._Rows()
    lines = Lines(7, text.split(b"\n"), text=text)
    tried = reader._shape.read(lines) is not None if at_once else None
    if not at_once:
        reader._shape.read = lambda lines: None  # type: ignore[method-assign]
    context = ReadContext(known_table, "export.json")
    rows, rejects = [], []
    for part in reader.read(lines, context):
        if isinstance(part, Reject):
            rejects.append(part)
            continue
        strings = {c.name for c in part.schema.columns if c.type.value == "string"}
        assert part.row_hash is not None
        for row, digest in zip(part.batch.to_pylist(), part.row_hash.to_pylist(), strict=True):
            shown = {n: v for n, v in row.items() if v is not None and not (v == "" and n in strings)}
            rows.append((part.schema.name, sorted(shown.items(), key=str), digest))
    learned = {t: {n: k for n, k in found.items() if k} for t, found in context._inferred.items()}
    return sorted(rows, key=str), sorted(rejects, key=str), (tried, dict(context.notes), list(reader.tables), learned)


@pytest.mark.parametrize("seed", range(4))
def test_lines_read_at_once_are_those_read_one_by_one(seed: int) -> None:
    dice = random.Random(seed)
    fast = 0
    for _ in range(250):
        tables = dice.choice(
            [["AdvancedHunting-DeviceProcessEvents"]] * 3
            + [["AdvancedHunting-DeviceProcessEvents", "AdvancedHunting-DeviceEvents"]]
        )
        odd = dice.random() < 0.4
        events = [_event(_row(dice, odd), dice.choice(tables)) for _ in range(dice.choice([1, 5, 40]))]
        text = _mutated("\n".join(_written(event, dice) for event in events).encode(), dice)
        rows, rejects, (tried, *told) = _read(text, True)
        slow_rows, slow_rejects, (_, *slow_told) = _read(text, False)
        assert rows == slow_rows
        assert rejects == slow_rejects
        assert told[0] == slow_told[0]
        assert set(told[1]) == set(slow_told[1])
        assert told[2] == slow_told[2]
        fast += bool(tried)
    assert fast > 40  # else nothing was compared


def test_a_plain_export_is_read_at_once() -> None:
    rows = [{"Timestamp": "2026-01-02T03:04:05.1234567Z", "ProcessId": i, "FileName": f"f{i}.exe"} for i in range(300)]
    text = "\n".join(json.dumps(_event(row)) for row in rows).encode()
    found, rejects, (tried, *_) = _read(text, True)
    assert tried
    assert len(found) == 300
    assert not rejects


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1}{"a":2}\n{"a":\n1}',
        b'{"a":1}\n\n{"a":2}',
        b'{"a":1}\n{"a":2}\n',
        b' {"a":1}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":1} ',
        b'{"a":"\xff"}',
        b'{"a":"\0"}',
        b'{"a":"\\u0003"}',
        b'{"a":"\\\\\\u0003"}',
        b'{"a":\r1}',
        b"",
        b"\r",
    ],
)
def test_lines_that_another_parser_takes_otherwise_are_not_read_at_once(text: bytes) -> None:
    assert (
        not is_regular(text, text.split(b"\n"))
        or Shape("p", "records").read(Lines(1, text.split(b"\n"), text=text)) is None
    )
    if text != b'{"a":1}{"a":2}\n{"a":\n1}':
        assert not is_regular(text, text.split(b"\n"))


@pytest.mark.parametrize("text", [b'{"a":1}', b'{"a":1}\r\n{"a":2}\r', b'{"a":"\\\\u0003 \\u0010 \xc3\xa9"}', b"{}"])
def test_lines_that_are_regular(text: bytes) -> None:
    assert is_regular(text, text.split(b"\n"))


def _hash(row: Row) -> bytes:
    return content_hashes_of([row])[0].as_py()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": True}, {"a": "true"}),
        ({"a": ""}, {}),
        ({"a": "b"}, {"a": "", "b": ""}),
        ({"a": "x", "b": "y"}, {"a": "x\x01b\x02\x01y"}),
        ({"a": "\x01"}, {"a": "\x041"}),
        ({"a": "\x031"}, {"a": 1}),
        ({"a\x02\x01b": ""}, {"a": "b\x02\x01"}),
        ({"a": {"b": None}}, {"a": {}}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
    ],
)
def test_rows_that_differ_have_other_hashes(one: Row, other: Row) -> None:
    assert _hash(one) != _hash(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": "x"}, {"b": "x", "a": 1}),
        ({"a": 1, "b": None}, {"a": 1}),
        ({"a": {"c": 1, "b": 2}}, {"a": {"b": 2, "c": 1}}),
    ],
)
def test_rows_that_say_the_same_have_one_hash(one: Row, other: Row) -> None:
    assert _hash(one) == _hash(other)


def test_a_row_has_its_hash_whatever_stands_beside_it() -> None:
    rows = [{"a": "x", "n": 1}, {"a": None, "n": 2, "b": True}, {"n": 3, "b": None, "c": {"d": 1.5}}, {}]
    assert content_hashes_of(rows).to_pylist() == [_hash(row) for row in rows]


def test_arrays_have_the_hashes_of_their_values() -> None:
    import pyarrow as pa

    columns = {"t": ["x", None, "\x01"], "n": [1, -5, None], "b": [None, True, False]}
    arrays = {"t": pa.array(columns["t"]), "n": pa.array(columns["n"]), "b": pa.array(columns["b"])}
    assert content_hashes(arrays, 3).equals(content_hashes(columns, 3))
