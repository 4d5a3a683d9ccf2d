"""The rules of one hunt planned together: what several of them read of a table is read once.

Each rule's queries stay as they are and give what they give alone; `lurcher.engines.narrowing` says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lurcher.app.exclusions import columns_of, verdicts
from lurcher.content.exclusions.rewrite import EVIDENCE_KEYS, Settings, rewrite
from lurcher.content.exclusions.verdicts import refusals
from lurcher.content.exclusions.window import TIME_COLUMNS
from lurcher.content.model import Rule
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Refused
from lurcher.kql.source import Source

if TYPE_CHECKING:
    from lurcher.app.session import Session
    from lurcher.engines.computed import Part
    from lurcher.engines.narrowing import Asked, Costs, Shared
    from lurcher.plan.nodes import Plan


@dataclass
class Sharing:
    """What a hunt shared, a table at a time."""

    tables: list[Shared] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    def lines(self) -> list[str]:
        """In words, for `hunt --explain`."""
        said = []
        for made in self.tables:
            if made.rows is None:
                said.append(f"{made.table}: not shared: {made.why}")
                continue
            served = made.rows.served
            said.append(
                f"{made.table}: {made.kept:,} of {made.of:,} rows kept for {_counted(len(made.served), 'rule')},"
                f" read {_counted(served, 'time')} instead of the table"
            )
            # The rows of the time of all rules: one that asks for fewer days would have read fewer.
            spared = served * (made.of - made.kept)
            said.append(
                f"  made in {made.seconds:.1f} s, about {_megabytes(made.bytes)} with {_counted(len(made.rows.columns), 'column')};"
                f" up to {_counted(spared, 'row')} not read again"
            )
            looked = ", ".join(f"{c} ({v:,} values)" for c, v in made.columns.items())
            if looked:
                said.append(f"  matched on distinct values: {looked}")
            searched = ", ".join(f"{c} ({_counted(v, 'text')})" for c, v in made.texts.items())
            if searched:
                said.append(f"  searched once for all: {searched}")
            if made.stretches > 1:
                said.append(f"  in {made.stretches} stretches of days, each read once")
            reasons: dict[str, list[str]] = {}
            for who, why in made.others.items():
                if who not in made.served:
                    reasons.setdefault(why, []).append(who)
            for why, whose in reasons.items():
                more = f" and {len(whose) - 3} more" if len(whose) > 3 else ""
                said.append(f"  not for {', '.join(whose[:3])}{more}: {why}")
        for part in self.parts:
            said.append(
                f"a part of {_counted(len(part.asked), 'rule')} over {', '.join(part.what)}: computed once in {part.seconds:.1f} s,"
                f" {_counted(part.rows, 'row')}, read {_counted(part.read, 'time')}"
            )
        return said or ["nothing was shared: no rule reads a table"]


def _megabytes(size: int) -> str:
    return f"{max(size, 1) / 1e6:,.1f} MB" if size < 1e8 else f"{size / 1e6:,.0f} MB"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


#: Columns that a hunt asks for beside those of a rule: what finds a row of evidence again.
_EVIDENCE = frozenset((*EVIDENCE_KEYS, *TIME_COLUMNS))


def share(
    rules: Iterable[Rule],
    session: Session,
    costs: Costs | None = None,
    settings: Settings | None = None,
    told: Callable[[str], None] | None = None,
) -> Sharing:
    """Prepare what these rules have in common. A rule that cannot be compiled is passed over: it says so itself. `told`: of each
    table before it is read."""
    texts: list[tuple[str, Source | str]] = []
    for rule in rules:
        if rule.runnable:
            texts.append((rule.key, rule.query_source))
            texts += [(rule.key, text) for text in _judging(rule, session, settings)]
    return share_texts(texts, session, costs, _EVIDENCE, told)


def _judging(rule: Rule, session: Session, settings: Settings | None) -> list[str]:
    """What a rule with exclusions asks for beside its own text: the fields that they are of."""
    if not rule.exclusions:
        return []
    try:
        refused = refusals(verdicts(rule, session))
        made = rewrite(rule, columns_of(session), session.now.date(), settings, refused)
    except (LurcherError, Refused):
        return []
    return list(filter(None, (made.tuned, made.judged, made.counts, made.keys)))


def share_texts(
    texts: Iterable[tuple[str, Source | str]],
    session: Session,
    costs: Costs | None = None,
    columns: frozenset[str] = frozenset(),
    told: Callable[[str], None] | None = None,
) -> Sharing:
    """The same for queries that are no rule's: (who asks, text). What they read is kept for all that ask as they do, and look at no
    more columns than they, and these."""
    from lurcher.engines.narrowing import Asked
    from lurcher.plan.covers import uses

    asked: list[Asked] = []
    plans: list[tuple[str, Plan]] = []
    for who, text in texts:
        try:
            compiled = session.compile(text)
        except LurcherError:
            # It takes too long to be understood. Whoever runs it is told so then.
            continue
        if compiled.ok:
            asked += [Asked(who, use, columns) for query in compiled.queries for use in uses(query.plan)]
            plans += [(who, query.plan) for query in compiled.queries]
    # Another engine than the one in this process reads the tables its own way.
    if getattr(session.engine, "narrow", None) is None:
        return Sharing()
    tables = session.engine.narrow(_of_tables(asked, session), costs, told)
    spent = sum(made.bytes for made in tables)
    return Sharing(tables, session.engine.compute(plans, costs, spent))


def _of_tables(asked: Sequence[Asked], session: Session) -> list[Asked]:
    """Those places that read a table which has rows."""
    empty = {t for t in {a.use.scan.table for a in asked} if session.tables.data(t) is None}
    return [a for a in asked if a.use.scan.table not in empty]


def costs_of_few() -> Costs:
    """For one asker who asks many times."""
    from lurcher.engines.narrowing import Costs

    return Costs(uses=1)


def unshare(sharing: Sharing, session: Session) -> None:
    """Give the memory back."""
    for made in sharing.tables:
        if made.rows is not None:
            session.engine.drop(made.table, made.rows)
    for part in sharing.parts:
        if part.made is not None:
            session.engine.drop_computed(part.made)


def release(sharing: Sharing, session: Session) -> bool:
    """Give the memory back before the end, for a rule that needs it. False where there was none."""
    had = any(made.rows is not None for made in sharing.tables) or bool(sharing.parts)
    unshare(sharing, session)
    for made in sharing.tables:
        if made.rows is not None:
            made.others |= dict.fromkeys(made.served, "a rule needed the memory")
            made.why = f"a rule needed the memory; until then read {_counted(made.rows.served, 'time')}"
            made.rows, made.served = None, ()
    sharing.parts = []
    return had
