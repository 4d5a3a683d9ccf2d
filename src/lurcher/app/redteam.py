"""The red team of exclusions: an intruder's events are put to each one, and what it would hide is named.

Two sources of events: the true positives of the rules' tests, and the catalogue's tools in the hands of an intruder
(`rmm.intrusions`), who sits on a device that the exclusion is for and gives what he chooses the values that it asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lurcher.app.exclusions import columns_of
from lurcher.app.session import Limits, Session, Tables
from lurcher.content.exclusions.language import understand
from lurcher.content.exclusions.rewrite import GROUP_PREFIX, Rewritten, Settings, rewrite
from lurcher.content.exclusions.verdicts import alternatives_of
from lurcher.content.model import Exclusion, Placed, Rule
from lurcher.errors import LurcherError
from lurcher.hunt.answers import Answer, answer_of
from lurcher.kql.diagnostics import Refused
from lurcher.rmm.catalogue import Catalogue
from lurcher.rmm.intrusions import Intrusions, Row, Setting, intrusions
from lurcher.schema import known_table

if TYPE_CHECKING:
    from lurcher.content.testing import RuleTest

#: Tools that a report names.
MAX_NAMED = 8
#: Alternatives of a condition that an intruder makes his own.
MAX_WAYS = 16
_CHOSEN = {
    "process.name": "FileName",
    "file.name": "FileName",
    "process.command_line": "ProcessCommandLine",
    "process.parent.name": "InitiatingProcessFileName",
    "process.parent.command_line": "InitiatingProcessCommandLine",
}


@dataclass(frozen=True)
class Hidden:
    """What an exclusion would hide. `how` is the intruder's way, or the test; `what` the tools, or the rule of the test.
    `expected`: it looks like the use that the exclusion is for, and cannot be told from it."""

    how: str
    what: tuple[str, ...]
    rows: int
    total: int
    expected: bool = False


@dataclass
class Trial:
    """One exclusion put to the test. `problem` says why it, or a part of it, was not. `tried` counts the cases that the rule finds
    at all."""

    rule: Rule
    exclusion: Exclusion
    hidden: list[Hidden] = field(default_factory=list)
    tried: int = 0
    problem: str = ""

    @property
    def hides(self) -> bool:
        """Something that can be told from the use that it is for."""
        return any(not h.expected for h in self.hidden)

    @property
    def held(self) -> bool:
        return not self.problem and not self.hides


def named(what: Sequence[str]) -> str:
    """The first of what is hidden, and how many more."""
    more = f" and {len(what) - MAX_NAMED} more" if len(what) > MAX_NAMED else ""
    return ", ".join(what[:MAX_NAMED]) + more


def untried(trial: Trial) -> str:
    """The word before a trial's problem."""
    return "not all tried" if trial.tried else "not tried"


class RedTeam:
    """The intruders of the catalogue, and the true positives of the tests beside `tested`. `wrong`: what is wrong with these."""

    def __init__(self, tested: Iterable[Rule], now: datetime) -> None:
        self.now = now
        self.catalogue = Catalogue.load()
        self.tests, self.wrong = _true_positives(tested)
        self.sessions: dict[Setting, tuple[Session, Intrusions]] = {}

    def trial(self, rule: Rule, exclusion: Exclusion) -> Trial:
        """Put an exclusion of `rule` to all of them."""
        trial = Trial(rule, exclusion)
        try:
            self._against_catalogue(trial)
            _against_tests(trial, self.tests)
        except (Refused, LurcherError) as problem:
            trial.problem = problem.message if isinstance(problem, LurcherError) else problem.diagnostics[0].message
        if not trial.tried and not trial.problem:
            trial.problem = "the rule finds none of the intruders' events, and no true positive of the tests"
        return trial

    def _session(self, setting: Setting) -> tuple[Session, Intrusions]:
        if setting not in self.sessions:
            played = intrusions(self.catalogue, self.now, setting)
            self.sessions[setting] = _session(played.tables, self.now), played
        return self.sessions[setting]

    def _against_catalogue(self, trial: Trial) -> None:
        found: dict[tuple[str, bool], dict[str, tuple[int, int]]] = {}
        settings = _settings(trial.exclusion)
        if len(settings) > MAX_WAYS:
            trial.problem = f"of its {len(settings):,} alternatives {MAX_WAYS} were tried"
        for setting in settings[:MAX_WAYS]:
            session, played = self._session(setting)
            for device, (total, explained) in _by_device(trial, session).items():
                case = played.cases.get(device)
                if case is None:
                    continue
                trial.tried += 1
                if explained:
                    tools = found.setdefault((case.variant.name, case.variant.expected), {})
                    before = tools.get(case.tool, (0, 0))
                    tools[case.tool] = max(before[0], explained), max(before[1], total)
        for (how, expected), tools in sorted(found.items()):
            rows, total = (sum(t[i] for t in tools.values()) for i in (0, 1))
            trial.hidden.append(Hidden(how, tuple(sorted(tools)), rows, total, expected))


