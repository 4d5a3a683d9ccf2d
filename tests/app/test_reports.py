"""Reports of real hunts: as they run, and out of the ledger."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import fleet
from lurcher.errors import LurcherError
from lurcher.lake import Lake


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fleet.make_case(tmp_path_factory.mktemp("fleet"))


@pytest.fixture(autouse=True)
def at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LURCHER_NOW", fleet.NOW.isoformat())


def lurcher(*argv: str) -> Result:
    from lurcher.cli import cli

    return CliRunner().invoke(cli, argv, catch_exceptions=False)


def test_a_hunt_writes_what_it_prints_and_the_ledger_tells_it_again(case: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"r.{form}" for form in ("html", "md", "csv", "json", "parquet", "sarif")]
    options = [option for file in files for option in ("--report", str(file))]
    rules = (str(fleet.OURS), str(fleet.PUBLISHED))
    done = lurcher("hunt", *rules, "--lake", str(case), "--as-of", "latest", "--format", "json", *options)
    assert done.exit_code == 0
    printed = json.loads(done.stdout)
    doc = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    states = {f["id"]: f["state"] for r in printed["rules"] for f in r["findings"]}
    assert {f["id"]: f["state"] for r in doc["rules"] for f in r["findings"]} == states
    assert doc["counts"]["new"] == sum(s == "new" for s in states.values()) > 0
    ours = next(r for r in doc["rules"] if r["path"] == str(fleet.OURS))
    assert ours["query"].startswith("DeviceFileCertificateInfo")
    assert "NinjaRMMAgentPatcher.exe" in ours["tuned"]
    assert {t["name"]: t["rows"] for t in doc["tables"]}["DeviceImageLoadEvents"] is None
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "runs from C:\\Users\\v.singh\\Downloads\\ninjaRMM.exe" in page

    done = lurcher(
        "report", str(tmp_path / "again.json"), str(tmp_path / "again.html"), "--lake", str(case), "--hunt", "1"
    )
    assert done.exit_code == 0
    again = json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))
    assert again["from_ledger"] is True
    assert lurcher("report", str(tmp_path / "again.md"), "--lake", str(case), "--hunt", "1").exit_code == 0
    for name in ("again.md", "again.html"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "Nothing that this hunt knows of" not in text
        assert "Made from the ledger" in text
    assert again["counts"] == doc["counts"]
    for mine, told in zip(doc["rules"], again["rules"], strict=True):
        same = ("key", "name", "status", "window", "evidence", "explained", "rule_hash", "exclusion_hash")
        assert {k: mine[k] for k in same} == {k: told[k] for k in same}
        drop = {"reasons": []}
        assert sorted((f | drop for f in mine["findings"]), key=lambda f: f["id"]) == sorted(
            told["findings"], key=lambda f: f["id"]
        )
        assert {e["id"]: (e["in_force"], e["reason"], e["when"], e["explained"]) for e in mine["exclusions"]} == {
            e["id"]: (e["in_force"], e["reason"], e["when"], e["explained"]) for e in told["exclusions"]
        }


def test_a_hunt_of_earlier_is_told_as_it_was(case: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert lurcher("hunt", str(fleet.OURS), "--lake", str(case), "--as-of", "latest", "--no-triage").exit_code == 0
    numbers = []
    for number in ("1", "2"):
        assert lurcher("report", str(tmp_path / "r.json"), "--lake", str(case), "--hunt", number).exit_code == 0
        numbers.append(json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["counts"])
    assert numbers[0]["new"] > 0
    assert numbers[1]["new"] == 0
    assert numbers[1]["known"] > 0


def test_a_report_that_cannot_be_written_is_told_before_the_hunt(tmp_path: Path) -> None:
    lake = Lake.create(tmp_path / "case")
    for name, words in (("r.pdf", "does not say what report"), ("no/r.html", "no such folder")):
        from lurcher.cli import main

        assert main(["hunt", str(fleet.OURS), "--lake", str(lake.path), "--report", str(tmp_path / name)]) == 2, words
    assert not (lake.path / "ledger.db").exists()
    assert main(["report", str(tmp_path / "r.md"), "--lake", str(lake.path)]) == 2


def test_an_exclusion_that_no_hunt_knew_is_refused(case: Path) -> None:
    assert lurcher("hunt", str(fleet.OURS), "--lake", str(case), "--as-of", "latest", "--no-triage").exit_code == 0
    with pytest.raises(LurcherError, match="knew an exclusion 'nosuch'"):
        lurcher("findings", "--lake", str(case), "--would-return", "nosuch")


def test_what_was_not_looked_into_is_said_and_what_is_new_is_looked_into_first(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import lurcher.app.hunt as module

    monkeypatch.setattr(module, "MAX_TRIAGED", 1)
    done = lurcher("hunt", str(fleet.OURS), "--lake", str(case), "--as-of", "latest", "--format", "json")
    (rule,) = json.loads(done.output)["rules"]
    shown = [f for f in rule["findings"] if f["state"] in ("new", "known")]
    assert len(shown) > 1
    assert sum(bool(f["reasons"]) for f in shown) <= 1
    assert f"of 1 findings, not of the other {len(shown) - 1}" in "".join(rule["notes"])


def test_a_report_of_the_ledger_says_what_has_been_judged_since(case: Path, tmp_path: Path) -> None:
    assert lurcher("hunt", str(fleet.OURS), "--lake", str(case), "--as-of", "latest", "--no-triage").exit_code == 0
    path = tmp_path / "r.json"

    def judged() -> dict[int, str]:
        assert lurcher("report", str(path), "--lake", str(case)).exit_code == 0
        return {f["id"]: f["judged"] for r in json.loads(path.read_text())["rules"] for f in r["findings"]}

    number = min(judged())
    assert (
        lurcher("findings", "close", str(number), "--as", "benign", "--by", "eve", "--lake", str(case)).exit_code == 0
    )
    assert judged()[number].startswith("closed as benign by eve, ")
    assert sum(bool(text) for text in judged().values()) == 1
    assert lurcher("findings", "reopen", str(number), "--lake", str(case)).exit_code == 0
