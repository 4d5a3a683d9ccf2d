from __future__ import annotations

import time

import pytest

from lurcher.kql.secrets import masked, plain_url, public_url


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('print h"abc", "def"', 'print h"***", "def"'),
        ("print H'a\\'c'", "print H'****'"),
        ('print h@"a""b"', 'print h@"****"'),
        ('["https://x/y?sv=1&sig=ab%3D&se=2"]', '["https://x/y?sv=1&sig=*****&se=2"]'),
        ('["https://x/y.csv;key=="]', '["https://x/y.csv;*****"]'),
        ("where path == 'a;b'", "where path == 'a;b'"),
        ('extend hash "x"', 'extend hash "x"'),
        ('h"open', 'h"****'),
    ],
)
def test_secrets_are_stars(line: str, shown: str) -> None:
    assert masked(line) == shown


@pytest.mark.parametrize("part", ["a", "a://", 'h"', "h@'", "?sig=", "a:// ", ";"])
def test_long_lines_take_no_long_time(part: str) -> None:
    began = time.monotonic()
    masked(part * 200_000)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("url", "shown", "plain"),
    [
        ("https://x/y?full", "https://x/y?full", "https://x/y?full"),
        ("https://x/y?id=1", "https://x/y?...", "https://x/y?id=1"),
        ("https://x/y?sv=1&sig=k", "https://x/y", "https://x/y"),
        ("https://u:p@x/y;k", "https://x/y", "https://x/y"),
        ("abfss://fs@acct/path;k", "abfss://acct/path", "abfss://acct/path"),
    ],
)
def test_a_url_without_its_key(url: str, shown: str, plain: str) -> None:
    assert public_url(url) == shown
    assert plain_url(url) == plain
