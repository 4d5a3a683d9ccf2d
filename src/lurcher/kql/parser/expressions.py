"""Expressions: precedence climbing over one table of operators.

From loose to tight: `or`; `and`; equality, lists and ranges; comparison; `+ -`; `* / %`; string operators; a sign; paths.
Only `or`, `and`, `+ -` and `* / %` chain: `a == b == c` is an error. Chains are read in a loop, so that ten thousand `or`
take no stack; what takes stack is brackets, which are counted beforehand.
"""

from __future__ import annotations

from lurcher.kql.diagnostics import KS005, KS006, KS174, KS175, KS176, KS213, KS228
from lurcher.kql.parser import suggestions
from lurcher.kql.parser.cursor import Cursor, Stop
from lurcher.kql.parser.literals import literal
from lurcher.kql.parser.names import wildcard_name
from lurcher.kql.parser.registry import HEAD_WORDS, OPERATORS, PRIMARIES
from lurcher.kql.syntax import (
    Between,
    Binary,
    Broken,
    BrokenOp,
    Call,
    Expression,
    In,
    Index,
    Name,
    Named,
    NameRef,
    Operator,
    Path,
    Pipe,
    Star,
    Unary,
)
from lurcher.kql.tokens import (
    DECLARABLE,
    LIST_OPERATORS,
    NOT_REFERABLE,
    RANGE_OPERATORS,
    STRING_OPERATORS,
    TokenKind,
)

OR, AND, EQUALITY, COMPARISON, SUM, PRODUCT, TEXT, SIGN = range(1, 9)
LEVELS: dict[str, int] = {
    "or": OR,
    "and": AND,
    **dict.fromkeys(("==", "!=", "<>", *LIST_OPERATORS, *RANGE_OPERATORS), EQUALITY),
    **dict.fromkeys(("<", "<=", ">", ">="), COMPARISON),
    **dict.fromkeys("+-", SUM),
    **dict.fromkeys("*/%", PRODUCT),
    **dict.fromkeys(STRING_OPERATORS, TEXT),
}
CHAINING = frozenset((OR, AND, SUM, PRODUCT))
#: What `*` may stand before, when it means every column.
STAR_OPERATORS = STRING_OPERATORS | {"==", "!=", "<>"}

#: What starts no expression though it is a word: where one of these stands instead of a name, a name has been forgotten.
NO_NAMES = frozenset(LEVELS) | DECLARABLE | frozenset(("asc", "desc", "project", "union"))
_BRACKET_ENDS = frozenset((")", "]", "}"))


def expression(p: Cursor, floor: int = OR) -> Expression:
    """A scalar expression with operators of level `floor` or tighter."""
    texts = p.texts
    start = p.pos
    if texts[start] == "*" and texts[start + 1] in STAR_OPERATORS:
        p.pos += 1
        left: Expression = Star(span=p.span(start))
    else:
        left = operand(p)
    ceiling = TEXT
    while True:
        op = texts[p.pos]
        level = LEVELS.get(op)
        if level is None or level < floor:
            return left
        if level > ceiling:
            p.unexpected(f"{op} cannot follow {texts[start]} ... without parentheses: these operators do not chain")
        p.pos += 1
        if level == EQUALITY and op in LIST_OPERATORS:
            left = In(op, left, in_list(p), span=p.span(start))
        elif level == EQUALITY and op in RANGE_OPERATORS:
            left = _between(p, start, op, left)
        else:
            right = expression(p, level + 1) if level < TEXT else operand(p)
            left = Binary("!=" if op == "<>" else op, left, right, span=p.span(start))
        ceiling = level if level in CHAINING else level - 1


def in_list(p: Cursor) -> tuple[Expression, ...]:
    """What stands right of `in` and `has_any`: values, or one tabular expression."""
    if p.texts[p.pos] != "(":
        p.fail(KS005, p.here(), expected="(", hint="write the list in parentheses, also a single value or a name: (x)")
    p.enter("(")
    try:
        first = pipeline(p)
        items = [first]
        while p.accept(","):
            items.append(expression(p))
    except Stop:
        items = [rest_of_brackets(p)]
    p.leave(")")
    return tuple(items)


def _between(p: Cursor, start: int, op: str, left: Expression) -> Expression:
    p.enter("(")
    low = expression(p)
    p.expect("..", "between takes (low .. high)")
    high = expression(p)
    p.leave(")")
    return Between(op == "!between", left, low, high, span=p.span(start))


def operand(p: Cursor) -> Expression:
    """A sign and what it stands before, or a path."""
    sign = p.texts[p.pos]
    if sign in ("-", "+"):
        start = p.pos
        p.pos += 1
        value = path(p)
        return Unary(sign, value, span=p.span(start))
    return path(p)


