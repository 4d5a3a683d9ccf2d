"""A plan as a text for people: one node a line, its inputs indented below it. For golden files and `--explain`."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from lurcher.functions.registry import FunctionKind
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.machine import Machine, Step


def render(plan: n.Plan) -> str:
    """The plan's tree. A relation that is used twice is shown once and named where it comes again."""
    return "\n".join(_Renderer().lines(plan, 0))


class _Renderer:
    def __init__(self) -> None:
        self._seen: dict[int, str] = {}

    def lines(self, plan: n.Plan, depth: int) -> list[str]:
        pad = "  " * depth
        known = self._seen.get(id(plan))
        if known is not None and not isinstance(plan, n.Scan):
            return [f"{pad}see {known}"]
        label = ""
        if isinstance(plan, n.Shared):
            label = f"#{len(self._seen) + 1}"
            self._seen[id(plan)] = label
        head, inputs = self._node(plan)
        found = [pad + " ".join(part for part in (label, head) if part)]
        for query in _queries(plan):
            found.append(f"{pad}  query")
            found += self.lines(query, depth + 2)
        for part in inputs:
            found += self.lines(part, depth + 1)
        return found

    def _node(self, plan: n.Plan) -> tuple[str, tuple[n.Plan, ...]]:
        match plan:
            case n.Scan():
                return f"scan {plan.table}", ()
            case n.Supplied():
                return f"supplied {plan.what} {', '.join(plan.names)} ({_columns(plan)})", ()
            case n.Values():
                return f"values {len(plan.rows)} rows ({_columns(plan)})", ()
            case n.Range():
                return f"range {_columns(plan)}: {text(plan.start)} .. {text(plan.stop)} step {text(plan.step)}", ()
            case n.Filter():
                return f"filter {text(plan.predicate)}", (plan.input,)
            case n.Project():
                return f"project {_items(plan.items)}", (plan.input,)
            case n.Aggregate():
                keys = f"by {_items(plan.keys)} " if plan.keys else ""
                return f"aggregate {keys}{_items(plan.items)}".rstrip(), (plan.input,)
            case n.Pick():
                order = f" order {_order(plan.order)}" if plan.order else ""
                return f"pick by {', '.join(text(k) for k in plan.keys)}{order}", (plan.input,)
            case n.Join():
                on = ", ".join(f"{text(a)} = {text(b)}" for a, b in plan.on)
                return f"join {plan.kind} on {on}", (plan.left, plan.right)
            case n.Aligned():
                return f"aligned {_aligned(plan)}".rstrip(), (plan.input,)
            case n.Union():
                return "union", plan.inputs
            case n.Sort():
                return f"sort {_order(plan.keys)}", (plan.input,)
            case n.Limit():
                return f"limit {text(plan.count)}", (plan.input,)
            case n.Sample():
                return f"sample {text(plan.count)}", (plan.input,)
            case n.Window():
                order = f" order {_order(plan.order)}" if plan.order else ""
                return f"window {_items(plan.items)}{order}", (plan.input,)
            case Machine():
                steps = "; ".join(_step(step) for step in plan.steps)
                return f"machine {_items(plan.declared)} {steps}".replace("  ", " "), (plan.input,)
            case n.Expand():
                more = f" index {plan.index}" if plan.index else ""
                return f"expand {_expanded(plan.items)}{more}", (plan.input,)
            case n.Apply():
                return "apply", (plan.input, plan.body)
            case n.Elements():
                return f"elements {_expanded(plan.items)}", ()
            case n.Series():
                items = ", ".join(f"{name} = {text(agg)} default {text(default)}" for name, agg, default in plan.items)
                keys = f" by {_items(plan.keys)}" if plan.keys else ""
                return f"series {items} on {plan.axis[0]} = {text(plan.axis[1])}{keys}", (plan.input,)
            case n.Shared():
                return "shared", (plan.input,)
            case n.Paths():
                more = "".join(f" {k}" for k in ("inner", "starts", "within") if getattr(plan, k) is not None)
                head = f"paths {plan.kind} {plan.direction} {plan.low}..{plan.high}{' backward' * plan.backward} edges{more}"
                return head, tuple(p for p in (plan.edges, plan.inner, plan.starts, plan.within) if p is not None)
            case n.Components():
                return f"components {'strong' if plan.strong else 'weak'}", (plan.nodes, plan.edges)
            case n.ProcessTree():
                return "process tree", (plan.input,)
            case n.TableFunction():
                args = ", ".join(text(a) for a in plan.args)
                return f"{plan.name}({args})", (plan.input,) if plan.input is not None else ()
        raise TypeError(f"no rendering of {type(plan).__name__}")


def _aligned(plan: n.Aligned) -> str:
    label = () if plan.label is None else (f'{plan.columns[0].name} = "{plan.label}"',)
    same = (name if name == source else f"{name} = {source}" for name, source in plan.given.items())
    return ", ".join((*label, *same))


def _step(step: Step) -> str:
    name, condition, values, output = step
    assigned = f" => {_items(values)}" if values else ""
    return f"{name} {output}: {text(condition)}{assigned}"


