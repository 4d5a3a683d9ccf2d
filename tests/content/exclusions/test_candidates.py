"""Proposals rest on what an attacker cannot choose, and a sidecar takes one more without losing anything."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from lurcher.content.exclusionfiles import sidecar_text, with_exclusion
from lurcher.content.exclusions.candidates import folder_of, proposals
from lurcher.content.loading import load_exclusions
from lurcher.content.model import Exclusion
from lurcher.kql.source import Source


@pytest.mark.parametrize(
    ("paths", "folder"),
    [
        (["C:\\Program Files\\A\\x.exe"], "C:\\Program Files\\A\\"),
        (["C:\\Program Files\\A\\1.2\\x.exe", "c:\\program files\\A\\1.3\\x.exe"], "C:\\Program Files\\A\\"),
        (["C:\\Program Files\\A\\x.exe", "C:\\Program Files\\B\\x.exe"], ""),
        (["C:\\Users\\eve\\a\\x.exe"], ""),
        (["C:\\ProgramData\\a\\b\\x.exe"], ""),
        (["C:\\Windows\\Temp\\a\\x.exe"], ""),
        (["C:\\x.exe"], ""),
        (["C:\\Program Files\\A\\x.exe", ""], ""),
        ([], ""),
    ],
)
def test_the_folder_that_paths_share(paths: list[str], folder: str) -> None:
    assert folder_of(paths) == folder


FACTS = {
    "file.hash.sha1": ["aa"],
    "file.signer": ["M LLC"],
    "process.path": ["C:\\Program Files\\M\\a.exe"],
    "process.name": ["a.exe"],
    "process.command_line": ["a.exe --x"],
    "process.parent.name": ["services.exe"],
    "device.name": ["pc1"],
}


def test_no_proposal_rests_on_names_alone() -> None:
    made = list(proposals(FACTS, "file"))
    assert made[0].when == 'file.hash.sha1 == "aa"'
    assert made[0].devices == ("pc1",)
    assert not any("process.name" in p.when or "command_line" in p.when for p in made)
    assert all(any(w in p.when for w in ("hash", "signer", "path")) for p in made)


def test_only_names_give_nothing() -> None:
    facts = {
        k: v
        for k, v in FACTS.items()
        if k in ("process.name", "process.command_line", "process.parent.name", "device.name")
    }
    assert list(proposals(facts, "process")) == []


def test_many_values_are_no_pattern() -> None:
    facts = FACTS | {"file.hash.sha1": [f"{n:02x}" for n in range(11)]}
    assert not any("hash" in p.when for p in proposals(facts, "file"))


def an_exclusion(id_: str = "new") -> Exclusion:
    when = 'file.signer == "M, LLC"\nand process.path startswith @"C:\\Program Files\\M\\"'
    return Exclusion(
        id_, "Words: with 'quotes'", "", when, Source(when), devices=("pc1",), owner="me", expires=dt.date(2027, 3, 31)
    )


@pytest.mark.parametrize(
    "before",
    [
        "",
        "# mine\nexclusions:\n  - id: old\n    scenario: s\n    when: process.name == 'x'   # why\n",
        "# mine\nexclusions:\n- id: old\n  when: process.name == 'x'",
        "- id: old\n  when: process.name == 'x'\n",
        "exclusions:\r\n  - id: old\r\n    when: |\r\n      process.name == 'x'\r\n\r\nlast: 1\r\n",
    ],
)
def test_one_more_exclusion_leaves_the_rest_as_it_was(before: str, tmp_path: Path) -> None:
    after = with_exclusion(before, an_exclusion())
    assert after is not None
    path = tmp_path / "r.exclusions.yaml"
    path.write_text(after, encoding="utf-8", newline="")
    found, said = load_exclusions(path)
    assert not [p for p in said if p.diagnostic.is_error]
    assert [e.id for e in found] == (["old"] if before else []) + ["new"]
    new = found[-1]
    assert (new.scenario, new.when, new.devices, new.owner) == (
        "Words: with 'quotes'",
        an_exclusion().when,
        ("pc1",),
        "me",
    )
    assert new.expires == dt.date(2027, 3, 31)
    for line in before.splitlines():
        assert line in after.splitlines()


@pytest.mark.parametrize(
    "before", ["exclusions: [{id: a, when: x}]\n", "other: 1\n", "exclusions: 3\n", "exclusions:\n\t- x"]
)
def test_what_cannot_be_added_to_is_left_alone(before: str) -> None:
    assert with_exclusion(before, an_exclusion()) is None


def test_a_file_of_exclusions_says_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "r.exclusions.yaml"
    path.write_text(sidecar_text([an_exclusion("a"), an_exclusion("b")]), encoding="utf-8")
    assert [e.id for e in load_exclusions(path)[0]] == ["a", "b"]
