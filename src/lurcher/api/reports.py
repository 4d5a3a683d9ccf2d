"""What came of adding, collecting, hunting and checking: lists of what the commands print, which show themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lurcher.api.display import Shown, View, first
from lurcher.report.text import visible

if TYPE_CHECKING:
    from lurcher.app.add import AddReport, FileOutcome
    from lurcher.app.check import CheckReport
    from lurcher.app.collect import CollectReport
    from lurcher.app.hunt import HuntReport, RuleReport
    from lurcher.app.tables import TableLine
    from lurcher.app.tree import TreeLine
    from lurcher.hunt.findings import Finding
    from lurcher.report.problems import ProblemRow

T = TypeVar("T")


class Listed(Shown, Generic[T]):
    """A list that shows itself as a table."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items = list(items)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]


class Added(Listed["FileOutcome"]):
    """What came of each file. `rows`: rows that were added (or would be, in a dry run); `failed`: files that were not taken."""

    def __init__(self, report: AddReport) -> None:
        super().__init__(report.files)
        self.report = report

    @property
    def rows(self) -> int:
        return self.report.rows

    @property
    def failed(self) -> list[FileOutcome]:
        return self.report.failed

    def _view(self, pictures: bool) -> View:
        def cells(f: FileOutcome) -> Sequence[str]:
            tables = ", ".join(f"{name} ({rows:,})" for name, rows in f.tables.items())
            reasons = (f"{n:,} x {why}" for why, n in f.reasons.items())
            said = "; ".join(filter(None, (f.skipped, f.hint, *f.notes, *reasons)))
            return f.name, f.format, f"{f.rows:,}", tables, f"{f.repeated:,}", f"{f.rejected:,}", said

        title = "dry run: nothing was added" if self.report.dry_run else ""
        verb = "would be added" if self.report.dry_run else "added"
        failed = f", {len(self.failed):,} not taken" if self.failed else ""
        return View(
            ("file", "format", "rows", "tables", "repeated", "rejected", "said"), first(map(cells, self)), len(self), "file",
            right=frozenset((2, 4, 5)), title=title, notes=[f"{self.rows:,} rows {verb}{failed}"],
        )  # fmt: skip


class Collected(Shown):
    """What came of a collection of signatures; the numbers are those of `report` (`lurcher.app.collect.CollectReport`)."""

    def __init__(self, report: CollectReport) -> None:
        self.report = report
        self.rows = report.rows
        self.problems = report.problems

    def _view(self, pictures: bool) -> View:
        seen = self.report.progress
        notes = [f"{seen.files:,} files: {seen.pe:,} programs, {seen.other:,} other, {self.report.lost:,} not examined"]
        notes += [f"{rows:,} rows to {table}" for table, rows in self.rows.items()]
        if self.report.known:
            notes.append(f"{self.report.known:,} programs in the lake already, as they are")
        if self.report.rejects:
            notes.append(f"all problems are in {self.report.rejects}")
        rows = [("rejected" if p.lost else "in part", str(p.path), p.reason) for p in self.problems]
        return View(("problem", "file", "reason"), first(rows), len(rows), "problem", notes=notes)


class TableList(Listed["TableLine"]):
    """The tables of a case, by name."""

    def __getitem__(self, index: Any) -> Any:
        """A line by its place, or by the table's name."""
        if isinstance(index, str):
            for line in self:
                if line.info.name == index:
                    return line
            raise KeyError(index)
        return super().__getitem__(index)

    def _view(self, pictures: bool) -> View:
        def when(value: datetime | None) -> str:
            # Not strftime: it writes the year 1 as "1".
            return value.replace(tzinfo=None).isoformat(" ", "minutes") if value else ""

        def cells(line: TableLine) -> Sequence[str]:
            info = line.info
            devices = "" if line.devices is None else f"{line.devices:,}"
            return (
                info.name, f"{info.rows:,}", when(info.first), when(info.last), devices, f"{info.sources:,}",
                f"{info.days:,}", f"{info.files:,}", f"{info.bytes / 1e6:,.1f} MB",
            )  # fmt: skip

        header = ("table", "rows", "first (UTC)", "last (UTC)", "devices", "sources", "days", "files", "size")
        return View(header, first(map(cells, self)), len(self), "table", right=frozenset((1, 4, 5, 6, 7, 8)))


