"""Classes of nodes that cost little to declare.

There are three hundred of them, and a query makes a few: what `dataclass` would generate for each, as text that is compiled, took a
fifth of the time to the first row. `__init__` is written when the first of a class is made; comparing and hashing are written once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from operator import attrgetter
from typing import Any, TypeVar

AnyClass = TypeVar("AnyClass")


def record(cls: type[AnyClass]) -> type[AnyClass]:
    """A dataclass with slots, without what forbids changes, and without `__repr__` and `__eq__`."""
    # A class without a docstring would be given its signature as one, which takes longer than all the rest.
    cls.__doc__ = cls.__doc__ or cls.__name__
    made: Any = dataclass(slots=True, init=False, repr=False, eq=False)(cls)

    def first(self: Any, *args: Any, **named: Any) -> None:
        made.__init__ = init = _init(made)
        init(self, *args, **named)

    made.__init__ = first
    return made  # type: ignore[no-any-return]


def by_value(cls: type[AnyClass]) -> type[AnyClass]:
    """Make the records of a class equal where their fields are, and hash them so."""
    names = [f.name for f in fields(cls) if f.compare]  # type: ignore[arg-type]
    made: Any = cls
    made._key = attrgetter(*names) if names else _nothing
    made.__eq__ = _same
    made.__hash__ = _hash
    return cls


def _nothing(self: Any) -> tuple[()]:
    return ()


def _same(self: Any, other: Any) -> bool:
    if other.__class__ is not self.__class__:
        return NotImplemented  # type: ignore[no-any-return]
    key = self.__class__._key
    return bool(key(self) == key(other))


def _hash(self: Any) -> int:
    return hash(self.__class__._key(self))


def _init(cls: type) -> Callable[..., None]:
    known: dict[str, Any] = {}
    plain: list[str] = ["self"]
    named: list[str] = []
    body: list[str] = []
    for field in fields(cls):
        name = given = field.name
        if field.default is not MISSING:
            known[f"_{name}"] = field.default
            given = f"{name}=_{name}"
        else:
            assert field.default_factory is MISSING, f"{cls.__name__}.{name}: a node is made of what is given"
        (named if field.kw_only else plain).append(given)
        body.append(f" self.{name} = {name}")
    given = ", ".join([*plain, *(["*", *named] if named else [])])
    made: dict[str, Any] = {}
    exec(f"def __init__({given}) -> None:\n" + ("\n".join(body) or " pass"), known, made)  # noqa: S102 - the names of fields
    init: Callable[..., None] = made["__init__"]
    return init
