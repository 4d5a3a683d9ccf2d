"""Exclusions in force, their cost, the red team, and exclusions out of findings: on the example fleet."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import fleet
from lurcher.cli import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with the fleet, in which the published rule has hunted once."""
    path = fleet.make_case(tmp_path_factory.mktemp("exclude"))
    assert main(["hunt", str(fleet.PUBLISHED), "--lake", str(path), "--as-of", "latest", "--no-triage"]) == 0
    return path


def ask(capsys: Capture, *args: object) -> tuple[int, dict]:  # type: ignore[type-arg]
    capsys.readouterr()
    code = main([*map(str, args), "--format", "json"])
    return code, json.loads(capsys.readouterr().out)


def test_each_exclusion_says_whether_it_is_in_force_and_what_would_come_back(case: Path, capsys: Capture) -> None:
    code, report = ask(capsys, "exclusions", fleet.OURS, "--lake", case, "--as-of", "latest")
    assert code == 0
    service, patcher = report["exclusions"]
    assert (service["standing"], patcher["standing"]) == ("in force", "in force")
    assert service["owner"] == "endpoint management"
    # Counted by a join of its own over the fleet: 68 rows whose every start is the service of a managed device, 20 of its patcher.
    assert (service["explains"], patcher["explains"]) == (68, 20)
    assert len(service["would_return"]) == 20


def test_what_is_not_in_force_says_why(case: Path, capsys: Capture) -> None:
    _, report = ask(capsys, "exclusions", fleet.PUBLISHED, "--lake", case, "--as-of", "latest")
    standings = [e["standing"] for e in report["exclusions"]]
    assert standings == ["refused", "not in force", "refused", "in force", "in force"]
    assert "placeholder" in report["exclusions"][1]["why"]


def test_the_red_team_finds_what_rests_on_names(capsys: Capture) -> None:
    code, report = ask(capsys, "exclusions", fleet.PUBLISHED, "--red-team", "--as-of", "2026-11-21")
    assert code == 1
    fourth = report["exclusions"][3]
    assert fourth["standing"] == "in force"
    hidden = {h["how"]: h["what"] for h in fourth["red_team"]["hides"] if not h["expected"]}
    assert hidden["downloaded and started by hand"] == ["NinjaOne"]


def test_the_red_team_holds_no_grudge_against_a_good_one(capsys: Capture) -> None:
    code, report = ask(capsys, "exclusions", fleet.OURS, "--red-team", "--as-of", "2026-11-21")
    assert code == 0
    for line in report["exclusions"]:
        assert line["red_team"]["held"]
        assert line["red_team"]["tried"] > 0
        assert all(h["expected"] for h in line["red_team"]["hides"])


def test_a_true_positive_of_a_test_that_would_be_hidden_is_named(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "r.yaml").write_text(
        "id: 11111111-2222-3333-4444-555555555555\nname: r\nquery: |\n  DeviceProcessEvents | where FileName =~ 'psexec.exe'\n"
        "exclusions:\n  - id: admins\n    scenario: s\n"
        "    when: process.account == 'adm' and process.path startswith 'C:\\\\Tools'\n",
        encoding="utf-8",
    )
    (tmp_path / "r.test.yaml").write_text(
        "now: 2026-11-20T12:00:00Z\ntests:\n  - name: as the administrator\n    kind: true positive\n    tables:\n"
        "      DeviceProcessEvents:\n        - {Timestamp: 2026-11-20T11:00:00Z, DeviceId: d, FileName: PsExec.exe,"
        " FolderPath: 'C:\\Tools\\PsExec.exe', AccountName: adm}\n",
        encoding="utf-8",
    )
    code, report = ask(capsys, "exclusions", tmp_path, "--red-team", "--as-of", "2026-11-21")
    assert code == 1
    (hidden,) = report["exclusions"][0]["red_team"]["hides"]
    assert (hidden["how"], hidden["what"], hidden["rows"], hidden["of"]) == (
        "true positive 'as the administrator'",
        ["r"],
        1,
        1,
    )


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    for file in fleet.CONTENT.glob("ninjarmm-file-signature*"):
        shutil.copy(file, tmp_path / file.name)
    return tmp_path