def path(p: Cursor, *, patterns: bool = False) -> Expression:
    """A primary with what follows it: `.name`, `.['a b']`, `.function()`, `[index]`; with `patterns` also `.Device*`."""
    texts = p.texts
    start = p.pos
    node = primary(p)
    while True:
        text = texts[p.pos]
        if text == ".":
            p.pos += 1
            member_start = p.pos
            if p.kinds[member_start] == TokenKind.WORD and texts[member_start + 1] == "(":
                p.pos += 1
                member: NameRef | Call = call(p, member_start)
            else:
                name = wildcard_name(p, in_path=True) if patterns else None
                if name is None and texts[member_start] == "[":
                    name = p.bracketed_name()
                    if name is None:
                        continue  # `a.[0]` is `a[0]`
                if name is None:
                    name = p.name("a property")
                member = NameRef(name, span=p.span(member_start))
            node = Path(node, member, span=p.span(start))
        elif text == "[":
            p.enter("[")
            if texts[p.pos] == "]":
                p.fail(KS006, p.here(), expected="an index")
            index = expression(p)
            p.leave("]")
            node = Index(node, index, span=p.span(start))
        else:
            return node


def primary(p: Cursor) -> Expression:
    start = p.pos
    kind = p.kinds[start]
    text = p.texts[start]
    if kind == TokenKind.WORD:
        if text in PRIMARIES:
            special = PRIMARIES[text](p, start)
            if special is not None:
                return special
        value = literal(p)
        if value is not None:
            return value
        if text in NOT_REFERABLE and not (text == "contains" and p.texts[start + 1] == "("):
            if text in NO_NAMES or text in OPERATORS:
                p.fail(KS006, p.here(), expected="an expression", hint=suggestions.for_word(text))
            p.say(KS228.at(p.here(), name=text, hint=suggestions.for_word(text)))
        p.pos += 1
        if p.texts[p.pos] == "(":
            return call(p, start)
        return NameRef(Name(text, span=p.span(start)), span=p.span(start))
    if text == "(":
        return _parenthesised(p)
    if text == "[":
        name = p.bracketed_name()
        if name is not None:
            return NameRef(name, span=p.span(start))
    elif text == "{" and p.kinds[start + 1] == TokenKind.WORD and p.texts[start + 2] == "}":
        return _client_parameter(p)
    elif (value := literal(p)) is not None:
        return value
    return p.fail(KS006, p.here(), expected="an expression", hint=suggestions.for_sign(p))


def _parenthesised(p: Cursor) -> Expression:
    p.enter("(")
    try:
        node = pipeline(p)
        if p.texts[p.pos] != ")":
            p.expect(")")
    except Stop:
        node = rest_of_brackets(p)
    p.leave(")")
    return node


def rest_of_brackets(p: Cursor) -> Expression:
    """After an error inside of brackets that are closed: go on behind them, so that the next error is found too."""
    opened = p.open[-1]
    end = p.matches.get(opened)
    if end is None or end < p.pos:
        raise Stop
    start = p.pos
    p.pos = end
    return Broken(span=p.span(start))


def call(p: Cursor, start: int) -> Call:
    """`name(...)`, the name at token `start` taken."""
    name = Name(p.texts[start], span=p.span(start))
    p.enter("(")
    depth = len(p.open)
    arguments: list[Expression] = []
    if p.texts[p.pos] != ")":
        try:
            arguments.append(argument(p))
            while p.accept(","):
                arguments.append(argument(p))
            if p.texts[p.pos] != ")":
                p.expect(")", suggestions.in_arguments(p.texts[p.pos]))
        except Stop:
            del p.open[depth:]
            arguments.append(rest_of_brackets(p))
    p.leave(")")
    return Call(name, tuple(arguments), span=p.span(start))


def argument(p: Cursor) -> Expression:
    """An argument of a call: a value, `name = value`, or `*`."""
    if p.texts[p.pos] == "*" and p.texts[p.pos + 1] in (",", ")"):
        p.pos += 1
        return Star(span=p.span(p.pos - 1))
    return named(p)


def named(p: Cursor) -> Expression:
    """An expression that may be given a name (`a = x`) or names (`(a, b) = x`)."""
    texts = p.texts
    start = p.pos
    text = texts[start]
    if p.kinds[start] == TokenKind.WORD:
        if texts[start + 1] != "=":
            return expression(p)
        names = (p.name(declared=True),)
        p.pos += 1
        return Named(names, expression(p), span=p.span(start))
    if text == "[" and _brackets_then_equals(p):
        name = p.bracketed_name()
        if name is not None:
            p.pos += 1
            return Named((name,), expression(p), span=p.span(start))
    elif text == "(" and _list_then_equals(p):
        p.enter("(")
        listed = [p.name(declared=True)]
        while p.accept(","):
            listed.append(p.name(declared=True))
        p.leave(")")
        p.expect("=")
        return Named(tuple(listed), expression(p), listed=True, span=p.span(start))
    return expression(p)


