"""`scan`: a small state machine over ordered rows."""

from __future__ import annotations

from lurcher.kql.diagnostics import KS005
from lurcher.kql.parser.cursor import Cursor
from lurcher.kql.parser.expressions import expression, expression_list
from lurcher.kql.parser.operators.rows import ordered_list
from lurcher.kql.parser.parameters import parameters
from lurcher.kql.parser.registry import operator
from lurcher.kql.parser.schemas import function_params
from lurcher.kql.syntax import Expression, FunctionParam, Operator, Ordered, ScanAssignment, ScanOp, ScanStep


@operator("scan")
def _scan(p: Cursor, start: int) -> Operator:
    settings = parameters(p, {"kind": ("partial", "full"), "with_match_id": None})
    order: tuple[Ordered, ...] = ()
    partition: tuple[Expression, ...] = ()
    declare: tuple[FunctionParam, ...] = ()
    if p.accept("order"):
        p.expect("by")
        order = ordered_list(p)
    if p.accept("partition"):
        p.expect("by")
        partition = expression_list(p)
    if p.accept("declare"):
        declare = function_params(p)
    p.expect("with")
    p.enter("(")
    steps: list[ScanStep] = []
    while p.texts[p.pos] != ")":
        steps.append(_step(p))
    p.leave(")")
    return ScanOp(tuple(steps), declare, order, partition, settings, span=p.span(start))


def _step(p: Cursor) -> ScanStep:
    start = p.pos
    p.expect("step")
    name = p.name("a step", declared=True)
    optional = p.accept("optional")
    output = ""
    if p.accept("output"):
        p.expect("=")
        output = p.texts[p.pos]
        if output not in ("all", "last", "none"):
            p.fail(KS005, p.here(), expected="all, last or none")
        p.pos += 1
    p.expect(":")
    condition = expression(p)
    assignments: list[ScanAssignment] = []
    if p.accept("=>"):
        assignments.append(_assignment(p))
        while p.accept(","):
            assignments.append(_assignment(p))
    p.expect(";", "every step ends with a ;")
    return ScanStep(name, condition, tuple(assignments), optional, output, span=p.span(start))


def _assignment(p: Cursor) -> ScanAssignment:
    start = p.pos
    name = p.name(declared=True)
    p.expect("=")
    return ScanAssignment(name, expression(p), span=p.span(start))
