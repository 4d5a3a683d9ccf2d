"""pySigma's Kusto backend, with comparisons that mean what Sigma means (`compare`) and fields that the table has (`targets`)."""

from __future__ import annotations

from typing import Any

from sigma.backends.kusto.kusto import KustoBackend
from sigma.conditions import ConditionAND, ConditionFieldEqualsValueExpression, ConditionOR, ConditionValueExpression
from sigma.conversion.state import ConversionState
from sigma.exceptions import SigmaTransformationError
from sigma.processing.pipeline import ProcessingPipeline
from sigma.types import (
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

from lurcher.content.sigma import compare
from lurcher.content.sigma.compare import Pattern, Wild
from lurcher.content.sigma.targets import Field, Target

_WILD = {SpecialChars.WILDCARD_MULTI: Wild.MANY, SpecialChars.WILDCARD_SINGLE: Wild.ONE}


class Backend(KustoBackend):
    """Makes the condition of a rule for one table."""

    convert_and_as_in = False
    in_expressions_allow_wildcards = False

    def __init__(self, target: Target, pipeline: ProcessingPipeline) -> None:
        super().__init__(processing_pipeline=pipeline)
        self.target = target

    def field_of(self, name: str) -> Field:
        """Raises `SigmaTransformationError` for a field that the table does not have."""
        found = self.target.field(name)
        if found is None:
            raise SigmaTransformationError(f"the table {self.target.table} has nothing for the field '{name}'")
        return found

    def decide_convert_condition_as_in_expression(self, cond: Any, state: ConversionState) -> bool:
        """Several values as one list: only plain ones of text."""
        return bool(super().decide_convert_condition_as_in_expression(cond, state)) and (
            all(type(a.value) is SigmaString and not a.value.contains_special() and a.value.s for a in cond.args)
            and compare.listable(self.field_of(cond.args[0].field))
        )

    def convert_condition_as_in_expression(self, cond: ConditionOR | ConditionAND, state: ConversionState) -> str:
        args: list[Any] = cond.args
        return compare.among(self.field_of(args[0].field), ["".join(map(str, pattern_of(a.value))) for a in args])

    def convert_condition_field_eq_val(self, cond: ConditionFieldEqualsValueExpression, state: ConversionState) -> str:
        value: Any = cond.value
        if isinstance(value, SigmaExpansion):
            several = [self._value(cond.field, v) for v in value.values]
            return f"({' or '.join(several)})" if len(several) > 1 else several[0]
        return self._value(cond.field, value)

    def _value(self, name: str, value: Any) -> str:
        field = self.field_of(name)
        match value:
            case SigmaString():
                return compare.matches(field, pattern_of(value), cased=isinstance(value, SigmaCasedString))
            case SigmaTimestampPart():
                raise SigmaTransformationError(f"a part of the time in '{name}' is compared, which is not read here")
            case SigmaNumber():
                return compare.number(field, value.number)
            case SigmaBool():
                return compare.boolean(field, value.boolean)
            case SigmaRegularExpression():
                if value.contains_placeholder():
                    raise SigmaTransformationError(f"a placeholder in '{name}' is to be filled in first")
                flags = "".join(sorted(value.sigma_to_re_flag[f] for f in value.flags))
                return compare.regex(field, str(value.regexp), flags)
            case SigmaCIDRExpression():
                return compare.network(field, value.cidr)
            case SigmaCompareExpression():
                return compare.ordered(field, self.compare_operators[value.op], value.number.number)
            case SigmaFieldReference():
                other = self.field_of(value.field)
                return compare.same(field, other, value.ends_with, value.starts_with, cased=False)
            case SigmaNull():
                return compare.exists(field, there=False)
            case SigmaExists():
                return compare.exists(field, there=value.exists)
        raise SigmaTransformationError(
            f"a value of '{name}' is of a kind that is not read here: {type(value).__name__}"
        )

    def convert_condition_val(self, cond: ConditionValueExpression, state: ConversionState) -> str:
        """A keyword, in whatever column."""
        if isinstance(cond.value, SigmaString):
            return compare.anywhere(pattern_of(cond.value))
        if isinstance(cond.value, SigmaNumber):
            return compare.anywhere([str(cond.value.number)])
        raise SigmaTransformationError("a keyword is neither text nor number")


def pattern_of(value: SigmaString) -> Pattern:
    """Raises `SigmaTransformationError` for a value that has a placeholder."""
    parts: list[str | Wild] = []
    for part in value.s:
        if isinstance(part, str):
            parts.append(part)
        elif part in _WILD:
            parts.append(_WILD[part])
        else:
            raise SigmaTransformationError(f"the placeholder %{part.name}% is to be filled in first")
    return parts
