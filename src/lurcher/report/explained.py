"""A query explained: its text, its plan in words, its SQL, and what the engine has measured, as frozen data and as text.

A figure that nobody knows is None, and is not shown. Lines are those of the query's file, from 1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import IO

from lurcher.report.tables import print_table
from lurcher.report.text import counted, visible

#: The form of the JSON; a new number where a reader must change.
FORM = 1
#: From so many places on, a terminal shows text, plan and SQL side by side.
WIDE = 150
#: Columns that are only passed on: so many are shown one by one.
_RUN = 6


@dataclass(frozen=True)
class PlanLine:
    number: int
    depth: int
    text: str
    lines: tuple[int, ...]


@dataclass(frozen=True)
class ReadPart:
    """What was read of a table: pairs are (of the query's days, of all). `first` and `last` are days (2026-03-28), `times` how
    often the engine read it."""

    table: str
    times: int
    rows: tuple[int, int]
    days: tuple[int, int] | None = None
    first: str = ""
    last: str = ""
    files: tuple[int, int] | None = None
    bytes: tuple[int, int] | None = None
    files_opened: int | None = None
    parts: tuple[int, int] | None = None
    bytes_fetched: int | None = None
    rows_left: int | None = None
    ends_early: bool = False


@dataclass(frozen=True)
class StepPart:
    """A step of the engine's, and the lines of the query that it comes of, as far as that can be told."""

    text: str
    on: str
    lines: tuple[int, ...]
    rows_in: int | None
    rows_out: int
    seconds: float
    share: float
    depth: int


@dataclass(frozen=True)
class Measured:
    """`seconds` by the clock in the engine, `cpu_seconds` of its steps in all threads. `again`: see `Profile.wrapping`."""

    rows: int
    seconds: float
    cpu_seconds: float
    memory: int | None
    spilled: int | None
    fetched: int | None
    again: bool
    reads: tuple[ReadPart, ...]
    steps: tuple[StepPart, ...]


@dataclass(frozen=True)
class QueryPart:
    """One result of the text. `told` is what an engine says in words of its own, `note` why there are no figures."""

    plan: tuple[PlanLine, ...]
    sql: str
    measured: Measured | None = None
    told: str = ""
    note: str = ""


@dataclass(frozen=True)
class Explained:
    """`understood`: seconds from text to SQL."""

    kql: str
    first_line: int
    engine: str
    now: str
    understood: float
    queries: tuple[QueryPart, ...]
    notes: tuple[str, ...] = ()

    @property
    def numbered(self) -> list[tuple[int, str]]:
        return list(enumerate(self.kql.rstrip().split("\n"), self.first_line))


def as_json(doc: Explained) -> str:
    return json.dumps({"form": FORM, **asdict(doc)}, ensure_ascii=False, indent=2)


_PLAIN = re.compile(r' *(?:"[^"]*"\.)?"[^"]*"(?: AS "[^"]*")?,?$')


def short_sql(sql: str) -> list[str]:
    """The lines of a statement, long runs of columns that are only passed on as their number."""
    found: list[str] = []
    run: list[str] = []
    for line in [*sql.split("\n"), ""]:
        if _PLAIN.match(line):
            run.append(line)
            continue
        if len(run) > _RUN:
            indent = run[0][: len(run[0]) - len(run[0].lstrip())]
            found += [run[0], f"{indent}-- {len(run) - 2} columns more", run[-1]]
        else:
            found += run
        run = []
        found.append(line)
    return found[:-1]


# --- words -------------------------------------------------------------------------------------------------------------
def size(number: int) -> str:
    """Bytes as people say them."""
    value = float(number)
    for unit in ("bytes", "KB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{number} bytes" if unit == "bytes" else f"{value:,.1f} {unit}"
        value /= 1000
    raise AssertionError(number)


def seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.1f} ms"


def lines_of(lines: Sequence[int]) -> str:
    """`3`, `2, 5`, `2-4`."""
    parts: list[list[int]] = []
    for line in sorted(set(lines)):
        if parts and line == parts[-1][1] + 1:
            parts[-1][1] = line
        else:
            parts.append([line, line])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def said_of(part: ReadPart) -> list[str]:
    """What was read of a table: a headline, then what was left out and by what."""
    if part.files is None or part.bytes is None or part.days is None:
        if not part.rows[1]:
            return [f"{part.table}: there is no row of it"]
        return [f"{part.table}: {counted(part.rows[0], 'row')}, from memory" + _left(part)]
    rows, files, days, bytes_ = part.rows, part.files, part.days, part.bytes
    span = f" ({part.first} to {part.last})" if part.first != part.last else f" ({part.first})" if part.first else ""
    said = [
        f"{part.table}: {days[0]:,} of {counted(days[1], 'day')}{span}, {files[0]:,} of {counted(files[1], 'file')},"
        f" {rows[0]:,} of {counted(rows[1], 'row')}, {size(bytes_[0])} of {size(bytes_[1])}"
    ]
    if files[0] < files[1]:
        said.append(
            f"left out by the days that the query asks for: {counted(files[1] - files[0], 'file')},"
            f" {counted(rows[1] - rows[0], 'row')}, {size(bytes_[1] - bytes_[0])}"
        )
    if not part.times:
        said.append("not opened: the engine saw beforehand that no row is needed" if files[0] else "nothing to open")
        return said
    if part.times > 1:
        said.append(f"read {part.times} times; what follows is of all of them")
    if part.parts is not None:
        looked, of = part.parts
        why = "by statistics, or as there were rows enough" if part.ends_early else "by statistics"
        if looked < of:
            said.append(f"left out {why}: {of - looked:,} of {counted(of, 'part')} of these files")
        elif part.files_opened is not None and part.files_opened < files[0]:
            said.append(f"left out {why}: {files[0] - part.files_opened:,} of these files")
        else:
            said.append(f"left out by statistics: none of {counted(of, 'part')} of these files")
    if part.bytes_fetched is not None:
        said.append(f"{size(part.bytes_fetched)} fetched, for the columns that the query needs")
    if left := _left(part):
        said.append(left.removeprefix("; "))
    return said


def _left(part: ReadPart) -> str:
    return (
        f"; {counted(part.rows_left, 'row')} left by what is asked while reading" if part.rows_left is not None else ""
    )


def totals(doc: Explained, m: Measured) -> list[str]:
    said = [
        f"{counted(m.rows, 'row')} in {seconds(m.seconds)} by the clock, {seconds(m.cpu_seconds)} of work in all threads;"
        f" {seconds(doc.understood)} from KQL to SQL"
    ]
    if m.memory:
        spilled = "nothing was spilled to disk" if not m.spilled else f"{size(m.spilled)} spilled to disk"
        said.append(f"at most {size(m.memory)} of memory in the engine; {spilled}")
    if m.fetched is not None and m.reads:
        said.append(f"{size(m.fetched)} read from files in all")
    if m.again:
        said.append("whole numbers have overflown: it ran again, so that they wrap around as KQL's do")
    return said


STEP_HEADER = ("step", "line", "rows in", "rows out", "time", "share")


def step_cells(step: StepPart) -> tuple[str, ...]:
    return (
        "  " * step.depth + step.text, lines_of(step.lines), "" if step.rows_in is None else f"{step.rows_in:,}",
        f"{step.rows_out:,}", seconds(step.seconds), f"{step.share:.0%}",
    )  # fmt: skip


def plan_text(line: PlanLine) -> str:
    where = f"  [{lines_of(line.lines)}]" if line.lines else ""
    return f"{line.number:>3}  {'  ' * line.depth}{line.text}{where}"


# --- a terminal --------------------------------------------------------------------------------------------------------
def print_explained(doc: Explained, out: IO[str], width: int | None) -> None:
    """`width` of the terminal; None where nobody looks: then nothing stands beside another thing."""
    for number, query in enumerate(doc.queries, 1):
        if len(doc.queries) > 1:
            out.write(f"{'' if number == 1 else chr(10)}== result {number} of {len(doc.queries)} ==\n")
        panes = [
            ("KQL", list(_kql(doc))),
            ("plan, with lines of the KQL", [plan_text(x) for x in query.plan]),
            (f"SQL for {doc.engine}", short_sql(query.sql)),
        ]
        if width is not None and width >= WIDE:
            _side_by_side(panes, out)
        else:
            for title, lines in panes:
                out.write(f"{title}\n" + "".join(f"  {visible(x)}\n" for x in lines) + "\n")
        _measured(doc, query, out)
    for note in doc.notes:
        out.write(visible(note) + "\n")


def _kql(doc: Explained) -> Iterator[str]:
    return (f"{n:>3}  {text.replace(chr(9), '    ')}" for n, text in doc.numbered)


def _side_by_side(panes: Sequence[tuple[str, list[str]]], out: IO[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    for title, _ in panes:
        table.add_column(Text(title), ratio=1, overflow="fold")
    table.add_row(*(Text("\n".join(map(visible, lines))) for _, lines in panes))
    Console(file=out, highlight=False).print(table)
    out.write("\n")


def _measured(doc: Explained, query: QueryPart, out: IO[str]) -> None:
    m = query.measured
    if m is not None:
        if m.reads:
            out.write("what was read\n")
            for read in m.reads:
                head, *rest = said_of(read)
                out.write(f"  {visible(head)}\n" + "".join(f"    {visible(x)}\n" for x in rest))
            out.write("\n")
        out.write("where the time went\n")
        print_table(STEP_HEADER, map(step_cells, m.steps), right=(2, 3, 4, 5), out=out)
        out.write("\n" + "".join(f"{visible(x)}\n" for x in totals(doc, m)))
    if query.told:
        out.write(f"what {doc.engine} tells\n" + "".join(f"  {visible(x)}\n" for x in query.told.split("\n")))
    if query.note:
        out.write(visible(query.note) + "\n")


def plain(doc: Explained) -> str:
    """The same as one text."""
    import io

    out = io.StringIO()
    print_explained(doc, out, None)
    return "\n".join(x.rstrip() for x in out.getvalue().split("\n")).rstrip("\n")
