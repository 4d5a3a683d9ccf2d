"""Rules that are in no file go by the same names everywhere, and a lake's own catalogue counts wherever the lake is named."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from lurcher.app.rmm import update, write_overlay
from lurcher.cli import main
from lurcher.rmm.catalogue import Catalogue

#: A maker that the catalogue which ships does not know.
NEW = """\
Name: NinjaRMM
Category: RMM
Details:
  Website: https://www.ninjaone.com
CodeSigning:
  certificates:
    - {signer_name: Ninja Holdings Inc., certificate_thumbprint: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}
"""
RULE = """\
id: 0b2c6a0e-3f0d-4a3c-9a53-0f2a6f0b7c13
name: n
query: |
  DeviceFileCertificateInfo
  | where Signer has 'NinjaOne'
"""


def run(*args: str) -> tuple[int, str]:
    import contextlib
    import io

    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main(list(args))
    return code, said.getvalue()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("check", "rmm:NinjaOne"), "3 rules: 0 errors"),
        (("test", "rmm:NinjaOne"), "3 rules"),
        (("exclusions", "rmm:NinjaOne"), "0 exclusions of 3 rules"),
        (("coverage", "rmm:NinjaOne"), "T1219"),
        (("export", "rmm:NinjaOne", "--to", "kql", "--out", "{}"), "3 rules exported"),
        (("import", "rmm:NinjaOne", "--to", "{}"), "3 written"),
    ],
)
def test_every_command_takes_the_names_of_made_rules(args: tuple[str, ...], said: str, tmp_path: Path) -> None:
    code, output = run(*(a.format(tmp_path / "out") for a in args))
    assert said in output
    # Rules that are made have no tests beside them, and `test` says so.
    assert code == (2 if args[0] == "test" else 0)


@pytest.mark.parametrize("command", ["check", "test", "exclusions", "coverage", "import"])
def test_names_that_are_none(command: str, tmp_path: Path) -> None:
    more = ("--to", str(tmp_path / "out")) if command == "import" else ()
    code, output = run(command, "rmm:no-such-tool", *more)
    assert code == 2
    assert "the catalogue has no tool 'no-such-tool'" in output
    code, output = run(command, "rmmx", *more)
    assert code == 2
    assert "does not exist" in output


def test_a_lakes_own_catalogue_counts_in_check(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    assert run("init", str(lake))[0] == 0
    (tmp_path / "lolrmm").mkdir()
    (tmp_path / "lolrmm" / "ninja.yaml").write_text(NEW, encoding="utf-8")
    rule = tmp_path / "rule.yaml"
    rule.write_text(RULE, encoding="utf-8")

    def missed(*more: str) -> str:
        found = json.loads(run("check", str(rule), "--format", "json", *more)[1])
        return " ".join(p["message"] for p in found["problems"] if p["code"] in ("LU501", "LU502"))

    assert "Ninja Holdings" not in missed("--lake", str(lake))
    source = tmp_path / "lolrmm"
    write_overlay(update(source, Catalogue.load()), lake / "rmm-catalogue.toml", dt.date(2026, 11, 24), source)
    assert "Ninja Holdings" in missed("--lake", str(lake))
    assert "Ninja Holdings" not in missed()
