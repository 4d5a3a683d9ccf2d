"""The inventory of a lake and the policy: what a sanctioned tool's row covers, and above all what it does not."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lurcher.cli import cli as main

NOW = "2026-11-24T12:00:00Z"
AGENT = "C:\\Program Files (x86)\\NinjaRMMAgent\\NinjaRMMAgent.exe"
A, B, C, D = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)


def at(hour: int, device: str, **columns: str) -> dict[str, str]:
    return {"Timestamp": f"2026-11-23T{hour:02}:00:00Z", "DeviceId": device, "DeviceName": f"pc-{device}", **columns}


TABLES: dict[str, list[dict[str, str]]] = {
    "DeviceFileCertificateInfo": [
        at(8, "d1", SHA1=A, Signer="NinjaOne LLC", SignerHash="5f4f53c903859c0bdefd456789d9c517f9f68c06"),
        at(8, "d2", SHA1=A, Signer="NinjaOne LLC"),
        at(8, "d3", SHA1=B, Signer="NinjaRMM, LLC"),
        at(8, "d4", SHA1=A, Signer="NinjaOne LLC"),
        at(8, "d5", SHA1=D, Signer="Contoso Ltd"),
    ],
    "DeviceProcessEvents": [
        at(9, "d1", SHA1=A, FileName="NinjaRMMAgent.exe", FolderPath=AGENT),
        at(9, "d2", SHA1=A, FileName="NinjaRMMAgent.exe", FolderPath="C:\\Users\\eve\\Downloads\\NinjaRMMAgent.exe"),
        at(9, "d3", SHA1=B, FileName="NinjaRMMAgent.exe", FolderPath=AGENT),
        at(9, "d4", SHA1=A, FileName="NinjaRMMAgent.exe", FolderPath=AGENT),
        at(10, "d5", SHA1=C, FileName="AnyDesk.exe", FolderPath="C:\\Tools\\AnyDesk.exe"),
        at(11, "d6", SHA1=D, FileName="a.exe", ProcessVersionInfoOriginalFileName="anydesk.exe", FolderPath="C:\\a.exe"),
    ],
    "DeviceNetworkEvents": [
        at(9, d, RemoteUrl=url, InitiatingProcessFileName="NinjaRMMAgent.exe", InitiatingProcessSHA1=A,
           InitiatingProcessFolderPath=AGENT)
        for d, url in (("d1", "https://acme.rmmservice.eu:443/"), ("d1", "https://other.rmmservice.eu/"),
                       ("d1", "https://evil.rmmservice.eu.acme.rmmservice.eu.example/"))
    ],
}  # fmt: skip
POLICY = """\
sanctioned:
  - tool: NinjaRMM
    devices: [pc-d1, pc-d2, pc-d3]
    signers: [NinjaOne LLC]
    domains: [acme.rmmservice.eu]
    until: 2027-03-31
    by: endpoint-team
    reason: CHG-1234
