"""Patterns of `--include` and `--exclude`."""

from __future__ import annotations

import pytest

from lurcher.collect.filters import Filters, size_of
from lurcher.errors import LurcherError


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.exe", ["a.exe", "x/y/B.EXE"], ["a.exe.txt", "exe"]),
        ("a?.dll", ["ab.dll", "s/aX.dll"], ["a.dll", "abc.dll"]),
        ("Windows/*.sys", ["windows/a.sys"], ["Windows/System32/a.sys", "x/Windows/a.sys"]),
        ("Windows/**/*.sys", ["windows/a.sys", "Windows/System32/drivers/a.sys"], ["a.sys"]),
        ("/Windows/a.exe", ["Windows/a.exe"], ["x/Windows/a.exe"]),
        ("Windows\\Temp\\*", ["windows/temp/a"], ["windows/temp/b/a"]),
        ("**/temp/**", ["temp/a", "x/Temp/y/z"], ["temperature/a"]),
        ("[abc]?.exe", ["a1.exe"], ["d1.exe"]),
        ("[!abc].exe", ["d.exe"], ["a.exe"]),
        ("C:\\Tools\\*.exe", ["tools/a.exe"], ["x/tools/a.exe"]),
        ("cache/", ["cache/a", "x/cache/y/a"], ["cache"]),
        ("a.+b(", ["a.+b("], ["a..b("]),
        ("Grüße.exe", ["GRÜSSE.exe".replace("SS", "ß"), "grüße.exe"], ["grusse.exe"]),
    ],
)
def test_what_a_pattern_matches(pattern: str, yes: list[str], no: list[str]) -> None:
    filters = Filters(include=(pattern,), drive="c:")
    assert [p for p in yes if not filters.wanted(p, 1)] == []
    assert [p for p in no if filters.wanted(p, 1)] == []


def test_a_folder_is_not_entered_and_exclusion_wins() -> None:
    filters = Filters(include=("*.exe",), exclude=("cache/", "bad*"))
    assert not filters.entered("x/Cache")
    assert filters.entered("x/caches")
    assert not filters.wanted("bad.exe", 1)
    assert (filters.folders, filters.excluded, filters.not_included) == (1, 1, 0)


@pytest.mark.parametrize("pattern", ["", "/", "\\"])
def test_a_pattern_of_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(LurcherError, match="no pattern"):
        Filters(exclude=(pattern,))


@pytest.mark.parametrize(
    "pattern", ["[", "[]", "[]]", "[!]", "[^", "[\\", "{", "(?P<", "a" * 10_000, "[[:a:]]", "[a--b]"]
)
def test_patterns_of_any_letters_are_read(pattern: str) -> None:
    assert not Filters(include=(pattern,)).wanted("zzz", 1)


def test_a_range_that_is_none_is_refused() -> None:
    with pytest.raises(LurcherError, match="cannot be read"):
        Filters(include=("[z-a]",))


@pytest.mark.parametrize(("text", "size"), [("10", 10), ("2k", 2048), ("1.5 MiB", 1572864), ("3GB", 3 << 30), ("0", 0)])
def test_sizes_as_people_write_them(text: str, size: int) -> None:
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["", "x", "-1", "1 zb", "1e3"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(LurcherError, match="no size"):
        size_of(text)
