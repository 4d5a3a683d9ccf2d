"""The manual's page of the mapping is what the declarations say, and declarations that cannot be are told at import."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lurcher.collect.events.mapping.columns import integer, text
from lurcher.collect.events.mapping.declare import DECLARATIONS, SYSMON, event
from lurcher.collect.events.mapping.describe import page

PAGE = Path(__file__).parents[4] / "docs" / "windows-events.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "docs/windows-events.md is not current: make docs"


def test_every_declaration_is_on_the_page() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| ") and not line.startswith("| event")]
    assert len(rows) == sum(map(len, DECLARATIONS.values()))
    assert all(row.count(" | ") == 3 for row in rows)


@pytest.mark.parametrize(
    ("table", "columns", "words"),
    [
        ("NoSuchTable", {}, "no table"),
        ("DeviceEvents", {"NoSuchColumn": text("A")}, "no column NoSuchColumn"),
        ("DeviceEvents", {"FileName": integer("A")}, "no column FileName of long"),
        ("DeviceEvents", {"Timestamp": text("A")}, "no column Timestamp"),
        ("DeviceRegistryEvents", {"fields": {"A": text("A")}}, "no AdditionalFields"),
        ("DeviceEvents", {"FileName": "A"}, "no expression"),
        ("DeviceEvents", {"initiating": "ProcessGuid"}, "a process is"),
    ],
)
def test_what_is_wrong_in_a_declaration_is_told(table: str, columns: dict[str, Any], words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        event(SYSMON, 9999, to=table, action="X", **columns)
    assert ("Sysmon", 9999) not in DECLARATIONS


def test_an_event_is_declared_once_for_a_table() -> None:
    with pytest.raises(ValueError, match="twice"):
        event(SYSMON, 1, to="DeviceProcessEvents", action="X")
