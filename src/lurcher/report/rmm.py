"""The inventory of remote-management tools as a table, JSON and CSV."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from lurcher.report.tables import print_table
from lurcher.report.text import counted, visible

_LISTED = 3


def inventory_data(rows: Sequence[Any], fleet: int, missing: Sequence[str]) -> dict[str, Any]:
    """For JSON. `missing`: tables that the lake has no rows of."""
    return {"devices": fleet, "missing": list(missing), "found": [{**asdict(r), "weak": r.weak} for r in rows]}


def inventory_csv(rows: Sequence[Any]) -> str:
    """Lists as texts with `; ` between; a cell that a spreadsheet would run as a formula is quoted."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = (
        "tool", "device", "device_id", "how", "first_seen", "last_seen", "signers", "thumbprints", "folders", "hosts", "files",
        "cut", "devices", "fleet", "sanctioned", "why", "weak",
    )  # fmt: skip
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(getattr(row, n)) for n in names])
    return out.getvalue()


def _cell(value: object) -> str:
    text = "; ".join(value) if isinstance(value, list) else str(value)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t") else text


def print_inventory(rows: Sequence[Any], fleet: int, missing: Sequence[str]) -> None:
    """Known tools first, then those known by a name alone."""
    strong, weak = [r for r in rows if not r.weak], [r for r in rows if r.weak]
    judged = any(r.sanctioned for r in rows)
    if strong:
        _table(strong, judged)
    if weak:
        _say(
            "\nknown by the name of a file alone, which says little:"
            if strong
            else "known by the name of a file alone, which says little:"
        )
        _table(weak, judged)
    tools, devices = {r.tool for r in strong}, {r.device_id or r.device for r in strong}
    told = f"{counted(len(tools), 'tool')} on {counted(len(devices), 'device')} of {fleet:,}"
    _say(
        ("\n" if rows else "")
        + told
        + (f", {counted(len({r.tool for r in weak}), 'more', 'more')} by name alone" if weak else "")
    )
    if judged:
        bad = [r for r in strong if r.sanctioned == "no"]
        _say(f"not sanctioned: {len(bad):,} of {len(strong):,}")
    if missing:
        _say(f"not asked, for the lake has no rows of them: {', '.join(missing)}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _table(rows: Sequence[Any], judged: bool) -> None:
    header = (
        "tool",
        "device",
        "known by",
        "first seen",
        "last seen",
        "on devices",
        "signer",
        "thumbprint",
        "runs from, talks to",
    )
    print_table(
        (*header, "sanctioned") if judged else header,
        [
            (
                r.tool, r.device or r.device_id, ", ".join(r.how), _time(r.first_seen), _time(r.last_seen),
                f"{r.devices:,} of {r.fleet:,}",
                _some(r.signers), _some([t[:12] for t in r.thumbprints]), _some([*r.folders, *r.hosts]),
                *((r.sanctioned + (f": {r.why}" if r.why else ""),) if judged else ()),
            )
            for r in rows
        ],
        right=(5,),
    )  # fmt: skip


def _time(text: str) -> str:
    return text[:16].replace("T", " ")


def _some(values: Sequence[str]) -> str:
    more = f", and {len(values) - _LISTED} more" if len(values) > _LISTED else ""
    return ", ".join(values[:_LISTED]) + more


def print_difference(found: Any) -> None:
    """What a newer source adds and lacks."""
    rows: list[tuple[str, str, str]] = []
    for change in found.changes:
        what = "new tool" if change.is_new else "known"
        for key in ("executables", "domains", "folders", "products"):
            values = getattr(change, key)
            alone = [f.value for f in values if not f.generic]
            other = [f.value for f in values if f.generic]
            if alone:
                rows.append((change.tool, what, f"+ {key}: {', '.join(alone)}"))
            if other:
                rows.append((change.tool, what, f"+ {key}, never alone: {', '.join(other)}"))
        for signer in change.signers:
            how = (
                f"found by the stem '{signer.stem}'"
                if signer.reviewed
                else "not reviewed: only beside a program of the tool's"
            )
            rows.append((change.tool, what, f"+ signer {signer.name} ({how})"))
        if change.certificates:
            names = dict.fromkeys(s.name for s in change.certificates)
            rows.append(
                (change.tool, what, f"+ {counted(len(change.certificates), 'certificate')} of {', '.join(names)}")
            )
        if change.gone:
            rows.append((change.tool, what, f"- no more in the source, kept here: {', '.join(change.gone)}"))
        if change.is_new and (not rows or rows[-1][0] != change.tool):
            rows.append((change.tool, what, "nothing to hunt is known"))
    if rows:
        print_table(("tool", "", "what"), rows)
    if found.missing:
        _say(f"tools that are no more in the source, kept here: {', '.join(visible(m) for m in found.missing)}")
    for path, why in found.broken:
        _say(f"{visible(path)}: not read: {visible(why)}")
    new = sum(c.is_new for c in found.changes)
    signers = sum(len(c.signers) for c in found.changes)
    changed = sum(c.adds and not c.is_new for c in found.changes)
    _say(f"{counted(new, 'new tool')}, {counted(signers, 'new signer')}, {counted(changed, 'tool')} with more facts")
