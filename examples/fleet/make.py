"""Write the example estate: Defender exports, and files to collect signatures from.

    python examples/fleet/make.py FOLDER

makes FOLDER/exports (streaming API JSON lines, a Graph API answer, a portal CSV) and FOLDER/files. All of it is synthetic: see
README.md. The same events come out every time.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from files import write_files
from stories import Event, play

TENANT = "00000000-0000-4000-8000-000000000001"
#: DeviceInfo's columns in the Graph answer, with the type names that it uses.
_GRAPH_TYPES = {"Timestamp": "DateTime", "OSBuild": "Int64", "ReportId": "Int64"}


def write_streaming(path: Path, table: str, events: list[Event]) -> None:
    """As the streaming API writes to storage: one envelope a line."""
    with path.open("w", encoding="utf-8", newline="\n") as out:
        for event in events:
            envelope = {
                "time": event["Timestamp"], "tenantId": TENANT, "operationName": "Publish", "category": f"AdvancedHunting-{table}",
                "properties": event,
            }  # fmt: skip
            out.write(json.dumps(envelope, ensure_ascii=False) + "\n")


def write_graph(path: Path, events: list[Event]) -> None:
    """As Graph's runHuntingQuery answers."""
    schema = [{"name": c, "type": _GRAPH_TYPES.get(c, "String")} for c in events[0]]
    path.write_text(json.dumps({"schema": schema, "results": events}, ensure_ascii=False, indent=0), encoding="utf-8")


def write_portal_csv(path: Path, events: list[Event]) -> None:
    """As the portal's "Export" button writes."""

    def cell(value: Any) -> Any:
        return "" if value is None else str(value) if not isinstance(value, bool) else str(value).lower()

    with path.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(list(events[0]))
        writer.writerows([cell(v) for v in event.values()] for event in events)


def make(folder: Path) -> None:
    exports = folder / "exports"
    exports.mkdir(parents=True, exist_ok=True)
    for table, events in play().items():
        if table == "DeviceInfo":
            write_graph(exports / "DeviceInfo.json", events)
        elif table == "DeviceFileCertificateInfo":
            write_portal_csv(exports / "DeviceFileCertificateInfo.csv", events)
        else:
            write_streaming(exports / f"{table}.jsonl", table, events)
    write_files(folder / "files")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: make.py FOLDER")
    make(Path(sys.argv[1]))
