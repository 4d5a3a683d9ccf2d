"""Plugins that count who was active when, each a query over the columns that it is given.

Windows begin at Start and are a step wide; rows after End are not looked at. Distinct ids are counted exactly. Rows without a
time are in no window.

Source: "activity_counts_metrics plugin", "sliding_window_counts plugin" and the query for sliding windows that it refers to,
"session_count plugin", "active_users_count plugin", "rolling_percentile plugin" (Kusto documentation); the examples as
measured on Microsoft's emulator.
"""

from __future__ import annotations

from dataclasses import dataclass

from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107, KS116, KS120, LU008
from lurcher.kql.types import INTEGER_TYPES, NUMERIC_TYPES, Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.calls import reads_row
from lurcher.plan.binder.context import Context, Env, Rel, Scope, col, project
from lurcher.plan.binder.expressions import convert, scalar
from lurcher.plan.binder.plugins.registry import column, plugin
from lurcher.plan.binder.plugins.written import quoted, renamed, written

T = ScalarType
#: Constants that are a distance on the timeline.
_DISTANCES = ("step", "window", "period")


@dataclass(frozen=True, slots=True)
class Given:
    """The arguments: `rows` are the input as `id`, `t`, `$d0`, ...; `values` the constants by name."""

    rows: Rel
    time: Column
    dims: list[Column]
    values: dict[str, n.Expr]

    @property
    def by(self) -> str:
        """The dimensions, each with a comma before it."""
        return "".join(f", {quoted(f'$d{i}')}" for i in range(len(self.dims)))

    @property
    def on(self) -> str:
        return self.by.removeprefix(", ")


def timeline(
    cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp, constants: tuple[str, ...], *, dimensions: bool = True
) -> Given | None:
    """IdColumn, TimelineColumn, the constants in order, dimensions. A constant that is not named `count` is of the timeline's
    type, or of the type of a distance on it (`window`, `step`)."""
    args, name = op.call.arguments, op.call.name.text
    fixed = 2 + len(constants)
    if len(args) < fixed:
        cx.say(KS120, op.call.name.span, name=name, counts=f"at least {fixed} arguments", given=len(args))
        return None
    named = (*args[:2], *(args[fixed:] if dimensions else ()))
    columns = [column(cx, rel, node) for node in named]
    values = {}
    for key, node in zip(constants, args[2:fixed], strict=True):
        value = scalar(cx, Env(scope), node)
        if reads_row(value):
            cx.say(LU008, node.span, what=f"'{key}' of {name}")
            return None
        values[key] = value
    found = [c for c in columns if c is not None]
    if len(found) < len(columns) or any(v.type is T.UNKNOWN for v in values.values()):
        return None
    for c, node in zip(found, named, strict=True):
        if c.type is T.DYNAMIC:
            cx.say(KS116, node.span, what=f"a column of {name}", actual="dynamic", hint="tostring() of it can be one")
            return None
    time = found[1]
    if time.type is not T.DATETIME and time.type not in INTEGER_TYPES and time.type is not T.REAL:
        cx.say(KS107, args[1].span, expected="datetime, long or real", actual=time.type)
        return None
    for key, node in zip(constants, args[2:fixed], strict=True):
        done = constant_of(cx, key, values[key], time.type, node, name)
        if done is None:
            return None
        values[key] = done
    items: list[n.Item] = [("id", col(found[0].name, found[0].type)), ("t", col(time.name, time.type))]
    items += [(f"$d{i}", col(c.name, c.type)) for i, c in enumerate(found[2:])]
    return Given(Rel(project(rel, items).plan), time, found[2:], values)


def constant_of(
    cx: Context, key: str, value: n.Expr, time: ScalarType, node: sx.Expression, name: str
) -> n.Expr | None:
    if key == "many":
        if value.type in INTEGER_TYPES:
            return convert(value, T.LONG)
        cx.say(KS107, node.span, expected="long", actual=value.type)
        return None
    if key in _DISTANCES and value.type is T.STRING:
        cx.refuse(f"{name} by {key} of the calendar", node.span, "a step is a timespan: 7d")
        return None
    wanted = T.TIMESPAN if time is T.DATETIME and key in _DISTANCES else time
    if value.type is wanted:
        return value
    if wanted in NUMERIC_TYPES and value.type in NUMERIC_TYPES:
        return convert(value, wanted)
    cx.say(KS107, node.span, expected=wanted, actual=value.type)
    return None


