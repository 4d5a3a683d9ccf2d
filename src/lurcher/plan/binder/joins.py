"""join and lookup."""

from __future__ import annotations

from lurcher.functions.operands import operands
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS005_VALUE, KS006_CLAUSE, KS142, KS182, KS183, KS227
from lurcher.kql.source import Span
from lurcher.kql.types import ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, Scope, col, keep, near, operator, project
from lurcher.plan.binder.expressions import convert, scalar
from lurcher.plan.binder.names import Sides
from lurcher.plan.binder.tables import table

T = ScalarType
#: What KQL calls a kind -> the plan's kind, and whether the sides change places.
KINDS: dict[str, tuple[n.JoinKind, bool]] = {
    "inner": ("inner", False),
    "innerunique": ("inner", False),
    "leftouter": ("leftouter", False),
    "rightouter": ("rightouter", False),
    "fullouter": ("fullouter", False),
    "leftsemi": ("leftsemi", False),
    "leftanti": ("leftanti", False),
    "leftantisemi": ("leftanti", False),
    "anti": ("leftanti", False),
    "rightsemi": ("leftsemi", True),
    "rightanti": ("leftanti", True),
    "rightantisemi": ("leftanti", True),
}


def parameter(op: sx.Node, name: str) -> str:
    """The word that a parameter of an operator is set to (`kind=inner`), "" where it is not set."""
    for param in getattr(op, "parameters", ()):
        if param.name == name:
            value = param.value
            if isinstance(value, sx.NameRef):
                return value.name.text
            if isinstance(value, sx.Literal):
                return str(value.value)
    return ""


@operator(sx.JoinOp)
def _join(cx: Context, scope: Scope, rel: Rel, op: sx.JoinOp) -> Rel:
    kind = parameter(op, "kind") or "innerunique"
    if kind not in KINDS:
        cx.say(KS005_VALUE, op.span, expected="one of " + ", ".join(KINDS), hint=f"there is no join kind '{kind}'")
        kind = "inner"
    right = table(cx, scope, op.right)
    if op.where is not None:
        cx.refuse("join ... where", op.where.span)
    if not op.conditions and op.where is None:
        cx.say(KS006_CLAUSE, op.span, expected="on, and what the two sides have in common")
    keys = conditions(cx, scope, rel, right, op.conditions)
    return joined(rel, right, kind, keys, op.span)


Keys = list[tuple[n.Expr, n.Expr]]


def joined(left: Rel, right: Rel, kind: str, keys: Keys, span: Span) -> Rel:
    base, swapped = KINDS[kind]
    if swapped:
        left, right = right, left
        keys = [(b, a) for a, b in keys]
    is_open = left.open or (right.open and base not in ("leftsemi", "leftanti"))
    if kind == "innerunique" and keys:
        # One left row a key, whichever: the service promises no more.
        pick = n.Pick(input=left.plan, keys=tuple(a for a, _ in keys), columns=left.columns, span=span)
        left = Rel(pick, open=left.open)
    if base in ("leftsemi", "leftanti"):
        renamed, keys = _apart(left, right, keys)
        plan = n.Join(left=left.plan, right=renamed.plan, kind=base, on=tuple(keys), columns=left.columns, span=span)
        return Rel(plan, open=is_open)
    renamed, keys = _apart(left, right, keys)
    columns = (*left.columns, *renamed.columns)
    plan = n.Join(left=left.plan, right=renamed.plan, kind=base, on=tuple(keys), columns=columns, span=span)
    return Rel(plan, open=is_open)


def _apart(left: Rel, right: Rel, keys: Keys) -> tuple[Rel, Keys]:
    """The right side with names that the left has not: clashing ones get a number behind them."""
    sides = Sides((c.name for c in left.columns), (c.name for c in right.columns))
    names = {column.name: sides.add(column.name) for column in right.columns}
    if all(old == new for old, new in names.items()):
        return right, keys
    items = [(names[c.name], col(c.name, c.type)) for c in right.columns]
    return project(right, items), [(a, _renamed(b, names)) for a, b in keys]


def _renamed(expr: n.Expr, names: dict[str, str]) -> n.Expr:
    if isinstance(expr, n.Col):
        return n.Col(type=expr.type, name=names.get(expr.name, expr.name), span=expr.span)
    if isinstance(expr, n.Convert):
        return n.Convert(type=expr.type, operand=_renamed(expr.operand, names), span=expr.span)
    return expr


