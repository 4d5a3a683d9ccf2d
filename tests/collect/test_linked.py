"""Hard links: a file of several names is read once, and each name has its row, in the order of the walk."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.collect import made

from lurcher.collect import linked, signatures
from lurcher.collect.examine import FileFacts, NotPe, Rejected
from lurcher.collect.linked import once
from lurcher.collect.walk import Found, Unreadable

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def facts(path: str, number: int) -> FileFacts:
    return FileFacts(path, number, {}, {}, (), ())


def file(path: str, number: int, links: int) -> Found:
    return Found(path, path, 1, (1, 2, 3, number), links=links)


def test_order_and_count() -> None:
    chance = random.Random(1)
    for _ in range(300):
        items: list[Found | Unreadable] = []
        for n in range(chance.randint(0, 30)):
            number = chance.randint(0, 6)
            items.append(
                Unreadable(f"u{n}", "why")
                if chance.random() < 0.1
                # More names than the system says, and fewer: an image may be walked twice, or in part.
                else file(
                    f"{n}.{chance.choice(['exe', 'DLL', 'dll'])}", number, chance.choice((1, 2, 2, 3)) if number else 1
                )
            )
        read: list[Found | Unreadable] = []
        ahead = chance.randint(0, 5)

        def examine(
            given: Iterator[Found | Unreadable], ahead: int = ahead, read: list[Found | Unreadable] = read
        ) -> Iterator[tuple[Found | Unreadable, FileFacts | NotPe | Rejected]]:
            waiting: list[Found | Unreadable] = []
            for item in given:
                read.append(item)
                waiting.append(item)
                if len(waiting) > ahead:
                    yield answer(waiting.pop(0))
            for item in waiting:
                yield answer(item)

        def answer(item: Found | Unreadable) -> tuple[Found | Unreadable, FileFacts | NotPe | Rejected]:
            if isinstance(item, Unreadable):
                return item, Rejected(item.reason)
            return item, NotPe() if item.stamp[3] == 5 else facts(item.path, item.stamp[3])

        got = list(once(items, examine))
        assert [item for item, _ in got] == items
        assert [result for _, result in got] == [answer(item)[1] for item in items]
        paths = [i.path for i in read]
        assert len(set(paths)) == len(paths)


def test_no_number_no_link_and_another_ending_are_read() -> None:
    for pair in (
        (file("a.exe", 0, 2), file("b.exe", 0, 2)),
        (file("a.exe", 1, 1), file("b.exe", 1, 1)),
        (file("a.ps1", 1, 2), file("b.exe", 1, 2)),
    ):
        read = []

        def examine(
            given: Iterator[Found | Unreadable], read: list[str] = read
        ) -> Iterator[tuple[Found | Unreadable, FileFacts | NotPe | Rejected]]:
            for item in given:
                read.append(item.path)
                yield item, facts(item.path, 1)

        assert len(list(once(pair, examine))) == 2
        assert read == [pair[0].path, pair[1].path]


def test_rows_of_linked_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = tmp_path / "a" / "x.exe"
    one.write_bytes(made.PROGRAM)
    os.link(one, tmp_path / "b" / "y.exe")
    (tmp_path / "b" / "z.exe").write_bytes(made.PROGRAM)
    count = 0
    examine_files = signatures.examine_files

    def counted(found: Iterator[Found | Unreadable], *rest: object) -> Iterator[object]:
        nonlocal count
        for pair in examine_files(found, *rest):  # type: ignore[arg-type]
            count += 1
            yield pair

    monkeypatch.setattr(signatures, "examine_files", counted)
    (batch,) = signatures.collect_signatures([tmp_path], now=NOW, workers=1)
    names = batch.files.column("FolderPath").to_pylist()
    assert [n.rpartition("/")[2] for n in names] == ["x.exe", "y.exe", "z.exe"]
    assert len(set(batch.files.column("SHA256").to_pylist())) == 1
    assert count == 2
    assert linked.MOST > 1000
