"""How the nodes of a tree are declared: those of SQL, and those of a plan."""

from __future__ import annotations

from dataclasses import field, fields
from typing import Any, TypeVar, dataclass_transform

from lurcher.kql.records import by_value, record

AnyClass = TypeVar("AnyClass")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def node(cls: type[AnyClass]) -> type[AnyClass]:
    """Declare a class of nodes: a dataclass with slots, equal to and hashed as its fields are. That it is frozen is for the
    type checker to see: what forbids a change, and what writes a node out, would be generated for each class, which takes most of
    the time that `import` takes."""
    if cls.__repr__ is object.__repr__:
        cls.__repr__ = _shown  # type: ignore[method-assign]
    return by_value(record(cls))


def _shown(self: Any) -> str:
    shown = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr)
    return f"{type(self).__name__}({shown})"