def counted(cx: Context, op: sx.EvaluateOp, given: Given, text: str, counts: tuple[tuple[str, str], ...]) -> Rel:
    """The query's `w` under the timeline's name, the dimensions under theirs, then the counts (name, column)."""
    rel = written(cx, op, text, {"T": given.rows}, given.values)
    names = [(given.time.name, "w"), *((c.name, f"$d{i}") for i, c in enumerate(given.dims)), *counts]
    if len({new for new, _ in names}) < len(names):
        cx.refuse(
            f"{op.call.name.text} over columns that are named like its counts", op.call.span, "rename them before"
        )
        names = [(f"{new}{i}", old) for i, (new, old) in enumerate(names)]
    if not {old for _, old in names} <= {c.name for c in rel.columns}:
        return nothing(rel, op, given, counts)
    # "The same as the provided TimelineColumn": bin() of an int is a long.
    types = {c.name: c.type for c in rel.columns}
    items = [(new, convert(col(old, types[old]), given.time.type if old == "w" else types[old])) for new, old in names]
    return project(rel, items)


def nothing(rel: Rel, op: sx.EvaluateOp, given: Given | None, counts: tuple[tuple[str, str], ...]) -> Rel:
    """What stands for the result where the call is wrong: its counts, as far as columns are known."""
    columns = [] if given is None else [given.time, *given.dims]
    columns += [Column(name, T.LONG) for name, _ in counts]
    plan = n.TableFunction(input=rel.plan, name=op.call.name.text, args=(), columns=tuple(columns), span=op.span)
    return Rel(plan, open=True)


_METRICS = (("count", "n"), ("dcount", "d"), ("new_dcount", "fresh"), ("aggregated_dcount", "total"))


