"""Templates: what a function becomes in SQL, as text with holes.

    "sha256({value})"                      a parameter's argument
    "concat({args...})"                    all arguments of a repeated parameter, separated by commas
    "list({value} {order})"                an aggregate: ORDER BY of the input's order, or nothing
    "lag({value}, 1) {over}"               a window function: its OVER clause
    "sum({value}) {over:ROWS UNBOUNDED PRECEDING}"    with a frame
    "list_transform({xs}, lambda e__: e__ + {n})"     names that a template binds end in `__`

A hole that stands alone between brackets, commas or keywords takes its operand bare; anywhere else the operand is wrapped
unless it is atomic. An omitted optional argument is NULL. An argument that is used more than once and is not small is bound
once (`Let`). Quoted text is left alone, braces in it too. A malformed template raises ValueError where it is parsed, that is
at the latest in the test that parses every row.

In place of a template a row may have a function of the operands: `f(*operands)`, an aggregate's `f(*operands, order=keys)`, a
window function's `f(*operands, over=over)`; omitted optional operands are not passed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from lurcher.sql import tree as t
from lurcher.sql.walk import free_names, is_small

#: What a parameter may be given: an operand, all operands of a repeated parameter, or nothing.
Argument = t.SqlExpr | tuple[t.SqlExpr, ...] | None

_PIECE = re.compile(
    r"""(?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*")
      |\{(?P<hole>\w+)(?P<all>\.\.\.)?\}
      |\{over:(?P<frame>[A-Z0-9 ]+)\}
      |(?P<text>[^'"{}]+)
      |(?P<wrong>.)""",
    re.VERBOSE | re.DOTALL,
)
_BEFORE = re.compile(r"(?:[(,\[]|(?:^|(?<!:)):|\b(?:WHEN|THEN|ELSE|WHERE|BY|CASE|IN|SELECT))\s*$")
_AFTER = re.compile(r"\s*(?:$|[),\]]|(?:WHEN|THEN|ELSE|END|AS|DESC|ASC|ORDER)\b)")
_BOUND = re.compile(r"\b[a-z]\w*?__\b")


@dataclass(frozen=True, slots=True)
class Hole:
    name: str
    bare: bool
    spread: bool = False
    frame: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template. `pieces` are text and holes; `names` the parameters that it uses, with how often."""

    pieces: tuple[str | Hole, ...]
    atomic: bool
    uses: Mapping[str, int]

    def fill(
        self,
        args: Mapping[str, Argument],
        fresh: Callable[[], int],
        *,
        order: tuple[t.OrderKey, ...] = (),
        over: t.Over | None = None,
    ) -> t.SqlExpr:
        """The SQL of a call. `args` maps each parameter to what it is given, missing ones are NULL; `fresh` gives a number
        that no other binding of the statement has."""
        bound: list[tuple[str, t.SqlExpr]] = []
        operands: dict[str, tuple[t.SqlExpr, ...]] = {}
        for name, count in self.uses.items():
            given = args.get(name)
            if isinstance(given, tuple):
                operands[name] = given
                continue
            operand = given if given is not None else t.NULL
            if count > 1 and not is_small(operand):
                variable = f"v{fresh()}__"
                bound.append((variable, operand))
                operand = t.Ident(variable)
            operands[name] = (operand,)
        if len(self.pieces) == 1 and isinstance(self.pieces[0], Hole) and not self.pieces[0].spread:
            return operands[self.pieces[0].name][0]
        result: t.SqlExpr = t.Fragment(tuple(self._parts(operands, order, over, fresh)), self.atomic)
        for variable, operand in reversed(bound):
            result = t.Let(variable, operand, result)
        return result

    def _parts(
        self,
        operands: Mapping[str, tuple[t.SqlExpr, ...]],
        order: tuple[t.OrderKey, ...],
        over: t.Over | None,
        fresh: Callable[[], int],
    ) -> Iterator[str | t.Slot | t.OrderSlot | t.OverSlot]:
        rename = self._renaming(operands, fresh)
        for piece in self.pieces:
            if isinstance(piece, str):
                yield _BOUND.sub(lambda m: rename.get(m[0], m[0]), piece) if rename else piece
            elif piece.name == "order":
                yield t.OrderSlot(order)
            elif piece.name == "over":
                yield t.OverSlot(over or t.Over(), piece.frame)
            elif piece.spread:
                given = operands[piece.name]
                if not given:
                    raise ValueError(f"{{{piece.name}...}} has no argument")
                for i, operand in enumerate(given):
                    if i:
                        yield ", "
                    yield t.Slot(operand, True)
            else:
                yield t.Slot(operands[piece.name][0], piece.bare)

    def _renaming(self, operands: Mapping[str, tuple[t.SqlExpr, ...]], fresh: Callable[[], int]) -> dict[str, str]:
        """New names for those that the template binds, where an operand mentions one of the same name."""
        own = {m for p in self.pieces if isinstance(p, str) and not p.startswith(("'", '"')) for m in _BOUND.findall(p)}
        if not own:
            return {}
        free = {n for given in operands.values() for operand in given for n in free_names(operand)}
        return {name: f"{name[:-2]}{fresh()}__" for name in sorted(own & free)}


@cache
def parse_template(text: str) -> Template:
    """Parse a template once. Raises ValueError on a stray brace or quote, or a spread hole that does not stand alone."""
    raw: list[str | re.Match[str]] = []
    for match in _PIECE.finditer(text):
        if match["wrong"] is not None:
            raise ValueError(f"template {text!r}: stray {match['wrong']!r}")
        is_hole = match["hole"] is not None or match["frame"] is not None
        raw.append(match if is_hole else match[0])
    pieces: list[str | Hole] = []
    uses: dict[str, int] = {}
    for i, item in enumerate(raw):
        if isinstance(item, str):
            pieces.append(item)
            continue
        before = raw[i - 1] if i else "("
        after = raw[i + 1] if i + 1 < len(raw) else ""
        bare = (
            isinstance(before, str)
            and _BEFORE.search(before) is not None
            and isinstance(after, str)
            and _AFTER.match(after) is not None
            # `({a})::T` and `[{a}][1]` are closed by their own bracket; at the template's very ends the whole decides.
            and not (i == 0 and len(raw) > 1)
        )
        name = item["hole"] or "over"
        spread = bool(item["all"])
        if spread and not bare:
            raise ValueError(f"template {text!r}: {{{name}...}} must stand alone between brackets or commas")
        if name not in ("order", "over"):
            uses[name] = uses.get(name, 0) + 1
        pieces.append(Hole(name, bare, spread, item["frame"] or ""))
    return Template(tuple(pieces), _is_atomic(text), uses)


_ATOMIC_TOKEN = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\{[^{}]*\}|::|[\w.]+|[(\[]|[)\]]|\s+|.""", re.VERBOSE | re.DOTALL
)


def _is_atomic(text: str) -> bool:
    """Whether the text needs no parentheses wherever it stands: one primary with `(..)`, `[..]`, `::type`, `.name` behind
    it, an aggregate's FILTER, a window function's OVER, or CASE ... END."""
    text = text.strip()
    if text.startswith("CASE ") and text.endswith(" END") and len(re.findall(r"\bEND\b", text)) == 1:
        return True
    depth, previous, words = 0, "", 0
    for token in _ATOMIC_TOKEN.findall(text):
        if token in "([":
            depth += 1
        elif token in ")]":
            depth -= 1
        elif depth == 0:
            if token.isspace():
                continue
            if token in ("::", "FILTER", "OVER") or previous == "::" or token.startswith((".", "{over")):
                pass
            elif re.match(r"['\"{\w]", token):
                words += 1
            else:
                return False
        if not token.isspace():
            previous = token
    return words <= 1
