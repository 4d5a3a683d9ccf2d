"""A rule of ours without a true and a false positive test does not ship."""

from __future__ import annotations

from pathlib import Path

from lurcher.app.testing import find, run_tests

CONTENT = Path(__file__).parents[2] / "content"


def test_every_rule_that_ships_has_a_true_and_a_false_positive() -> None:
    found = find([CONTENT])
    assert not [p.render() for p in found.wrong]
    lacking = [r.path for r, tests in found.rules if {t.kind for t in tests} != {"true positive", "false positive"}]
    assert not lacking


def test_the_rules_by_hand_pass_their_tests() -> None:
    report = run_tests(sorted((CONTENT / "rmm").glob("*.test.yaml")))
    assert [(o.rule_path, o.test, o.reason, o.differences) for o in report.outcomes if o.status != "passed"] == []
    assert len(report.outcomes) >= 22


def test_of_the_generated_rules_some_pass_theirs() -> None:
    # All of them take minutes: CI runs `lurcher test content`. Here every fortieth.
    files = sorted((CONTENT / "rmm" / "generated").glob("*.test.yaml"))[::40]
    if files:
        report = run_tests(files)
        assert [(o.rule_path, o.test, o.reason, o.differences) for o in report.outcomes if o.status != "passed"] == []
