"""Markdown of hunting repositories: each fence with KQL is a rule."""

import time
from pathlib import Path

from lurcher.content.loading import load, load_folder, load_text
from lurcher.content.model import Loaded

PAGE = """\
# Tools that connect

## Query Information

#### MITRE ATT&CK Technique(s)

| Technique ID | Title |
| --- | --- |
| T1219 | Remote Access |
| T1071.001 | Web |

#### Description
Tools that talk.

#### References
- https://example.org

```powershell
Get-Item x | where y
```

## Defender XDR
```KQL
DeviceNetworkEvents
| where Timestamp > ago(7d)
```
## Sentinel
```
DeviceNetworkEvents
| where TimeGenerated > ago(7d)
```
"""


def loaded(text: str) -> Loaded:
    found = load_text("a.md", text.encode())
    assert found is not None
    return found


def test_each_query_is_a_rule_under_its_heading() -> None:
    rules = loaded(PAGE).rules
    assert [r.name for r in rules] == ["Tools that connect (Defender XDR)", "Tools that connect (Sentinel)"]
    assert [r.query for r in rules] == [
        "DeviceNetworkEvents\n| where Timestamp > ago(7d)",
        "DeviceNetworkEvents\n| where TimeGenerated > ago(7d)",
    ]
    assert all(r.techniques == ("T1219", "T1071.001") and r.description == "Tools that talk." for r in rules)
    assert len({r.key for r in rules}) == 2


def test_places_are_those_of_the_file() -> None:
    rule = loaded(PAGE.replace("\n", "\r\n")).rules[0]
    assert rule.query_source.position(rule.query.index("Timestamp")) == (25, 9)


def test_one_query_has_the_name_of_the_page() -> None:
    (rule,) = loaded("# T\n\n## Query\n\n```kusto\nDeviceEvents\n```\n\n## Notes\n\ntext\n").rules
    assert (rule.name, rule.query) == ("T", "DeviceEvents")


def test_two_under_one_heading_are_numbered() -> None:
    text = "# T\n```kql\nA\n| take 1\n```\n```kql\nB\n| take 1\n```\n"
    assert [r.name for r in loaded(text).rules] == ["T (1)", "T (2)"]


def test_an_empty_fence_is_told() -> None:
    found = loaded("# T\n```kql\n// nothing\n```\n")
    assert [p.diagnostic.code for p in found.errors] == ["LU123"]


def test_a_page_with_scenarios_stays_a_page() -> None:
    text = "T\nKQL Query\n```kql\nDeviceEvents\n| take 1\n```\nScenario: s\nFilter/Exclusion: process.name == 'a.exe'\n"
    (rule,) = loaded(text).rules
    assert (rule.format, len(rule.exclusions)) == ("page", 1)


def test_what_a_folder_says_of_itself_is_no_rule(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(PAGE, encoding="utf-8")
    (tmp_path / "a.md").write_text(PAGE, encoding="utf-8")
    found = load_folder(tmp_path)
    assert len(found.rules) == 2
    assert [why for _, why in found.skipped] == ["it is about the folder, no rule"]
    assert len(load(tmp_path / "README.md").rules) == 2


def test_a_fence_ends_at_its_own_mark_and_one_that_never_ends_is_none() -> None:
    text = "# a\n````kql\nDeviceEvents\n```\n````\n~~~kql\nDeviceInfo\n~~~\n```kql\nDeviceFileEvents\n"
    loaded = load_text("a.md", text.encode())
    assert loaded is not None
    assert [r.query for r in loaded.rules] == ["DeviceEvents\n```", "DeviceInfo"]


def test_fences_without_end_cost_no_time() -> None:
    before = time.process_time()
    loaded = load_text("a.md", b"```kql\n" * 20_000)
    assert loaded is not None
    assert not loaded.rules
    assert time.process_time() - before < 10


def test_a_heading_of_spaces_costs_no_time() -> None:
    before = time.process_time()
    loaded = load_text("a.md", b"# a " + b" " * 100_000 + b"b ##\r\n```kql\nDeviceEvents\n```\n")
    assert loaded is not None
    assert loaded.rules[0].name == "a " + " " * 100_000 + "b"
    assert time.process_time() - before < 10
