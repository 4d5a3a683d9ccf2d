"""The loose language of `when`, read with KQL's own expression parser and three additions.

1. Dotted context fields in any case, ECS spellings included: `process.name`, `file.hash.sha256`.
2. A bare text after `or`/`and` repeats the operator before it, and the group binds as if it stood in parentheses:
   `p == "n.exe" and c contains "update" or "sync"` is `p == "n.exe" and (c contains "update" or c contains "sync")`.
3. `==` on names, paths and hashes compares without case.

Each use is reported as a note with the KQL that it was read as. What cannot be read raises nothing: it gives diagnostics, and
the exclusion is kept as text and not in force.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from lurcher.content.exclusions import codes, parsing
from lurcher.content.exclusions.fields import FIELDS, HASH_LENGTHS, FieldRef, canonical
from lurcher.content.exclusions.making import conjunction, disjunction, substitute
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.rewrite import walk
from lurcher.kql.source import Source, Span
from lurcher.kql.syntax import (
    Between,
    Binary,
    Call,
    DynamicLiteral,
    Expression,
    In,
    Index,
    Literal,
    Name,
    NameRef,
    Node,
    Path,
    Unary,
)
from lurcher.kql.types import ScalarType

MAX_LENGTH = 10_000
MAX_OPERANDS = 200
MAX_BRACKETS = 40

_EQUALITY = frozenset(("==", "!=", "=~", "!~"))
_TEXT = frozenset(
    s
    for w in ("has", "has_cs", "hasprefix", "hassuffix", "contains", "contains_cs", "startswith", "endswith")
    for s in (w, f"!{w}")
) | {f"{n}{w}_cs" for n in ("", "!") for w in ("hasprefix", "hassuffix", "startswith", "endswith")}
_TESTS = _EQUALITY | _TEXT | {"<", "<=", ">", ">=", "matches regex"}
#: Tests that are true of every text where the constant is empty.
_EMPTY_IS_ALL = frozenset(
    ("contains", "contains_cs", "startswith", "startswith_cs", "endswith", "endswith_cs", "matches regex")
)
_BOOL_CALLS = frozenset(
    ("not", "isempty", "isnotempty", "notempty", "isnull", "isnotnull", "ipv4_is_private", "ipv4_is_in_range")
)
_CALLS = _BOOL_CALLS | frozenset(
    (
        "tolower",
        "toupper",
        "trim",
        "trim_start",
        "trim_end",
        "strlen",
        "substring",
        "strcat",
        "tostring",
        "coalesce",
        "countof",
        "replace_string",
        "indexof",
    )
)
_NODES = (Binary, In, Between, Call, Unary, Literal, DynamicLiteral, NameRef, Path, Index, FieldRef, Name)

_PLACEHOLDER = re.compile(
    r"known[_ -](?:legit|good)|placeholder|replace[_ -](?:with|me|this)|(?:^|[^a-z])your[_ -]|change[_ -]?me|\btodo\b|\btbd\b"
    r"|\bxx+\b|<[a-z][^<>]*>|\{\{?[a-z_ ]+\}\}?|example[_ .-](?:hash|value|com|name)|(?:^|_)hash_?(?:here|value)|_goes_here",
    re.IGNORECASE,
)
_UPPER = re.compile(r"\b(AND|OR|NOT|IN|CONTAINS|HAS|STARTSWITH|ENDSWITH)\b")
_OPERATOR = re.compile(
    r"==|!=|=~|!~|<|>|\b(?:contains|has|in|startswith|endswith|matches|between|has_any|has_all)\b|\("
)


@dataclass(frozen=True)
class Understood:
    """What `when` says. `intended` is None where it could not be read: then `diagnostics` holds the error. `strict` and
    `loose` are the same text as KQL reads it, and with `or` freeing what follows; None where they say nothing else.
    Trees hold `FieldRef` for context fields and `NameRef` for columns of the evidence. Spans count in `source`."""

    source: Source
    intended: Expression | None = None
    strict: Expression | None = None
    loose: Expression | None = None
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.diagnostics if d.is_error)

    @property
    def fields(self) -> frozenset[str]:
        return fields_of(self.intended) if self.intended is not None else frozenset()

    @property
    def columns(self) -> frozenset[str]:
        return columns_of(self.intended) if self.intended is not None else frozenset()


def fields_of(tree: Expression) -> frozenset[str]:
    return frozenset(n.field for n in walk(tree) if isinstance(n, FieldRef))


def columns_of(tree: Expression) -> frozenset[str]:
    """The evidence's own columns that a condition names; `AdditionalFields.x` is a use of `AdditionalFields`."""
    found: set[str] = set()
    stack: list[Node] = [tree]
    while stack:
        here = stack.pop()
        if isinstance(here, NameRef):
            found.add(here.name.text)
        elif isinstance(here, Path):
            stack.append(here.base)
        elif isinstance(here, Binary):
            stack += (here.left, here.right)
        elif isinstance(here, In):
            stack += (here.left, *here.right)
        elif isinstance(here, Between):
            stack += (here.left, here.low, here.high)
        elif isinstance(here, Call):
            stack += here.arguments
        elif isinstance(here, Unary):
            stack.append(here.operand)
        elif isinstance(here, Index):
            stack += (here.base, here.index)
    return frozenset(found)


