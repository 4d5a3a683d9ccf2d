"""Scalar expressions: syntax -> typed expressions of the plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lurcher.functions.operands import operands
from lurcher.functions.registry import FunctionKind
from lurcher.functions.resolve import Match, known, resolve
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS106, KS107, KS117, KS141, KS142, KS191, KS236, LU005, LU008, LU012, LU027
from lurcher.kql.source import Span
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.boxed import is_wide, with_whole_number
from lurcher.plan.binder.context import Context, Env, FunctionValue, ScalarValue, Scope, TableValue, col, near, null
from lurcher.plan.folding import convert as fold_convert
from lurcher.plan.folding import fold, negate

T = ScalarType
#: Operators on texts that an empty text never fulfils, where the other side is not empty.
OF_TEXT = frozenset(
    (
        *("has", "has_cs", "hasprefix", "hasprefix_cs", "hassuffix", "hassuffix_cs", "contains", "contains_cs"),
        *("startswith", "startswith_cs", "endswith", "endswith_cs", "==", "=~"),
    )
)


def unknown(span: Span) -> n.Lit:
    """What stands for an expression that has an error: it fits everywhere."""
    return n.Lit(type=T.UNKNOWN, value=None, span=span)


def scalar(cx: Context, env: Env, node: sx.Expression) -> n.Expr:
    """Bind an expression that must be a value."""
    handler = _EXPRESSIONS.get(type(node))
    if handler is None:
        cx.say(LU005, node.span)
        return unknown(node.span)
    return handler(cx, env, node)


def convert(expr: n.Expr, type: ScalarType | None) -> n.Expr:
    """The expression as another type; constants are converted here, where that is sure."""
    if type is None or expr.type is type or expr.type is T.UNKNOWN or type is T.UNKNOWN:
        return expr
    if isinstance(expr, n.Lit) and (known := fold_convert(expr, type)) is not None:
        return known
    return n.Convert(type=type, operand=expr, span=expr.span)


def predicate(cx: Context, env: Env, node: sx.Expression, what: str = "the condition") -> n.Expr:
    """Bind an expression that must be a bool."""
    expr = scalar(cx, env, node)
    if expr.type is T.DYNAMIC:
        return convert(expr, T.BOOL)
    if expr.type not in (T.BOOL, T.UNKNOWN):
        cx.say(KS141, node.span, what=what, expected="bool", hint=f"this is a {expr.type}")
    return expr


def constant_text(cx: Context, scope: Scope, node: sx.Expression, what: str) -> str | None:
    """A text that must be known while binding: a literal, or a variable that is one."""
    expr = scalar(cx, Env(scope), node)
    if isinstance(expr, n.Lit) and isinstance(expr.value, str):
        return expr.value
    if expr.type is not T.UNKNOWN:
        cx.say(LU008, node.span, what=what)
    return None


def binary(cx: Context, op: str, left: n.Expr, right: n.Expr, span: Span) -> n.Expr:
    """`left op right`, typed and converted."""
    if T.UNKNOWN in (left.type, right.type):
        return _with_unknown(cx, op, left, right, span)
    if (exact := with_whole_number(cx, op, left, right, span)) is not None:
        return exact
    types = operands(op, left.type, right.type)
    if types is None:
        hint = ""
        if op == "+" and T.STRING in (left.type, right.type):
            hint = "texts are joined with strcat()"
        elif {left.type, right.type} == {T.DATETIME, T.STRING}:
            hint = "write datetime(...) or todatetime(...)"
        elif left.type is right.type is T.DYNAMIC:
            hint = "say what they are: tostring(), tolong(), toreal(), ... of each"
            if op in ("==", "!="):
                # Microsoft's parser takes it, its service does not.
                cx.refuse(f"'{op}' of two dynamic values", span, hint)
                return n.Lit(type=T.BOOL, value=None, span=span)
        elif left.type is not T.STRING and right.type is T.STRING:
            hint = "tostring() makes a text of a value"
        cx.say(KS106, span, operator=f"'{op}'", types=f"{left.type} and {right.type}", hint=hint)
        return unknown(span)
    left, right = convert(left, types.left), convert(right, types.right)
    if isinstance(left, n.Lit) and isinstance(right, n.Lit) and (done := fold(op, left, right, types.result)):
        return done
    return operator_call(cx, op, (left, right), types.result, span)


def _with_unknown(cx: Context, op: str, left: n.Expr, right: n.Expr, span: Span) -> n.Expr:
    """Of an operand whose type nobody knows, there is no value either: it is compared as the other's null, which for a text
    is the empty text. Where it stands for an error, that has been said already."""
    type = next((t for t in (left.type, right.type) if t is not T.UNKNOWN), T.STRING)
    types = operands(op, type, type)
    if types is None:
        found = operands(op, left.type, right.type)
        return n.Lit(type=found.result if found is not None else T.UNKNOWN, value=None, span=span)
    left, right = (null(type) if x.type is T.UNKNOWN else x for x in (left, right))
    return binary(cx, op, left, right, span)


def operator_call(cx: Context, op: str, args: tuple[n.Expr, ...], type: ScalarType | None, span: Span) -> n.Expr:
    """A call of an operator's row; refused by name where there is none for these types."""
    types = tuple(a.type for a in args)
    match = resolve(FunctionKind.OPERATOR, op, types) if known(FunctionKind.OPERATOR, op) else None
    if not isinstance(match, Match):
        named = " and ".join(types)
        cx.refuse(f"the operator {op} for {named}", span, "convert the operands first: tostring(), tolong(), ...")
        return n.Lit(type=type or T.UNKNOWN, value=None, span=span)
    args = tuple(convert(a, t) for a, t in zip(args, match.targets, strict=True))
    return n.Call(type=type or match.type, function=match.overload, args=args, span=span)


