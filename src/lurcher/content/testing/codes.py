"""What is said of test files: `LU6xx`. All of them are errors: a test that is read wrongly proves nothing."""

from __future__ import annotations

from lurcher.content.codes import declare
from lurcher.kql.diagnostics import Rule as Code
from lurcher.kql.diagnostics import Severity


def _error(code: str, message: str) -> Code:
    return declare(code, message, Severity.ERROR)


UNKNOWN_KEY = _error("LU601", "there is no key '{key}' {where}")
NO_COLUMN = _error("LU602", "the table {table} has no column '{column}'")
BAD_VALUE = _error("LU603", "{table}.{column}: {why}")
NO_TABLE = _error("LU604", "there is no table '{table}'")
BAD_NOW = _error("LU605", "'now' is no time: {why}")
MISSING = _error("LU606", "{where} has no '{key}'")
BAD_KIND = _error("LU607", "'kind' is '{value}', expected 'true positive' or 'false positive'")
BAD_FILE = _error("LU608", "the events in '{file}' cannot be read: {why}")
NAME_TWICE = _error("LU609", "two tests are called '{name}'")
TOO_MANY = _error("LU610", "too many {what} (limit {limit:,})")
NO_RULE = _error("LU611", "no rule stands beside these tests: expected {expected}")
NO_SUCH_EXCLUSION = _error("LU612", "the rule has no exclusion '{id}'")
WHICH_RULE = _error("LU613", "{file} has {count} rules, and the test does not say which of them it is of")
