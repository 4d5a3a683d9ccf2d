"""Rules of any form become files of the project's form, and nothing that is there is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from lurcher.cli import main
from lurcher.content.loading import load

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "content" / "rmm" / "ninjarmm-file-signature.page.txt"
#: As many published files have it: 'dataTypes' in the column of the dash, CRLF.
SENTINEL = (
    "id: 11111111-2222-3333-4444-555555555555\r\nname: x\r\n# kept\r\nrequiredDataConnectors:\r\n- connectorId: M\r\n"
    "dataTypes:\r\n  - DeviceEvents\r\nquery: |\r\n  DeviceEvents\r\n  | take 1\r\n"
)


def run(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, dict[str, list[dict[str, str]]]]:
    code = main(["import", *map(str, args), "--format", "json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_page_becomes_a_rule_and_its_exclusions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, report = run(capsys, PAGE, "--to", tmp_path)
    assert code == 0
    (one,) = report["rules"]
    assert one["to"] == str(tmp_path / "ninjarmm-file-signature.yaml")
    (before,) = load(PAGE).rules
    (after,) = load(Path(one["to"])).rules
    assert after.format == "sentinel"
    assert (after.id, after.name, after.query.strip()) == (before.id, before.name, before.query.strip())
    assert [(e.id, e.when.strip()) for e in after.exclusions] == [(e.id, e.when.strip()) for e in before.exclusions]
    assert len(after.exclusions) == 5


def test_a_sentinel_file_differs_only_by_its_repairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "in" / "deep"
    folder.mkdir(parents=True)
    (folder / "a.b.yaml").write_bytes(SENTINEL.encode())
    code, report = run(capsys, tmp_path / "in", "--to", tmp_path / "out")
    assert code == 0
    written = (tmp_path / "out" / "deep" / "a.b.yaml").read_bytes().decode()
    assert report["rules"][0]["outcome"] == "written"
    assert "# kept\r\n" in written
    assert yaml.safe_load(written)["requiredDataConnectors"] == [{"connectorId": "M", "dataTypes": ["DeviceEvents"]}]


def test_a_query_gets_an_id_and_the_same_one_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "q.kql").write_text("// Name: mine\nDeviceEvents\n| take 1\n", encoding="utf-8")
    ids = []
    for folder in ("one", "two"):
        code, report = run(capsys, tmp_path / "q.kql", "--to", tmp_path / folder)
        assert code == 0
        ids.append(yaml.safe_load(Path(report["rules"][0]["to"]).read_text(encoding="utf-8"))["id"])
    assert ids[0] == ids[1]
    assert len(ids[0]) == 36


def test_what_is_there_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "q.kql").write_text("DeviceEvents\n| take 1\n", encoding="utf-8")
    out = tmp_path / "out"
    assert run(capsys, tmp_path / "q.kql", "--to", out)[0] == 0
    code, report = run(capsys, tmp_path / "q.kql", "--to", out)
    assert (code, report["rules"][0]["outcome"]) == (0, "unchanged")
    (out / "q.yaml").write_text("mine\n", encoding="utf-8")
    code, report = run(capsys, tmp_path / "q.kql", "--to", out)
    assert (code, report["rules"][0]["outcome"]) == (1, "differs")
    assert (out / "q.yaml").read_text(encoding="utf-8") == "mine\n"
    code, report = run(capsys, tmp_path / "q.kql", "--to", out, "--force")
    assert (code, report["rules"][0]["outcome"]) == (0, "written")


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "q.kql").write_text("DeviceEvents\n", encoding="utf-8")
    code, report = run(capsys, tmp_path / "q.kql", "--to", tmp_path / "out", "--dry-run")
    assert (code, report["rules"][0]["outcome"]) == (0, "written")
    assert not (tmp_path / "out").exists()


def test_one_rule_in_two_forms_is_written_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, report = run(capsys, ROOT / "content" / "rmm" / "ninjarmm-file-signature.page.txt",
                       ROOT / "content" / "rmm" / "ninjarmm-file-signature.yaml", "--to", tmp_path)  # fmt: skip
    assert code == 0
    assert [r["outcome"] for r in report["rules"]] == ["written"]
    assert len(report["skipped"]) == 1


def test_what_does_not_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.yaml").write_text("id: x\nname: '%%NAME%%'\nquery: DeviceEvents\n", encoding="utf-8")
    code, report = run(capsys, tmp_path, "--to", tmp_path / "out")
    assert code == 1
    assert report["rules"][0]["outcome"] == "refused"
    assert "template" in report["rules"][0]["why"]


def test_a_sigma_rule_becomes_one_of_sentinels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sigma.backends.kusto")
    (tmp_path / "s.yml").write_text(
        "title: t\nid: b52e84a3-029e-4529-b09b-71d19dd27e94\nlogsource: {category: process_creation, product: windows}\n"
        "detection: {sel: {Image|endswith: '\\a.exe'}, condition: sel}\nlevel: low\nfalsepositives: [Support]\n",
        encoding="utf-8",
    )
    code, _ = run(capsys, tmp_path / "s.yml", "--to", tmp_path / "out")
    assert code == 0
    made = yaml.safe_load((tmp_path / "out" / "s.yaml").read_text(encoding="utf-8"))
    assert made["query"].strip() == 'DeviceProcessEvents\n| where FolderPath endswith @"\\a.exe"'
    assert (made["severity"], made["falsepositives"]) == ("Low", ["Support"])
    assert "detection" not in made


def test_exclusions_in_the_rules_own_file_are_not_lost_where_it_is_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = 'exclusions:\n  - id: one\n    when: process.name == "a.exe"\n    owner: me\n'
    no_id = tmp_path / "no-id.yaml"
    no_id.write_text("name: a\nquery: DeviceEvents\n" + own)
    two = tmp_path / "two.yaml"
    two.write_text(
        f"id: 11111111-1111-1111-1111-111111111111\nname: b\nquery: DeviceEvents\n{own}---\n"
        "id: 22222222-2222-2222-2222-222222222222\nname: c\nquery: DeviceInfo\n"
    )
    code, report = run(capsys, no_id, two, "--to", tmp_path / "to")
    assert code == 0
    read = {r["name"]: load(Path(r["to"])).rules[0].exclusions for r in report["rules"]}
    assert {name: [(e.id, e.when, e.owner) for e in found] for name, found in read.items()} == {
        "a": [("one", 'process.name == "a.exe"', "me")],
        "b": [("one", 'process.name == "a.exe"', "me")],
        "c": [],
    }


def test_a_document_that_is_no_rule_is_told_beside_the_rules_of_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rule.yaml"
    file.write_text("id: 11111111-1111-1111-1111-111111111111\nname: b\nquery: DeviceEvents\n---\n- x\n")
    code, report = run(capsys, file, "--to", tmp_path / "to")
    assert code == 1
    assert len(report["rules"]) == 1
    assert "the file holds a list" in str(report["loading"])


@pytest.mark.parametrize("name", ["agent.test.kql", "agent.exclusions.kql"])
def test_no_rule_gets_the_name_of_a_file_beside_a_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / name).write_text("DeviceEvents\n| take 1\n")
    _, report = run(capsys, tmp_path / name, "--to", tmp_path / "to")
    assert len(load(tmp_path / "to").rules) == 1, report
