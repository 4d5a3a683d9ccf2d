"""Window functions in order, and row_window_session() among them: where a session began.

A session begins where there was none before, where the time is as far from the row before as neighbours may not be, or where
the restart says so: that is seen from two rows. Within such a stretch a session also begins where the time is too far from
the session's own beginning, which only a machine over the rows can say. A row without a time has no session, and ends one.

Source: "row_window_session()" (Kusto documentation).
"""

from __future__ import annotations

from lurcher.functions.registry import FunctionKind
from lurcher.functions.resolve import Match, resolve
from lurcher.kql.source import Span
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.calls import reads_row
from lurcher.plan.binder.context import Context, Rel, col, keep, null, project
from lurcher.plan.binder.expressions import both, function, operator_call
from lurcher.plan.machine import Machine, state_name

T = ScalarType
_NAME = "row_window_session"


def computed(cx: Context, rel: Rel, wins: list[n.Item], span: Span) -> Rel:
    """The relation with a column for each of the window functions, which may read those before."""
    pending: list[n.Item] = []
    for name, win in wins:
        if isinstance(win, n.Win) and win.function.name == _NAME:
            rel, pending = _window(rel, pending, span), []
            rel = _sessions(cx, rel, name, win)
        else:
            pending.append((name, win))
    return _window(rel, pending, span)


def _window(rel: Rel, items: list[n.Item], span: Span) -> Rel:
    if not items:
        return rel
    columns = (*rel.columns, *(Column(name, e.type) for name, e in items))
    return rel.over(n.Window(input=rel.plan, items=tuple(items), order=rel.order, columns=columns, span=span))


def _function(name: str, args: tuple[n.Expr, ...], span: Span) -> n.Win:
    match = resolve(FunctionKind.WINDOW, name, tuple(a.type for a in args))
    assert isinstance(match, Match)
    return n.Win(type=match.type, function=match.overload, args=args, span=span)


def _sessions(cx: Context, rel: Rel, name: str, win: n.Win) -> Rel:
    span = win.span
    value, first, between, *restart = win.args
    if reads_row(first) or reads_row(between):
        cx.refuse(f"{_NAME}() with distances that are no constants", span)
    time, before, stretch = (f"{name}.{part}" for part in ("time", "before", "stretch"))
    rel = project(rel, [*keep(rel.columns), (time, value)], span)
    now = col(time, T.DATETIME)
    rel = _window(rel, [(before, _function("prev", (now,), span))], span)
    last = col(before, T.DATETIME)
    far = operator_call(cx, ">=", (now, operator_call(cx, "+", (last, between), T.DATETIME, span)), T.BOOL, span)
    begins = both(cx, "or", [function(cx, "isnull", (last,), span), far, *restart], span)
    one, zero = (n.Lit(type=T.LONG, value=v, span=span) for v in (1, 0))
    flag = function(cx, "iff", (begins, one, zero), span)
    rel = _window(rel, [(stretch, _function("row_cumsum", (flag,), span))], span)

    session = n.Col(type=T.DATETIME, name=state_name(1, name))
    until = operator_call(cx, "+", (session, first), T.DATETIME, span)
    too_far = operator_call(cx, ">=", (now, until), T.BOOL, span)
    anew = both(cx, "or", [function(cx, "isnull", (session,), span), too_far], span)
    # A null time is no session's; as the last row of a stretch it has nothing behind it.
    started = function(cx, "iff", (anew, now, session), span)
    started = function(cx, "iff", (function(cx, "isnull", (now,), span), null(T.DATETIME), started), span)
    always = n.Lit(type=T.BOOL, value=True, span=span)
    plan = Machine(
        input=rel.plan,
        steps=(("session", always, ((name, started),), "all"),),
        declared=((name, null(T.DATETIME)),),
        partition=(col(stretch, T.LONG),),
        order=rel.order,
        columns=(*rel.columns, Column(name, T.DATETIME)),
        span=span,
    )
    return rel.over(plan)