def understand(source: Source, scenario: str, columns: frozenset[str] = frozenset()) -> Understood:
    """Read `when`. `columns` are those of the rule's evidence, which a condition may name as they are.

    Never raises for what the text says: a text that cannot be read comes back with its error and without a tree."""
    reader = _Reader(source.text, scenario, columns)
    try:
        return replace(reader.read(), source=source)
    except _Stop:
        return Understood(source, diagnostics=tuple(reader.said))


class _Stop(Exception):
    """The reader has said what is wrong."""


@dataclass
class _Operand:
    """One operand of a chain of `and` and `or`, the word before it, and whether it is a text that repeats a test."""

    word: str
    tree: Expression
    repeats: bool = False


@dataclass
class _Reader:
    text: str
    scenario: str
    columns: frozenset[str]
    said: list[Diagnostic] = field(default_factory=list)
    #: How the operands of a chain are put together again.
    arrange: Callable[[list[_Operand]], Expression] = lambda operands: operands[0].tree

    def fail(self, diagnostic: Diagnostic) -> _Stop:
        self.said.append(diagnostic)
        return _Stop()

    def read(self) -> Understood:
        here = Span(0, len(self.text))
        if len(self.text) > MAX_LENGTH:
            raise self.fail(
                codes.TOO_LONG.at(
                    Span(0, 1), scenario=self.scenario, what=f"{len(self.text)} characters", limit=MAX_LENGTH
                )
            )
        brackets = self.text.count("(") + self.text.count("[")
        if brackets > MAX_BRACKETS:
            raise self.fail(
                codes.TOO_LONG.at(here, scenario=self.scenario, what=f"{brackets} brackets", limit=MAX_BRACKETS)
            )
        tree, problems = parsing.expression(self.text)
        if tree is None or any(p.is_error for p in problems):
            raise self.fail(self._unreadable(problems))
        for node in walk(tree):
            if not isinstance(node, _NODES):
                raise self.fail(codes.NOT_ALLOWED.at(node.span, scenario=self.scenario, what=_what(node)))
        tree = self._resolve(tree)
        self._check_values(tree)
        self.arrange = _grouped
        intended = self._chain(tree)
        self._check_test(intended)
        if not any(d.code == codes.REPEATED.code for d in self.said):
            self._note_folds(intended)
            return Understood(Source(""), _fold(intended), diagnostics=tuple(self.said))
        notes = list(self.said)
        self.arrange = _in_place
        loose = self._chain(tree)
        self.arrange = _as_written
        strict = self._chain(tree)
        self.said = notes
        self._note_folds(intended)
        return Understood(
            Source(""),
            _fold(intended),
            _fold(strict),
            None if loose == intended else _fold(loose),
            tuple(self.said),
        )

    # --- what it is not ---
    def _unreadable(self, problems: tuple[Diagnostic, ...]) -> Diagnostic:
        match = _PLACEHOLDER.search(self.text)
        if match:
            return codes.PLACEHOLDER.at(Span(*match.span()), scenario=self.scenario, text=f"'{match.group()}'")
        first = next((p for p in problems if p.is_error), None)
        span = first.span if first else Span(0, len(self.text))
        if not _OPERATOR.search(self.text):
            return codes.NO_EXPRESSION.at(
                Span(0, len(self.text)),
                scenario=self.scenario,
                why='prose, without a test such as process.name == "x.exe"' if self.text.strip() else "it is empty",
            )
        hint = first.hint if first else ""
        upper = _UPPER.search(self.text)
        if upper:
            hint = f"KQL's words are lower case: {upper.group().lower()}"
        elif any(c in self.text for c in "“”„‘’"):
            hint = 'write straight quotes: "'
        return codes.NO_EXPRESSION.at(
            span, hint=hint, scenario=self.scenario, why=first.message if first else "unreadable"
        )

    # --- fields ---
    def _resolve(self, tree: Expression) -> Expression:
        """Context fields and columns for names. Paths first, so that `process` of `process.name` is not looked at alone."""

        def dotted(node: Node) -> str:
            parts: list[str] = []
            while isinstance(node, Path) and isinstance(node.member, NameRef):
                parts.append(node.member.name.text)
                node = node.base
            return ".".join((node.name.text, *reversed(parts))) if isinstance(node, NameRef) else ""

        def resolve(node: Expression) -> Expression:
            if isinstance(node, Path):
                written = dotted(node)
                root = written.partition(".")[0]
                if root in self.columns:
                    return node
                name = canonical(written) if written else None
                if name is None:
                    raise self.fail(self._unknown(node.span, written or self.text[node.span.start : node.span.end]))
                if name != written:
                    self.said.append(codes.FIELD.at(node.span, written=written, field=name, kql=name))
                return FieldRef(name, span=node.span)
            if isinstance(node, NameRef):
                if node.name.text not in self.columns:
                    raise self.fail(self._unknown(node.span, node.name.text))
                return node
            if isinstance(node, Call):
                if node.name.text not in _CALLS:
                    raise self.fail(
                        codes.NOT_ALLOWED.at(node.span, scenario=self.scenario, what=f"the function {node.name.text}()")
                    )
                return replace(node, arguments=tuple(resolve(a) for a in node.arguments))
            if isinstance(node, In):
                return replace(node, left=resolve(node.left), right=tuple(resolve(r) for r in node.right))
            if isinstance(node, Between):
                return replace(node, left=resolve(node.left), low=resolve(node.low), high=resolve(node.high))
            if isinstance(node, Unary):
                return replace(node, operand=resolve(node.operand))
            if isinstance(node, Index):
                return replace(node, base=resolve(node.base), index=resolve(node.index))
            if isinstance(node, Binary):
                return self._spine(node, resolve)
            return node

        return resolve(tree)

    def _spine(self, node: Binary, change: Callable[[Expression], Expression]) -> Expression:
        """A chain leans to the left and may be long: gone through in a loop."""
        spine: list[Binary] = []
        here: Expression = node
        while isinstance(here, Binary):
            spine.append(here)
            here = here.left
        if len(spine) > MAX_OPERANDS:
            raise self.fail(
                codes.TOO_LONG.at(node.span, scenario=self.scenario, what=f"{len(spine)} tests", limit=MAX_OPERANDS)
            )
        result = change(here)
        for part in reversed(spine):
            result = replace(part, left=result, right=change(part.right))
        return result

    def _unknown(self, span: Span, name: str) -> Diagnostic:
        known = [*FIELDS, *sorted(self.columns)]
        near = difflib.get_close_matches(name.lower(), known, 1, 0.7)
        match = _PLACEHOLDER.search(name)
        if match:
            return codes.PLACEHOLDER.at(span, scenario=self.scenario, text=f"'{name}'")
        hint = (
            f"did you mean {near[0]}?"
            if near
            else "one of process.*, file.*, device.*, account.*, or a column of the rule's table"
        )
        return codes.UNKNOWN_FIELD.at(span, hint=hint, scenario=self.scenario, name=name)

    # --- values ---
    def _check_values(self, tree: Expression) -> None:
        for node in walk(tree):
            if isinstance(node, Literal) and isinstance(node.value, str):
                match = _PLACEHOLDER.search(node.value)
                if match:
                    raise self.fail(codes.PLACEHOLDER.at(node.span, scenario=self.scenario, text=f'"{node.value}"'))
        for node in walk(tree):
            if (
                isinstance(node, Binary)
                and node.op in _EMPTY_IS_ALL
                and isinstance(node.right, Literal)
                and node.right.value == ""
            ):
                raise self.fail(codes.ALWAYS.at(node.span, scenario=self.scenario))
            if not isinstance(node, Binary | In) or not isinstance(node.left, FieldRef):
                continue
            values = node.right if isinstance(node, In) else (node.right,)
            if node.op in ("and", "or"):
                continue
            kind = FIELDS[node.left.field].algorithm
            for value in values:
                if isinstance(value, Literal) and value.type is not ScalarType.STRING:
                    raise self.fail(
                        codes.NO_TEST.at(
                            value.span, scenario=self.scenario, why=f"{node.left.field} is a text, this is none"
                        )
                    )
                if kind:
                    self._check_hash(node, value, kind)

    def _check_hash(self, node: Binary | In, value: Expression, kind: str) -> None:
        if node.op not in (*_EQUALITY, "in", "in~", "!in", "!in~"):
            raise self.fail(codes.NO_TEST.at(node.span, scenario=self.scenario, why="a hash is compared with == or in"))
        digits = value.value if isinstance(value, Literal) and isinstance(value.value, str) else ""
        length = len(digits)
        wanted = HASH_LENGTHS.get(length)
        if wanted is None or not re.fullmatch(r"[0-9a-fA-F]+", digits) or kind not in ("any", wanted):
            raise self.fail(
                codes.BAD_HASH.at(value.span, scenario=self.scenario, text=self.text[value.span.start : value.span.end])
            )

    # --- chains of and/or ---
    def _chain(self, tree: Expression) -> Expression:
        if isinstance(tree, Call) and tree.name.text == "not":
            return replace(tree, arguments=tuple(self._chain(a) for a in tree.arguments))
        if not (isinstance(tree, Binary) and tree.op in ("and", "or")):
            return tree
        operands = self._operands(tree)
        if len(operands) > MAX_OPERANDS:
            raise self.fail(
                codes.TOO_LONG.at(tree.span, scenario=self.scenario, what=f"{len(operands)} tests", limit=MAX_OPERANDS)
            )
        last: Expression | None = None
        for operand in operands:
            if _is_text(operand.tree):
                operand.repeats = True
                if last is None:
                    raise self.fail(
                        codes.NO_TEST.at(
                            operand.tree.span,
                            scenario=self.scenario,
                            why="a text stands alone, and there is no test before it that it could repeat",
                        )
                    )
                self._note_repeat(operand, last)
                operand.tree = _Repeated.of(operand.tree, last)
            else:
                operand.tree = self._chain(operand.tree)
                last = operand.tree if _repeatable(operand.tree) else None
        return self.arrange(operands)

    def _operands(self, tree: Binary) -> list[_Operand]:
        """The operands in the order of the text; what stands in parentheses is one."""
        found: list[_Operand] = []
        stack: list[tuple[str, Expression, bool]] = [("", tree, True)]
        while stack:
            word, node, top = stack.pop()
            if isinstance(node, Binary) and node.op in ("and", "or") and (top or not self._bracketed(node)):
                stack.append((node.op, node.right, False))
                stack.append((word, node.left, False))
            else:
                found.append(_Operand(word, node))
        return found

    def _bracketed(self, node: Expression) -> bool:
        before = self.text[: node.span.start].rstrip()
        after = self.text[node.span.end :].lstrip()
        if not (before.endswith("(") and after.startswith(")")):
            return False
        # `(a or b) and c`: the whole starts at `a` too, but its end is not inside of the parentheses that open before it.
        inner = self.text[node.span.start : node.span.end]
        return _balanced(inner)

    def _note_repeat(self, operand: _Operand, last: Expression) -> None:
        assert isinstance(last, Binary)
        if last.op.startswith("!") and operand.word == "or":
            raise self.fail(
                codes.NEGATED.at(
                    operand.tree.span, hint="say 'and', or write the tests out", scenario=self.scenario, op=last.op
                )
            )
        kql = f"{display(last)} {operand.word} {display(_Repeated.of(operand.tree, last))}"
        self.said.append(codes.REPEATED.at(operand.tree.span, kql=kql))

    # --- what must be true or false ---
    def _check_test(self, tree: Expression) -> None:
        if isinstance(tree, Binary) and tree.op in ("and", "or"):
            self._check_test(tree.left)
            self._check_test(tree.right)
        elif isinstance(tree, Call) and tree.name.text == "not":
            for argument in tree.arguments:
                self._check_test(argument)
        elif isinstance(tree, Literal) and tree.type is ScalarType.BOOL:
            raise self.fail(codes.ALWAYS.at(tree.span, scenario=self.scenario) if tree.value else self._no_test(tree))
        elif not (
            (isinstance(tree, Binary) and tree.op in _TESTS)
            or isinstance(tree, In | Between)
            or (isinstance(tree, Call) and tree.name.text in _BOOL_CALLS)
        ):
            raise self.fail(self._no_test(tree))
        elif not any(isinstance(n, FieldRef | NameRef) for n in walk(tree)):
            raise self.fail(codes.NO_TEST.at(tree.span, scenario=self.scenario, why="it tests no field"))
        elif isinstance(tree, Binary | In) and any(
            isinstance(n, Binary) and n.op in ("and", "or", *_TESTS) for side in _sides(tree) for n in walk(side)
        ):
            raise self.fail(
                codes.NO_TEST.at(
                    tree.span,
                    hint='x contains "a" or "b"',
                    scenario=self.scenario,
                    why="texts in parentheses are no list",
                )
            )

    def _no_test(self, tree: Expression) -> Diagnostic:
        written = self.text[tree.span.start : tree.span.end]
        return codes.NO_TEST.at(tree.span, scenario=self.scenario, why=f"{written} is compared with nothing")

    def _note_folds(self, tree: Expression) -> None:
        for node in walk(tree):
            if isinstance(node, Binary | In) and _folds(node):
                name = next(s.field for s in _sides(node) if isinstance(s, FieldRef))
                self.said.append(codes.FOLDED.at(node.span, field=name, kql=display(_fold(node))))


