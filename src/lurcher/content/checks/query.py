"""Checks of the query against the rule around it: columns of mappings, tables of connectors, time."""

from __future__ import annotations

from collections.abc import Iterator

from lurcher.content.checks.registry import Context, check
from lurcher.content.codes import declare
from lurcher.content.model import Placed
from lurcher.kql.diagnostics import Severity
from lurcher.kql.syntax import Between, Binary, Call, NameRef
from lurcher.schema.tables import known_table

_TIMES = ("Timestamp", "TimeGenerated")

NO_COLUMN = declare(
    "LU301", "the entity {entity} is mapped to the column '{column}', which the result has not", Severity.WARNING
)
NO_DETAIL = declare(
    "LU302", "the custom detail '{name}' takes the column '{column}', which the result has not", Severity.WARNING
)
OTHER_TABLES = declare("LU303", "the query reads {tables}, which no connector of the rule declares", Severity.WARNING)
UNUSED_TABLE = declare("LU304", "a connector declares {tables}, which the query does not read", Severity.NOTE)
NO_TIME = declare("LU305", "nothing limits the time: the query reads all that is kept", Severity.NOTE)
WRONG_TIME = declare("LU306", "the query uses '{used}'; the table {table} has its time in '{column}'", Severity.WARNING)


@check(NO_COLUMN, "Sentinel makes entities of the result's columns; a mapping to a column that is not there fails.")
def mapped_columns(ctx: Context) -> Iterator[Placed]:
    columns = ctx.compiled.columns
    if columns is None:
        return
    names = {c.name for c in columns}
    for mapping in ctx.rule.entity_mappings:
        for _, column in mapping.fields:
            if column not in names:
                hint = f"the result has {', '.join(sorted(names)[:12])}"
                yield Placed(
                    NO_COLUMN.at(mapping.span, entity=mapping.entity_type, column=column, hint=hint), ctx.rule.file
                )


@check(NO_DETAIL, "Custom details are columns of the result.")
def detail_columns(ctx: Context) -> Iterator[Placed]:
    columns = ctx.compiled.columns
    if columns is None:
        return
    names = {c.name for c in columns}
    for name, column in ctx.rule.custom_details:
        if column not in names:
            yield ctx.at(NO_DETAIL, "customDetails", name=name, column=column)


@check(
    OTHER_TABLES,
    "The connectors tell a workspace what it must collect; a table that none of them brings stays empty there.",
)
def other_tables(ctx: Context) -> Iterator[Placed]:
    declared = set(ctx.rule.tables)
    missing = [t for t in ctx.compiled.tables if t not in declared]
    if declared and missing:
        yield ctx.at(OTHER_TABLES, "requiredDataConnectors", tables=", ".join(missing))


@check(UNUSED_TABLE, "The rule asks for data that it does not use.")
def unused_tables(ctx: Context) -> Iterator[Placed]:
    used = set(ctx.compiled.tables)
    unused = [t for t in ctx.rule.tables if t not in used]
    if used and unused:
        yield ctx.at(UNUSED_TABLE, "requiredDataConnectors", tables=", ".join(unused))


def _is_time(node: object) -> bool:
    return isinstance(node, NameRef) and node.name.text in _TIMES


@check(
    NO_TIME, "Say how far back the hunt looks (`where Timestamp > ago(7d)`). A scheduled rule is limited by its period."
)
def no_time(ctx: Context) -> Iterator[Placed]:
    script = ctx.compiled.script
    # What a schedule runs, it gives a period; a summary rule, the time since the last one.
    if script is None or ctx.rule.kind in ("Scheduled", "NRT", "Summary"):
        return
    known = [known_table(t) for t in ctx.compiled.tables]
    if not any(t is not None and t.time_column for t in known):
        return
    for node in ctx.nodes:
        if isinstance(node, Between) and _is_time(node.left):
            return
        if (
            isinstance(node, Binary)
            and node.op in ("<", "<=", ">", ">=", "==")
            and (_is_time(node.left) or _is_time(node.right))
        ):
            return
        # `ago(...)` or `bin(Timestamp)` compared through a variable or a function is a limit that is not seen at once.
        if isinstance(node, Binary) and any(
            isinstance(s, Call) and s.name.text in ("ago", "now") for s in (node.left, node.right)
        ):
            return
    yield ctx.at(NO_TIME, "query")


@check(
    WRONG_TIME,
    "Defender's tables have their time in `Timestamp`, Sentinel's in `TimeGenerated`: a rule for the one fails on the other.",
)
def wrong_time(ctx: Context) -> Iterator[Placed]:
    script = ctx.compiled.script
    tables = [t for name in ctx.compiled.tables if (t := known_table(name)) is not None]
    if script is None or len(tables) != 1 or tables[0].open:
        return
    table = tables[0]
    for node in ctx.nodes:
        if (
            isinstance(node, NameRef)
            and node.name.text in _TIMES
            and table.column(node.name.text) is None
            and table.time_column
        ):
            yield ctx.in_query(WRONG_TIME, node.span, used=node.name.text, table=table.name, column=table.time_column)
            return