class Tree(Listed["TreeLine"]):
    """Processes, parents before their children; `lead` are the strokes that make it a tree."""

    def _view(self, pictures: bool) -> View:
        def cells(line: TreeLine) -> Sequence[str]:
            # A no-break space is as wide as a stroke, and stays.
            lead = line.lead.replace(" ", "\u00a0") + ("> " if line.asked else "")
            started = f"{line.started:%Y-%m-%d %H:%M:%S}" if line.started else ""
            number = "" if line.number is None else str(line.number)
            return lead + visible(line.name), number, started, line.account, line.command_line, line.parent_by

        header = ("process", "number", "started (UTC)", "account", "command line", "parent by")
        return View(header, first(map(cells, self)), len(self), "process", right=frozenset((1,)))


class Findings(Listed["Finding"]):
    """Findings, each with `state`, `device`, `first_seen`, `row` and more (`lurcher.hunt.findings.Finding`)."""

    def _view(self, pictures: bool) -> View:
        return _of_findings(list(self))


class Hunt(Listed["Finding"]):
    """The findings of a hunt, of all its rules. `rules` has what each rule gave; `new` the findings that are; `not_run` the rules
    that did not run, each with `run.reason`. `number` is the hunt's in the ledger, `now` what now() meant."""

    def __init__(self, report: HuntReport) -> None:
        super().__init__(f for one in report.rules for f in one.findings)
        self.report = report
        self.number = report.number
        self.now = report.now
        self.rules = report.rules

    @property
    def new(self) -> list[Finding]:
        from lurcher.hunt.findings import State

        return [f for f in self if f.state is State.NEW]

    @property
    def not_run(self) -> list[RuleReport]:
        return self.report.not_run

    def _view(self, pictures: bool) -> View:
        from lurcher.report.findings import tally

        notes = [placed.render() for placed in self.report.loading]
        for one in self.rules:
            run = one.run
            notes.append(
                f"{run.rule.name}: " + (tally(one.findings) if run.status == "ok" else f"not run: {run.reason}")
            )
            names = {f.id: f.device for f in one.findings}
            notes += [f"  {id_} {names.get(id_, '')}: {r.text}" for id_, why in one.reasons.items() for r in why]
            notes += [f"  not in force: {a.exclusion.id}: {a.reason}" for a in run.applied if not a.in_force]
            notes += [f"  note: {note}" for note in run.notes]
            notes += [f"  this rule misses signers: {missed}" for missed in one.drift]
        title = f"hunt {self.number}, now() is {self.now:%Y-%m-%d %H:%M:%S} UTC"
        return _of_findings(list(self), title, notes)


class Checked(Listed["ProblemRow"]):
    """What is wrong with rules. `ok`: nothing but notes; `report` has the rest (`lurcher.app.check.CheckReport`)."""

    def __init__(self, report: CheckReport) -> None:
        problems: list[ProblemRow] = [p for p in report.problems if not p.silenced]
        super().__init__(problems)
        self.report = report

    @property
    def ok(self) -> bool:
        return self.report.exit_code == 0

    def _view(self, pictures: bool) -> View:
        from lurcher.kql.diagnostics import Severity
        from lurcher.report.text import counted

        rows = [(f"{p.file}:{p.line}:{p.column}", p.severity.value, p.code, p.message, p.hint) for p in self]
        count = self.report.count
        notes = [row.rendered for row in self.report.loading]
        notes.append(
            f"{counted(len(self.report.rules), 'rule')}: {counted(count(Severity.ERROR), 'error')}, "
            f"{counted(count(Severity.WARNING), 'warning')}, {counted(count(Severity.NOTE), 'note')}"
        )
        return View(("place", "severity", "code", "message", "hint"), first(rows), len(rows), "problem", notes=notes)


def _of_findings(findings: Sequence[Finding], title: str = "", notes: Sequence[str] = ()) -> View:
    from lurcher.report.findings import count_of, entity_text, moment

    def cells(f: Finding) -> Sequence[str]:
        return (
            str(f.id), f.state.value, f.device or entity_text(f), moment(f.first_seen), moment(f.last_seen), count_of(f),
            "" if f.total is None else f"{f.explained:,}", ", ".join(f"{id_} ({n:,})" for id_, n in f.by.items()), f.rule_name,
        )  # fmt: skip

    header = ("id", "state", "where", "first seen", "last seen", "evidence", "explained", "by", "rule")
    return View(
        header,
        first(map(cells, findings)),
        len(findings),
        "finding",
        right=frozenset((0, 5, 6)),
        title=title,
        notes=notes,
    )