def both(cx: Context, op: str, parts: list[n.Expr], span: Span) -> n.Expr:
    """`and` / `or` of many as a balanced tree: a chain of 300 is 9 deep, whoever walks the plan."""
    while len(parts) > 1:
        paired = [binary(cx, op, a, b, a.span.to(b.span)) for a, b in zip(parts[::2], parts[1::2], strict=False)]
        if len(parts) % 2:
            paired.append(parts[-1])
        parts = paired
    return parts[0]


def _binary(cx: Context, env: Env, node: sx.Binary) -> n.Expr:
    op = node.op
    if op in ("and", "or"):
        spine: list[sx.Expression] = []
        stack: list[sx.Expression] = [node]
        while stack:
            item = stack.pop()
            if isinstance(item, sx.Binary) and item.op == op:
                stack += (item.right, item.left)
            else:
                spine.append(item)
        return both(cx, op, [_logical(cx, env, part, op) for part in spine], node.span)
    # A chain of + is as deep as it is long: walked, not recursed into.
    chain: list[sx.Binary] = []
    inner: sx.Expression = node
    while isinstance(inner, sx.Binary) and inner.op not in ("and", "or"):
        chain.append(inner)
        inner = inner.left
    if isinstance(inner, sx.Star):
        return _star(cx, env, chain[-1])
    left = scalar(cx, env, inner)
    for link in reversed(chain):
        left = binary(cx, link.op, left, scalar(cx, env, link.right), link.span)
    return left


def _logical(cx: Context, env: Env, node: sx.Expression, op: str) -> n.Expr:
    expr = scalar(cx, env, node)
    if expr.type is T.DYNAMIC:
        return convert(expr, T.BOOL)
    if expr.type not in (T.BOOL, T.UNKNOWN):
        cx.say(KS141, node.span, what=f"what '{op}' joins", expected="bool", hint=f"this is a {expr.type}")
        return unknown(node.span)
    return expr


def _star(cx: Context, env: Env, node: sx.Binary) -> n.Expr:
    """`* has 'x'`: in some column. Columns of other types are compared by their text."""
    if node.op in ("==", "=~", "has", "has_cs", "hasprefix", "hasprefix_cs", "hassuffix", "hassuffix_cs", "contains",
                   "contains_cs", "startswith", "startswith_cs", "endswith", "endswith_cs", "matches regex", ":"):  # fmt: skip
        right = scalar(cx, env, node.right)
        return any_column(cx, env, "has" if node.op == ":" else node.op, right, node.span)
    cx.say(KS191, node.left.span)
    return unknown(node.span)


