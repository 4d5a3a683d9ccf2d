"""Every message about rule files, in one place: `LU1xx` from loading, `LU2xx` to `LU5xx` from the checks.

A loader names its row: `BAD_YAML.at(span, problem="...")`. The checks of `lurcher.content.checks` declare theirs where they stand,
through `declare` as well, so that no code is given twice.
"""

from __future__ import annotations

from lurcher.errors import ErrorKind
from lurcher.kql.diagnostics import RULES, Severity
from lurcher.kql.diagnostics import Rule as Code


def declare(code: str, message: str, severity: Severity, kind: ErrorKind = "semantic") -> Code:
    """A new code. Raises ValueError at import where the code is taken."""
    if code in RULES:
        raise ValueError(f"{code} is declared twice")
    RULES[code] = row = Code(code, kind, message, severity)
    return row


def _repair(code: str, message: str, severity: Severity = Severity.WARNING) -> Code:
    return declare(code, message, severity, "syntax")


def _error(code: str, message: str) -> Code:
    return declare(code, message, Severity.ERROR, "syntax")


# --- repairs: the file loads all the same; `check --fix` writes those that a YAML parser stumbles over ---
BOM = _repair("LU101", "the file begins with a byte order mark; left out", Severity.NOTE)
TABS = _repair("LU102", "tabs indent this line, which YAML does not take; read as spaces")
DASH_COLUMN = _repair(
    "LU103", "'{key}' stands in the column of the '-', so no YAML parser takes it; read as belonging to '{owner}'"
)
FLAT = _repair("LU104", "the indentation of '{key}' is lost; its block is read up to {until}")
SCALAR_LIST = _repair("LU105", "'{key}' is one text, a list is expected; read as {items}")
SYNONYM = _repair("LU106", "'{key}' is not a key of Sentinel's; read as '{meant}'")
FENCE = _repair("LU107", "the query stands in ``` fences; left out")
QUOTED_BLOCK = _repair("LU108", "the whole query stands in quotes; left out")
SPELLING = _repair("LU109", "'{value}' for '{key}' is read as '{meant}'", Severity.NOTE)
ONE_MAPPING = _repair("LU110", "'{key}' is a mapping, a list is expected; read as a list of one")
SIDECAR_ID = _repair("LU111", "this exclusion has no id; it goes by '{id}', which its scenario gives", Severity.NOTE)

# --- what keeps a file from being a rule, or a rule from being run ---
BAD_YAML = _error("LU120", "not YAML: {problem}")
TOO_LARGE = _error("LU121", "the file is too large: {what} (limit {limit})")
TEMPLATE = _error("LU122", "this is a template: {marks} is still to be filled in; it is not run")
NO_QUERY = _error("LU123", "the query is empty; an empty query is not run")
NOT_A_RULE = _error("LU124", "no rule: {why}")
NOT_TEXT = _error("LU125", "not a text file: {why}")
KEY_TWICE = _error("LU126", "'{key}' is given twice; which one is meant?")
MERGE_KEY = _error("LU127", "the merge key '<<' is not read here; write the keys out")
WRONG_TYPE = _error("LU128", "'{key}' is {actual}, expected {expected}")
UNREADABLE = _error("LU129", "cannot be read: {why}")
TWO_QUERIES = _repair(
    "LU130", "the page has the query twice and they differ from here on; the one in the YAML part is used"
)
STRAY_TEXT = _repair("LU131", "this text belongs to no part of the page; kept, not read")
BAD_SILENCE = _repair("LU132", "{why}; nothing is silenced by it")

BAD_JSON = _error("LU133", "not JSON: {problem}")

# --- exclusions ---
BAD_EXCLUSION = _error("LU140", "exclusion '{id}': {why}; it is not in force")
EXCLUSION_TWICE = _error("LU141", "the exclusion id '{id}' is used twice")
ORPHAN = _repair("LU142", "no rule stands beside these exclusions: expected {expected}")

# --- Sigma ---
SIGMA = _error("LU150", "this Sigma rule cannot be said in KQL: {why}")
SIGMA_READING = _repair("LU151", "{what}", Severity.NOTE)
SIGMA_MISSING = _error("LU152", "Sigma rules are read by pySigma, which is not installed")

#: A rule with one of these has no query to run.
BLOCKING = frozenset({TEMPLATE.code, NO_QUERY.code, NOT_A_RULE.code, SIGMA.code, SIGMA_MISSING.code})
