"""Every message about what an exclusion says and hides: `LX0xx` reading, `LX1xx` applying to a rule, `LX2xx` blind spots."""

from __future__ import annotations

from lurcher.content.codes import declare
from lurcher.kql.diagnostics import Severity

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
_OUT = "; kept as text, not in force"

# --- reading `when` ---
NO_EXPRESSION = declare("LX001", "'{scenario}': this is no expression: {why}" + _OUT, ERROR, "syntax")
PLACEHOLDER = declare("LX002", "'{scenario}': {text} is a placeholder, to be filled in" + _OUT, ERROR)
UNKNOWN_FIELD = declare("LX003", "'{scenario}': '{name}' is no field of evidence or context" + _OUT, ERROR)
BAD_HASH = declare("LX004", "'{scenario}': {text} is no MD5, SHA1 or SHA256 in hex" + _OUT, ERROR)
NO_TEST = declare("LX005", "'{scenario}': this is not true or false: {why}" + _OUT, ERROR)
NOT_ALLOWED = declare("LX006", "'{scenario}': {what} cannot stand in an exclusion" + _OUT, ERROR)
ALWAYS = declare("LX007", "'{scenario}': this is always true, it would hide everything" + _OUT, ERROR)
NEGATED = declare("LX008", "'{scenario}': '{op}' repeated with 'or' is true of nearly everything" + _OUT, ERROR)
TOO_LONG = declare("LX009", "'{scenario}': the expression is too long: {what} (limit {limit})" + _OUT, ERROR)
REPEATED = declare("LX020", "a bare text repeats the operator before it; read as: {kql}", NOTE)
FOLDED = declare("LX021", "'==' on {field} compares without case, as Windows does; read as: {kql}", NOTE)
FIELD = declare("LX022", "'{written}' is the context field {field}; read as: {kql}", NOTE)
READINGS = declare("LX030", "'{scenario}' can be read in {count} ways; the first is applied: {readings}", WARNING)

# --- applying it to a rule ---
NO_SPLIT = declare("LX101", "the rule's exclusions are not applied: {why}", ERROR, "unsupported")
NOT_ON_EVIDENCE = declare(
    "LX102", "'{scenario}': {field} is not known of the evidence of {table}; not in force on this rule", ERROR
)
NO_WINDOW = declare("LX103", "the rule has no time window that can be read, so context is looked for at any time", NOTE)
UNSTABLE = declare("LX104", "'{operator}' takes rows in no fixed order: counts may differ from run to run", NOTE)

# --- blind spots ---
NAME_ALONE = declare("LX201", "'{scenario}': {condition} stands alone: {cost}", ERROR)
EXCUSES_HUNTED = declare(
    "LX202",
    "'{scenario}' excuses the technique that is hunted ({techniques}): {condition}; refused unless forced",
    ERROR,
)
CHOSEN = declare("LX203", "'{scenario}' rests only on what an attacker chooses ({fields}): {advice}", WARNING)
COLLIDES = declare("LX204", "'{scenario}': \"{word}\" also matches {others}", WARNING)
DEAD = declare("LX205", "'{scenario}' looks dead: {why}", WARNING)
CANNOT_HOLD = declare("LX206", "'{scenario}' cannot hold on this rule's evidence: {why}", ERROR)
ANY_CONTEXT = declare(
    "LX207", "'{scenario}': match: any: one harmless row excuses all others of the same program", WARNING
)
SHARE = declare("LX210", "'{scenario}' explains {explained} of {total} evidence rows ({percent})", NOTE)
HIDES_DEVICES = declare("LX211", "'{scenario}' hides everything on {count} of {total} devices: {devices}", WARNING)
STARTED_TOO = declare(
    "LX212", "'{scenario}' would explain {count} rows, were what the program started its context too; it is not", NOTE
)
DIFFER = declare(
    "LX213", "'{scenario}': read {kind} it would explain {count} rows, {differ} of them differently: {kql}", NOTE
)
NOT_COUNTED = declare("LX214", "what '{scenario}' explains cannot be counted in the data: {why}", WARNING)
