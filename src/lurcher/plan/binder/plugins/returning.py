"""Plugins that tell who came back: each window against the one before, each cohort of new ids against all windows after it.

Windows are a step wide and begin at Start, which one must begin at all the same: whether they are whole multiples of the step
elsewhere is not published. A row at End is in. Distinct ids are counted exactly. What the service says of a window without rows,
or of a cohort without ids, is not published either: the query stops there. No rows at all give none.

Source: "activity_metrics plugin", "new_activity_metrics plugin" (Kusto documentation): of their examples, the printed numbers
tell that End is in, and what the first window's rates are; the order of columns is that of Microsoft's parser.
"""

from __future__ import annotations

from lurcher.functions.registry import Nulls, scalar
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS120, LU008
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.calls import reads_row
from lurcher.plan.binder.context import Context, Env, Rel, Scope, col, project
from lurcher.plan.binder.expressions import convert
from lurcher.plan.binder.expressions import scalar as value_of
from lurcher.plan.binder.plugins.activity import Given, constant_of, timeline
from lurcher.plan.binder.plugins.registry import plugin
from lurcher.plan.binder.plugins.written import written
from lurcher.sql import tree as t

T = ScalarType
#: Windows, for each of which there is a row with each before it.
MOST_WINDOWS = 1_000


def _told(holds: t.SqlExpr, otherwise: t.SqlExpr) -> t.SqlExpr:
    what = t.call("concat", t.Literal("LurcherError: "), otherwise)
    return t.Case(((holds, t.TRUE),), t.call("error", what))


scalar(
    "__told",
    "holds: bool, otherwise: string",
    "bool",
    "True; where it does not hold, what comes out is not documented, and the query stops.",
    _told,
    nulls=Nulls.NEVER,
    hidden=True,
)

_NO_START = (
    "from a Start that is no whole multiple of the window: where its windows begin is not documented"
    "\\n  hint: begin at bin(Start, Window)"
)
_NO_ROW = (
    "activity_metrics where a window has no row, or an id is null: what the service gives there is not documented"
    "\\n  hint: count with summarize, or begin and end where there are rows in each window"
)
_METRICS = (
    ("dcount_values", T.LONG),
    ("dcount_newvalues", T.LONG),
    ("retention_rate", T.REAL),
    ("churn_rate", T.REAL),
)


