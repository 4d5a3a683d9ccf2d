"""bag_unpack: the keys of bags become columns. narrow: every cell becomes a row.

The columns of bag_unpack are the keys that the bags have, in the order of their code points, each of the type that its values
have: `dynamic` where they have several, or are arrays or bags. With a schema they are the schema's, and no row is looked at.

Source: "bag_unpack plugin" (Kusto documentation), its examples as measured on Microsoft's emulator.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from lurcher.errors import shown
from lurcher.kql import syntax as sx
from lurcher.kql.diagnostics import KS107, KS120, LU009, LU011
from lurcher.kql.types import Column, ScalarType
from lurcher.plan import nodes as n
from lurcher.plan.binder.context import Context, Env, Rel, Scope, col, project
from lurcher.plan.binder.expressions import constant_text, convert, operator_call, scalar
from lurcher.plan.binder.plugins.registry import column, declared, plugin
from lurcher.plan.binder.plugins.unsupported import UNSUPPORTED
from lurcher.plan.binder.plugins.written import ask, has_no_row, unknown_columns, written

T = ScalarType
#: Columns that the bags may make, and (key, type) pairs that are looked at for them.
MAX_COLUMNS = 1_000
_CONFLICTS = ("error", "replace_source", "keep_source")
_SCHEMA = "say the columns: evaluate bag_unpack(x) : (*, a:string, b:long)"
#: What gettype() says of a value -> the type of a column of such values.
_TYPES = {
    "string": T.STRING, "long": T.LONG, "int": T.LONG, "double": T.REAL, "real": T.REAL, "bool": T.BOOL,
    "dictionary": T.DYNAMIC, "array": T.DYNAMIC,
}  # fmt: skip
#: Keys that can be names of columns as they are.
_NAME = re.compile(r"[\w .-]+")
#: A text that the service may take for a time.
_KEYS = """
T
| where gettype(b) == 'dictionary'
| mv-expand kind=array b
| extend key = tostring(b[0]), type = gettype(b[1]), value = tostring(b[1])
| extend type = iff(type == 'string' and value matches regex @'^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d', 'time', type)
| summarize by key, type
"""


@dataclass(frozen=True, slots=True)
class _Arguments:
    bag: Column
    prefix: str = ""
    conflict: str = "error"
    ignored: frozenset[str] = frozenset()


def _arguments(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> _Arguments | None:
    """Column, OutputColumnPrefix, columnsConflict, ignoredProperties: by place or by name."""
    args = op.call.arguments
    if not args or len(args) > 4:
        cx.say(KS120, op.call.name.span, name="bag_unpack", counts="1 to 4 arguments", given=len(args))
        return None
    names = ("column", "outputcolumnprefix", "columnsconflict", "ignoredproperties")
    given: dict[str, sx.Expression] = {}
    for place, node in enumerate(args):
        name = names[place]
        if isinstance(node, sx.Named):
            name, node = node.names[0].text.lower().replace("_", ""), node.expression
            name = "outputcolumnprefix" if name == "columnprefix" else name
            if name not in names:
                cx.say(LU009, node.span, name=name, function="bag_unpack", problem="not known")
                return None
        given[name] = node
    bag = column(cx, rel, given["column"]) if "column" in given else None
    if bag is None:
        return None
    if bag.type not in (T.DYNAMIC, T.UNKNOWN):
        cx.say(KS107, given["column"].span, expected="dynamic", actual=bag.type)
        return None
    prefix = conflict = ""
    if "outputcolumnprefix" in given:
        prefix = constant_text(cx, scope, given["outputcolumnprefix"], "the prefix") or ""
    if "columnsconflict" in given:
        node = given["columnsconflict"]
        conflict = constant_text(cx, scope, node, "columnsConflict") or ""
        if conflict not in _CONFLICTS:
            cx.say(
                LU009,
                node.span,
                name="columnsConflict",
                function="bag_unpack",
                problem=f"none of {', '.join(_CONFLICTS)}",
            )
    ignored: frozenset[str] = frozenset()
    if "ignoredproperties" in given:
        node = given["ignoredproperties"]
        value = scalar(cx, Env(scope), node)
        if isinstance(value, n.Lit) and isinstance(value.value, list):
            ignored = frozenset(x for x in value.value if isinstance(x, str))
        elif value.type is not T.UNKNOWN:
            cx.say(KS107, node.span, expected="a constant array of texts", actual=value.type)
    return _Arguments(bag, prefix, conflict or "error", ignored)


@plugin("bag_unpack")
def _bag_unpack(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    given = _arguments(cx, scope, rel, op)
    if given is None:
        return declared(op) or Rel(rel.plan, open=True)
    if op.schema is not None:
        return _with_schema(cx, rel, op, given)
    rest = tuple(c for c in rel.columns if c.name != given.bag.name)
    found = _keys(cx, rel, op, given)
    if found is None:
        return unknown_columns(cx, op, rel, rest)
    types = {given.prefix + key: (key, type) for key, type in found.items()}
    clashing = [c.name for c in rest if c.name in types]
    if clashing and given.conflict == "error":
        hint = "columnsConflict='keep_source' or 'replace_source', or a prefix, decides between them"
        name = clashing[0]
        cx.say(LU011, op.call.span, message=f"a key of the bags and a column have one name: '{shown(name)}'", hint=hint)
    items: list[n.Item] = []
    for c in rest:
        taken = types.pop(c.name, None)
        if taken is not None and given.conflict == "replace_source":
            items.append((c.name, _member(cx, given.bag, *taken, op)))
        else:
            items.append((c.name, col(c.name, c.type)))
    items += [(name, _member(cx, given.bag, *types[name], op)) for name in sorted(types)]
    unpacked = project(rel, items, op.span)
    return replace(unpacked, open=True) if not found and has_no_row(cx, op, rel) else unpacked


def _keys(cx: Context, rel: Rel, op: sx.EvaluateOp, given: _Arguments) -> dict[str, ScalarType] | None:
    """The keys that the bags have, and the type of each; None where that is not known."""
    bags = Rel(project(rel, [("b", col(given.bag.name, T.DYNAMIC))]).plan)
    answer = ask(cx, op, written(cx, op, _KEYS, {"T": bags}), 4 * MAX_COLUMNS, (rel.plan, f"keys of {given.bag.name}"))
    if answer is None:
        return None
    types: dict[str, set[str]] = {}
    for key, type in zip(answer["key"].to_pylist(), answer["type"].to_pylist(), strict=True):
        if key not in given.ignored:
            types.setdefault(key, set()).add(type)
    found: dict[str, ScalarType] = {}
    for key, kinds in sorted(types.items()):
        said = kinds - {"null"}
        if not _NAME.fullmatch(given.prefix + key) or not key:
            cx.refuse(
                f"evaluate bag_unpack of a key that is no name of a column, '{shown(key)}',", op.call.span, _SCHEMA
            )
        elif "time" in said:
            cx.refuse(f"evaluate bag_unpack of texts that are times (the key '{shown(key)}')", op.call.span, _SCHEMA)
        elif not said:
            cx.refuse(
                f"evaluate bag_unpack of a key that has no value but null ('{shown(key)}')", op.call.span, _SCHEMA
            )
        found[key] = _TYPES.get(next(iter(said)), T.DYNAMIC) if len(said) == 1 else T.DYNAMIC
    if len(found) > MAX_COLUMNS:
        cx.refuse(f"evaluate bag_unpack that makes more than {MAX_COLUMNS} columns", op.call.span, _SCHEMA)
    return found


def _member(cx: Context, bag: Column, key: str, type: ScalarType, op: sx.EvaluateOp) -> n.Expr:
    name = n.Lit(type=T.STRING, value=key, span=op.span)
    return convert(operator_call(cx, ".", (col(bag.name, T.DYNAMIC), name), T.DYNAMIC, op.span), type)


def _with_schema(cx: Context, rel: Rel, op: sx.EvaluateOp, given: _Arguments) -> Rel:
    """The columns that the schema lists, with `*` those of the input before them."""
    assert op.schema is not None
    types = {c.name: c.type for c in rel.columns if c.name != given.bag.name}
    listed = {d.name.text: d for d in op.schema}
    items: list[n.Item] = []
    for name, type in types.items() if op.open_schema else ():
        replaced = name in listed and given.conflict == "replace_source"
        items.append((name, _listed(cx, op, given, listed[name]) if replaced else col(name, type)))
    done = {name for name, _ in items}
    for name, decl in listed.items():
        if name in done:
            continue
        if name in types and given.conflict != "replace_source":
            items.append((name, convert(col(name, types[name]), decl.type)))
        else:
            items.append((name, _listed(cx, op, given, decl)))
    return project(rel, items, op.span)


def _listed(cx: Context, op: sx.EvaluateOp, given: _Arguments, decl: sx.ColumnDecl) -> n.Expr:
    key = decl.name.text.removeprefix(given.prefix)
    if key in given.ignored or not decl.name.text.startswith(given.prefix):
        return n.Lit(type=decl.type, value="" if decl.type is T.STRING else None, span=decl.span)
    return _member(cx, given.bag, key, decl.type, op)


@plugin("narrow")
def _narrow(cx: Context, scope: Scope, rel: Rel, op: sx.EvaluateOp) -> Rel:
    cx.refuse("evaluate narrow", op.call.name.span, UNSUPPORTED["narrow"])
    columns = (Column("Row", T.LONG), Column("Column", T.STRING), Column("Value", T.STRING))
    return Rel(n.TableFunction(input=rel.plan, name="narrow", args=(), columns=columns, span=op.span))
