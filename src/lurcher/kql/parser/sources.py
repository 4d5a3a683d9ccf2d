"""What brings rows, or a query inside a query: `datatable`, `externaldata`, `materialize(...)`, `toscalar(...)`."""

from __future__ import annotations

from lurcher.kql.diagnostics import KS173, LU001
from lurcher.kql.parser.cursor import Cursor, Stop
from lurcher.kql.parser.expressions import expression, pipeline, rest_of_brackets
from lurcher.kql.parser.parameters import parameter
from lurcher.kql.parser.registry import HEAD_WORDS, primary_word
from lurcher.kql.parser.schemas import in_brackets, row_schema, signed_literal
from lurcher.kql.syntax import Broken, Call, DataTable, Expression, ExternalData, Name, Parameter


@primary_word("datatable")
def _datatable(p: Cursor, start: int) -> Expression | None:
    p.pos += 1
    columns = row_schema(p)
    values = in_brackets(p, "[", signed_literal, "]", trailing_comma=True)
    if columns and len(values) % len(columns):
        p.say(KS173.at(values[-1].span, columns=len(columns), values=len(values)))
    return DataTable(columns, values, span=p.span(start))


@primary_word("externaldata", "external_data")
def _externaldata(p: Cursor, start: int) -> Expression | None:
    p.pos += 1
    columns = row_schema(p)
    urls = in_brackets(p, "[", expression, "]")
    properties: tuple[Parameter, ...] = ()
    if p.accept("with"):
        properties = in_brackets(p, "(", parameter, ")")
    return ExternalData(columns, urls, tuple((q.name, q.value) for q in properties), span=p.span(start))


@primary_word("inline_external_table")
def _inline_external_table(p: Cursor, start: int) -> Expression | None:
    """`inline_external_table (schema) kind=.. partition by (..) pathformat=(..) dataformat=.. (locations) with (..)`. Anywhere
    else the word is a name."""
    after = p.texts[start + 1 : start + 4]
    if after[:2] != ["kind", "="] and (after[:1] != ["("] or after[2:] != [":"]):
        return None
    word = p.here()
    hint = "add the files to the lake (lurcher add), or read one: externaldata"
    p.say(LU001.at(word, construct="inline_external_table", hint=hint))
    p.pos += 1
    p.skip_to(_AFTER_A_TABLE)
    return Broken(span=p.span(start))


_AFTER_A_TABLE = frozenset({"|", ";", ","})


@primary_word("toscalar", "totable")
def _subquery(p: Cursor, start: int) -> Expression | None:
    p.pos += 1
    parameters: tuple[Parameter, ...] = ()
    if p.texts[p.pos] == "kind" and p.texts[p.pos + 1] == "=":
        parameters = (parameter(p, ("nooptimization",)),)
    return query_call(p, start, parameters)


def query_call(p: Cursor, start: int, parameters: tuple[Parameter, ...] = ()) -> Call:
    """`word(query)`, the word taken: the calls that take a query without parentheses of its own."""
    word = p.starts[start]
    name = Name(p.texts[start], span=type(p.here())(word, word + len(p.texts[start])))
    p.enter("(")
    depth = len(p.open)
    try:
        body = pipeline(p)
        if p.texts[p.pos] != ")":
            p.expect(")")
    except Stop:
        del p.open[depth:]
        body = rest_of_brackets(p)
    p.leave(")")
    return Call(name, (body,), parameters, span=p.span(start))


def _materialize(p: Cursor, start: int) -> Expression:
    p.pos += 1
    return query_call(p, start)


HEAD_WORDS["materialize"] = _materialize
