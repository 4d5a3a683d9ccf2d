"""What a user is told of an event log that is not whole: it was cut, or copied while it was open, or records are missing."""

from __future__ import annotations

from collections.abc import Iterator

from lurcher.collect.events.evtx import Chunk, Header

#: Gaps that are named one by one.
_NAMED = 5


class Integrity:
    """Sees the chunks of one log as they are read."""

    def __init__(self, header: Header) -> None:
        self._header = header
        #: Records that were seen, good and bad.
        self.records = 0
        self._chunks = 0
        self._uncounted = 0
        self._defects: dict[str, list[int]] = {}
        #: (first, last) number of each run of records without a gap.
        self._runs: list[tuple[int, int]] = []

    def see(self, chunk: Chunk) -> None:
        if chunk.records or chunk.numbers is not None:
            self._chunks += 1
        self.records += len(chunk.records)
        self._uncounted += chunk.uncounted
        for defect in chunk.defects:
            self._defects.setdefault(defect, []).append(chunk.number)
        if chunk.numbers is not None and chunk.defects and chunk.defects[0].startswith("cut"):
            self._run(chunk.numbers[0], chunk.numbers[0])
        for record in chunk.records:
            self._run(record.number, record.number)

    def learn(self, later: Integrity) -> None:
        """What was seen of the chunks that follow, by another process."""
        self.records += later.records
        self._chunks += later._chunks
        self._uncounted += later._uncounted
        for defect, chunks in later._defects.items():
            self._defects.setdefault(defect, []).extend(chunks)
        for first, last in later._runs:
            self._run(first, last)

    def _run(self, first: int, last: int) -> None:
        if self._runs and first == self._runs[-1][1] + 1:
            self._runs[-1] = (self._runs[-1][0], last)
        elif len(self._runs) < 100_000:
            self._runs.append((first, last))

    def notes(self) -> Iterator[str]:
        header = self._header
        if not header.good:
            yield "the file's header is damaged, or has no checksum"
        if header.dirty:
            yield "dirty: the log was copied while it was open"
        if header.good and self._chunks < header.chunks:
            yield f"cut: {self._chunks} of {header.chunks} chunks are there"
        elif header.good and self._chunks > header.chunks:
            yield f"its header counts {_counted(header.chunks, 'chunk')}; all {self._chunks} were read"
        for defect, chunks in self._defects.items():
            yield f"{_listed(chunks)}: {defect}"
        if self._uncounted:
            yield f"{_counted(self._uncounted, 'record')} that a chunk's header does not count yet were read"
        yield from self._gaps()

    def _gaps(self) -> Iterator[str]:
        """Numbers between those of the records: what was lost between them."""
        runs, gaps, reached = sorted(self._runs), [], None
        for first, last in runs:
            if reached is not None and first > reached + 1:
                gaps.append((reached + 1, first - 1))
            reached = last if reached is None else max(reached, last)
        if (
            reached is not None
            and not self._header.dirty
            and self._header.good
            and reached < self._header.next_record - 1
        ):
            gaps.append((reached + 1, self._header.next_record - 1))
        if not gaps:
            return
        missing = sum(last - first + 1 for first, last in gaps)
        named = ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in gaps[:_NAMED])
        more = f" and {len(gaps) - _NAMED} more gaps" if len(gaps) > _NAMED else ""
        yield f"{_counted(missing, 'record')} missing: {named}{more}"


def _listed(chunks: list[int]) -> str:
    if len(chunks) == 1:
        return f"chunk {chunks[0]}"
    return f"chunks {', '.join(map(str, chunks[:_NAMED]))}" + (", ..." if len(chunks) > _NAMED else "")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