class _Repeated:
    @staticmethod
    def of(literal: Expression, last: Expression) -> Expression:
        """The test before, with this text for its own."""
        assert isinstance(last, Binary)
        return replace(last, right=literal, span=literal.span)


def _sides(node: Binary | In) -> tuple[Expression, ...]:
    return (node.left, node.right) if isinstance(node, Binary) else (node.left, *node.right)


def _is_text(node: Expression) -> bool:
    return isinstance(node, Literal) and node.type is ScalarType.STRING


def _repeatable(node: Expression) -> bool:
    return (
        isinstance(node, Binary)
        and node.op in _TESTS
        and isinstance(node.left, FieldRef | NameRef | Path)
        and _is_text(node.right)
    )


def _balanced(text: str) -> bool:
    depth = 0
    quote = ""
    for char in text:
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth < 0:
                return False
    return depth == 0


def _precedence(operands: list[_Operand]) -> Expression:
    """`and` binds before `or`, as in KQL."""
    terms: list[list[Expression]] = []
    for operand in operands:
        if operand.word == "and":
            terms[-1].append(operand.tree)
        else:
            terms.append([operand.tree])
    return disjunction([conjunction(t) for t in terms])


def _grouped(operands: list[_Operand]) -> Expression:
    """The reading that is meant: a test and the texts that repeat it are one operand."""
    groups: list[list[_Operand]] = []
    for operand in operands:
        if operand.repeats:
            groups[-1].append(operand)
        else:
            groups.append([operand])
    return _precedence([_Operand(g[0].word, _precedence([_Operand("", g[0].tree), *g[1:]])) for g in groups])


