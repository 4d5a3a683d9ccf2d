"""The loose language: what is read, what is refused, and that nothing but diagnostics ever comes out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lurcher.content.exclusions.language import display, understand
from lurcher.kql.source import Source


def read(text: str, columns: frozenset[str] = frozenset()):
    return understand(Source(text), "a scenario", columns)


def meant(text: str, columns: frozenset[str] = frozenset()) -> str:
    understood = read(text, columns)
    assert understood.intended is not None, [d.message for d in understood.diagnostics]
    return display(understood.intended)


@pytest.mark.parametrize(
    ("text", "kql"),
    [
        ('process.name == "N.exe"', 'process.name =~ "N.exe"'),
        ('Process.Name != "N.exe"', 'process.name !~ "N.exe"'),
        ('process.command_line == "x"', 'process.command_line == "x"'),
        ('file.name in ("a", "b")', 'file.name in~ ("a", "b")'),
        ('process.parent_process_name == "a"', 'process.parent.name =~ "a"'),
        ('host.name == "WS01"', 'device.name == "WS01"'),
        (
            'process.name == "n.exe" and process.command_line contains "update" or "sync"',
            'process.name =~ "n.exe" and (process.command_line contains "update" or process.command_line contains "sync")',
        ),
        (
            'process.command_line contains "a" or "b" or process.name == "n"',
            'process.command_line contains "a" or process.command_line contains "b" or process.name =~ "n"',
        ),
        (
            'process.command_line contains "a" and "b"',
            'process.command_line contains "a" and process.command_line contains "b"',
        ),
        # What the writer put into parentheses stays together.
        (
            '(process.name == "n" and process.command_line has "a") or file.name has "b" or "c"',
            'process.name =~ "n" and process.command_line has "a" or (file.name has "b" or file.name has "c")',
        ),
        (
            'process.name == "n" and (process.command_line has "a" or "b")',
            'process.name =~ "n" and (process.command_line has "a" or process.command_line has "b")',
        ),
        ('not(process.name == "a" or "b")', 'not(process.name =~ "a" or process.name =~ "b")'),
        (
            'process.name == "a" or "b" and file.name == "c"',
            '(process.name =~ "a" or process.name =~ "b") and file.name =~ "c"',
        ),
    ],
)
def test_is_read_as(text, kql):
    assert meant(text) == kql


def test_the_three_readings_of_a_bare_text():
    understood = read('process.name == "n.exe" and process.command_line contains "update" or "sync"')
    assert display(understood.strict) == 'process.name =~ "n.exe" and process.command_line contains "update" or true'
    assert (
        display(understood.loose)
        == 'process.name =~ "n.exe" and process.command_line contains "update" or process.command_line contains "sync"'
    )


def test_one_reading_where_nothing_is_ambiguous():
    understood = read('process.name == "a" and process.command_line contains "b"')
    assert (understood.strict, understood.loose) == (None, None)


def test_precedence_says_nothing_else_where_there_is_no_and():
    assert read('process.command_line contains "a" or "b"').loose is None


def test_each_addition_is_a_note_with_its_kql():
    understood = read('host.name == "h" and process.name == "n" or "m"')
    assert [d.code for d in understood.diagnostics] == ["LX022", "LX020", "LX021", "LX021"]
    assert 'process.name == "n" or process.name == "m"' in understood.diagnostics[1].message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('file.hash == "known_legit_script_hash"', "LX002"),
        ('process.name == "n.exe" and process.id == 1234 (replace with the id)', "LX002"),
        ('process.name == "<agent>"', "LX002"),
        ('file.hash == "abc"', "LX004"),
        ('file.hash.md5 == "da39a3ee5e6b4b0d3255bfef95601890afd80709"', "LX004"),
        ('file.hash contains "da39"', "LX005"),
        ("The admin runs the agent", "LX001"),
        ("", "LX001"),
        ('process.name == "a" AND process.path == "b"', "LX001"),
        ('proces.name == "a"', "LX003"),
        ('Signer has "x"', "LX003"),
        ("process.name", "LX005"),
        ('"a" or process.name == "b"', "LX005"),
        ("process.name == 5", "LX005"),
        ('"a" == "a"', "LX005"),
        ('process.name contains ("a" or "b")', "LX005"),
        ('process.name contains ""', "LX007"),
        ('process.name == "a" or true', "LX007"),
        ('process.name != "a" or "b"', "LX008"),
        ('process.command_line !contains "a" or "b"', "LX008"),
        ("process.name in (DeviceInfo | project DeviceName)", "LX006"),
        ('externaldata(a:string)["https://x"]', "LX006"),
        ('evil(process.name) == "x"', "LX006"),
        (" or ".join(['process.name == "a"'] * 500), "LX009"),
        ("(" * 60 + 'process.name == "a"' + ")" * 60, "LX009"),
    ],
)
def test_is_refused_with_the_scenario_named(text, code):
    understood = read(text)
    assert understood.intended is None
    assert [d.code for d in understood.errors] == [code]
    assert "a scenario" in understood.errors[0].message
    assert "not in force" in understood.errors[0].message


def test_upper_case_words_get_a_hint():
    assert "lower case" in read('process.name == "a" AND process.path == "b"').errors[0].hint


def test_an_unknown_field_gets_the_nearest():
    assert "process.name" in read('proces.name == "a"').errors[0].hint


def test_a_column_of_the_evidence_is_a_field():
    assert meant('Signer has "x" and AdditionalFields.k == "v"', frozenset(("Signer", "AdditionalFields"))) == (
        'Signer has "x" and AdditionalFields.k == "v"'
    )


_WORDS = st.sampled_from(
    [
        "process.name",
        "file.hash",
        "process",
        ".",
        "==",
        "contains",
        "and",
        "or",
        "not(",
        ")",
        "(",
        '"a"',
        '"',
        "in",
        "5",
        "|",
        "\n",
        "`",
        "ə",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(_WORDS, max_size=25).map(" ".join)))
def test_whatever_is_written_gives_a_reading_or_an_error(text):
    understood = read(text)
    assert (understood.intended is None) == bool(understood.errors)
    for d in understood.diagnostics:
        assert 0 <= d.span.start <= d.span.end <= len(text) + 1
    if understood.intended is not None:
        # What it was read as is the same condition when it is read again.
        assert meant(display(understood.intended)) == display(understood.intended)
