"""What came of adding files, in words and as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lurcher.app.add import AddReport, FileOutcome
from lurcher.kql.types import Column
from lurcher.report.text import counted, visible

#: So many files that are alike are told one by one, more together.
_ALIKE = 5
_REASONS = 5
_NAMES = 3


def as_data(file: FileOutcome) -> dict[str, Any]:
    """One file of a report, for JSON: what is empty is left out."""
    data: dict[str, Any] = {
        "file": file.name,
        "status": _status(file),
        "format": file.format,
        "recognised_by": file.evidence,
        "tables": file.tables,
        "new_tables": {name: _types(schema.columns) for name, schema in file.new_tables.items()},
        "new_columns": {name: _types(columns) for name, columns in file.new_columns.items()},
        "added": file.rows,
        "repeated": file.repeated,
        "repaired": file.notes,
        "rejected": file.rejected,
        "reasons": file.reasons,
        "rejects": file.rejects,
        "skipped": file.skipped,
        "hint": file.hint,
    }
    return {key: value for key, value in data.items() if value or key in ("file", "status", "added", "rejected")}


def totals(report: AddReport) -> dict[str, Any]:
    """The last line of a report."""
    files = report.files
    return {
        "files": len(files),
        "taken": sum(not f.skipped for f in files),
        "already": sum(f.already for f in files),
        "skipped": sum(bool(f.skipped) and not f.already for f in files),
        "failed": len(report.failed),
        "added": report.rows,
        "repeated": sum(f.repeated for f in files),
        "repaired": sum(bool(f.notes) for f in files),
        "rejected": sum(f.rejected for f in files if not f.already),
        "dry_run": report.dry_run,
    }


def lines(report: AddReport, verbose: bool = False) -> Iterator[str]:
    """The report for a person: files that are alike together, unless each is asked for."""
    groups: dict[tuple[Any, ...], list[FileOutcome]] = {}
    for number, file in enumerate(report.files):
        groups.setdefault((number,) if verbose else _alike(file, number), []).append(file)
    for files in groups.values():
        if len(files) <= _ALIKE:
            for file in files:
                yield from _of_file(file, report.dry_run)
        else:
            yield from _of_group(files, report.dry_run)
    yield _summary(report)


def _status(file: FileOutcome) -> str:
    if file.already:
        return "already"
    return "skipped" if file.skipped else "taken"


def _types(columns: Iterable[Column]) -> dict[str, str]:
    return {c.name: c.type.value for c in columns}


def _alike(file: FileOutcome, number: int) -> tuple[Any, ...]:
    """What files have in common that are told together: none that has something of its own to tell."""
    if file.already:
        return ("already",)
    if file.skipped:
        return ("skipped", file.skipped, file.hint)
    if file.rejected or file.notes or file.hint or file.new_tables or file.new_columns:
        return (number,)
    return ("taken", file.format, *file.tables)


def _of_file(file: FileOutcome, dry_run: bool) -> Iterator[str]:
    name = visible(file.name)
    if file.skipped:
        yield f"{name}: {visible(file.skipped)}"
        if file.hint:
            yield f"  hint: {file.hint}"
        return
    tables = ", ".join(f"{counted(rows, 'row')} to {table}" for table, rows in file.tables.items()) or "no rows"
    more = [f"{file.repeated:,} repeated"] if file.repeated else []
    more += [f"{file.rejected:,} rejected"] if file.rejected else []
    yield f"{name}: {file.format}, {tables}" + (f" ({', '.join(more)})" if more else "")
    if dry_run and file.evidence:
        yield f"  recognised by {visible(file.evidence)}"
    for note in file.notes:
        yield f"  note: {visible(note)}"
    reasons = sorted(file.reasons.items(), key=lambda r: -r[1])
    for reason, count in reasons[:_REASONS]:
        yield f"  rejected {count:,}: {visible(reason)}"
    if len(reasons) > _REASONS:
        yield f"  rejected for {len(reasons) - _REASONS:,} other reasons: {sum(n for _, n in reasons[_REASONS:]):,}"
    if file.rejects:
        yield f"  they are in {visible(file.rejects)}"
    for table, schema in file.new_tables.items():
        yield f"  a new table, types as inferred: {table}({_listed(schema.columns)})"
    for table, columns in file.new_columns.items():
        yield f"  columns that {table} did not have: {_listed(columns)}"
    if file.hint:
        yield f"  hint: {file.hint}"


def _listed(columns: Iterable[Column]) -> str:
    return ", ".join(f"{visible(c.name)}:{c.type}" for c in columns)


def _of_group(files: list[FileOutcome], dry_run: bool) -> Iterator[str]:
    first, count = files[0], counted(len(files), "file")
    if first.already:
        yield f"{count}: in the lake already"
        return
    if first.skipped:
        yield f"{count}: {visible(first.skipped)} ({_some(files)})"
        if first.hint:
            yield f"  hint: {first.hint}"
        return
    rows = {table: sum(f.tables[table] for f in files) for table in first.tables}
    tables = ", ".join(f"{counted(n, 'row')} to {table}" for table, n in rows.items()) or "no rows"
    repeated = sum(f.repeated for f in files)
    yield f"{count}: {first.format}, {tables}" + (f" ({repeated:,} repeated)" if repeated else "")
    if dry_run and first.evidence:
        yield f"  the first, {visible(first.name)}, recognised by {visible(first.evidence)}"


def _some(files: list[FileOutcome]) -> str:
    names = ", ".join(visible(f.name) for f in files[:_NAMES])
    return names + (", ...; --verbose names them all" if len(files) > _NAMES else "")


def _summary(report: AddReport) -> str:
    total = totals(report)
    verb = "would be added" if report.dry_run else "added"
    text = f"{counted(report.rows, 'row')} {verb} from {total['taken']:,} of {counted(total['files'], 'file')}"
    more = [f"{total[what]:,} {what}" for what in ("repeated", "rejected") if total[what]]
    for what, said in (("already", "in the lake already"), ("repaired", "with notes"), ("failed", "not taken")):
        if total[what]:
            more.append(f"{counted(total[what], 'file')} {said}")
    return text + (f"; {', '.join(more)}" if more else "")
