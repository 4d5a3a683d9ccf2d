"""What `check` gives in each of its forms, and what a baseline makes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lurcher.app.check import CheckReport
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Severity
from lurcher.report.problems import ProblemRow

if TYPE_CHECKING:
    from lurcher.report.sarif import Baseline, SarifDocument


# --- as SARIF ---
def sarif_document(report: CheckReport, base: Path) -> SarifDocument:
    """The report as the SARIF renderer reads it; paths relative to `base`."""
    import lurcher
    from lurcher.content.checks.registry import CHECKS
    from lurcher.kql.diagnostics import RULES
    from lurcher.report.sarif import INFORMATION, SarifDocument, SarifPlace, SarifResult, SarifRule, relative

    rows = report.rows
    names = relative(dict.fromkeys([*(row.file for row in rows), *report.files]), str(base))
    rules = tuple(
        SarifRule(
            code,
            RULES[code].message if code in RULES else code,
            (RULES[code].severity if code in RULES else Severity.WARNING).value,
            CHECKS[code].doc if code in CHECKS else "",
            f"{INFORMATION}#{code}",
            (_family(code),),
        )
        for code in sorted({row.code for row in rows})
    )
    results = []
    for row in rows:
        about: dict[str, Any] = {key: value for key, value in (("rule", row.rule), ("name", row.name)) if value}
        if row.fixable:
            about["fixable"] = True
        place = SarifPlace(names[row.file], row.line, row.column, row.end_line, row.end_column, row.text)
        said = row.message + (f" ({row.hint})" if row.hint else "")
        # The key of a rule without an id is made of its path, which moves with the file.
        subject = row.rule if "#" not in row.rule else ""
        results.append(
            SarifResult(row.code, row.severity.value, said, place, subject, row.silenced or None, "inSource", about)
        )
    skipped = tuple((names.get(file, file), why) for file, why in report.skipped)
    return SarifDocument(
        rules,
        tuple(results),
        lurcher.__version__,
        base.resolve().as_uri().rstrip("/") + "/",
        skipped,
        frozenset(names[file] for file in report.files),
    )


_FAMILIES = (
    ("KS", "query"), ("LU0", "query"), ("LU1", "loading"), ("LU22", "attack"), ("LU2", "metadata"), ("LU32", "cost"),
    ("LU3", "query"), ("LU4", "exclusions"), ("LU5", "signers"), ("LX", "exclusions"),
)  # fmt: skip


def _family(code: str) -> str:
    return next((name for prefix, name in _FAMILIES if code.startswith(prefix)), "rules")


def read_baseline_file(path: Path) -> Baseline:
    """Raises `LurcherError` where there is none that can be read."""
    from lurcher.report.sarif import MAX_BASELINE, read_baseline

    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BASELINE + 1)
    except OSError as error:
        raise LurcherError(f"the baseline cannot be read: {error.strerror or error}", path=str(path)) from None
    return read_baseline(content, str(path))


def against(report: CheckReport, baseline: Baseline, base: Path) -> int:
    """Mark each problem of a report as new, updated or unchanged since a baseline; gives how many of that are gone."""
    from lurcher.report.sarif import compare

    states, gone = compare(sarif_document(report, base), baseline)
    marked = [replace(row, state=state) for row, state in zip(report.rows, states, strict=True)]
    report.loading, report.problems = marked[: len(report.loading)], marked[len(report.loading) :]
    return len(gone)


# --- what is written ---
@dataclass(frozen=True)
class Outputs:
    """A report in each of its forms. `gone`: problems of the baseline that are not there any more."""

    report: CheckReport
    base: Path
    baseline: Baseline | None
    gone: int
    notes: bool
    short: bool

    @property
    def _rows(self) -> list[ProblemRow]:
        return [r for r in self.report.rows if self.notes or r.severity is not Severity.NOTE]

    def text(self) -> str:
        from lurcher.report.problems import lines, summary, visible_line

        report = self.report
        said = [f"{visible_line(path)}: repairs written" for path in report.fixed]
        if self.short:
            said += summary(self._rows)
        else:
            said += lines(r for r in self._rows if r.state != "unchanged")
        said += [visible_line(f"{path}: skipped: {why}") for path, why in report.skipped]
        return "".join(f"{line}\n" for line in said)

    def last_line(self) -> str:
        from lurcher.report.text import counted

        report = self.report
        more = [f"{report.silenced:,} silenced"] if report.silenced else []
        if self.baseline is not None:
            more.append(f"{report.known:,} known from the baseline, {self.gone:,} of it gone")
        left = len(report.rules) - sum(r.runs for r in report.rules)
        return (
            f"{counted(len(report.rules), 'rule')}{f' ({left:,} cannot run)' if left else ''}: "
            f"{counted(report.count(Severity.ERROR), 'error')}, "
            f"{counted(report.count(Severity.WARNING), 'warning')}, {counted(report.count(Severity.NOTE), 'note')}"
            + "".join(f", {part}" for part in more)
        )

    def data(self) -> dict[str, Any]:
        from lurcher.report.problems import by_code

        report = self.report
        loading = len(report.loading)
        shown = [r for r in report.rows[loading:] if self.notes or r.severity is not Severity.NOTE]
        return {
            "rules": len(report.rules),
            "running": sum(r.runs for r in report.rules),
            "problems": [] if self.short else [r.as_data() for r in shown],
            "loading": [] if self.short else [r.as_data() for r in report.loading],
            "summary": [c.as_data() for c in by_code(self._rows)],
            "skipped": [list(s) for s in report.skipped],
            "fixed": report.fixed,
        } | ({"gone": self.gone} if self.baseline is not None else {})

    def sarif(self) -> str:
        from lurcher.report.sarif import sarif, text_of

        data = sarif(sarif_document(self.report, self.base), self.baseline)
        if not self.notes:
            # Left out behind the comparison: a note that is not shown is not gone.
            (run,) = data["runs"]
            run["results"] = [r for r in run["results"] if r.get("level") != Severity.NOTE.value]
        return text_of(data)

    def github(self) -> str:
        from lurcher.report.problems import github_lines
        from lurcher.report.sarif import relative

        rows = [r for r in self._rows if r.state != "unchanged"]
        names = relative(dict.fromkeys(r.file for r in rows), str(self.base))
        return "".join(f"{line}\n" for line in github_lines(rows, tuple(names.items())))


def outputs(
    report: CheckReport,
    base: Path,
    baseline: Baseline | None = None,
    gone: int = 0,
    *,
    notes: bool = True,
    short: bool = False,
) -> Outputs:
    return Outputs(report, base, baseline, gone, notes, short)
