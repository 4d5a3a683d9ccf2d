"""Files, folders, sidecars, plain KQL, and what hostile bytes do."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lurcher.content.loading import load, load_folder, load_text, write_fixed
from lurcher.errors import LurcherError

PUBLISHED = Path(__file__).parents[3] / "shared" / "rules" / "rmm"
RULE = "id: 11111111-2222-3333-4444-555555555555\nname: x\nquery: |\n  T\n  | take 1\n"
SIDE = """\
exclusions:
  - id: update
    scenario: The agent updates itself
    when: |
      process.name == "a.exe"
        and process.command_line has "update"
    match: any
    devices: [one, two]
    owner: team
    reason: CHG-1
    expires: 2027-03-31
    ticket: 7
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_exclusions_beside_a_rule(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", RULE)
    side = write(tmp_path, "a.exclusions.yaml", SIDE)
    result = load(path)
    assert result.diagnostics == ()
    (exclusion,) = result.rules[0].exclusions
    assert (exclusion.id, exclusion.match, exclusion.devices) == ("update", "any", ("one", "two"))
    assert (exclusion.owner, exclusion.reason, exclusion.expires) == ("team", "CHG-1", dt.date(2027, 3, 31))
    assert exclusion.extra == {"ticket": 7}
    assert exclusion.when_source.name == str(side)
    assert exclusion.when_source.position(exclusion.when.index("process.command_line")) == (6, 13)
    assert not exclusion.expired(dt.date(2027, 3, 31))
    assert exclusion.expired(dt.date(2027, 4, 1))


def test_exclusions_inside_the_rule_and_beside_it(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", RULE + "exclusions:\n  - id: mine\n    when: process.name == 'b.exe'\n")
    write(tmp_path, "a.exclusions.yaml", SIDE)
    assert [e.id for e in load(path).rules[0].exclusions] == ["mine", "update"]
    write(tmp_path, "a.exclusions.yaml", SIDE.replace("id: update", "id: mine"))
    assert [p.diagnostic.code for p in load(path).errors] == ["LU141"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("match: any", "match: some", "'every' or 'any'"),
        ("expires: 2027-03-31", "expires: 2027-02-30", "a date"),
        ("expires: 2027-03-31", "expires: soon", "a date"),
        ("devices: [one, two]", "devices: {a: 1}", "'devices' is a mapping"),
        ("devices: [one, two]", "devices: [[one]]", "'devices' is a list"),
        ("    when: |\n", "    whenever: |\n", "no 'when'"),
    ],
)
def test_a_broken_exclusion_is_not_in_force_and_the_rule_still_runs(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    path = write(tmp_path, "a.yaml", RULE)
    write(tmp_path, "a.exclusions.yaml", SIDE.replace(old, new))
    result = load(path)
    assert result.rules[0].runnable
    assert result.rules[0].exclusions[0].errors
    assert len(result.errors) == 1
    assert says in result.errors[0].diagnostic.message
    assert "a.exclusions.yaml" in result.errors[0].source.name


def test_one_device_as_a_text_is_a_scope_of_one(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", RULE)
    write(tmp_path, "a.exclusions.yaml", SIDE.replace("[one, two]", "one"))
    assert load(path).rules[0].exclusions[0].devices == ("one",)


def test_a_sidecar_that_is_no_yaml_is_an_error_of_the_rule(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", RULE)
    for text in ("exclusions: [", "other: 1\n", "word\n"):
        write(tmp_path, "a.exclusions.yaml", text)
        result = load(path)
        assert len(result.errors) == 1
        assert result.errors[0].source.name.endswith("a.exclusions.yaml")


def test_a_folder_with_everything_in_it(tmp_path: Path) -> None:
    write(tmp_path, "b/one.yaml", RULE)
    write(tmp_path, "b/one.test.yaml", "events: {}\n")
    write(tmp_path, "a/two.kql", "// Name: Two\n// Tactics: Persistence, Execution\nT\n| take 1\n")
    write(tmp_path, "a/broken.yaml", "name: x\nquery: [\n")
    write(tmp_path, "settings.yaml", "colour: red\n")
    write(tmp_path, "README.md", "Words about the folder.\n")
    write(tmp_path, ".git/x.yaml", RULE)
    write(tmp_path, "gone.exclusions.yaml", SIDE)
    write(tmp_path, "picture.png", "no")
    (tmp_path / "loop").symlink_to(tmp_path)
    result = load_folder(tmp_path)
    assert [r.name for r in result.rules] == ["Two", "x"]
    assert sorted(Path(s).name for s, _ in result.skipped) == ["README.md", "settings.yaml"]
    assert {(Path(p.source.name).name, p.diagnostic.code) for p in result.diagnostics} == {
        ("broken.yaml", "LU120"),
        ("gone.exclusions.yaml", "LU142"),
    }


def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "nowhere")
    write(tmp_path, "good.yaml", RULE)
    result = load_folder(tmp_path)
    assert len(result.rules) == 1
    assert [p.diagnostic.code for p in result.diagnostics] == ["LU129"]


def test_plain_kql() -> None:
    text = "// Name: Two\n// Tactics: Persistence, Execution\n// Techniques: T1059\nT\n| take 1\n"
    result = load_text("dir/two.kql", text.encode())
    assert result is not None
    (rule,) = result.rules
    assert (rule.name, rule.tactics, rule.techniques, rule.query) == (
        "Two",
        ("Persistence", "Execution"),
        ("T1059",),
        text,
    )
    assert rule.query_source.position(text.index("take")) == (5, 3)
    assert write_fixed(rule) == text.encode()
    empty = load_text("two.csl", b"// nothing\n")
    assert empty is not None
    assert [p.diagnostic.code for p in empty.errors] == ["LU123"]
    assert not empty.rules[0].runnable


def test_a_test_file_is_no_rule(tmp_path: Path) -> None:
    with pytest.raises(LurcherError, match="holds the tests"):
        load(write(tmp_path, "a.test.yaml", "x: 1\n"))


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published rules are not here")
def test_all_published_rmm_rules_load_and_can_be_fixed() -> None:
    result = load_folder(PUBLISHED)
    assert len(result.rules) == 171
    assert result.skipped == ()
    templates = [r for r in result.rules if not r.runnable]
    assert len(templates) == 3
    assert all(r.problems[0].code == "LU122" for r in templates)
    assert {p.diagnostic.code for p in result.errors} == {"LU122"}
    for rule in result.rules:
        with pytest.raises(yaml.YAMLError):
            yaml.safe_load(rule.original)
        fixed = yaml.safe_load(write_fixed(rule))
        assert fixed["tactics"] == ["CommandAndControl"]
        assert fixed["relevantTechniques"] == ["T1219"]
        assert len(fixed["requiredDataConnectors"]) == 1
        assert len(fixed["requiredDataConnectors"][0]["dataTypes"]) >= 1
        for offset, char in enumerate(rule.query):
            if char != "\n":
                line, column = rule.query_source.position(offset)
                assert rule.file.text.split("\n")[line - 1][column - 1] == char


SEEDS = [
    RULE,
    RULE + SIDE,
    "name: x\nrequiredDataConnectors:\n    - connectorId: C\n    dataTypes:\n        - T\ntactics: A\nquery: |\n\tT\n",
    "About.\nKQL Query\nT\nid: 1\nname: x\nquery: |\nT\n| take 1\nScenario: s\nDescription: d\nFilter/Exclusion: a == 1\n",
    "a: &a [1, 2]\nb: *a\nquery: \"T\\u0041\\n  | x\"\n--- \nname: 'it''s'\nquery: >\n  T\n  | y\n",
]
PIECES = st.sampled_from([
    "\n", "\t", "  ", "- ", ": ", "query: |\n", "dataTypes:\n", "- connectorId: x\n", "%%A%%", "&a ", "*a", "{", "[", '"', "'",
    "\\", "\ufeff", "\u2028", "\x85", "\r", "```", "Scenario: ", "Filter: ", "id: ", "---\n", "#", "<<: ", "!x ", "? ", "| ", "> ",
])  # fmt: skip
CHANGES = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 12), PIECES), max_size=8)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 12), PIECES), max_size=8),
    st.sampled_from("abc"),
)
def test_mutated_files_never_raise_and_places_stay_inside(
    seed: str, changes: list[tuple[int, int, str]], form: str
) -> None:
    text = seed
    for at, length, piece in changes:
        at = min(at, len(text))
        text = text[:at] + piece + text[at + length :]
    path = {"a": "r.yaml", "b": "r.txt", "c": "r.kql"}[form]
    result = load_text(path, text.encode())
    assert result is not None
    assert result.rules or result.errors
    for placed in result.diagnostics:
        assert placed.render()
        line, _ = placed.position
        assert 1 <= line <= placed.source.text.count("\n") + 1
    for rule in result.rules:
        lines = rule.file.text.count("\n") + 1
        for offset in range(0, len(rule.query), 7):
            assert 1 <= rule.query_source.position(offset)[0] <= lines
        assert rule.query.strip() or not rule.runnable
        try:
            fixed = write_fixed(rule)
        except LurcherError:
            continue
        again = load_text(path, fixed)
        assert again is not None
        assert rule.query in [r.query for r in again.rules]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["r.yaml", "r.txt", "r.kql"]))
def test_any_bytes_give_rules_or_an_error(raw: bytes, path: str) -> None:
    result = load_text(path, raw)
    assert result is not None
    assert result.rules or result.errors


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    (tmp_path / "a.kql").write_text("DeviceEvents\n| take 1\n")
    (closed / "b.kql").write_text("DeviceInfo\n| take 1\n")
    scan = os.scandir

    def scandir(path: str) -> object:
        if str(path) == str(closed):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    loaded = load_folder(tmp_path)
    assert len(loaded.rules) == 1
    assert [(p.source.name, p.diagnostic.code) for p in loaded.errors] == [(str(closed), "LU129")]


def test_folders_beyond_the_limit_are_told(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(42):
        deep = deep / "d"
    write(deep, "r.yaml", RULE)
    write(tmp_path, "near.yaml", RULE)
    loaded = load_folder(tmp_path)
    assert [Path(r.path).name for r in loaded.rules] == ["near.yaml"]
    (error,) = loaded.errors
    assert error.diagnostic.code == "LU129"
    assert "40 deep" in error.diagnostic.message
