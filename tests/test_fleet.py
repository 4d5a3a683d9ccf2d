"""The whole way, on the example fleet: what a hunter gets who does what the README says."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

import fleet
from lurcher.app.check import check
from lurcher.app.hunt import HuntReport, hunt
from lurcher.app.query import open_session
from lurcher.hunt.findings import State
from lurcher.lake import Lake

#: The devices of the intruder's story, and what the page's scenarios may explain.
INTRUDER_OLD_SIGNER = {"ws-022.corp.example", "ws-026.corp.example"}
INTRUDER_NEW_SIGNER = "srv-app02.corp.example"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fleet.make_case(tmp_path_factory.mktemp("fleet"))


@pytest.fixture
def case(made: Path, tmp_path: Path) -> Path:
    """A copy of the lake, with an empty ledger."""
    return Path(shutil.copytree(made, tmp_path / "case"))


def run_hunt(case: Path, *rules: Path, forced: tuple[str, ...] = ()) -> HuntReport:
    lake = Lake.open(case)
    session = open_session(lake, fleet.NOW, "latest")
    return hunt(lake, rules, session, started=fleet.NOW, forced=forced)


def by_device(report: HuntReport) -> dict[str, State]:
    return {f.device: f.state for one in report.rules for f in one.findings}


def lurcher(*argv: str) -> Result:
    from lurcher.cli import cli

    return CliRunner().invoke(cli, argv, catch_exceptions=False)


def test_the_published_rule_gives_the_rows_of_hand_written_sql(case: Path) -> None:
    export = case.parent / "DeviceFileCertificateInfo.csv"
    fleet_folder = fleet.make_exports(case.parent / "again")
    shutil.copy(fleet_folder / "exports" / "DeviceFileCertificateInfo.csv", export)
    expected = duckdb.execute(
        """
        WITH rows AS (SELECT * FROM read_csv($1, header = true, all_varchar = true)),
             latest AS (SELECT max(Timestamp::TIMESTAMPTZ) AS t FROM rows)
        SELECT DeviceId, DeviceName, min(Timestamp::TIMESTAMPTZ)::VARCHAR, max(Timestamp::TIMESTAMPTZ)::VARCHAR, count(*),
               list_sort(list_distinct(list(ReportId::BIGINT)))
        FROM rows, latest
        WHERE Timestamp::TIMESTAMPTZ BETWEEN t - INTERVAL 5 DAY AND t
          AND regexp_matches(Signer, '(?i)(^|[^a-z0-9])ninjarmm($|[^a-z0-9])')
        GROUP BY ALL ORDER BY DeviceName
        """,
        [str(export)],
    ).fetchall()
    lake = Lake.open(case)
    session = open_session(lake, fleet.NOW, None)
    session.now = datetime.fromisoformat(max(_times(export))).astimezone(UTC)
    from lurcher.content.loading import load

    (rule,) = load(fleet.PUBLISHED).rules
    table = session.run_table(rule.query_source)
    assert table.column_names == ["DeviceId", "DeviceName", "FirstSeen", "LastSeen", "Report", "Count"]
    got = sorted(table.to_pylist(), key=lambda r: r["DeviceName"])
    assert len(got) == 5
    import json

    for row, want in zip(got, expected, strict=True):
        assert (row["DeviceId"], row["DeviceName"], row["Count"]) == (want[0], want[1], want[4])
        assert row["FirstSeen"] == datetime.fromisoformat(want[2]).astimezone(UTC)
        assert row["LastSeen"] == datetime.fromisoformat(want[3]).astimezone(UTC)
        assert sorted(json.loads(row["Report"])) == want[5]


def _times(export: Path) -> list[str]:
    import csv

    with export.open(encoding="utf-8-sig", newline="") as f:
        return [row["Timestamp"][:26] + "+00:00" for row in csv.DictReader(f)]


def test_check_says_which_signer_the_published_rule_misses(case: Path) -> None:
    session = open_session(Lake.open(case), fleet.NOW, "latest")
    report = check([fleet.PUBLISHED], session)
    (missed,) = [p for p in report.problems if p.code == "LU501"]
    assert "NinjaOne LLC" in missed.message
    assert "NinjaOne" in missed.hint
    line = missed.line
    assert "Signer has 'NinjaRMM'" in fleet.PUBLISHED.read_text(encoding="utf-8").splitlines()[line - 1]


def test_the_published_rule_misses_the_newer_agent_and_ours_finds_it(case: Path) -> None:
    assert INTRUDER_NEW_SIGNER not in by_device(run_hunt(case, fleet.PUBLISHED))
    assert by_device(run_hunt(case, fleet.OURS))[INTRUDER_NEW_SIGNER] is State.NEW


def test_exclusions_hide_no_device_of_the_intruder(case: Path) -> None:
    states = by_device(run_hunt(case, fleet.PUBLISHED))
    assert {d for d, s in states.items() if s is State.NEW} >= INTRUDER_OLD_SIGNER


def test_not_even_where_all_of_them_are_forced(case: Path) -> None:
    from lurcher.content.loading import load

    (rule,) = load(fleet.PUBLISHED).rules
    states = by_device(run_hunt(case, fleet.PUBLISHED, forced=tuple(e.id for e in rule.exclusions)))
    assert {d for d, s in states.items() if s is State.NEW} >= INTRUDER_OLD_SIGNER


def test_what_only_updates_is_suppressed_and_stays_visible(case: Path) -> None:
    report = run_hunt(case, fleet.PUBLISHED)
    (hidden,) = [f for f in report.rules[0].findings if f.state is State.SUPPRESSED]
    assert hidden.device == "ws-017.corp.example"
    assert hidden.explained == hidden.total
    assert hidden.total is not None
    assert hidden.total > 0
    listed = lurcher("findings", "--lake", str(case), "--suppressed")
    assert "ws-017.corp.example" in listed.output
    assert "ws-022" not in listed.output
    for id_ in hidden.by:
        back = lurcher("findings", "--lake", str(case), "--would-return", id_)
        assert "ws-017.corp.example" in back.output


def test_a_second_hunt_finds_nothing_new(case: Path) -> None:
    first = by_device(run_hunt(case, fleet.PUBLISHED))
    second = by_device(run_hunt(case, fleet.PUBLISHED))
    assert set(second) == set(first)
    assert State.NEW in first.values()
    assert State.NEW not in second.values()


def test_the_stranger_stands_out_in_words(case: Path) -> None:
    report = run_hunt(case, fleet.PUBLISHED)
    one = report.rules[0]
    (finding,) = [f for f in one.findings if f.device == "ws-022.corp.example"]
    texts = " ".join(r.text for r in one.reasons[finding.id])
    assert "Downloads" in texts
    assert "support-desk.example" in texts


#: What EXCLUSIONS says of the page's five scenarios: the level and a word of the reason.
VERDICTS: list[tuple[str, str, str]] = [
    ("cleanup", "ERROR", "CleanupTask.exe"),
    ("script", "NOT_IN_FORCE", "known_legit_script_hash"),
    ("remote", "REFUSED", "T1219"),
    ("agent-update", "WARN", "sync"),
    ("patch", "WARN", "patch"),
]


@pytest.mark.parametrize(("word", "level", "reason"), VERDICTS)
def test_the_five_scenarios_are_judged(made: Path, word: str, level: str, reason: str) -> None:
    from lurcher.app.exclusions import verdicts
    from lurcher.content.loading import load

    (rule,) = load(fleet.PUBLISHED).rules
    assert len(rule.exclusions) == 5
    found: list[Any] = [
        v for v in verdicts(rule, open_session(Lake.open(made), fleet.NOW, "latest")) if word in v.exclusion.id
    ]
    assert [v.level.name for v in found] == [level]
    assert any(reason in d.message or reason in d.hint for d in found[0].diagnostics)
