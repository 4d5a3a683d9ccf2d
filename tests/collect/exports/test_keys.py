"""Keys that come twice in an object are found, in few texts and in many at once."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from lurcher.collect.exports import keys
from lurcher.collect.exports.keys import RepeatedKeyError, all_once, check_keys

#: What makes a text look as if a key ended there, or began.
PIECES = ('"', ":", "\\", ",", "[", " ", "\t", "a", "{", "}", "]", '":', ':"', '\\":', '":"', "::1")


def text(chance: random.Random) -> str:
    return "".join(chance.choices(PIECES, k=chance.randrange(5)))


def value(chance: random.Random, depth: int, twice: list[bool]) -> str:
    """The text of a JSON value, at times with a key twice, which is told by `twice`."""
    kind = chance.randrange(4 if depth < 3 else 2)
    if kind == 0:
        return json.dumps(text(chance))
    if kind == 1:
        return chance.choice(("1", "null", "-1.5e3", "true"))
    if kind == 2:
        return "[" + chance.choice((",", ", ")).join(value(chance, depth + 1, twice) for _ in range(2)) + "]"
    names = list({text(chance): None for _ in range(3)})
    if chance.random() < 0.05:
        names.append(names[0])
        twice.append(True)
    colon = chance.choice((":", ":", ": ", " :", ":\t"))
    return "{" + ",".join(json.dumps(name) + colon + value(chance, depth + 1, twice) for name in names) + "}"


def row(chance: random.Random) -> tuple[str, bool]:
    twice: list[bool] = []
    inner = value(chance, 0, twice)
    return f'{{"n":1,"x":{inner},"s":"::1"}}', bool(twice)


@pytest.mark.parametrize("seed", range(200))
def test_what_says_that_keys_come_once_is_never_wrong(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    rows = [row(chance) for _ in range(chance.choice((1, 3, 10)))]
    whole = "\n".join(line for line, _ in rows).encode()
    values: list[Any] = [json.loads(line) for line, _ in rows]
    said = []
    for least in (0, 1 << 30):  # by what stands before colons, and by counting pieces of the text
        monkeypatch.setattr(keys, "_LONG", least)
        said.append(all_once(whole, values))
    assert said[0] == said[1]
    assert not said[0] or not any(twice for _, twice in rows)
    for (line, twice), parsed in zip(rows, values, strict=True):
        if twice:
            with pytest.raises(RepeatedKeyError):
                check_keys(line.encode(), parsed)
        else:
            check_keys(line.encode(), parsed)


def test_plain_rows_are_seen_to_be_plain() -> None:
    lines = [f'{{"n":{i},"ip":"::1","list":[],"of":{{"a:b":":","c":["x"]}}}}' for i in range(5000)]
    values = [json.loads(line) for line in lines]
    assert all_once("\n".join(lines).encode(), values)
    lines[4000] = '{"n":1,"n":2,"ip":"::1"}'
    values[4000] = json.loads(lines[4000])
    assert not all_once("\n".join(lines).encode(), values)