def finding_on(case: Path, capsys: Capture, device: str) -> int:
    capsys.readouterr()
    assert main(["findings", "--lake", str(case), "--all", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    rows = data if isinstance(data, list) else data["findings"]
    return next(int(f["id"]) for f in rows if str(f["device"]).startswith(device))


def test_proposals_explain_the_finding_narrowest_first(case: Path, rules: Path, capsys: Capture) -> None:
    number = finding_on(case, capsys, "srv-file01")
    code, report = ask(capsys, "exclude", number, "--rule", rules, "--lake", case, "--as-of", "latest")
    assert code == 0
    made = report["proposals"]
    assert made[0]["devices"] == ["srv-file01.corp.example"]
    assert "hash" in made[0]["when"]
    assert [p["explains"] for p in made] == sorted(p["explains"] for p in made)
    assert not made[0]["hides_findings"]
    assert not any("process.name ==" in p["when"] for p in made)


def test_a_proposal_that_is_written_explains_the_finding_in_the_next_hunt(
    case: Path, rules: Path, capsys: Capture
) -> None:
    number = finding_on(case, capsys, "srv-file01")
    code, report = ask(
        capsys, "exclude", number, "--rule", rules / "ninjarmm-file-signature.yaml", "--lake", case, "--as-of", "latest",
        "--write", "1", "--scenario", "The file server is managed",
        "--owner", "ops", "--reason", "CHG-1", "--expires", "2027-01-31",
    )  # fmt: skip
    assert code == 0
    written = Path(report["written"]).read_text(encoding="utf-8")
    assert "id: the-file-server-is-managed" in written
    _, after = ask(capsys, "exclusions", rules / "ninjarmm-file-signature.yaml", "--lake", case, "--as-of", "latest")
    last = after["exclusions"][-1]
    assert (last["exclusion"], last["standing"], last["owner"], last["expires"]) == (
        "the-file-server-is-managed", "in force", "ops", "2027-01-31",
    )  # fmt: skip
    assert [r["DeviceName"] for r in last["would_return"]] == ["srv-file01.corp.example"]


def test_what_cannot_be_proposed_is_told(case: Path, rules: Path, capsys: Capture) -> None:
    assert main(["exclude", "99", "--rule", str(rules), "--lake", str(case)]) == 2
    assert "there is no finding 99" in capsys.readouterr().err
    number = finding_on(case, capsys, "srv-file01")
    assert main(["exclude", str(number), "--rule", str(fleet.OURS), "--lake", str(case), "--as-of", "latest"]) == 2
    assert "the rule of finding" in capsys.readouterr().err
    assert main(["exclude", str(number), "--rule", str(rules), "--lake", str(case), "--as-of", "2020-01-01"]) == 2
    assert "--as-of" in capsys.readouterr().err
    assert main(["exclude", str(number), "--rule", str(rules), "--lake", str(case), "--write", "1"]) == 2
    assert "--scenario" in capsys.readouterr().err


RULE = (
    "id: 11111111-2222-3333-4444-555555555555\nname: r\nquery: |\n  {query}\n"
    "exclusions:\n  - id: e\n    scenario: s\n    when: {when}\n"
)


def red_team(folder: Path, capsys: Capture, query: str, when: str) -> dict:  # type: ignore[type-arg]
    (folder / "r.yaml").write_text(RULE.format(query=query, when=when), encoding="utf-8")
    return ask(capsys, "exclusions", folder, "--red-team", "--as-of", "2026-11-21")[1]


def test_an_intruder_names_the_file_that_he_writes(tmp_path: Path, capsys: Capture) -> None:
    report = red_team(
        tmp_path,
        capsys,
        "DeviceFileEvents | where isnotempty(FileName)",
        "file.name == 'x.exe' and device.name == 'pc'",
    )
    trial = report["exclusions"][0]["red_team"]
    assert not trial["held"]
    assert {h["how"] for h in trial["hides"] if not h["expected"]} >= {"downloaded and started by hand"}


def test_what_the_red_team_could_not_try_is_told(tmp_path: Path, capsys: Capture) -> None:
    trial = red_team(tmp_path, capsys, "SigninLogs | where ResultType == '0'", "account.upn == 'a@b.c'")["exclusions"][
        0
    ]["red_team"]
    assert (trial["held"], trial["tried"], bool(trial["problem"])) == (False, 0, True)
    names = " or ".join(f"process.name == 'n{i}.exe'" for i in range(20))
    trial = red_team(tmp_path, capsys, "DeviceProcessEvents | where FolderPath has 'Temp'", names)["exclusions"][0][
        "red_team"
    ]
    assert (trial["held"], trial["problem"]) == (False, "of its 21 alternatives 16 were tried")
    assert trial["hides"]


def test_tests_that_cannot_be_read_are_no_proof(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "r.test.yaml").write_text(
        "now: 2026-11-20\ntests:\n  - nam: x\n    kind: true positive\n", encoding="utf-8"
    )
    report = red_team(
        tmp_path,
        capsys,
        "DeviceProcessEvents | where FileName == 'a.exe'",
        "process.name == 'a.exe' and device.name == 'pc'",
    )
    assert any("LU601" in said for said in report["loading"])
    assert main(["exclusions", str(tmp_path), "--red-team"]) == 1


def test_an_exclusion_to_force_must_be_there(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "r.yaml").write_text(RULE.format(query="DeviceInfo", when="device.name == 'pc'"), encoding="utf-8")
    assert main(["exclusions", str(tmp_path), "--force", "e2"]) == 2
    assert "no rule here has an exclusion 'e2'" in capsys.readouterr().err


def test_a_file_of_exclusions_keeps_its_line_ends(case: Path, rules: Path, capsys: Capture) -> None:
    number = finding_on(case, capsys, "srv-file01")
    sidecar = next(rules.glob("*.exclusions.yaml"))
    before = sidecar.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    sidecar.write_bytes(before)
    asked = ("exclude", number, "--rule", rules, "--lake", case, "--as-of", "latest", "--write", "1", "--scenario", "s")
    assert ask(capsys, *asked)[0] == 0
    after = sidecar.read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == after.count(b"\r\n")
    sidecar.write_bytes(b"exclusions: [] # \xff\n")
    capsys.readouterr()
    assert main(list(map(str, asked))) == 2
    assert "traceback" not in capsys.readouterr().err.lower()
