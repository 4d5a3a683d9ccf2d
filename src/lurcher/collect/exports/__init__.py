"""Exports of the services, and tables in common file forms, as rows of tables.

    path --files--> leaves (what is in archives too) --registry--> format --reader--> TableBatch | Reject

| module | what it is |
|---|---|
| `files` | folders and what is in archives: streams of bytes (`leaf`) |
| `packed`, `archives`, `limits` | gzip, zstd, bzip2, xz; zip, tar; what they may grow to |
| `registry` | the formats, each declared in one file of `readers/` and recognised by content |
| `context` | what a reader is told and what it learns while it reads: table, schema, inferred types, order of dates |
| `rows` | what a reader gives: typed batches and rejects |
| `json_values`, `text_values`, `times` | values as the services write them -> Arrow arrays; what does not fit, with the reason |
| `infer` | the type of a column that nobody declared |
| `guess` | which table a file without a table's name is of |
"""

from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.files import Leaf, Passed, leaves
from lurcher.collect.exports.registry import FORMATS, SourceFormat, recognise, recognised
from lurcher.collect.exports.rows import Reject, TableBatch

__all__ = [
    "FORMATS",
    "Leaf",
    "Passed",
    "ReadContext",
    "Reject",
    "SourceFormat",
    "TableBatch",
    "leaves",
    "recognise",
    "recognised",
]