def any_column(cx: Context, env: Env, op: str, needle: n.Expr, span: Span) -> n.Expr:
    columns = tuple(Column(name, type) for name, type in env.types.items() if type is not T.UNKNOWN)
    if op in OF_TEXT and isinstance(needle, n.Lit) and needle.type is T.STRING and needle.value:
        match = resolve(FunctionKind.OPERATOR, op, (T.STRING, T.STRING))
        if isinstance(match, Match):
            return n.AnyColumn(type=T.BOOL, function=match.overload, needle=needle, columns=columns, span=span)
    parts = []
    for name, type in env.types.items():
        if type is T.UNKNOWN:
            continue
        if op == "==" and needle.type is not T.STRING:
            if type is needle.type:
                parts.append(binary(cx, op, col(name, type), needle, span))
            continue
        parts.append(binary(cx, op, convert(col(name, type), T.STRING), needle, span))
    return both(cx, "or", parts, span) if parts else n.Lit(type=T.BOOL, value=False, span=span)


def _literal(cx: Context, env: Env, node: sx.Literal) -> n.Expr:
    value = node.value
    if value is None and node.type is T.STRING:
        value = ""
    return n.Lit(type=node.type, value=value, span=node.span)


def _dynamic(cx: Context, env: Env, node: sx.DynamicLiteral) -> n.Expr:
    return n.Lit(type=T.DYNAMIC, value=node.value, span=node.span)


def _name(cx: Context, env: Env, node: sx.NameRef) -> n.Expr:
    name = node.name.text
    if env.graph is not None and (element := env.graph.name(cx, env, node)) is not None:
        return element
    type = env.types.get(name)
    if type is not None:
        if env.grouped is not None and name not in env.grouped:
            cx.say(KS236, node.span, name=name)
            return unknown(node.span)
        return col(name, type, node.span)
    if env.outer is not None and name in env.outer:
        return n.Outer(type=env.outer[name], name=name, span=node.span)
    return _variable(cx, env, node, name)


def _variable(cx: Context, env: Env, node: sx.Expression, name: str) -> n.Expr:
    found = env.scope.find(name)
    if isinstance(found, ScalarValue):
        if found.row is not None and found.row is not env.row:
            cx.refuse(f"a row's value ('{name}') inside a query of its own", node.span, "join the tables instead")
            return n.Lit(type=found.expr.type, value=None, span=node.span)
        return found.expr
    if isinstance(found, FunctionValue):
        from lurcher.plan.binder.calls import call_user

        result = call_user(cx, env, found, (), node.span)
        if isinstance(result, n.Expr):
            return result
        cx.say(LU005, node.span)
        return unknown(node.span)
    if isinstance(found, TableValue):
        cx.say(LU005, node.span, hint=f"toscalar({name} | ...) takes one value of a table")
        return unknown(node.span)
    split = [shown for t in T if (shown := f"{name}_{t}") in env.types] if env.open else []
    if len(split) > 1:
        # A union's column of several types: the plain name is none. Of an unlisted column it would be null, and no row be found.
        cx.refuse(f"{name}, which has several types in this union", node.span, f"there is {' and '.join(split)}")
        return n.Col(type=env.types[split[0]], name=name, span=node.span)
    if env.open:
        if not cx.unasked and not any(d.is_error for d in cx.diagnostics):
            cx.say(LU012, node.span, name=name)
        return n.Col(type=T.UNKNOWN, name=name, span=node.span)
    if not name.startswith("__") and (known(FunctionKind.SCALAR, name) or known(FunctionKind.AGGREGATE, name)):
        cx.say(KS117, node.span, name=name, hint=f"write {name}(...)")
        return unknown(node.span)
    pool = [*env.types, *env.scope.all()]
    hint = near(name, pool, "there is") if pool else near(name, cx.catalog.table_names())
    if env.summarized:
        # Microsoft's parser takes any name here, the service none: what a rule's scheduler or a portal fills in is for the
        # user to say.
        hint = f"say it before the query: let {name} = ...; {hint}".removesuffix("; ")
        cx.say(LU027, node.span, name=name, hint=hint)
        return unknown(node.span)
    cx.say(KS142, node.span, name=name, hint=hint)
    return unknown(node.span)


