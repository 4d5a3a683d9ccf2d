"""Which data a hunt saw: what tells it from any other, and which sources have come since."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lurcher.lake import Lake, LakeTable

if TYPE_CHECKING:
    from lurcher.app.session import Session

#: Digits of a source's digest that the ledger keeps.
DIGITS = 32


def fingerprint(lake: Lake, session: Session) -> str:
    """What data a hunt saw: of each table its sources, its columns and the rows of each day; and what queries were supplied with.

    Not the tables' versions: merging files (`lurcher lake optimize`) makes a new version of the same rows. A day that has been
    removed for its age changes it.
    """
    said = []
    pairs = sources(lake, session)
    for name in lake.table_names():
        table = session.tables.data(name)
        if not isinstance(table, LakeTable):
            continue
        days: dict[str, int] = {}
        for file in table.files:
            days[str(file.day)] = days.get(str(file.day), 0) + file.rows
        columns = ",".join(f"{c.name}:{c.type.value}" for c in table.schema.columns)
        digests = sorted(d for t, d in pairs if t == name)
        # Rows that another program wrote have no source that is known here: its files are all there is to tell them by.
        foreign = sorted(f.name for f in table.files) if not table.ours else []
        said.append(f"{name} {columns} {sorted(days.items())} {digests} {foreign}")
    supplied = session.tables.supplies.fingerprint()
    return hashlib.sha256("\n".join([*said, supplied]).encode("utf-8", "surrogatepass")).hexdigest()


def sources(lake: Lake, session: Session) -> frozenset[tuple[str, str]]:
    """The (table, source) whose rows the session's tables have."""
    tables = {n: t for n in lake.table_names() if isinstance(t := session.tables.data(n), LakeTable)}
    return frozenset(
        (name, record.digest[:DIGITS])
        for record in lake.known_sources()
        for name in (tables if record.adding else record.tables)
        if name in tables and tables[name].has_source(record.digest)
    )


@dataclass(frozen=True)
class Arrival:
    """A source that has come to a table: the times of its first and last row, None where its rows have none."""

    table: str
    digest: str
    first: datetime | None
    last: datetime | None


def arrivals(lake: Lake, session: Session, new: frozenset[tuple[str, str]]) -> list[Arrival]:
    """When the rows of these (table, source) begin."""
    from lurcher.lake import names
    from lurcher.lake.contents import shares

    found = []
    for name in sorted({t for t, _ in new}):
        table = session.tables.data(name)
        if not isinstance(table, LakeTable):
            continue
        digests = {d for t, d in new if t == name}
        wanted = {d[: names.SOURCE_DIGITS] for d in digests}
        every = shares(table, [f for f in table.files if not f.source or f.source in wanted])
        for digest in sorted(digests):
            share = every.get(digest[: names.SOURCE_DIGITS])
            found.append(Arrival(name, digest, share.first if share else None, share.last if share else None))
    return found
