"""Which row a call means: name and argument types -> a row, the conversions that its arguments need, the result type.

The rules are those of Microsoft's binder (Kusto.Language, Binder: signature matching). An argument fits a parameter exactly,
as a member of a class of types, by widening a number, or, being dynamic, as the one type that is asked for. The row whose
arguments fit best wins, the earlier one where two fit as well. Answers are cached: the same call is resolved once.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import lru_cache

from lurcher.functions.custom import custom_type
from lurcher.functions.registry import FunctionKind, Overload, overloads
from lurcher.functions.signature import Param, TypeKind
from lurcher.kql.diagnostics import KS107, KS120, KS138, KS191, KS232, Rule
from lurcher.kql.types import INTEGER_TYPES, NUMERIC_TYPES, ScalarType


class Special(enum.Enum):
    """What may be given as an argument and is no scalar."""

    STAR = "*"
    TABLE = "a table"
    TYPE = "a type"


ArgType = ScalarType | Special

#: Narrow to wide: a number fits where a wider one is asked for.
WIDTH = {ScalarType.INT: 0, ScalarType.LONG: 1, ScalarType.REAL: 2, ScalarType.DECIMAL: 3}

_SUMMABLE = NUMERIC_TYPES | {ScalarType.TIMESPAN, ScalarType.DATETIME}
_ALL = frozenset(t for t in ScalarType if t is not ScalarType.UNKNOWN)
CLASSES: dict[TypeKind, frozenset[ScalarType]] = {
    TypeKind.SCALAR: _ALL,
    TypeKind.NUMBER: NUMERIC_TYPES,
    TypeKind.INTEGER: INTEGER_TYPES,
    TypeKind.REAL_OR_DECIMAL: frozenset({ScalarType.REAL, ScalarType.DECIMAL}),
    TypeKind.SUMMABLE: _SUMMABLE,
    # Microsoft's table of types calls guid not orderable, yet `max(guid)` binds: its class is "not dynamic".
    TypeKind.ORDERABLE: _ALL - {ScalarType.DYNAMIC},
    TypeKind.NOT_DYNAMIC: _ALL - {ScalarType.DYNAMIC},
    TypeKind.NOT_BOOL: _ALL - {ScalarType.BOOL},
    TypeKind.NOT_REAL_OR_BOOL: _ALL - {ScalarType.REAL, ScalarType.BOOL},
    TypeKind.COMMON: _ALL,
    TypeKind.COMMON_NUMBER: NUMERIC_TYPES,
    TypeKind.COMMON_SUMMABLE: _SUMMABLE,
    TypeKind.COMMON_ORDERABLE: _ALL - {ScalarType.DYNAMIC},
    TypeKind.TEXT: _ALL,
    TypeKind.BOXED: _ALL,
}
#: Classes whose arguments come in as one type, whatever they are.
_MADE = {TypeKind.TEXT: ScalarType.STRING, TypeKind.BOXED: ScalarType.DYNAMIC}
#: A bool counts as 0 or 1 where a number is asked for: `bin(b, 1)`, `abs(b)`.
_TAKES_BOOL = frozenset({TypeKind.NUMBER, TypeKind.INTEGER})
_COMMON = frozenset({TypeKind.COMMON, TypeKind.COMMON_NUMBER, TypeKind.COMMON_SUMMABLE, TypeKind.COMMON_ORDERABLE})
_WORDS = {
    TypeKind.NUMBER: "number",
    TypeKind.INTEGER: "int or long",
    TypeKind.REAL_OR_DECIMAL: "real or decimal",
    TypeKind.NOT_DYNAMIC: "any type but dynamic",
    TypeKind.ORDERABLE: "any type but dynamic",
}


@dataclass(frozen=True, slots=True)
class Match:
    """The row that a call means. `targets` has, for each argument, the type it is to be converted to, None where it stays."""

    overload: Overload
    params: tuple[Param, ...]
    targets: tuple[ScalarType | None, ...]
    type: ScalarType


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why no row fits: the rule, its data, and the argument at fault (None: the call as a whole)."""

    rule: Rule
    data: tuple[tuple[str, str], ...] = ()
    argument: int | None = None


