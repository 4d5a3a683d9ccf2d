"""Tokens: what the lexer cuts a text into, and the classes of words.

Tokens are kept as parallel lists, not as objects: a query of a megabyte is some hundred thousand of them. Trivia (white
space, comments) is not kept; what lies between the end of one token and the start of the next is trivia.

KQL has no reserved words in the usual sense: whether a word may stand for a name depends on where it stands. Three classes
say all of it (the rest of the words are free): `RESERVED` must be bracketed everywhere, `DECLARABLE` may be declared bare
(`extend to = 1`) but not referred to, `REFERABLE` the other way round.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from lurcher.kql.diagnostics import Diagnostic


class TokenKind(enum.IntEnum):
    """What sort of token it is. Names, keywords and operators in letters are all `WORD`: where it stands tells them apart."""

    END = 0
    WORD = 1
    STRING = 2
    LONG = 3
    REAL = 4
    TIMESPAN = 5  # `1d`; `time(1d)` is TYPED
    TYPED = 6  # `datetime(...)`, `long(...)`: a type's name, and raw text up to the first parenthesis that closes
    GUID = 7  # a raw one, which is an error wherever it stands
    SIGN = 8  # punctuation
    BAD = 9  # what no token starts with; the lexer has said so


#: How many `END` tokens close a text.
LOOKAHEAD = 5


@dataclass(slots=True)
class Tokens:
    """A text in tokens. The last ones are `END`, with an empty text, so that a parser may look ahead without bounds."""

    text: str
    kinds: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    #: Tokens that a diagnostic of the lexer is about: what a parser stumbles over there, or just after, follows from it.
    tainted: set[int] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.kinds) - LOOKAHEAD

    def end(self, index: int) -> int:
        """Where a token ends in the text."""
        return self.starts[index] + len(self.texts[index])


def words(text: str) -> tuple[str, ...]:
    """A list of words, written as one text."""
    return tuple(text.split())


#: Operators between two scalars, in letters. `in`, `has_any`, `has_all`, `between` take a list or a range and stand apart.
STRING_OPERATORS = frozenset(
    words(
        "has has_cs hasprefix hasprefix_cs hassuffix hassuffix_cs contains contains_cs containscs startswith "
        "startswith_cs endswith endswith_cs like likecs notlike notlikecs notcontains notcontainscs !has "
        "!has_cs !hasprefix !hasprefix_cs !hassuffix !hassuffix_cs !contains !contains_cs !startswith "
        "!startswith_cs !endswith !endswith_cs =~ !~ :"
    )
) | {"matches regex"}
LIST_OPERATORS = frozenset(("in", "!in", "in~", "!in~", "has_any", "has_all"))
RANGE_OPERATORS = frozenset(("between", "!between"))

#: The words of more than one part. Each is one token: `mv-expand`, never `mv - expand`.
HYPHENATED = words(
    "assert-schema granny-asc granny-desc graph-mark-components graph-match graph-shortest-paths "
    "graph-to-table graph-where-edges graph-where-nodes macro-expand make-graph make-series "
    "materialized-view-combine mv-apply mv-expand parse-kv parse-where partitioned-by project-away "
    "project-by-names project-keep project-rename project-reorder project-smart sample-distinct "
    "top-hitters top-nested"
)
HINTS = words(
    "hint.concurrency hint.distribution hint.materialized hint.num_partitions hint.progressive_top "
    "hint.remote hint.shufflekey hint.spread hint.strategy"
)

#: Types whose name before a parenthesis makes a literal of raw text.
LITERAL_TYPES = words("bool date datetime decimal double guid int int32 int64 long real time timespan")

_TYPE_WORDS = (
    "boolean int8 char uint8 byte int16 uint16 int int32 uint uint32 long int64 ulong uint64 float real decimal double"
    " string time timespan date datetime uniqueid dynamic"
)
_CHARTS = (
    "anomalychart areachart barchart card columnchart ladderchart linechart piechart pivotchart scatterchart"
    " stackedareachart timechart timeline timepivot treemap"
)
# Words of management commands, which the service's lexer keeps back in queries too.
_COMMANDS = (
    "cachingpolicy callout cancel dataexport encodingpolicy extent_tags_retention harddelete hardretention hotcache journal"
    " missing nooptimization pathformat queries query_results restricted_view_access row_level_security rowstore"
    " rowstore_references rowstore_sealinfo rowstorepolicy rowstores seal seals shards softdelete softretention statistics"
    " storedqueryresultcontainers tablepurge unrestrictedviewers views writeaheadlog"
)
_CLAUSES = (
    "and or asc desc first last flags others relaxed simple between datascope has_any has_all bagexpansion bin_legacy cycles"
    " decodeblocks expandoutput isfuzzy force_remote with_itemindex with_match_id with_step_name external_data project union"
    " __contextual_datatable __crossCluster __crossDB __executeAndCache __id __isFuzzy __noWithSource __packedColumn"
    " __projectAway __sourceColumnIndex"
)
#: Words that are declared bare and cannot be referred to bare.
DECLARABLE = frozenset(
    words(
        "accumulate as by contains datatable earliest externaldata find has in invoke latest materialize mdm missing "
        "of print sample search set sql title to toscalar totable verbose viewers where"
    )
)
#: Words that are referred to bare and cannot be declared bare.
REFERABLE = frozenset(("kind", "with_source", "withsource"))
#: Words that stand for a name only in brackets.
RESERVED = (
    frozenset(f"{_TYPE_WORDS} {_CHARTS} {_COMMANDS} {_CLAUSES}".split())
    | (STRING_OPERATORS | LIST_OPERATORS | RANGE_OPERATORS)
    | frozenset(HYPHENATED)
    | frozenset(HINTS)
) - DECLARABLE
#: Neither may be referred to.
BOOLEANS = frozenset(("true", "True", "TRUE", "false", "False", "FALSE"))
NOT_REFERABLE = RESERVED | DECLARABLE | BOOLEANS
NOT_DECLARABLE = RESERVED | REFERABLE | BOOLEANS