def conditions(cx: Context, scope: Scope, left: Rel, right: Rel, nodes: tuple[sx.Expression, ...]) -> Keys:
    """The pairs of keys that `on` names: columns of both sides, or `$left.a == $right.b`."""
    types = {c.name: c.type for c in left.columns}, {c.name: c.type for c in right.columns}
    env = Env(scope)
    env.sides = {"$left": types[0], "$right": types[1]}
    for side, rel in zip(types, (left, right), strict=True):
        if rel.open:
            side[""] = T.UNKNOWN
    keys: Keys = []
    for node in nodes:
        for part in _conjuncts(node):
            pair = _condition(cx, env, (left, right), types, part)
            if pair is not None:
                keys.append(pair)
    return keys


def _conjuncts(node: sx.Expression) -> list[sx.Expression]:
    if isinstance(node, sx.Binary) and node.op == "and":
        return _conjuncts(node.left) + _conjuncts(node.right)
    return [node]


def _condition(
    cx: Context,
    env: Env,
    rels: tuple[Rel, Rel],
    types: tuple[dict[str, ScalarType], dict[str, ScalarType]],
    node: sx.Expression,
) -> tuple[n.Expr, n.Expr] | None:
    if isinstance(node, sx.NameRef):
        return _common(cx, rels, types, node)
    if not (isinstance(node, sx.Binary) and node.op == "=="):
        cx.say(KS182, node.span, hint="write: on Column, or: on $left.A == $right.B")
        return None
    sides = (("$left", node.left, "the left operand"), ("$right", node.right, "the right operand"))
    fits = True
    for side, operand, what in sides:
        root = operand
        while isinstance(root, sx.Path) and not (isinstance(root.base, sx.NameRef) and root.base.name.text == side):
            root = root.base
        if not isinstance(root, sx.Path):
            cx.say(KS183, operand.span, side=what, expected=side)
            fits = False
    if not fits:
        return None
    left, right = scalar(cx, env, node.left), scalar(cx, env, node.right)
    return _comparable(cx, left, right, node.span, "")


def _common(
    cx: Context,
    rels: tuple[Rel, Rel],
    types: tuple[dict[str, ScalarType], dict[str, ScalarType]],
    node: sx.NameRef,
) -> tuple[n.Expr, n.Expr] | None:
    name = node.name.text
    for rel, side, word in zip(rels, types, ("left", "right"), strict=True):
        if name not in side and not rel.open:
            hint = near(name, [c for c in side if c], f"the {word} side has")
            cx.say(KS142, node.span, name=name, hint=hint)
            return None
    left, right = (n.Col(type=side.get(name, T.UNKNOWN), name=name, span=node.span) for side in types)
    return _comparable(cx, left, right, node.span, name)


def _comparable(cx: Context, left: n.Expr, right: n.Expr, span: Span, name: str) -> tuple[n.Expr, n.Expr] | None:
    if left.type is right.type or T.UNKNOWN in (left.type, right.type):
        return left, right
    numbers = {T.INT, T.LONG, T.REAL, T.DECIMAL}
    if not ({left.type, right.type} <= numbers or T.DYNAMIC in (left.type, right.type)):
        cx.say(
            KS227,
            span,
            name=name or (left.name if isinstance(left, n.Col) else ""),
            left=left.type,
            right=right.type,
            hint="convert one side with extend first",
        )
        return None
    types = operands("==", left.type, right.type)
    if types is None:
        return None
    return convert(left, types.left), convert(right, types.right)


@operator(sx.LookupOp)
def _lookup(cx: Context, scope: Scope, rel: Rel, op: sx.LookupOp) -> Rel:
    kind = parameter(op, "kind") or "leftouter"
    if kind not in ("leftouter", "inner"):
        cx.say(KS005_VALUE, op.span, expected="one of leftouter, inner", hint=f"lookup has no kind '{kind}'")
        kind = "leftouter"
    right = table(cx, scope, op.right)
    if op.where is not None:
        cx.refuse("lookup ... where", op.where.span)
    if not op.conditions and op.where is None:
        cx.say(KS006_CLAUSE, op.span, expected="on, and what the two sides have in common")
    keys = conditions(cx, scope, rel, right, op.conditions)
    gone = {b.name for _, b in keys if isinstance(b, n.Col)}
    return _without_keys(joined_lookup(rel, right, kind, keys, gone, op.span), rel, op.span)


def joined_lookup(left: Rel, right: Rel, kind: str, keys: Keys, gone: set[str], span: Span) -> Rel:
    """The join, the right keys under names that say they go, so that no other column is numbered because of them."""
    names = {c.name: f"$key{i}" if c.name in gone else c.name for i, c in enumerate(right.columns)}
    renamed = project(right, [(names[c.name], col(c.name, c.type)) for c in right.columns])
    return joined(left, renamed, kind, [(a, _renamed(b, names)) for a, b in keys], span)


def _without_keys(rel: Rel, left: Rel, span: Span) -> Rel:
    width = len(left.columns)
    kept = [c for i, c in enumerate(rel.columns) if i < width or not c.name.startswith("$key")]
    return project(rel, keep(kept), span)