def _true_positives(rules: Iterable[Rule]) -> tuple[list[tuple[Rule, RuleTest]], tuple[Placed, ...]]:
    from lurcher.content.testing import load_tests, tests_of

    found: list[tuple[Rule, RuleTest]] = []
    wrong: dict[Placed, None] = {}
    for rule in rules:
        beside = tests_of(rule)
        if beside is None:
            continue
        loaded = load_tests(beside)
        wrong |= dict.fromkeys(loaded.errors)
        for test in loaded.tests:
            if test.kind == "true positive" and test.rule in ("", rule.id, rule.name):
                found.append((rule, test))
    return found, tuple(wrong)


def _against_tests(trial: Trial, tests: Sequence[tuple[Rule, RuleTest]]) -> None:
    from lurcher.app.testing_session import session_of

    for owner, test in tests:
        session = session_of(test)
        rewritten = _alone(trial, session)
        if rewritten is None or rewritten.split is None or rewritten.split.table not in test.tables:
            continue
        total, explained = _counts(rewritten, session)
        if total:
            trial.tried += 1
        if explained:
            trial.hidden.append(Hidden(f"true positive '{test.name}'", (owner.name,), explained, total))


def _settings(exclusion: Exclusion) -> list[Setting]:
    """The intruder as he is, and as he would be who has read the exclusion: one for each of its alternatives."""
    understood = understand(exclusion.when_source, exclusion.scenario or exclusion.id, frozenset())
    names = [d for d in exclusion.devices if not d.startswith(GROUP_PREFIX)]
    groups = [d[len(GROUP_PREFIX) :] for d in exclusion.devices if d.startswith(GROUP_PREFIX)]
    plain = Setting(names[0] if names else "", groups[0] if groups else "")
    if understood.intended is None:
        return [plain]
    found = [plain]
    for tests in alternatives_of(understood.intended):
        said: dict[str, str] = {}
        name, group = plain.device_name, plain.device_group
        for test in tests:
            if not test.positive or not test.values:
                continue
            value = test.values[0]
            if test.field == "device.name":
                name = name or value
            elif test.field == "device.group":
                group = group or value
            elif (column := _CHOSEN.get(test.field)) is not None:
                said[column] = f"{said[column]} {value}" if column in said and column.endswith("Line") else value
        found.append(Setting(name, group, tuple(sorted(said.items()))))
        if name or group:
            found[0] = replace(found[0], device_name=name, device_group=group)
    return list(dict.fromkeys(found))


def _alone(trial: Trial, session: Session) -> Rewritten | None:
    """The rule with this exclusion alone, whatever keeps it out of force; None where it cannot be applied."""
    only = frozenset((trial.exclusion.id,))
    rule = replace(trial.rule, exclusions=(trial.exclusion,))
    rewritten = rewrite(rule, columns_of(session), session.now.date(), Settings(), only=only)
    if not rewritten.in_force or rewritten.split is None:
        trial.problem = trial.problem or next((a.reason for a in rewritten.applied if a.reason), rewritten.why)
        return None
    return rewritten


def _by_device(trial: Trial, session: Session) -> Mapping[str, tuple[int, int]]:
    """DeviceId -> (evidence rows, explained ones)."""
    rewritten = _alone(trial, session)
    if rewritten is None or "lurcher_e_DeviceId" not in rewritten.keys:
        return {}
    kql = (
        f"{rewritten.keys.rstrip()}\n| summarize lurcher_n = count(), lurcher_x = countif(lurcher_explained)"
        " by lurcher_device = lurcher_e_DeviceId"
    )
    return {str(d): (int(n), int(x)) for d, n, x in _rows(session, kql, ("lurcher_device", "lurcher_n", "lurcher_x"))}


def _counts(rewritten: Rewritten, session: Session) -> tuple[int, int]:
    kql = f"{rewritten.keys.rstrip()}\n| summarize lurcher_n = count(), lurcher_x = countif(lurcher_explained)"
    (row,) = _rows(session, kql, ("lurcher_n", "lurcher_x"))
    return int(row[0]), int(row[1])


def _rows(session: Session, kql: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    answer: Answer = answer_of(session.run_table(kql))
    at = [answer.columns.index(c) for c in columns]
    return [tuple(row[i] for i in at) for row in answer.rows]


def _session(tables: Mapping[str, list[Row]], now: datetime) -> Session:
    """The rows as tables in memory; both of the services' time columns are filled."""
    import pyarrow as pa

    from lurcher.app.session import added
    from lurcher.kql.types import ScalarType
    from lurcher.lake.layout import arrow_type

    made = {}
    for name, rows in tables.items():
        schema = known_table(name)
        assert schema is not None, name
        columns, fields = [], []
        for column in schema.columns:
            source = "Timestamp" if column.name == "TimeGenerated" else column.name
            empty = "" if column.type is ScalarType.STRING else None
            kind = arrow_type(column.type)
            columns.append(pa.array([row.get(source, empty) for row in rows], kind))
            fields.append(pa.field(column.name, kind))
        made[name] = schema, added(pa.Table.from_arrays(columns, schema=pa.schema(fields)), now)
    return Session(Tables(None, made), now, Limits(timeout=120))
