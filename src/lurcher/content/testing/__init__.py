"""Tests of rules: `<rule>.test.yaml` beside a rule.

| module | what it is |
|---|---|
| `model` | `TestFile`, `RuleTest`, `Events`, `Expect` |
| `loading` | a test file -> `TestFile`; what is wrong with it, with its line |
| `events` | rows as YAML has them -> values of the columns' types |
| `codes` | the messages, `LU6xx` |
"""

from lurcher.content.testing.loading import load_tests, tests_of
from lurcher.content.testing.model import Events, Expect, Kind, RuleTest, TestFile

__all__ = ["Events", "Expect", "Kind", "RuleTest", "TestFile", "load_tests", "tests_of"]