def _path(cx: Context, env: Env, node: sx.Path) -> n.Expr:
    member = node.member
    if isinstance(node.base, sx.NameRef) and env.sides is not None and isinstance(member, sx.NameRef):
        side = env.sides.get(node.base.name.text)
        if side is not None:
            type = side.get(member.name.text)
            if type is not None:
                return n.Col(type=type, name=member.name.text, span=node.span)
            if member.name.text not in side and "" in side:  # an open relation
                return n.Col(type=T.UNKNOWN, name=member.name.text, span=node.span)
            cx.say(KS142, member.span, name=member.name.text, hint=near(member.name.text, side, "that side has"))
            return unknown(node.span)
    if isinstance(node.base, sx.NameRef) and env.states is not None and isinstance(member, sx.NameRef):
        state = env.states.get(node.base.name.text)
        if state is not None:
            return _state(cx, state, node, member)
    if env.graph is not None and (found := env.graph.member(cx, env, node)) is not None:
        return found
    base = scalar(cx, env, node.base)
    if not isinstance(member, sx.NameRef):
        cx.say(LU005, node.span)
        return unknown(node.span)
    if base.type is T.UNKNOWN:
        return n.Lit(type=T.UNKNOWN, value=None, span=node.span)
    if base.type is not T.DYNAMIC:
        cx.say(KS107, node.base.span, expected="dynamic", actual=base.type, hint="parse_json() makes one of a text")
        return unknown(node.span)
    if member.name.span.length == len(member.name.text) + 2:
        # `d.[x]`: what stands in the brackets without quotes is a variable, not the property's name.
        return _index(cx, env, sx.Index(node.base, sx.NameRef(member.name, span=member.span), span=node.span))
    name = n.Lit(type=T.STRING, value=member.name.text, span=member.span)
    return operator_call(cx, ".", (base, name), T.DYNAMIC, node.span)


def _state(cx: Context, state: dict[str, n.Col], node: sx.Path, member: sx.NameRef) -> n.Expr:
    """A column of the row that a step of `scan` took last."""
    if not state:
        cx.refuse("a step of scan that reads a later one", node.span, "a step reads itself and those before it")
        return unknown(node.span)
    found = state.get(member.name.text)
    if found is None:
        cx.say(KS142, member.span, name=member.name.text, hint=near(member.name.text, state, "a step has"))
        return unknown(node.span)
    return found


def _index(cx: Context, env: Env, node: sx.Index) -> n.Expr:
    from lurcher.plan.binder.tuples import sorted_arrays, sorts_several

    several = isinstance(node.base, sx.Call) and sorts_several(env, node.base)
    base = sorted_arrays(cx, env, node.base) if several else scalar(cx, env, node.base)  # type: ignore[arg-type]
    index = scalar(cx, env, node.index)
    if T.UNKNOWN in (base.type, index.type):
        return n.Lit(type=T.UNKNOWN if base.type is T.UNKNOWN else T.DYNAMIC, value=None, span=node.span)
    if base.type is not T.DYNAMIC:
        cx.say(KS107, node.base.span, expected="dynamic", actual=base.type, hint="parse_json() makes one of a text")
        return unknown(node.span)
    if index.type in (T.INT, T.BOOL):
        index = convert(index, T.LONG)
    elif index.type is T.DYNAMIC:
        index = convert(index, T.STRING)
    if index.type not in (T.LONG, T.STRING):
        cx.say(KS107, node.index.span, expected="string or long", actual=index.type)
        return unknown(node.span)
    return operator_call(cx, "[]", (base, index), T.DYNAMIC, node.span)


def function(cx: Context, name: str, args: tuple[n.Expr, ...], span: Span) -> n.Expr:
    """A call of the language's own function, made by the binder."""
    match = resolve(FunctionKind.SCALAR, name, tuple(a.type for a in args))
    if not isinstance(match, Match):
        cx.refuse(name, span)
        return unknown(span)
    done = tuple(convert(a, t) for a, t in zip(args, match.targets, strict=True))
    return n.Call(type=match.type, function=match.overload, args=done, span=span)


def _unary(cx: Context, env: Env, node: sx.Unary) -> n.Expr:
    operand = scalar(cx, env, node.operand)
    if operand.type is T.UNKNOWN:
        return operand
    if operand.type not in (T.INT, T.LONG, T.REAL, T.DECIMAL, T.TIMESPAN, T.DATETIME, T.DYNAMIC):
        cx.say(KS106, node.span, operator=f"'{node.op}'", types=operand.type)
        return unknown(node.span)
    if isinstance(operand, n.Lit):
        done = negate(operand) if node.op == "-" else operand
        if done is not None:
            return done
    if operand.type is T.INT:
        operand = convert(operand, T.LONG)
    return operator_call(cx, f"unary {node.op}", (operand,), operand.type, node.span)


