"""Result types that no rule of `signature` says: by name, from the types of the arguments.

Source: the functions whose return kind is `Custom` or `Parameter0Promoted` in Microsoft's signatures (Kusto.Language).
"""

from __future__ import annotations

from collections.abc import Callable

from lurcher.kql.types import ScalarType

_Rule = Callable[[tuple[ScalarType, ...]], ScalarType]


def _promoted(args: tuple[ScalarType, ...]) -> ScalarType:
    """A sum of ints is a long, of anything else what it is."""
    return ScalarType.LONG if args[0] is ScalarType.INT else args[0]


def _first(args: tuple[ScalarType, ...]) -> ScalarType:
    return args[0] if args else ScalarType.UNKNOWN


def _percentile(args: tuple[ScalarType, ...]) -> ScalarType:
    """The type of what is ranked; a percentile of ints is a long."""
    return _promoted(args)


_RULES: dict[str, _Rule] = {
    "sum": _promoted,
    "sumif": _promoted,
    "percentile": _percentile,
    "percentiles": _percentile,
    "percentilew": _percentile,
    "percentilesw": _percentile,
    "arg_max": _first,
    "arg_min": _first,
    "argmax": _first,
    "argmin": _first,
    "any": _first,
    "take_any": _first,
    "bin_auto": _first,
}


def custom_type(name: str, args: tuple[ScalarType, ...]) -> ScalarType:
    """The result type of a function with a rule of its own; dynamic for the many that build arrays and bags."""
    rule = _RULES.get(name)
    return rule(args) if rule is not None else ScalarType.DYNAMIC