def _in_place(operands: list[_Operand]) -> Expression:
    """`or` frees the last word from the tests before it."""
    return _precedence(operands)


def _as_written(operands: list[_Operand]) -> Expression:
    """KQL's own: a text where true or false belongs. Where a system takes it, it takes it for true."""
    true = Literal(ScalarType.BOOL, True, "true")
    return _precedence([_Operand(o.word, true) if o.repeats else o for o in operands])


_FOLDED = {"==": "=~", "!=": "!~", "in": "in~", "!in": "!in~"}


def _folds(node: Binary | In) -> bool:
    if node.op not in _FOLDED:
        return False
    return any(isinstance(s, FieldRef) and FIELDS[s.field].folds for s in _sides(node))


def _fold(tree: Expression) -> Expression:
    def change(node: Node) -> Node | None:
        if isinstance(node, Binary | In) and _folds(node):
            return replace(node, op=_FOLDED[node.op])
        return None

    return substitute(tree, change)


def _what(node: Node) -> str:
    return {"Pipe": "a query", "DataTable": "a table", "ExternalData": "externaldata", "Star": "*"}.get(
        type(node).__name__, f"'{type(node).__name__}'"
    )


def display(tree: Expression) -> str:
    """A condition as KQL's formatter prints it, context fields with their dots."""

    def dots(node: Node) -> Node | None:
        if not isinstance(node, FieldRef):
            return None
        first, *rest = node.field.split(".")
        result: Expression = NameRef(Name(first))
        for part in rest:
            result = Path(result, NameRef(Name(part)))
        return result

    return parsing.text(substitute(tree, dots))
