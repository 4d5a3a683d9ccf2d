"""The header of a CSV: what its columns are called, and what portals write beside the names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lurcher.collect.exports.context import ReadContext
from lurcher.collect.exports.csv_table import CsvNames
from lurcher.errors import LurcherError

if TYPE_CHECKING:
    import pyarrow as pa

#: Log Analytics' portal: `TimeGenerated [UTC]`, or the time zone that the portal is set to.
_ZONE = re.compile(r"(.+?) \[(UTC|.*\bTime\b.*|(?:UTC|GMT)[+-].*|[A-Z][a-z]+/[A-Z].*)\]")
_NAMELESS = re.compile(r"Column\d+(_\d+)?")


@dataclass(frozen=True)
class Header:
    """`columns`: names as in the file (made different) -> names of the columns; `times`: those that are times by their header."""

    columns: dict[str, str]
    times: tuple[str, ...]

    def of(self, cells: dict[str, pa.Array]) -> dict[str, pa.Array]:
        """The cells under the columns' names, without nameless columns that are empty: what a comma at the end of lines makes."""
        import pyarrow.compute as pc

        return {
            self.columns[name]: array
            for name, array in cells.items()
            if not _NAMELESS.fullmatch(name) or pc.any(pc.not_equal(array, "")).as_py()
        }


def read_header(header: CsvNames, context: ReadContext) -> Header:
    """Raises `LurcherError` where the times are in another zone than UTC."""
    columns, times = dict[str, str](), list[str]()
    for name in header.names:
        bare = name
        if zone := _ZONE.fullmatch(name):
            bare = zone[1]
            if zone[2] != "UTC":
                raise LurcherError(
                    f"the times of '{bare}' are in the zone '{zone[2]}'",
                    "set the portal's time zone to UTC, and export again",
                    context.name,
                    1,
                )
            if bare in header.names or bare in columns.values():
                bare = name
            else:
                times.append(bare)
        columns[name] = bare
    for name, first in header.again.items():
        context.note(f"the header has the column '{first}' more than once: it was taken as {name}")
    return Header(columns, tuple(times))
