"""Vectorised functions by value: the documentation's examples, vectors of specifications, and what hostile input must not do."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lurcher.functions.udf import load_udf

UDFS = "lurcher.functions.udfs."


def call(path: str, *values: object) -> object:
    function = load_udf(UDFS + path)
    return function.function(*(pa.array([v]) for v in values)).to_pylist()[0]


def parsed(path: str, *values: object) -> object:
    text = call(path, *values)
    return None if text is None else json.loads(str(text))


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        (r"C:\temp\file.txt", ("", "C:", r"C:\temp", "temp", "file.txt", "txt", "")),
        (r"temp\file.txt", ("", "", "temp", "temp", "file.txt", "txt", "")),
        ("file://C:/temp/file.txt:some.exe", ("file", "C:", "C:/temp", "temp", "file.txt", "txt", "some.exe")),
        (r"\\shared\users\temp\file.txt.gz", ("", "", r"\\shared\users\temp", "temp", "file.txt.gz", "gz", "")),
        ("/usr/lib/temp/file.txt", ("", "", "/usr/lib/temp", "temp", "file.txt", "txt", "")),
    ],
)
def test_parts_of_a_path(path: str, parts: tuple[str, ...]) -> None:
    found = parsed("parsing:parse_path", path)
    assert isinstance(found, dict)
    assert tuple(found.values()) == parts


def test_parts_of_a_url() -> None:
    assert parsed("parsing:parse_url", "scheme://username:password@host:1234/this/is/a/path?k1=v1&k2=v2#fragment") == {
        "Scheme": "scheme", "Host": "host", "Port": "1234", "Path": "/this/is/a/path", "Username": "username",
        "Password": "password", "Query Parameters": {"k1": "v1", "k2": "v2"}, "Fragment": "fragment",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ('echo "hello world!"', ["echo", "hello world!"]),
        (r'"C:\Program Files\x.exe" "a b" c', [r"C:\Program Files\x.exe", "a b", "c"]),
        (r'x "abc" d e', ["x", "abc", "d", "e"]),
        (r'x a\\b d"e f"g h', ["x", r"a\\b", "de fg", "h"]),
        (r"x a\\\"b c d", ["x", r"a\"b", "c", "d"]),
        (r'x a\\\\"b c" d e', ["x", r"a\\b c", "d", "e"]),
        ("", []),
    ],
)
def test_arguments_are_split_as_windows_splits_them(line: str, arguments: list[str]) -> None:
    assert parsed("parsing:parse_command_line", line) == arguments


@pytest.mark.parametrize(
    ("xml", "value"),
    [
        ("<e/>", {"e": None}),
        ("<e>text</e>", {"e": "text"}),
        ('<e name="value" />', {"e": {"@name": "value"}}),
        ('<e name="value">text</e>', {"e": {"@name": "value", "#text": "text"}}),
        ("<e> <a>text</a> <b>text</b> </e>", {"e": {"a": "text", "b": "text"}}),
        ("<e> <a>text</a> <a>text</a> </e>", {"e": {"a": ["text", "text"]}}),
        ("<e> text <a>text</a> </e>", {"e": {"#text": "text", "a": "text"}}),
        ('<?xml version="1.0" encoding="UTF-8"?><v>118.0</v>', {"v": "118.0"}),
        ("no xml", None),
        ("<open>", None),
    ],
)
def test_xml_as_the_documentation_maps_it(xml: str, value: object) -> None:
    assert parsed("xml:parse_xml", xml) == value


def test_entities_of_xml_are_not_expanded() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'
    assert parsed("xml:parse_xml", bomb) is None


def test_deep_xml_is_refused() -> None:
    assert parsed("xml:parse_xml", "<a>" * 5000 + "</a>" * 5000) is None


def test_only_the_first_record_of_csv_counts() -> None:
    text = 'aa,"b,b,b",cc,"Escaping quotes: ""Title""","line1\nline2"\nrecord2,x'
    assert parsed("parsing:parse_csv", text) == ["aa", "b,b,b", "cc", 'Escaping quotes: "Title"', "line1\nline2"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("World", 1846988464401551951), ("Hello", 753694413698530628), ("", -1205034819632174695)],
)
def test_xxhash64(text: str, value: int) -> None:
    # The empty text: EF46DB3751D8E999, the vector of the specification.
    assert call("codes:xxhash64", text) == value


def test_xxhash64_of_a_long_text() -> None:
    # XXH64("Nobody inspects the spammish repetition"), seed 0.
    assert call("codes:xxhash64", "Nobody inspects the spammish repetition") == 0xFBCEA83C8A378BF1 - (1 << 64)


@pytest.mark.parametrize(
    ("text", "address", "found"),
    [
        ("05:04:54 127.0.0.1 GET /favicon.ico 404", "127.0.0.1", True),
        ("05:04:54 127.0.0.256 GET /favicon.ico 404", "127.0.0.256", False),
        ("05:04:54127.0.0.1 GET", "127.0.0.1", False),
    ],
)
def test_an_address_in_a_text_stands_alone(text: str, address: str, found: bool) -> None:
    assert call("addresses:has_ipv4", text, json.dumps([address]), True) is found


@pytest.mark.parametrize(
    ("ip", "written"),
    [
        ("203.0.113.10", "0000:0000:0000:0000:0000:ffff:cb00:710a"),
        ("::1.2.3.4", "0000:0000:0000:0000:0000:0000:0102:0304"),
        ("2001:db8::10/17", "2001:0000:0000:0000:0000:0000:0000:0000"),
        ("1.2.3.4/0", "0000:0000:0000:0000:0000:ffff:0000:0000"),
        ("2001:db8::10/129", ""),
        ("::ffff:1.2.3.4/120", ""),
        ("1::2::3", ""),
    ],
)
def test_ipv6_written_out(ip: str, written: str) -> None:
    assert call("addresses:parse_ipv6", ip, None) == written


def test_replacements_do_not_meet_each_other() -> None:
    text = "This is an example of using replace_strings()"
    replace = "text:replace_strings"
    assert call(replace, text, '["This","is"]', '["This","was"]') == "This was an example of using replace_strings()"
    assert call(replace, text, '["is","This"]', '["was","This"]') == "Thwas was an example of using replace_strings()"
    assert call(replace, text, '["This","is"]', '[12345,"was"]') == "This was an example of using replace_strings()"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_canonical_json_says_the_same(value: object) -> None:
    assert json.loads(str(call("bags:canonical_json", json.dumps(value)))) == value


@given(st.text(max_size=200))
def test_no_text_stops_a_parser(text: str) -> None:
    for path in ("parsing:parse_url", "parsing:parse_path", "parsing:parse_command_line", "parsing:parse_csv", "xml:parse_xml",
                 "codes:base64_text", "codes:url_decode", "codes:url_encode", "codes:from_punycode"):  # fmt: skip
        call(path, text)