def widest(types: tuple[ScalarType, ...]) -> ScalarType:
    """The widest of numeric types; integers give long (`int(7) / int(2)` is a long)."""
    best = ScalarType.LONG
    for t in types:
        if t is ScalarType.UNKNOWN:
            return ScalarType.UNKNOWN
        if WIDTH.get(t, 0) > WIDTH[best]:
            best = t
    return best


def common(types: tuple[ScalarType, ...], *, dynamic_yields: bool = True) -> ScalarType | None:
    """The type that all of `types` can be given as, None where there is none. Numbers widen; dynamic gives way."""
    best: ScalarType | None = None
    for t in types:
        if t is ScalarType.UNKNOWN or t is best:
            continue
        if best is None or (best is ScalarType.DYNAMIC and dynamic_yields):
            best = t
        elif t in WIDTH and best in WIDTH:
            best = t if WIDTH[t] > WIDTH[best] else best
        elif not (t is ScalarType.DYNAMIC and dynamic_yields):
            return None
    return best or ScalarType.UNKNOWN


@lru_cache(maxsize=8192)
def resolve(kind: FunctionKind, name: str, args: tuple[ArgType, ...]) -> Match | Mismatch:
    """The row that fits best. There must be rows of that name (`known` says whether)."""
    rows = overloads(kind, name)
    best: tuple[int, Match] | None = None
    for row in rows:
        for params in layouts(row, len(args)):
            found = _match(row, params, args)
            if found is not None and (best is None or found[0] < best[0]):
                best = found
    return best[1] if best is not None else _explain(kind, name, args)


def known(kind: FunctionKind, name: str) -> bool:
    return bool(overloads(kind, name))


def layouts(row: Overload, count: int) -> list[tuple[Param, ...]]:
    """The ways in which `count` arguments can stand for the parameters of a row: one parameter for each argument."""
    params = row.params
    first = next((i for i, p in enumerate(params) if p.repeated), None)
    if first is None:
        required = sum(1 for p in params if not p.optional)
        return [params[:count]] if required <= count <= len(params) else []
    last = first
    while last < len(params) and params[last].repeated:
        last += 1
    head, group, tail = params[:first], params[first:last], params[last:]
    required = sum(1 for p in tail if not p.optional)
    found = []
    for taken in range(len(tail), required - 1, -1):
        room = count - len(head) - taken
        times, rest = divmod(room, len(group))
        if rest == 0 and times >= (0 if group[0].optional else 1):
            found.append(head + group * times + tail[:taken])
    # A row may leave out optional head parameters only where it has no repeated arguments at all.
    if (
        not found
        and all(p.optional for p in head[count:])
        and count <= len(head)
        and group[0].optional
        and not required
    ):
        found.append(head[:count])
    return found


def _match(row: Overload, params: tuple[Param, ...], args: tuple[ArgType, ...]) -> tuple[int, Match] | None:
    cost = 0
    targets: list[ScalarType | None] = []
    shared: list[int] = []
    for i, (param, arg) in enumerate(zip(params, args, strict=True)):
        fit = _fit(param, arg)
        if fit is None:
            return None
        cost += fit[0]
        targets.append(fit[1])
        if param.types[0] in _COMMON:
            shared.append(i)
    joint: ScalarType | None = None
    if shared:
        joint = common(tuple(a for i in shared if isinstance(a := args[i], ScalarType)))
        if joint is None:
            return None
        for i in shared:
            targets[i] = (
                joint if args[i] not in (joint, ScalarType.UNKNOWN) and joint is not ScalarType.UNKNOWN else None
            )
    return cost, Match(row, params, tuple(targets), _result(row, params, args, tuple(targets), joint))


@lru_cache(maxsize=4096)
def _fit(param: Param, arg: ArgType) -> tuple[int, ScalarType | None] | None:
    """What it costs to give an argument for a parameter, and the type it is converted to; None where it does not fit."""
    if arg is Special.STAR:
        return (0, None) if param.argument == "star" else None
    if arg is Special.TABLE:
        return (0, None) if TypeKind.TABULAR in param.types else None
    if arg is Special.TYPE:
        return (0, None) if TypeKind.TYPE in param.types else None
    if TypeKind.TABULAR in param.types or TypeKind.TYPE in param.types:
        return None
    if arg is ScalarType.UNKNOWN:
        return 0, None
    best: tuple[int, ScalarType | None] | None = None
    for t in param.types:
        if isinstance(t, TypeKind):
            fit = _fit_class(t, arg)
        elif t is arg:
            fit = (0, None)
        elif arg in WIDTH and WIDTH.get(t, -1) > WIDTH[arg]:
            fit = (20 + WIDTH[t] - WIDTH[arg], t)
        elif arg is ScalarType.DYNAMIC:
            fit = (60, t)
        else:
            fit = None
        if fit is not None and (best is None or fit[0] < best[0]):
            best = fit
    return best


