"""A case: a lake, and what one does with it. Each method is a command of the same name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from lurcher.api import reports
from lurcher.api.options import Options, PathLike, as_of_text, asked, checked, hot_tables, limits, of_query
from lurcher.api.result import Result
from lurcher.errors import LurcherError
from lurcher.kql.source import Source

if TYPE_CHECKING:
    from lurcher.api.explained import Explained
    from lurcher.app.live_compare import Comparison
    from lurcher.app.live_pull import PullReport
    from lurcher.app.rules import RuleText
    from lurcher.app.session import Session
    from lurcher.engines.hot import Hot
    from lurcher.lake import Lake

Platform = Literal["defender", "sentinel"]


def open(path: PathLike | None = None, *, create: bool = False, **options: Unpack[Options]) -> Case:
    """The case in a folder; without `path`, the one that the current folder is in.

    It must be there: `init` makes one, `create=True` makes it where it is not. `options` hold for every query, check and hunt of
    the case that does not say otherwise. Raises `LurcherError` where there is no lake.
    """
    from lurcher.app.lakes import need_lake
    from lurcher.lake import Lake

    checked(options)
    if path is None:
        return Case(need_lake(None), **options)
    folder = Path(path)
    if create and not (folder / "lake.toml").exists():
        return Case(Lake.create(folder), **options)
    try:
        return Case(Lake.open(folder), **options)
    except LurcherError as error:
        if error.hint.startswith("make one"):
            error.hint = f"make one with: lurcher.init({str(path)!r})"
        raise


def init(path: PathLike, *, platform: Platform = "defender", **options: Unpack[Options]) -> Case:
    """Make a case in a folder. Raises `LurcherError` where there is one already. `options`: see `open`."""
    from lurcher.lake import Lake

    checked(options)
    return Case(Lake.create(Path(path), platform=platform), **options)


def query(
    kql: str | Path, data: PathLike | Iterable[PathLike] = (), *, table: str | None = None, **options: Unpack[Options]
) -> Result:
    """Run a query on files at once, without a case; without files the services' tables are known, and empty. `table` is what the
    files are where they do not say it."""
    return _query(None, kql, _paths((data,)), table, checked(of_query(options)))


class Case:
    """Telemetry in a folder, with what was found in it. Made by `lurcher.open` or `lurcher.init`."""

    def __init__(self, lake: Lake, **options: Unpack[Options]) -> None:
        self.lake = lake
        self.options: Options = checked(options)
        self._hot: Hot | None = None

    def _kept(self) -> Hot | None:
        """The tables that are kept in memory, from the first query on."""
        if self._hot is None:
            self._hot = hot_tables(self.options)
        return self._hot

    @property
    def path(self) -> Path:
        return self.lake.path

    def __repr__(self) -> str:
        return f"lurcher.open({str(self.path)!r})"

    # --- what comes in ---
    def add(
        self,
        *paths: PathLike | Iterable[PathLike],
        table: str | None = None,
        dry_run: bool = False,
        date_order: Literal["mdy", "dmy"] | None = None,
        encoding: str | None = None,
        clock_offset: str | None = None,
        at: datetime | None = None,
        device: str = "",
        workers: int | None = 1,
        progress: Callable[[str, int], None] | None = None,
    ) -> reports.Added:
        """Add files, and what is in folders and archives; each content once. `dry_run` says what would come of it.

        `clock_offset` is how far the clock of event logs is ahead of UTC (`"+02:00"`, `"none"`; default: Sysmon's own times tell
        it), `at` and `device` when and where reports were made that do not say it (sigcheck's). `workers`: files that are read at
        once (None: as many as there are processors); more than one starts processes, so that a script has to stand behind
        `if __name__ == "__main__":`. What cannot be taken is in the report, and the others go on. Raises `LurcherError` for a path
        that is not there.
        """
        from lurcher.app.add import add
        from lurcher.collect.events.clock import parse_offset

        report = add(
            self.lake, _paths(paths), now=_now(), table=table, dry_run=dry_run, date_order=date_order, encoding=encoding,
            clock_offset=None if clock_offset is None else parse_offset(clock_offset), at=at, device=device,
            workers=workers, progress=progress,
        )  # fmt: skip
        return reports.Added(report)

    def collect_signatures(
        self,
        *paths: PathLike | Iterable[PathLike],
        device: str = "",
        drive: str = "",
        hashes: bool = True,
        md5: bool = True,
        nested: bool = False,
        trust_roots: Iterable[PathLike] = (),
        include: str | Iterable[str] = (),
        exclude: str | Iterable[str] = (),
        max_size: int | None = None,
        full: bool = False,
        at: str | datetime | None = None,
        workers: int | None = 1,
    ) -> reports.Collected:
        """Read the signatures of the new and changed programs below folders (a disk, a mounted image) into the case. `device` is
        whose they are, `drive` how the folder is called there (`C:`), `include` and `exclude` globs, `max_size` bytes of a file,
        `full` reads what is as the last run saw it, too; `at` is the time of the rows (now; "latest": the newest row).
        `workers`: see `add`."""
        from lurcher.app.collect import collect
        from lurcher.app.times import resolve_as_of

        report = collect(
            self.lake, _paths(paths), now=resolve_as_of(as_of_text(at), self.lake, _now()), device=device, drive=drive,
            hashes=hashes, md5=md5, nested=nested, trust_roots=_paths((trust_roots,)), include=_texts(include),
            exclude=_texts(exclude), max_size=max_size, full=full, workers=workers,
        )  # fmt: skip
        return reports.Collected(report)

    # --- what is asked ---
    def query(
        self,
        kql: str | Path,
        *,
        data: PathLike | Iterable[PathLike] = (),
        table: str | None = None,
        on: str | None = None,
        timespan: str | None = None,
        endpoint: str | None = None,
        **options: Unpack[Options],
    ) -> Result:
        """Run a query: a text, or a file that holds one (a `Path`). It runs to its end; the rows are held in memory.

        `data` are files that are tables of this query alone. `on` asks a live service instead (`"defender"`, `"sentinel:ID"`,
        `"adx:CLUSTER/DB"`), `timespan` is what time it looks at (`"P1D"`). Raises `Refused` where the text does not stand, with its
        place in it, and `LurcherError` where the query fails or has had its time. What is asked again (days, columns) is kept in
        memory, as `cache` of `open` says; what was added meanwhile is seen all the same.
        """
        if on is not None:
            from lurcher.api import live

            with live.opened(
                self._session_of_now(options), on, options, timespan=timespan, endpoint=endpoint
            ) as service:
                return live.query(service, _source(kql))
        return _query(
            self.lake, kql, _paths((data,)), table, self._with(options), settled="as_of" in options, hot=self._kept()
        )

    def explain(
        self,
        kql: str | Path,
        *,
        data: PathLike | Iterable[PathLike] = (),
        table: str | None = None,
        **options: Unpack[Options],
    ) -> Explained:
        """Run a query for what it costs: its plan, its SQL, what was read and left out, where the time went. Its rows are not kept.
        Raises as `query` does."""
        from lurcher.api.explained import Explained
        from lurcher.app.explain import explain

        source = _source(kql)
        session = _opened(
            self.lake,
            self._with(options),
            settled="as_of" in options,
            files=_paths((data,)),
            table=table,
            source=source,
        )
        return Explained(explain(session, source))

    def pull(
        self,
        table: str,
        on: str,
        since: str | datetime,
        until: str | datetime | None = None,
        *,
        where: str = "",
        time_column: str | None = None,
        again: bool = False,
        endpoint: str | None = None,
        **options: Unpack[Options],
    ) -> PullReport:
        """Bring the rows of a table of a live service into the case, each once: `case.pull("DeviceEvents", "defender", "7d")`.

        What did not come is in the report's `failed`, and is asked for again the next time.
        """
        from lurcher.api import live

        with live.opened(self._session_of_now(options), on, options, endpoint=endpoint) as service:
            return live.pull(
                self.lake, service, table, since, until, now=_now(), where=where, time_column=time_column, again=again
            )

    def compare(
        self,
        kql: str | Path,
        on: str,
        *,
        timespan: str | None = None,
        endpoint: str | None = None,
        **options: Unpack[Options],
    ) -> Comparison:
        """Run a query here and on a live service: `.equal`, and what differs in `.differences`."""
        from lurcher.api import live

        session = self._session_of_now(options)
        with live.opened(session, on, options, timespan=timespan, endpoint=endpoint) as service:
            return live.compare(service, session, _source(kql))

    def tables(self) -> reports.TableList:
        """The tables of the case: rows, time range, devices, sources, size."""
        from lurcher.app.tables import tables

        return reports.TableList(tables(self.lake))

    def tree(
        self,
        device: str,
        *,
        pid: int | None = None,
        guid: str = "",
        at: str | datetime | None = None,
        source: str = "",
        **options: Unpack[Options],
    ) -> reports.Tree:
        """Who started whom on a device; with `pid` or `guid` only those processes and their kin, with `at` the one with the
        number that was started last by then, with `source` only what that log tells. As rows: `query("ProcessTree('DEVICE')")`."""
        from lurcher.app.times import parse_time
        from lurcher.app.tree import tree

        time = as_of_text(at)
        when = parse_time(time) if time is not None else None
        return reports.Tree(tree(self._session(options), device, number=pid, guid=guid, at=when, source=source))

    # --- what is hunted ---
    def hunt(
        self,
        *rules: PathLike | Iterable[PathLike],
        force: Iterable[str] = (),
        triage: bool = True,
        report: PathLike | Iterable[PathLike] = (),
        on: str | None = None,
        timespan: str | None = None,
        endpoint: str | None = None,
        **options: Unpack[Options],
    ) -> reports.Hunt:
        """Run rules with their exclusions and keep what they find in the case's ledger: files, folders, or the text of a rule.

        `force` names exclusions to apply that are refused for what they hide. `report` are files to write it to, whose names say in
        which form (`hunt.html`). `on`: the live service that runs them, see `query`. A rule that does not run is in the report with
        its reason. Raises `LurcherError` where there is no rule.
        """
        from lurcher.app.hunt import hunt
        from lurcher.app.reports import check_paths, document_of, write

        files = [Path(p) for p in ([report] if isinstance(report, str | os.PathLike) else report)]
        check_paths(files)
        started, forced = datetime.now(UTC), _texts(force)
        if on is None:
            session = self._session(options)
            found = hunt(self.lake, _rules(rules), session, started=started, forced=forced, triage=triage)
        else:
            from lurcher.api import live

            session = self._session_of_now(options)
            with live.opened(session, on, options, timespan=timespan, endpoint=endpoint) as service:
                found = hunt(self.lake, _rules(rules), session, started=started, forced=forced, live=service)
        if files:
            write(document_of(found, self.lake, session), files)
        return reports.Hunt(found)

    def check(
        self, *rules: PathLike | Iterable[PathLike], fix: bool = False, **options: Unpack[Options]
    ) -> reports.Checked:
        """What is wrong with rules (files, folders, or the text of one). `fix` writes the repairs to the files."""
        from lurcher.app.check import check

        return reports.Checked(check(_rules(rules), self._session(options), fix=fix))

    def findings(self, state: str | Iterable[str] = ("new", "known")) -> reports.Findings:
        """What the ledger holds, newest first: findings in a state (`new`, `known`, `suppressed`, `gone`), several, or `all`."""
        from lurcher.app.findings import findings
        from lurcher.hunt.findings import State

        names = list(State) if state == "all" else _texts(state)
        try:
            states = {State(name) for name in names}
        except ValueError:
            raise LurcherError(
                f"there is no state {state!r} of a finding", f"there are: {', '.join(State)}; or 'all'"
            ) from None
        return reports.Findings(findings(self.lake, states))

    def _with(self, options: Options) -> Options:
        return checked({**self.options, **of_query(options)})

    def _session_of_now(self, options: Options) -> Session:
        """For a live service: its now() is now, whatever the case's own is."""
        wanted = self._with(options)
        if "as_of" not in options:
            wanted.pop("as_of", None)
        return _opened(self.lake, wanted)

    def _session(self, options: Options) -> Session:
        return _opened(self.lake, self._with(options), settled="as_of" in options)


def _opened(
    lake: Lake | None,
    options: Options,
    *,
    settled: bool = True,
    files: Sequence[Path] = (),
    table: str | None = None,
    source: Source | None = None,
) -> Session:
    """`settled`: the call itself says what now() is. Where only the case does, it is no mistake that there is no newest row."""
    from lurcher.app.query import open_session

    def opened(as_of: str | None) -> Session:
        return open_session(
            lake, _now(), as_of, files=files, table=table, limits=limits(options), asked=asked(options), source=source
        )

    as_of = as_of_text(options.get("as_of"))
    try:
        return opened(as_of)
    except LurcherError as error:
        if settled or as_of != "latest" or "no row to take the time of" not in error.message:
            raise
        return opened(None)


def _query(
    lake: Lake | None,
    kql: str | Path,
    files: Sequence[Path],
    table: str | None,
    options: Options,
    *,
    settled: bool = True,
    hot: Hot | None = None,
) -> Result:
    from lurcher.app.query import need_query, why_empty
    from lurcher.kql.diagnostics import render_one

    source = _source(kql)
    session = _opened(lake, options, settled=settled, files=files, table=table, source=source)
    session.hot = hot
    until = session.deadline()
    results = []
    try:
        compiled = need_query(session, source, until)
        notes = tuple(render_one(d, source) for d in session.warnings(compiled))
        for one in compiled.queries:
            rows = session.start(one, source, until)
            results.append(Result(rows.columns, rows.table(), rows.render, notes))
    finally:
        session.close()
    if not any(map(len, results)) and (why := why_empty(session, compiled)):
        results[0].notes = (*notes, why)
    for result in results:
        result.all = tuple(results)
    return results[0]


def _source(kql: str | Path) -> Source:
    if not isinstance(kql, Path):
        return Source(kql)
    try:
        return Source(kql.read_text(encoding="utf-8-sig"), str(kql))
    except UnicodeDecodeError:
        raise LurcherError("the file is not UTF-8", "save it as UTF-8", str(kql)) from None
    except OSError as error:
        raise LurcherError(f"the query cannot be read: {error.strerror or error}", path=str(kql)) from None


def _paths(paths: Iterable[PathLike | Iterable[PathLike]]) -> list[Path]:
    """Paths one by one, of lists of them as well."""
    found: list[Path] = []
    for path in paths:
        if isinstance(path, str | Path):
            found.append(Path(path))
        else:
            found += map(Path, path)
    return found


def _rules(rules: Iterable[PathLike | Iterable[PathLike]]) -> list[Path | RuleText]:
    """Paths and texts: a text has several lines, or is no path and has a `|`."""
    from lurcher.app.rules import RuleText

    found: list[Path | RuleText] = []
    for rule in rules:
        if isinstance(rule, Path):
            found.append(rule)
        elif isinstance(rule, str):
            text = "\n" in rule or ("|" in rule and not Path(rule).exists())
            found.append(RuleText.of(rule) if text else Path(rule))
        else:
            found += _rules(rule)
    return found


def _texts(texts: str | Iterable[str]) -> list[str]:
    return [texts] if isinstance(texts, str) else list(texts)


def _now() -> datetime:
    return datetime.now(UTC)