def _in(cx: Context, env: Env, node: sx.In) -> n.Expr:
    op = node.op
    span = node.span
    if isinstance(node.left, sx.Star):
        cx.say(KS191, node.left.span)
        return unknown(span)
    left = scalar(cx, env, node.left)
    textual = op in ("in~", "!in~", "has_any", "has_all")
    if textual and left.type not in (T.STRING, T.DYNAMIC, T.UNKNOWN):
        cx.say(KS106, span, operator=f"'{op}'", types=left.type, hint="tostring() makes a text of a value")
        return n.Lit(type=T.BOOL, value=None, span=span)
    if textual and left.type is T.DYNAMIC:
        left = convert(left, T.STRING)
    if len(node.right) == 1:
        from lurcher.plan.binder.tables import table_in_list

        rel = table_in_list(cx, env, node.right[0])
        if rel is not None:
            return _in_table(cx, op, left, rel, span)
    values: list[n.Expr] = []
    for item in node.right:
        value = scalar(cx, env, item)
        if isinstance(value, n.Lit) and value.type is T.DYNAMIC and isinstance(value.value, list):
            values += [_element(v, value.span) for v in value.value]
        else:
            values.append(value)
    if any(v.type is T.UNKNOWN for v in values):
        return n.Lit(type=T.BOOL, value=None, span=span)
    if left.type is T.UNKNOWN:
        left = null(T.STRING if textual or not values or values[0].type is T.DYNAMIC else values[0].type)
    if left.type is T.DYNAMIC and any(is_wide(v) for v in values):
        negated = op.startswith("!")
        tests = [binary(cx, "!=" if negated else "==", left, v, span) for v in values]
        return both(cx, "and" if negated else "or", tests, span)
    if left.type is T.DYNAMIC:
        # The values say what the dynamic is compared as.
        kinds = {v.type for v in values}
        wanted = next(iter(kinds)) if len(kinds) == 1 else T.STRING
        left = convert(left, T.STRING if wanted is T.DYNAMIC else T.REAL if wanted in (T.INT, T.LONG) else wanted)
    lists = [v for v in values if v.type is T.DYNAMIC]
    if lists and len(values) == 1:
        return n.InList(type=T.BOOL, op=op, operand=left, values=tuple(values), span=span)
    if lists:
        return _in_mixed(cx, op, left, values, span)
    return n.InList(type=T.BOOL, op=op, operand=left, values=_alike(cx, op, left, values), span=span)


def _element(value: Any, span: Span) -> n.Expr:
    """An element of a literal list, as the scalar that it is."""
    if value is None:
        return n.Lit(type=T.DYNAMIC, value=[None], span=span)  # still a list of one: to has_any it is not dynamic(null)
    if isinstance(value, bool):
        return n.Lit(type=T.BOOL, value=value, span=span)
    if isinstance(value, int):
        return n.Lit(type=T.LONG, value=value, span=span)
    if isinstance(value, float):
        return n.Lit(type=T.REAL, value=value, span=span)
    if isinstance(value, str):
        return n.Lit(type=T.STRING, value=value, span=span)
    return n.Lit(type=T.DYNAMIC, value=value, span=span)


def _alike(cx: Context, op: str, left: n.Expr, values: list[n.Expr]) -> tuple[n.Expr, ...]:
    found = []
    for value in values:
        types = operands("==", left.type, value.type)
        if op in ("has_any", "has_all", "in~", "!in~"):
            found.append(convert(value, T.STRING))
        elif types is not None and types.right is left.type:
            found.append(convert(value, left.type))
        else:
            found.append(convert(value, left.type) if types is not None else value)
    return tuple(found)


def _in_mixed(cx: Context, op: str, left: n.Expr, values: list[n.Expr], span: Span) -> n.Expr:
    """Scalars and dynamic arrays in one list: a test for the scalars, and one for each array."""
    scalars = [v for v in values if v.type is not T.DYNAMIC]
    tests: list[n.Expr] = [
        n.InList(type=T.BOOL, op=op, operand=left, values=(v,), span=span) for v in values if v.type is T.DYNAMIC
    ]
    if scalars:
        tests.append(n.InList(type=T.BOOL, op=op, operand=left, values=_alike(cx, op, left, scalars), span=span))
    return both(cx, "and" if op.startswith("!") or op == "has_all" else "or", tests, span)