def _fit_class(kind: TypeKind, arg: ScalarType) -> tuple[int, ScalarType | None] | None:
    if arg in CLASSES.get(kind, ()):
        made = _MADE.get(kind)
        return len(CLASSES[kind]), None if made is None or made is arg else made
    if arg is ScalarType.BOOL and kind in _TAKES_BOOL:
        return 40, ScalarType.LONG
    return None


def _result(
    row: Overload,
    params: tuple[Param, ...],
    args: tuple[ArgType, ...],
    targets: tuple[ScalarType | None, ...],
    joint: ScalarType | None,
) -> ScalarType:
    given = tuple(
        t or (a if isinstance(a, ScalarType) else ScalarType.UNKNOWN) for a, t in zip(args, targets, strict=True)
    )
    match row.returns.rule:
        case "type":
            return row.returns.type or ScalarType.UNKNOWN
        case "arg":
            wanted = row.params[row.returns.arg]
            return next((g for p, g in zip(params, given, strict=True) if p is wanted), ScalarType.UNKNOWN)
        case "widest":
            return widest(
                tuple(g for p, g in zip(params, given, strict=True) if TypeKind.NUMBER in p.types or g in WIDTH)
            )
        case "common":
            return joint or common(given) or ScalarType.UNKNOWN
    return custom_type(row.name, given)


def _explain(kind: FunctionKind, name: str, args: tuple[ArgType, ...]) -> Mismatch:
    rows = overloads(kind, name)
    fitting = [(row, params) for row in rows for params in layouts(row, len(args))]
    if not fitting:
        low = min(_bounds(row)[0] for row in rows)
        high = max(_bounds(row)[1] for row in rows)
        counts = counted(low, high)
        return Mismatch(KS120, (("name", name), ("counts", counts), ("given", str(len(args)))))
    # The row whose first misfit comes last is the one that was meant.
    at = max(_first_misfit(params, args) for _, params in fitting)
    if at == len(args):
        return Mismatch(KS232, (("types", ", ".join(_word(a) for a in args)),))
    if args[at] is Special.STAR:
        return Mismatch(KS191, (), at)
    # What any row takes there whose earlier arguments fit.
    takes = [t for _, ps in fitting if _first_misfit(ps, args) == at for t in ps[at].types]
    allowed = {s for t in takes for s in (CLASSES.get(t, frozenset()) if isinstance(t, TypeKind) else (t,))}
    if allowed >= {ScalarType.LONG, ScalarType.REAL, ScalarType.TIMESPAN} and ScalarType.STRING not in allowed:
        return Mismatch(KS138, (("actual", _word(args[at])),), at)
    words = [_WORDS[t] if isinstance(t, TypeKind) and t in _WORDS else t.value for t in takes]
    expected = " or ".join(dict.fromkeys(words))
    return Mismatch(KS107, (("expected", expected), ("actual", _word(args[at]))), at)


def counted(low: int, high: int) -> str:
    """How many arguments a function takes, in words."""
    if low == high:
        return f"{low} argument" + ("s" if low != 1 else "")
    return f"at least {low} arguments" if high > 1000 else f"{low} to {high} arguments"


def _first_misfit(params: tuple[Param, ...], args: tuple[ArgType, ...]) -> int:
    return next((i for i, (p, a) in enumerate(zip(params, args, strict=True)) if _fit(p, a) is None), len(args))


def _bounds(row: Overload) -> tuple[int, int]:
    low = sum(1 for p in row.params if not p.optional)
    return low, 65535 if any(p.repeated for p in row.params) else len(row.params)


def _word(arg: ArgType) -> str:
    return arg.value
