"""Reports of hunts: one document of what a hunt gave, written in the form that a file's name says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.hunt.answers import plain
from lurcher.report.document import (
    Document,
    EvidencePart,
    ExclusionPart,
    FindingPart,
    RulePart,
    TablePart,
    in_order,
    is_local,
)

if TYPE_CHECKING:
    from lurcher.app.hunt import HuntReport, RuleReport
    from lurcher.app.session import Session
    from lurcher.hunt.findings import EvidenceRow, Finding
    from lurcher.hunt.retold import ToldFinding, ToldRun
    from lurcher.lake import Lake

#: Rows of evidence that a report shows of one finding, and of all.
MAX_EVIDENCE = 100
MAX_EVIDENCE_IN_ALL = 20_000
#: A name's ending -> the form of the report.
FORMS = {
    ".html": "html", ".htm": "html", ".md": "md", ".csv": "csv", ".json": "json", ".parquet": "parquet", ".sarif": "sarif",
}  # fmt: skip


def form_of(path: Path) -> str:
    """Raises `LurcherError` for a name that says no form."""
    form = FORMS.get(path.suffix.lower())
    if form is None:
        raise LurcherError(
            "the file's name does not say what report it is to be", f"end it in {', '.join(FORMS)}", str(path)
        )
    return form


def check_paths(paths: Iterable[Path]) -> None:
    """Before a hunt is run for nothing: that the reports can be written. Raises `LurcherError`."""
    for path in paths:
        form_of(path)
        if not path.parent.is_dir():
            raise LurcherError("there is no such folder to write the report to", "make it first", str(path.parent))


# --- from a hunt that has just run ---
def document_of(report: HuntReport, lake: Lake, session: Session) -> Document:
    from lurcher import __version__
    from lurcher.hunt.ledger import NAME, Ledger
    from lurcher.hunt.retold import head

    with Ledger.open(lake.path / NAME) as ledger:
        told = head(ledger, report.number)
        budget = _Budget(ledger.evidence)
        rules = in_order(_rule(one, session, budget) for one in report.rules)
    # What the lake has says nothing of a service's tables.
    here = is_local(told.engine)
    return Document(
        number=report.number,
        now=_time(report.now),
        started=told.started,
        engine=told.engine,
        fingerprint=told.fingerprint,
        version=__version__,
        lake=str(lake.path),
        rules=rules,
        tables=tables_of(session, (name for r in rules for name in r.tables)) if here else (),
        loading=tuple(p.render() for p in report.loading),
        skipped=report.skipped,
    )


# --- from the ledger ---
def document_in(lake: Lake, number: int | None = None) -> Document:
    """A hunt of the lake's ledger, the last one where none is named: what is kept of it. Raises `LurcherError`."""
    from lurcher import __version__
    from lurcher.app.findings import open_ledger
    from lurcher.hunt.retold import tell

    with open_ledger(lake) as ledger:
        told = tell(ledger, number)
        budget = _Budget(ledger.evidence)
        judged = {f.id: _judged(f) for f in ledger.findings()}
        rules = in_order(_told(run, budget, judged) for run in told.runs)
    return Document(
        number=told.number,
        now=told.as_of,
        started=told.started,
        engine=told.engine,
        fingerprint=told.fingerprint,
        version=__version__,
        lake=str(lake.path),
        rules=rules,
        from_ledger=True,
    )


def _told(run: ToldRun, budget: _Budget, judged: Mapping[int, str]) -> RulePart:
    return RulePart(
        key=run.rule,
        name=run.name,
        status=run.status,
        reason=run.reason,
        window=run.window,
        evidence=run.evidence,
        explained=run.explained,
        findings=tuple(_told_finding(f, budget, judged[f.id]) for f in run.findings),
        exclusions=tuple(
            ExclusionPart(e.id, e.in_force, e.reason, when=e.when, explained=e.explained) for e in run.exclusions
        ),
        rule_hash=run.rule_hash,
        exclusion_hash=run.exclusion_hash,
    )


def _told_finding(f: ToldFinding, budget: _Budget, judged: str) -> FindingPart:
    """As that hunt saw it; `judged` is what has been said of it until now."""
    evidence, kept = budget.of(f.id)
    return FindingPart(
        f.id,
        f.state,
        f.device,
        f.entity,
        f.row,
        f.first_seen,
        f.last_seen,
        f.total,
        f.explained,
        f.by,
        (),
        evidence,
        kept,
        judged,
    )


class _Budget:
    """Evidence out of the ledger, as much as a report shows."""

    def __init__(self, evidence: Callable[[int], list[EvidenceRow]]) -> None:
        self.evidence, self.left = evidence, MAX_EVIDENCE_IN_ALL

    def of(self, finding: int) -> tuple[tuple[EvidencePart, ...], int]:
        rows = self.evidence(finding)
        shown = rows[: min(MAX_EVIDENCE, self.left)]
        self.left -= len(shown)
        parts = (EvidencePart(e.timestamp, e.device_id, e.report_id, e.sha1, tuple(e.explained_by)) for e in shown)
        return tuple(parts), len(rows)