def text(expr: n.Expr) -> str:
    """An expression in a form near to KQL's; a conversion that the text does not write is `x::type`."""
    match expr:
        case n.Lit():
            return literal(expr)
        case n.Col():
            return expr.name
        case n.Outer():
            return f"outer.{expr.name}"
        case n.Convert():
            return f"{_operand(expr.operand)}::{expr.type}"
        case n.Call():
            return _call(expr)
        case n.Agg() | n.Win():
            return f"{expr.function.name}({', '.join(text(a) for a in expr.args)})"
        case n.InList():
            return f"{_operand(expr.operand)} {expr.op} ({', '.join(text(v) for v in expr.values)})"
        case n.InQuery():
            return f"{_operand(expr.operand)} {expr.op} (query)"
        case n.AnyColumn():
            return f"any of {len(expr.columns)} columns {expr.function.name} {text(expr.needle)}"
        case n.ScalarQuery():
            return "scalar(query)"
    raise TypeError(f"no rendering of {type(expr).__name__}")


def _call(expr: n.Call) -> str:
    name, args = expr.function.name, expr.args
    if expr.function.kind is not FunctionKind.OPERATOR:
        return f"{name}({', '.join(text(a) for a in args)})"
    if name.startswith("unary "):
        return name.removeprefix("unary ") + _operand(args[0])
    if name == ".":
        return f"{_operand(args[0])}.{args[1].value if isinstance(args[1], n.Lit) else text(args[1])}"
    if name == "[]":
        return f"{_operand(args[0])}[{text(args[1])}]"
    if name.endswith("between"):
        return f"{_operand(args[0])} {name} ({text(args[1])} .. {text(args[2])})"
    return f"{_operand(args[0])} {name} {_operand(args[1])}"


def _operand(expr: n.Expr) -> str:
    inner = text(expr)
    infix = isinstance(expr, (n.InList, n.InQuery)) or (
        isinstance(expr, n.Call)
        and expr.function.kind is FunctionKind.OPERATOR
        and expr.function.name not in (".", "[]")
    )
    return f"({inner})" if infix else inner


def literal(expr: n.Lit) -> str:
    """A constant as KQL writes it."""
    value: Any = expr.value
    if value is None:
        return f"{expr.type}(null)"
    match expr.type:
        case ScalarType.STRING:
            return json.dumps(value, ensure_ascii=False)
        case ScalarType.BOOL:
            return "true" if value else "false"
        case ScalarType.DATETIME:
            return f"datetime({moment(value)})"
        case ScalarType.TIMESPAN:
            return f"timespan({span(value)})"
        case ScalarType.DYNAMIC:
            return f"dynamic({json.dumps(value, ensure_ascii=False)})"
        case ScalarType.LONG:
            return str(value)
    return f"{expr.type}({value})"


def moment(ticks: int) -> str:
    """Ticks since 0001-01-01 as ISO text."""
    whole = datetime(1, 1, 1) + timedelta(microseconds=ticks // 10)
    return whole.isoformat() + "Z"


def span(ticks: int) -> str:
    sign, ticks = ("-", -ticks) if ticks < 0 else ("", ticks)
    days, rest = divmod(ticks, 864_000_000_000)
    seconds, fraction = divmod(rest, 10_000_000)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return sign + (f"{days}." if days else "") + clock + (f".{fraction:07}" if fraction else "")


def _columns(plan: n.Plan) -> str:
    return ", ".join(f"{c.name}:{c.type}" for c in plan.columns)


def _items(items: tuple[n.Item, ...]) -> str:
    return ", ".join(name if isinstance(e, n.Col) and e.name == name else f"{name} = {text(e)}" for name, e in items)


def _order(keys: tuple[n.SortKey, ...]) -> str:
    return ", ".join(
        f"{text(k.expr)} {'desc' if k.descending else 'asc'} nulls {'first' if k.nulls_first else 'last'}" for k in keys
    )


def _expanded(items: tuple[n.ExpandItem, ...]) -> str:
    return ", ".join(f"{i.name} = {text(i.expr)} as {i.type}" for i in items)


def _queries(plan: n.Plan) -> list[n.Plan]:
    """The plans that a node's own expressions hold."""
    found: list[n.Plan] = []
    stack: list[Any] = [getattr(plan, name, ()) for name in ("predicate", "items", "keys", "order", "count")]
    while stack:
        part = stack.pop()
        if isinstance(part, tuple):
            stack += reversed(part)
        elif isinstance(part, (n.InQuery, n.ScalarQuery)):
            found.append(part.plan)
        elif isinstance(part, (n.Call, n.Agg, n.Win)):
            stack += reversed(part.args)
        elif isinstance(part, n.Convert):
            stack.append(part.operand)
        elif isinstance(part, n.InList):
            stack += (*part.values, part.operand)
        elif isinstance(part, (n.SortKey, n.ExpandItem)):
            stack.append(part.expr)
        if isinstance(part, n.InQuery):
            stack.append(part.operand)
    return found
