"""Findings for programs: a line each as CSV and Parquet, the whole document as JSON.

Values are written as they are. A spreadsheet takes a cell that begins with `=` for a formula: open a CSV of foreign data as text
(docs/reports.md); a value that was changed to be harmless there would no longer be found in the telemetry.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lurcher.hunt.answers import as_json
from lurcher.report.document import FORM, Document, FindingPart, RulePart

COLUMNS = (
    "hunt", "rule", "rule_name", "severity", "finding", "state", "device", "entity", "first_seen", "last_seen", "evidence",
    "explained", "explained_by", "reasons", "row",
)  # fmt: skip


def _lines(doc: Document) -> Iterator[tuple[RulePart, FindingPart]]:
    for rule in doc.rules:
        for finding in rule.findings:
            yield rule, finding


def csv_text(doc: Document) -> str:
    """A line a finding; bags and lists are JSON."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    # A carriage return ends a line for those who read it.
    careful = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for rule, f in _lines(doc):
        cells = [
            str(doc.number), rule.key, rule.name, rule.severity, str(f.id), f.state, f.device, as_json(f.entity), f.first_seen,
            f.last_seen, "" if f.total is None else str(f.total), "" if f.total is None else str(f.explained),
            as_json(f.by) if f.by else "", "; ".join(f.reasons), as_json(f.row),
        ]  # fmt: skip
        (careful if any("\r" in cell for cell in cells) else writer).writerow(cells)
    return out.getvalue()


def json_text(doc: Document) -> str:
    data = {"form": FORM, "counts": doc.counts, **asdict(doc)}
    return json.dumps(data, ensure_ascii=False, indent=1, default=str) + "\n"


def write_parquet(doc: Document, path: Path) -> None:
    """A row a finding, typed. Rows and entities are JSON: each rule has columns of its own."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    time = pa.timestamp("us", "UTC")
    by = pa.list_(pa.struct([("exclusion", pa.string()), ("rows", pa.int64())]))
    types: dict[str, Any] = dict.fromkeys(COLUMNS, pa.string()) | {
        "hunt": pa.int64(), "finding": pa.int64(), "first_seen": time, "last_seen": time, "evidence": pa.int64(),
        "explained": pa.int64(), "explained_by": by, "reasons": pa.list_(pa.string()),
    }  # fmt: skip
    rows = [
        {
            "hunt": doc.number,
            "rule": rule.key,
            "rule_name": rule.name,
            "severity": rule.severity,
            "finding": f.id,
            "state": f.state,
            "device": f.device,
            "entity": as_json(f.entity),
            "first_seen": _time(f.first_seen),
            "last_seen": _time(f.last_seen),
            "evidence": f.total,
            "explained": None if f.total is None else f.explained,
            "explained_by": [{"exclusion": id_, "rows": n} for id_, n in f.by.items()],
            "reasons": list(f.reasons),
            "row": as_json(f.row),
        }
        for rule, f in _lines(doc)
    ]
    pq.write_table(pa.Table.from_pylist([_whole(r) for r in rows], pa.schema(list(types.items()))), path)


def _whole(value: Any) -> Any:
    """Halves of surrogates, which no encoding has, written out."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {k: _whole(v) for k, v in value.items()}
    return [_whole(v) for v in value] if isinstance(value, list) else value


def _time(text: str) -> Any:
    import datetime as dt

    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)