"""


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LURCHER_NOW", NOW)
    monkeypatch.chdir(tmp_path)
    for table, rows in TABLES.items():
        (tmp_path / f"{table}.ndjson").write_text("\n".join(json.dumps(r) for r in rows) + "\n")
    (tmp_path / "rmm-policy.yaml").write_text(POLICY)
    run("init", "lake")
    run("add", "--lake", "lake", *(f"{t}.ndjson" for t in TABLES))
    return tmp_path


def run(*argv: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, list(argv))
    assert done.exit_code == code, done.output
    return done.output


def found(*argv: str, code: int = 0) -> dict[tuple[str, str], dict[str, Any]]:
    data = json.loads(run("rmm", "--lake", "lake", "--format", "json", *argv, code=code))
    return {(r["tool"], r["device_id"]): r for r in data["found"]}


def test_a_tool_is_listed_on_each_device_with_how_it_is_known(case: Path) -> None:
    rows = found()
    assert sorted(rows) == [("AnyDesk", "d5"), ("AnyDesk", "d6"), *(("NinjaOne", f"d{n}") for n in (1, 2, 3, 4))]
    one = rows["NinjaOne", "d1"]
    assert one["how"] == ["signature", "network", "name"]
    assert (one["first_seen"], one["last_seen"]) == ("2026-11-23T08:00:00.000000Z", "2026-11-23T09:00:00.000000Z")
    assert one["thumbprints"] == ["5f4f53c903859c0bdefd456789d9c517f9f68c06"]
    assert one["folders"] == ["C:\\Program Files (x86)\\NinjaRMMAgent"]
    assert one["hosts"] == ["acme.rmmservice.eu", "other.rmmservice.eu"]
    assert (one["devices"], one["fleet"]) == (4, 6)
    assert not one["weak"]
    assert rows["AnyDesk", "d6"]["how"] == ["version information"]
    assert rows["AnyDesk", "d5"]["how"] == ["name"]
    assert rows["AnyDesk", "d5"]["weak"]
    text = run("rmm", "--lake", "lake")
    assert "known by the name of a file alone" in text
    assert "2 tools on 5 devices of 6, 1 more by name alone" in text


def test_since_and_tool_narrow_the_list(case: Path) -> None:
    assert sorted(found("--since", "2026-11-23T09:30:00Z")) == [("AnyDesk", "d5"), ("AnyDesk", "d6")]
    assert sorted(found("--tool", "anydesk")) == [("AnyDesk", "d5"), ("AnyDesk", "d6")]
    assert run("rmm", "--lake", "lake", "--format", "csv", "--since", "1h").count("\n") == 1


def test_the_policy_says_of_each_why_it_is_not_covered(case: Path) -> None:
    rows = found("--policy", "rmm-policy.yaml", code=1)
    why = {key: (r["sanctioned"], r["why"]) for key, r in rows.items()}
    assert why["NinjaOne", "d1"] == ("no", "talks to other.rmmservice.eu")
    assert why["NinjaOne", "d2"] == ("no", "runs from C:\\Users\\eve\\Downloads")
    assert why["NinjaOne", "d3"] == ("no", "signed by NinjaRMM, LLC")
    assert why["NinjaOne", "d4"] == ("no", "not for this device")
    assert why["AnyDesk", "d6"] == ("no", "not in the policy")


def hunted(*argv: str) -> dict[str, dict[tuple[str, str], str]]:
    """Rule -> (tool, device) -> state."""
    data = json.loads(run("hunt", "rmm", "--lake", "lake", "--format", "json", "--no-triage", *argv))
    return {
        r["name"]: {(f["row"]["Tool"], f["row"]["DeviceId"]): f["state"] for f in r["findings"]} for r in data["rules"]
    }


def test_a_hunt_under_the_policy_explains_what_it_covers_and_nothing_else(case: Path) -> None:
    states = hunted("--policy", "rmm-policy.yaml")
    signed = states["Remote management tools - all - file signature"]
    assert signed == {
        ("NinjaOne", "d1"): "suppressed",
        ("NinjaOne", "d2"): "new",  # runs from Downloads
        ("NinjaOne", "d3"): "new",  # under another signer
        ("NinjaOne", "d4"): "new",  # on another device
    }
    named = {k: v for name, s in states.items() if "process name" in name for k, v in s.items()}
    assert named == {
        ("NinjaOne", "d1"): "suppressed", ("NinjaOne", "d2"): "new", ("NinjaOne", "d3"): "new", ("NinjaOne", "d4"): "new",
        ("AnyDesk", "d5"): "new", ("AnyDesk", "d6"): "new",
    }  # fmt: skip
    network = {k: v for name, s in states.items() if "network" in name for k, v in s.items()}
    # Of its two connections one is to another tenant: the finding stays.
    assert network == {("NinjaOne", "d1"): "new"}


def test_a_policy_that_ended_covers_nothing_and_one_with_errors_is_refused(case: Path) -> None:
    path = case / "rmm-policy.yaml"
    path.write_text(POLICY.replace("2027-03-31", "2026-11-23"))
    assert "suppressed" not in {s for rule in hunted("--policy", "rmm-policy.yaml").values() for s in rule.values()}
    assert "sanctioned until 2026-11-23, and no more [LU513]" in run("rmm", "policy", "check", str(path), code=1)
    path.write_text(POLICY.replace("until: 2027", "til: 2027"))
    said = run("rmm", "policy", "check", str(path), code=1)
    assert f"{path}:6:10: error: NinjaOne: 'til' is no key [LU512]" in said
    done = CliRunner().invoke(main, ["hunt", "rmm", "--lake", "lake", "--policy", str(path)])
    assert done.exit_code != 0
    assert "'til' is no key" in str(done.exception) + done.output


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("NinjaRMM", "NinjaTwo"), "LU511"),
        (("devices: [pc-d1, pc-d2, pc-d3]", "devices: []"), "LU512"),
        (("signers: [NinjaOne LLC]", "signers: [Contoso Ltd]"), "LU514"),
        (("    until: 2027-03-31\n", ""), "LU515"),
        (("    until:", "    folders: ['C:\\Users\\Public\\x']\n    until:"), "LU516"),
        (("    until:", "    folders: ['*']\n    until:"), "LU512"),
        (("acme.rmmservice.eu", "'*'"), "LU512"),
        (("acme.rmmservice.eu", "acme.example.org"), "LU518"),
        (("sanctioned:", "allowed:"), "LU510"),
        (("until: 2027-03-31", "until: soon"), "LU512"),
    ],
)
def test_what_is_wrong_with_a_policy_has_a_code_and_a_line(tmp_path: Path, change: tuple[str, str], code: str) -> None:
    from lurcher.rmm.catalogue import Catalogue
    from lurcher.rmm.policy import load_policy

    path = tmp_path / "p.yaml"
    path.write_text(POLICY.replace(*change))
    policy = load_policy(path, Catalogue.load(), dt.date(2026, 11, 24))
    assert code in [p.diagnostic.code for p in policy.diagnostics]
    assert all(p.position[0] >= 1 for p in policy.diagnostics)
    if code in ("LU511", "LU512", "LU510"):
        assert not [r for r in policy.rows if r.usable]


def test_what_a_policy_covers_is_sanctioned(case: Path) -> None:
    path = case / "rmm-policy.yaml"
    path.write_text(POLICY.replace("    domains: [acme.rmmservice.eu]\n", ""))
    rows = found("--policy", "rmm-policy.yaml", "--tool", "NinjaOne", code=1)
    assert {d: r["sanctioned"] for (_, d), r in rows.items()} == {"d1": "yes", "d2": "no", "d3": "no", "d4": "no"}
    network = {k: v for name, s in hunted("--policy", str(path)).items() if "network" in name for k, v in s.items()}
    assert network == {("NinjaOne", "d1"): "suppressed"}


def test_what_is_too_much_to_look_at_is_not_sanctioned(case: Path) -> None:
    """A folder that is not among those that were looked at may be any."""
    from lurcher.rmm.inventory import MANY

    rows = [
        at(10, "d1", SHA1=A, FileName="NinjaRMMAgent.exe", FolderPath=AGENT.replace("NinjaRMMAgent\\", f"Ninja\\{n}\\"))
        for n in range(MANY)
    ]
    (case / "many.ndjson").write_text("\n".join(json.dumps(r) for r in rows) + "\n")
    (case / "rmm-policy.yaml").write_text(POLICY.replace("    domains: [acme.rmmservice.eu]\n", ""))
    before = json.loads(run("rmm", "--lake", "lake", "--policy", "rmm-policy.yaml", "--format", "json", code=1))
    run("add", "--lake", "lake", "--table", "DeviceProcessEvents", "many.ndjson")
    after = json.loads(run("rmm", "--lake", "lake", "--policy", "rmm-policy.yaml", "--format", "json", code=1))
    (was,), (one,) = ([f for f in r["found"] if f["device_id"] == "d1"] for r in (before, after))
    assert (was["sanctioned"], was["cut"]) == ("yes", [])
    assert one["sanctioned"] == "no"
    assert one["cut"] == ["folders"]
    assert one["why"] == f"{MANY} folders or more: not all of them were looked at"


def test_tables_that_are_not_there_are_named_to_programs_too(case: Path) -> None:
    told = json.loads(run("rmm", "--lake", "lake", "--format", "json"))
    assert told["missing"] == ["DeviceFileEvents", "DeviceImageLoadEvents", "DeviceTvmSoftwareInventory"]