def _rule(one: RuleReport, session: Session, budget: _Budget) -> RulePart:
    run = one.run
    rule = run.rule
    explained: dict[str, int] = {}
    for seen in run.seen:
        for id_, n in seen.by.items():
            explained[id_] = explained.get(id_, 0) + n
    exclusions = tuple(
        ExclusionPart(
            a.exclusion.id,
            a.in_force,
            a.reason,
            a.exclusion.scenario,
            a.exclusion.when,
            a.exclusion.owner,
            a.exclusion.reason,
            str(a.exclusion.expires or ""),
            explained.get(a.exclusion.id, 0),
        )
        for a in run.applied
    )
    tuned = run.rewritten.tuned if run.rewritten is not None else ""
    return RulePart(
        key=rule.key,
        name=rule.name,
        status=run.status,
        reason=run.reason,
        path=rule.path,
        description=rule.description,
        severity=rule.severity,
        tactics=rule.tactics,
        techniques=rule.techniques,
        window=run.window,
        evidence=run.evidence_total,
        explained=run.evidence_explained,
        findings=tuple(_finding(f, budget, [r.text for r in one.reasons.get(f.id, ())]) for f in one.findings),
        exclusions=exclusions,
        notes=run.notes,
        misses=tuple(one.drift),
        tables=_tables(rule.query_source, tuned if tuned != rule.query else "", session) if rule.runnable else (),
        query=rule.query,
        tuned=tuned if tuned != rule.query else "",
        rule_hash=run.rule_hash,
        exclusion_hash=run.exclusion_hash,
    )


def _finding(f: Finding, budget: _Budget, reasons: Sequence[str] = ()) -> FindingPart:
    evidence, kept = budget.of(f.id)
    return FindingPart(
        id=f.id,
        state=f.state.value,
        device=f.device,
        entity=dict(f.entity),
        row=dict(f.row),
        first_seen=f.first_seen,
        last_seen=f.last_seen,
        total=f.total,
        explained=f.explained,
        by=dict(f.by),
        reasons=tuple(reasons),
        evidence=evidence,
        evidence_kept=kept,
        judged=_judged(f),
    )


def _judged(f: Finding) -> str:
    if f.closing is None:
        return ""
    who = f" by {f.closing.who}" if f.closing.who else ""
    note = f": {f.closing.note}" if f.closing.note else ""
    return f"{f.remark}{who}, {f.closing.at[:10]}{note}"


def _tables(source: Any, tuned: str, session: Session) -> tuple[str, ...]:
    """The tables that a rule reads, and its exclusions."""
    from lurcher.app.query import tables_of as read_by

    names = list(read_by(session.compile(source)))
    if tuned:
        names += read_by(session.compile(tuned))
    return tuple(dict.fromkeys(names))


def tables_of(session: Session, names: Iterable[str]) -> tuple[TablePart, ...]:
    """What there is of tables: their rows and times."""
    from lurcher.lake import LakeTable

    found = []
    for name in dict.fromkeys(names):
        if name in session.tables.cluster:
            # What it holds is not known before it is asked.
            continue
        data = session.tables.data(name)
        if data is None:
            found.append(TablePart(name, None))
        elif isinstance(data, LakeTable):
            firsts = [f.first for f in data.files if f.first is not None]
            lasts = [f.last for f in data.files if f.last is not None]
            rows = sum(f.rows for f in data.files)
            found.append(TablePart(name, rows, _time(min(firsts, default=None)), _time(max(lasts, default=None))))
        else:
            found.append(TablePart(name, data.num_rows))
    return tuple(found)


def _time(value: datetime | None) -> str:
    if value is None:
        return ""
    return str(plain(value if value.tzinfo is not None else value.replace(tzinfo=UTC)))


# --- files ---
def write(doc: Document, paths: Iterable[Path]) -> None:
    """Write a report to each path, in the form that its name says. Raises `LurcherError`."""
    from lurcher.report.whole import whole_file

    for path in paths:
        form = form_of(path)
        if form == "parquet":
            from lurcher.report.columns import write_parquet

            with whole_file(path) as partial:
                write_parquet(doc, partial)
            continue
        text = render(doc, form)
        with whole_file(path) as partial:
            partial.write_bytes(text.encode("utf-8", "backslashreplace"))


def render(doc: Document, form: str) -> str:
    """The text of a report."""
    if form == "html":
        from lurcher.report.html import page

        return page(doc)
    if form == "md":
        from lurcher.report.markdown import page as markdown

        return markdown(doc)
    if form == "csv":
        from lurcher.report.columns import csv_text

        return csv_text(doc)
    if form == "json":
        from lurcher.report.columns import json_text

        return json_text(doc)
    return _sarif(doc)


def _sarif(doc: Document) -> str:
    from lurcher.report.findings_sarif import sarif_text

    here = Path.cwd()
    return sarif_text(doc, str(here), here.as_uri().rstrip("/") + "/")