def _in_table(cx: Context, op: str, left: n.Expr, rel: Any, span: Span) -> n.Expr:
    if left.type is T.DYNAMIC:
        first = rel.columns[0].type if rel.columns else T.STRING
        if first is T.STRING:
            # Against a table the service holds the dynamic's JSON text: a dynamic "x" is not among the strings x.
            left = function(cx, "dynamic_to_json", (left,), span)
        elif first in (T.INT, T.LONG):
            left = convert(function(cx, "__exact", (left,), span), first)
        elif first is not T.DYNAMIC:
            left = convert(left, first)
    return n.InQuery(type=T.BOOL, op=op, operand=left, plan=rel.plan, span=span)


def _between(cx: Context, env: Env, node: sx.Between) -> n.Expr:
    value, low, high = (scalar(cx, env, x) for x in (node.left, node.low, node.high))
    op = "!between" if node.negated else "between"
    span = node.span
    types = (value.type, low.type, high.type)
    if T.UNKNOWN in types:
        return n.Lit(type=T.BOOL, value=None, span=span)
    numbers = (T.INT, T.LONG, T.REAL, T.DECIMAL)
    if value.type is T.DATETIME and low.type is T.DATETIME and high.type is T.TIMESPAN:
        high = binary(cx, "+", low, high, high.span)
        types = (value.type, low.type, high.type)
    if op == "between" and types == (T.DATETIME,) * 3 and isinstance(value, n.Col):
        # Two comparisons, so that whoever looks for a window of time need know these alone.
        return both(cx, "and", [binary(cx, ">=", value, low, span), binary(cx, "<=", value, high, span)], span)
    elif T.DYNAMIC in types and any(is_wide(x) for x in (value, low, high)):
        tests = [binary(cx, ">=", value, low, span), binary(cx, "<=", value, high, span)]
        inside = both(cx, "and", tests, span)
        return function(cx, "not", (inside,), span) if node.negated else inside
    elif all(t in numbers or t is T.DYNAMIC for t in types) and any(t in numbers for t in types):
        wide = max((t for t in types if t in numbers), key=numbers.index)
        if T.DYNAMIC in types and wide in (T.INT, T.LONG):
            wide = T.REAL
        value, low, high = convert(value, wide), convert(low, wide), convert(high, wide)
    elif not (value.type in (T.DATETIME, T.TIMESPAN, T.BOOL) and low.type is value.type and high.type is value.type):
        cx.say(KS106, span, operator=f"'{op}'", types=", ".join(types))
        return n.Lit(type=T.BOOL, value=None, span=span)
    return operator_call(cx, op, (value, low, high), T.BOOL, span)


def _type_of(cx: Context, env: Env, node: sx.TypeOf) -> n.Expr:
    # `print typeof(string)`: Microsoft's parser takes it, its service has no such value.
    cx.refuse("typeof as a value", node.span)
    return unknown(node.span)


def _named(cx: Context, env: Env, node: sx.Named) -> n.Expr:
    # `where a = true` gives the condition a name; the parser has warned of it.
    return scalar(cx, env, node.expression)


def _bad_star(cx: Context, env: Env, node: sx.Star) -> n.Expr:
    cx.say(KS191, node.span)
    return unknown(node.span)


def _broken(cx: Context, env: Env, node: sx.Broken) -> n.Expr:
    return unknown(node.span)


def _call(cx: Context, env: Env, node: sx.Call) -> n.Expr:
    from lurcher.plan.binder.calls import call_scalar

    return call_scalar(cx, env, node)


_EXPRESSIONS: dict[type[sx.Expression], Callable[[Context, Env, Any], n.Expr]] = {
    sx.Literal: _literal,
    sx.DynamicLiteral: _dynamic,
    sx.NameRef: _name,
    sx.Path: _path,
    sx.Index: _index,
    sx.Unary: _unary,
    sx.Binary: _binary,
    sx.In: _in,
    sx.Between: _between,
    sx.TypeOf: _type_of,
    sx.Named: _named,
    sx.Star: _bad_star,
    sx.Broken: _broken,
    sx.Call: _call,
}