@plugin("activity_counts_metrics")
def _activity_counts(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    """Rows, distinct ids, ids not seen in an earlier window, and ids seen so far, for each window."""
    given = timeline(cx, scope, rel, op, ("start", "end", "step"))
    if given is None:
        return nothing(rel, op, None, _METRICS)
    by, on = given.by, given.on
    order = "".join(f"{d} asc, " for d in on.split(", ") if d)
    restart = "".join(f" or {d} != prev({d})" for d in on.split(", ") if d)
    if any(c.type is not T.STRING for c in given.dims):
        cx.refuse("activity_counts_metrics by a column that is no text", op.call.span, "make a text of it: tostring()")
    text = f"""
    T
    | where t >= start and t <= end
    | summarize n = count() by w = bin_at(t, step, start), k = tostring(id), none = isnull(id){by}
    | as W
    | join kind=inner (W | summarize opening = min(w) by k{by}) on k{by}
    | summarize n = sum(n), d = countif(not(none)), fresh = countif(w == opening and not(none)) by w{by}
    | sort by {order}w asc
    | extend total = row_cumsum(fresh, false{restart})
    """
    return counted(cx, op, given, text, _METRICS)


_SLIDING = (("Count", "n"), ("Dcount", "d"))


@plugin("sliding_window_counts")
def _sliding_window(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    """For each step the rows and the distinct ids of the window that ends with it: a row counts in each step up to a window
    after its own."""
    given = timeline(cx, scope, rel, op, ("start", "end", "window", "step"))
    if given is None:
        return nothing(rel, op, None, _SLIDING)
    text = f"""
    T
    | where t >= start - window and t <= end
    | summarize n = count() by b = bin_at(t, step, start), id{given.by}
    | extend until = iff(b + window > end, end, b + window - step)
    | mv-expand w = range(b, until, step) to typeof({given.time.type.value})
    | where w >= start
    | summarize n = sum(n), d = count_distinct(id) by w{given.by}
    """
    return counted(cx, op, given, text, _SLIDING)


_SESSIONS = (("count_sessions", "n"),)


@plugin("session_count")
def _session_count(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    """Rows of an id that has no other within the window before, for each step; steps are whole multiples, as bin() has them."""
    given = timeline(cx, scope, rel, op, ("start", "end", "step", "window"))
    if given is None:
        return nothing(rel, op, None, _SESSIONS)
    dims = [quoted(f"$d{i}") for i in range(len(given.dims))]
    order = "".join(f", {d} asc" for d in dims)
    same = "".join(f" and prev(tostring({d})) == tostring({d})" for d in dims)
    text = f"""
    T
    | where t >= start and t <= end and isnotnull(id)
    | summarize by t, k = tostring(id){given.by}
    | sort by k asc{order}, t asc
    | extend before = prev(t), same = prev(k) == k{same}
    | where isnull(before) or not(same) or t - before >= window
    | summarize n = count() by w = bin(t, step){given.by}
    """
    return counted(cx, op, given, text, _SESSIONS)


_ACTIVE = (("dcount", "n"),)


@plugin("active_users_count")
def _active_users(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    """For each step the ids with a row that has rows of so many periods, its own among them, in the window before it. What is
    just a window before is not in it: so the documentation's example comes out on Microsoft's emulator."""
    given = timeline(cx, scope, rel, op, ("start", "end", "window", "period", "many", "step"))
    if given is None:
        return nothing(rel, op, None, _ACTIVE)
    by = given.by
    start, period = given.values["start"], given.values["period"]
    if not isinstance(start, n.Lit) or not isinstance(period, n.Lit) or not period.value or start.value % period.value:
        # Whether periods begin with the analysis or at whole multiples shows only where these differ.
        cx.refuse(
            "active_users_count from a start that no period begins at", op.call.span, "start at one: startofday()"
        )
    if any(c.type is not T.STRING for c in given.dims):
        cx.refuse("active_users_count by a column that is no text", op.call.span, "make a text of it: tostring()")
    text = f"""
    T
    | where t > start - window and t <= end and isnotnull(id)
    | extend k = tostring(id), p = bin(t, period)
    | as R
    | where t >= start
    | summarize by k, t, p{by}
    | join kind=inner (R | summarize newest = max(t) by k, q = p{by}) on k{by}
    | where q == p or (newest > t - window and q < p)
    | summarize periods = count() by k, t{by}
    | where periods >= many
    | summarize n = count_distinct(k) by w = bin_at(t, step, start){by}
    """
    return counted(cx, op, given, text, _ACTIVE)


@plugin("rolling_percentile")
def _rolling_percentile(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    """ValueColumn, Percentile, IndexColumn, BinSize, BinsPerWindow, dimensions: for each bin that has rows the percentile of the
    window of bins that ends with it."""
    args, name = op.call.arguments, op.call.name.text
    if len(args) < 5:
        cx.say(KS120, op.call.name.span, name=name, counts="at least 5 arguments", given=len(args))
        return Rel(rel.plan, open=True)
    value, index = column(cx, rel, args[0]), column(cx, rel, args[2])
    dims = [column(cx, rel, node) for node in args[5:]]
    found = [c for c in dims if c is not None]
    rank, step, bins = (scalar(cx, Env(scope), args[i]) for i in (1, 3, 4))
    if value is None or index is None or len(found) < len(dims):
        return Rel(rel.plan, open=True)
    for constant, node in ((rank, args[1]), (bins, args[4])):
        if not isinstance(constant, n.Lit) or constant.type not in NUMERIC_TYPES:
            cx.say(LU008, node.span, what=f"a number of {name}")
            return Rel(rel.plan, open=True)
    assert isinstance(rank, n.Lit)
    assert isinstance(bins, n.Lit)
    wide = constant_of(cx, "step", step, index.type, args[3], name)
    if wide is None:
        return Rel(rel.plan, open=True)
    if any(c.type is not T.STRING for c in found):
        cx.refuse(f"{name} by a column that is no text", op.call.span, "make a text of it: tostring()")
    items: list[n.Item] = [("v", col(value.name, value.type)), ("t", col(index.name, index.type))]
    items += [(f"$d{i}", col(c.name, c.type)) for i, c in enumerate(found)]
    by = "".join(f", {quoted(f'$d{i}')}" for i in range(len(found)))
    text = f"""
    T
    | where isnotnull(t)
    | extend b = bin(t, step)
    | as R
    | mv-expand w = range(b, b + step * {int(bins.value) - 1}, step) to typeof({index.type.value})
    | join kind=inner (R | summarize by w = b{by}) on w{by}
    | summarize p = percentile(v, rank) by w{by}
    """
    done = written(cx, op, text, {"T": Rel(project(rel, items).plan)}, {"step": wide, "rank": rank})
    shown = str(rank.value).removesuffix(".0").replace(".", "_")
    names = [(index.name, "w"), *((c.name, f"$d{i}") for i, c in enumerate(found))]
    return renamed(done, [*names, (f"rolling_{bins.value}_percentile_{value.name}_{shown}", "p")])