@plugin("activity_metrics")
def _activity_metrics(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    """Ids of each window, those of them that the window before does not have, and the shares of that one's ids that came back
    and that did not: no number in the first, which has none before it."""
    given = _windows(cx, scope, rel, op, 5)
    if given is None:
        return _nothing(rel, op, _METRICS)
    text = f"""
    T
    | where t >= start and t <= end and __told(bin(start, step) == start, "activity_metrics {_NO_START}")
    | summarize by w = bin_at(t, step, start), k = tostring(id), none = isnull(id)
    | as W
    | join kind=leftouter (W | project w = w + step, k) on w, k
    | summarize d = count(), kept = countif(isnotnull(w1)), nulls = countif(none) by w
    | sort by w asc
    | extend back = prev(w), ahead = next(w), d0 = prev(d)
    | extend all = nulls == 0 and iff(isnull(back), w == start, back + step == w) and (isnotnull(ahead) or w + step > end)
    | where __told(all, "{_NO_ROW}")
    | project w, d, fresh = d - kept, returned = iff(isnull(back), real(nan), todouble(kept) / d0),
        lost = iff(isnull(back), real(nan), todouble(d0 - kept) / d0)
    """
    done = written(cx, op, text, {"T": given.rows}, given.values)
    if len(done.columns) < 5:
        return _nothing(rel, op, _METRICS)
    olds = ("d", "fresh", "returned", "lost")
    return _named(done, [(given.time.name, "w")], given, olds, _METRICS)


_NO_COHORT = (
    "new_activity_metrics where a window has no new id, or an id is null: what the service gives for it is not documented"
    "\\n  hint: name a cohort that has ids as the sixth argument, or filter by the column that begins with from_ after it"
)
_TOO_MANY = f"new_activity_metrics of more than {MOST_WINDOWS:,} windows\\n  hint: take a wider one"
_AT_END = (
    "new_activity_metrics to an End that a window begins at: whether that window counts is not documented"
    "\\n  hint: End - 1tick, or + 1tick"
)
_NO_SUCH = "new_activity_metrics of a cohort that no window begins with\\n  hint: name the begin of one"
_COHORTS = (
    ("dcount_new_values", T.LONG),
    ("dcount_retained_values", T.LONG),
    ("dcount_churn_values", T.LONG),
    ("retention_rate", T.REAL),
    ("churn_rate", T.REAL),
)


@plugin("new_activity_metrics")
def _new_activity_metrics(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    """For each window, and each from it on: the ids of the second that no window up to the first has (in the first's own row:
    that it has first), and how many of those that came first in the first are in the second, and are not."""
    given = _windows(cx, scope, rel, op, 6)
    if given is None:
        return _nothing(rel, op, _COHORTS)
    name, last = "new_activity_metrics", f"start + {MOST_WINDOWS} * step"
    checks = f"""
    and __told(bin(start, step) == start, "{name} {_NO_START}") and __told(end < {last}, "{_TOO_MANY}")
    and __told(bin_at(end, step, start) != end, "{_AT_END}")"""
    only = ""
    if len(op.call.arguments) > 5:
        node = op.call.arguments[5]
        cohort = _cohort(cx, scope, rel, given, node)
        if cohort is None:
            return _nothing(rel, op, _COHORTS)
        given.values["cohort"] = cohort
        only = "| where f == cohort"
        checks += (
            f'\n    and __told(bin_at(cohort, step, start) == cohort and cohort between (start .. end), "{_NO_SUCH}")'
        )
    text = f"""
    T
    | where t >= start and t <= end {checks}
    | summarize by w = bin_at(t, step, start), k = tostring(id), none = isnull(id)
    | as W
    | join kind=inner (W | summarize f = min(w) by k) on k
    | summarize c = count(), nulls = countif(none) by f, w
    | as S
    | summarize nulls = sum(nulls), rows = count() by one = 1
    | join kind=inner (range f from start to min_of(end, {last}) step step | extend one = 1) on one
    | join kind=inner (range g from start to min_of(end, {last}) step step | extend one = 1) on one
    | where g >= f
    | project f, g, nulls
    | join kind=leftouter (S | project f, g = w, c) on f, g
    | join kind=leftouter (S | where f == w | project f, size = c) on f
    | join kind=leftouter (S | summarize total = sum(c) by g = w) on g
    | extend kept = coalesce(c, 0)
    | sort by g asc, f asc
    | extend upto = row_cumsum(kept, g != prev(g))
    {only}
    | where __told(nulls == 0 and size > 0, "{_NO_COHORT}")
    | project f, g, fresh = iff(f == g, kept, coalesce(total, 0) - upto), kept, lost = size - kept,
        returned = todouble(kept) / size, gone = todouble(size - kept) / size
    """
    done = written(cx, op, text, {"T": given.rows}, given.values)
    if len(done.columns) < 7:
        return _nothing(rel, op, _COHORTS)
    names = [(f"from_{given.time.name}", "f"), (f"to_{given.time.name}", "g")]
    olds = ("fresh", "kept", "lost", "returned", "gone")
    return _named(done, names, given, olds, _COHORTS)


def _windows(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp, most: int) -> Given | None:
    """The arguments up to the step, and the rows; what would leave an answer open is refused."""
    name, args = op.call.name.text, op.call.arguments
    if len(args) < 5:
        if len(args) > 2 and name == "activity_metrics":
            cx.refuse(
                "activity_metrics without Start and End", op.call.span, "where its windows begin is not documented"
            )
        else:
            cx.say(KS120, op.call.name.span, name=name, counts="at least 5 arguments", given=len(args))
        return None
    if len(args) > most:
        what = "dimensions" if most == 5 else "dimensions, or a lookback,"
        hint = "what it gives by them is documented in part; filter by one before"
        cx.refuse(f"{name} with {what}", args[most].span, hint)
        return None
    given = timeline(cx, scope, rel, op, ("start", "end", "step"), dimensions=False)
    if given is None:
        return None
    if given.time.type is T.REAL:
        cx.refuse(f"{name} over a timeline of reals", args[1].span, "make a long of it: tolong()")
        return None
    if given.time.name in {c for c, _ in _METRICS} and name == "activity_metrics":
        cx.refuse("activity_metrics over a timeline that is named like its counts", args[1].span, "rename it before")
        return None
    step = given.values["step"]
    if not isinstance(step, n.Lit) or not step.value or step.value < 0:
        cx.refuse(f"{name} by a window that is no positive constant", args[4].span, "write it out")
        return None
    return given


def _cohort(cx: Context, scope: Scope, rel: Rel, given: Given, node: sx.Expression) -> n.Expr | None:
    if isinstance(node, sx.NameRef) and any(c.name == node.name.text for c in rel.columns):
        cx.refuse("new_activity_metrics with dimensions", node.span, "filter by one before")
        return None
    value = value_of(cx, Env(scope), node)
    if value.type is T.UNKNOWN:
        return None
    if reads_row(value):
        cx.say(LU008, node.span, what="'Cohort' of new_activity_metrics")
        return None
    return constant_of(cx, "cohort", value, given.time.type, node, "new_activity_metrics")


def _named(
    rel: Rel,
    times: list[tuple[str, str]],
    given: Given,
    olds: tuple[str, ...],
    counts: tuple[tuple[str, ScalarType], ...],
) -> Rel:
    """Times in the type of the timeline, then the counts."""
    types = {c.name: c.type for c in rel.columns}
    items = [(new, convert(col(old, types[old]), given.time.type)) for new, old in times]
    return project(rel, [*items, *((new, col(old, kind)) for (new, kind), old in zip(counts, olds, strict=True))])


def _nothing(rel: Rel, op: sx.EvaluateOp, counts: tuple[tuple[str, ScalarType], ...]) -> Rel:
    """What stands for the result where the call is refused."""
    columns = tuple(Column(name, kind) for name, kind in counts)
    plan = n.TableFunction(input=rel.plan, name=op.call.name.text, args=(), columns=columns, span=op.span)
    return Rel(plan, open=True)
