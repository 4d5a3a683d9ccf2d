"""What keeps a rule from being exported, and what is told of one that is: `LU8xx`."""

from __future__ import annotations

from lurcher.content.codes import declare
from lurcher.kql.diagnostics import Severity

_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE

# --- not exported ---
LONG_QUERY = declare("LU801", "the query has {count:,} characters; {target} takes {limit:,}", _E)
LONG_NAME = declare("LU802", "the name has {count:,} characters; {target} takes {limit:,}", _E)
LONG_DESCRIPTION = declare("LU803", "the description has {count:,} characters; {target} takes {limit:,}", _E)
MANY_MAPPINGS = declare("LU804", "{count} entity mappings; {target} takes {limit}", _E)
MANY_FIELDS = declare("LU805", "the entity {entity} has {count} fields; {target} takes 1 to {limit}", _E)
MANY_DETAILS = declare("LU806", "{count} custom details; {target} takes {limit}", _E)
SCHEDULE = declare("LU807", "'{key}' is {value}; {target} takes {expected}", _E)
NEEDED = declare("LU808", "there is no '{key}', and {target} needs one", _E)
BAD_VALUE = declare("LU809", "'{key}' is '{value}'; {target} takes {expected}", _E)
MISSING_COLUMNS = declare("LU810", "the result has no {columns}, which {target} needs", _E)
NOT_HELD = declare("LU811", "{target} has no {what}, and without it the rule would mean something else", _E)
KIND = declare("LU812", "a rule of kind {kind} cannot be exported to {target}", _E)
DOES_NOT_STAND = declare("LU813", "the query does not stand: {why}", _E)
ID_TWICE = declare("LU814", "{other} is deployed under the id {id} as well: the one would replace the other", _E)

# --- exported, and told ---
ID_MADE = declare("LU820", "the rule has no GUID; it is deployed as {id}, made of what the rule goes by", _N)
OTHER_TIME = declare("LU821", "the query uses '{used}'; the table {table} has its time in '{column}' in {target}", _W)
FILLED_IN = declare("LU822", "the rule has no '{key}'; '{value}' is filled in", _W)
NOT_CHECKED = declare("LU823", "the query could not be checked: {why}", _W)
NO_COLUMN = declare("LU824", "'{key}' names the column '{column}', which the result has not", _W)
SHORT_CONTEXT = declare(
    "LU825",
    "the exclusions look up {tables} a day around the rule's window; the service gives it the last {period} only",
    _W,
)
OTHER_PLATFORM = declare("LU826", "{table} is no table of {target}", _W)
COMMENTS_LOST = declare(
    "LU827", "the file is written anew: comments and layout of the rule's own file are not in it", _N
)
