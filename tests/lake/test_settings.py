from __future__ import annotations

from pathlib import Path

import pytest

from lurcher.errors import LurcherError
from lurcher.lake import Lake
from lurcher.lake.settings import ClusterTable

ALL = """
[externaldata]
allow = ["https://h/a/"]
map = { "https://h/b.csv" = "b.csv" }

[watchlists]
vip = "Name"

[geo]
file = "geo/x.mmdb"

[elsewhere]
here = ["arg"]

[tables]
DeviceEvents = "prod.defender.`device-events`"
DeviceInfo = { table = "inv.devices", columns = { Timestamp = "seen" }, without = ["OSBuild"], day = "seen_on" }
"""


def reopened(path: Path, more: str) -> Lake:
    lake = Lake.create(path)
    with (path / "lake.toml").open("a", encoding="utf-8") as file:
        file.write(more)
    return Lake.open(lake.path)


def test_settings_are_read(tmp_path: Path) -> None:
    found = reopened(tmp_path / "x", ALL).settings
    assert found.allow == ("https://h/a/",)
    assert found.map == {"https://h/b.csv": "b.csv"}
    assert (found.watchlists, found.geo, found.here) == ({"vip": "Name"}, "geo/x.mmdb", ("arg",))
    devices = ClusterTable(("inv", "devices"), {"Timestamp": "seen"}, frozenset({"OSBuild"}), "seen_on")
    assert found.tables == {"DeviceEvents": ClusterTable(("prod", "defender", "device-events")), "DeviceInfo": devices}


@pytest.mark.parametrize(
    ("more", "line", "message"),
    [
        ("alow = 1\n", 4, "there is no setting 'alow'"),
        ("\n[externaldata]\nallow = []\nalow = []\n", 7, "there is no setting 'alow' in [externaldata]"),
        ("[externaldata]\nallow = 'x'\n", 5, "'allow' in [externaldata] is a list of texts"),
        ("[externaldata]\nmap = { a = 1 }\n", 5, "'map' holds texts by name"),
        ("[watchlists]\nvip = 1\n", 4, "'watchlists' holds texts by name"),
        ("geo = 'x'\n", 4, "geo is a section"),
        ("[geo]\nfile = 1\n", 5, "'file' in [geo] is a path"),
        ("[elsewhere]\nthere = []\n", 5, "there is no setting 'there' in [elsewhere]"),
        ("[tables]\nX = 'a.b'\n", 5, "'X' in [tables] is no table of Defender or Sentinel"),
        ("[tables]\nDeviceInfo = 1\n", 5, "'DeviceInfo' in [tables] is a table of the catalogue"),
        ("[tables]\nDeviceInfo = 'a b'\n", 5, "'a b' is no name of a table"),
        ("[tables]\nDeviceInfo = 'a.b.'\n", 5, "'a.b.' is no name of a table"),
        ("[tables]\nDeviceInfo = { table = 'a', days = 'd' }\n", 5, "there is no setting 'days' of a table"),
        ("[tables]\nDeviceInfo = { table = 'a', without = ['N'] }\n", 5, "DeviceInfo has no column 'N'"),
        (
            "[tables]\nDeviceInfo = { table = 'a', columns = { OSBuild = 'b' }, without = ['OSBuild'] }\n",
            5,
            "'OSBuild' of DeviceInfo is in columns and in without",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, more: str, line: int, message: str) -> None:
    with pytest.raises(LurcherError) as caught:
        reopened(tmp_path / "x", more)
    assert (caught.value.message, caught.value.line) == (message, line)
    assert caught.value.path.endswith("lake.toml")