def _brackets_then_equals(p: Cursor) -> bool:
    index = p.pos + 1
    while p.kinds[index] == TokenKind.STRING:
        index += 1
    return index > p.pos + 1 and p.texts[index] == "]" and p.texts[index + 1] == "="


def _list_then_equals(p: Cursor) -> bool:
    index = p.pos + 1
    while p.kinds[index] in (TokenKind.WORD, TokenKind.STRING) or p.texts[index] in (",", "[", "]"):
        index += 1
    return p.texts[index] == ")" and p.texts[index + 1] == "=" and index > p.pos + 1


def named_list(p: Cursor) -> tuple[Expression, ...]:
    """One or more columns, separated by commas."""
    items = [named(p)]
    while p.accept(","):
        items.append(named(p))
    return tuple(items)


def expression_list(p: Cursor) -> tuple[Expression, ...]:
    items = [expression(p)]
    while p.accept(","):
        items.append(expression(p))
    return tuple(items)


def _client_parameter(p: Cursor) -> Expression:
    """`{name}`: what workbooks and dashboards put a value into before they send a query."""
    start = p.pos
    p.pos += 3
    p.say(KS213.at(p.span(start), name=p.texts[start + 1], hint="write the value in its place"))
    return Broken(span=p.span(start))


# --- pipes ---
#: Where an operator ends.
_FOLLOW = frozenset(("|", ";", ")", "}", ""))
_NEXT_OPERATOR = frozenset(("|", ";"))


def pipeline(p: Cursor, *, headless: bool = False) -> Expression:
    """An expression with operators after it. Where `headless` is set, it starts with an operator that takes its rows from
    outside (`mv-apply ... on (where x > 1 | take 5)`)."""
    start = p.pos
    source: Expression | None = None
    operators: list[Operator] = []
    text = p.texts[start]
    if headless:
        operators.append(_one_operator(p, after_pipe=True))
    elif p.kinds[start] == TokenKind.WORD and (text in OPERATORS or text in HEAD_WORDS) and _is_head(p):
        if text in HEAD_WORDS:
            source = HEAD_WORDS[text](p, start)
        else:
            operators.append(_one_operator(p, after_pipe=False))
    else:
        source = expression(p)
    while p.texts[p.pos] == "|":
        p.pos += 1
        operators.append(_one_operator(p, after_pipe=True))
    if not operators and source is not None:
        return source
    return Pipe(source, tuple(operators), span=p.span(start))


def _is_head(p: Cursor) -> bool:
    """Whether the word at hand is an operator (or `materialize`) here: `range` is a function too, and `take` a name."""
    text, after = p.texts[p.pos], p.texts[p.pos + 1]
    if text in NOT_REFERABLE:
        # `materialize` is no function: it stands at the head of a statement or of a body, and nowhere else.
        return text not in HEAD_WORDS or (after == "(" and (not p.open or p.texts[p.open[-1]] == "{"))
    word_follows = p.kinds[p.pos + 1] == TokenKind.WORD and after not in LEVELS
    if text == "range":
        return word_follows
    if OPERATORS[text].place == "head" or text == "evaluate":
        return word_follows
    # A query that lacks its table: say so, and read the operator.
    if text == "count":
        return False
    literal_follows = p.kinds[p.pos + 1] in (TokenKind.LONG, TokenKind.STRING)
    return (word_follows or literal_follows) and not p.on_new_line(p.pos + 1)


def _one_operator(p: Cursor, *, after_pipe: bool) -> Operator:
    """An operator. One that cannot be read is skipped to the next pipe, so that the errors after it are found as well."""
    start = p.pos
    depth = len(p.open)
    try:
        node = _operator(p, start, after_pipe)
        text = p.texts[p.pos]
        if text not in _FOLLOW or (text in _BRACKET_ENDS and not p.open):
            p.unexpected(suggestions.after_operator(p))
        return node
    except Stop:
        del p.open[depth:]
        p.skip_to(_NEXT_OPERATOR)
        return BrokenOp(span=p.span(start))


def _operator(p: Cursor, start: int, after_pipe: bool) -> Operator:
    text = p.texts[start]
    rule = OPERATORS.get(text)
    if rule is None:
        # In `T || take 1` and `T | | take 1` the second pipe is passed over too.
        p.fail(KS176, p.here(), text=f"'{text}'" if text else "the end of the query", hint=suggestions.for_operator(p))
    if after_pipe and rule.place == "head":
        p.say(KS175.at(p.here(), name=text))
    elif not after_pipe and rule.place == "pipe":
        p.say(KS174.at(p.here(), name=text, hint=f"write a table and a | before {text}"))
    p.pos += 1
    return rule.parse(p, start)
