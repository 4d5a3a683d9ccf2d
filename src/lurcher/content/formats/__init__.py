"""Rule formats, each declared in one module of this package. A new one is a new module that calls `declare`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from lurcher.content.files import TextFile
from lurcher.content.model import Loaded


@dataclass(frozen=True, slots=True)
class RuleFormat:
    """`suffixes` are of file names, lower case; `recognises` looks at the text where several formats share a suffix.

    `load` never raises for what is in the file: it returns diagnostics.
    """

    name: str
    doc: str
    suffixes: tuple[str, ...]
    recognises: Callable[[str], bool]
    load: Callable[[TextFile], Loaded]
    #: Of several formats that recognise a text, the one of the higher rank reads it.
    rank: int = 0


#: Name -> format. Filled by declaration.
FORMATS: dict[str, RuleFormat] = {}


def declare(row: RuleFormat) -> RuleFormat:
    if row.name in FORMATS:
        raise ValueError(f"the rule format {row.name} is declared twice")
    FORMATS[row.name] = row
    return row


def suffixes() -> tuple[str, ...]:
    """Every file name suffix that some format reads."""
    return tuple(dict.fromkeys(s for row in FORMATS.values() for s in row.suffixes))


def format_of(path: str, text: str, *, strict: bool = False) -> RuleFormat | None:
    """The format of a file: by its name, and by its text where that leaves a choice. `strict` wants the text recognised in
    any case: a folder has files of such names that are no rules (`README.md`)."""
    candidates = [row for row in FORMATS.values() if path.lower().endswith(row.suffixes)]
    if len(candidates) > 1 or strict:
        recognised = [row for row in candidates if row.recognises(text)]
        candidates = recognised if strict else recognised or candidates
    return max(candidates, key=lambda row: row.rank, default=None)


for _module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")
