"""Which rules a hunt runs, of what a user names."""

from pathlib import Path

from lurcher.app.rules import load_rules

RULE = "id: 11111111-2222-4333-8444-555555555555\nname: {name}\nquery: |\n  DeviceInfo\n  | where DeviceName has '{word}'\n"


def test_one_rule_in_two_files_runs_once_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(RULE.format(name="one", word="x"))
    (tmp_path / "b.yaml").write_text(RULE.format(name="one again", word="x"))
    loaded = load_rules([tmp_path])
    assert [r.name for r in loaded.rules] == ["one"]
    assert [Path(p).name for p, _ in loaded.skipped] == ["b.yaml"]


def test_another_query_under_a_taken_id_is_not_lost(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(RULE.format(name="one", word="x"))
    (tmp_path / "b.yaml").write_text(RULE.format(name="other", word="y"))
    loaded = load_rules([tmp_path])
    assert [r.name for r in loaded.rules] == ["one", "other"]
    assert len({r.key for r in loaded.rules}) == 2
    assert not loaded.skipped


def test_a_file_that_is_named_twice_is_one_rule(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(RULE.format(name="one", word="x"))
    loaded = load_rules([path, tmp_path])
    assert [r.name for r in loaded.rules] == ["one"]
    assert not loaded.skipped
