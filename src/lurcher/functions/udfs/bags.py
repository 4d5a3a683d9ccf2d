"""Bags and arrays: merging, cutting, sorting, setting by path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lurcher.functions.udf import udf
from lurcher.functions.udfs.jsontext import Number, dump, load, number_of, path_steps, text_of
from lurcher.functions.udfs.rows import each

if TYPE_CHECKING:
    import pyarrow as pa


@udf("JSON", returns="VARCHAR")
def canonical_json(value: pa.Array) -> pa.Array:
    return each(lambda text: "null" if text is None else dump(load(text), sort=True), "string", value, strict=False)


def _merge(bags: str) -> str | None:
    merged: dict[str, Any] = {}
    found = False
    for bag in load(bags) or []:
        if isinstance(bag, dict):
            found = True
            for key, value in bag.items():
                merged.setdefault(key, value)
    return dump(merged) if found else None


@udf("JSON", returns="VARCHAR")
def bag_merge(bags: pa.Array) -> pa.Array:
    """`bags` is an array of the arguments; what is no bag is passed over."""
    return each(_merge, "string", bags)


def _make(bags: str) -> str:
    return _merge(bags) or "{}"


@udf("JSON", returns="VARCHAR")
def make_bag(bags: pa.Array) -> pa.Array:
    return each(_make, "string", bags)


def _without_empty(bag: str) -> str:
    return dump({k: v for k, v in load(bag).items() if v is not None and v != ""})


@udf("JSON", returns="VARCHAR")
def drop_empty(bag: pa.Array) -> pa.Array:
    return each(_without_empty, "string", bag)


def _remove(bag: str, keys: str) -> str | None:
    value, wanted = load(bag), load(keys)
    if not isinstance(value, dict):
        return None
    for key in wanted if isinstance(wanted, list) else []:
        *before, last = path_steps(text_of(key)) or [""]
        place: Any = value
        for step in before:
            place = place.get(step) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place.pop(last, None)
    return dump(value)


@udf("JSON", "JSON", returns="VARCHAR")
def bag_remove_keys(bag: pa.Array, keys: pa.Array) -> pa.Array:
    return each(_remove, "string", bag, keys)


def _set(bag: str | None, key: str | None, value: str | None) -> str | None:
    root = load(bag) if bag is not None else None
    if not isinstance(root, dict) or key is None:
        return None
    *before, last = path_steps(key) or [key]
    place = root
    for step in before:
        inner = place.get(step)
        if not isinstance(inner, dict):
            inner = place[step] = {}
        place = inner
    place[last] = load(value) if value is not None else None
    return dump(root)


@udf("JSON", "VARCHAR", "JSON", returns="VARCHAR")
def bag_set_key(bag: pa.Array, key: pa.Array, value: pa.Array) -> pa.Array:
    return each(_set, "string", bag, key, value, strict=False)


def _has_path(bag: str, path: str) -> bool:
    value, steps = load(bag), path_steps(path)
    if not steps:
        return False
    for step in steps:
        if not isinstance(value, dict) or step not in value:
            return False
        value = value[step]
    return True


@udf("JSON", "VARCHAR", returns="BOOLEAN")
def bag_has_path(bag: pa.Array, path: pa.Array) -> pa.Array:
    return each(_has_path, "bool", bag, path)


def _zip_bag(keys: str, values: str | None) -> str | None:
    """Keys that are no texts are left out, with their values; what is no array of values gives each key a null."""
    names, given = load(keys), load(values) if values is not None else None
    if not isinstance(names, list):
        return None
    row = given if isinstance(given, list) else []
    return dump({k: row[i] if i < len(row) else None for i, k in enumerate(names) if isinstance(k, str)})


@udf("JSON", "JSON", returns="VARCHAR")
def bag_zip(keys: pa.Array, values: pa.Array) -> pa.Array:
    return each(_zip_bag, "string", keys, values)


def _zip(arrays: str) -> str | None:
    lists = load(arrays)
    if not all(isinstance(x, list) for x in lists):
        return None
    return dump([[x[i] if i < len(x) else None for x in lists] for i in range(max(map(len, lists)))])


@udf("JSON", returns="VARCHAR")
def zip_arrays(arrays: pa.Array) -> pa.Array:
    return each(_zip, "string", arrays)


def _iff(conditions: str | None, yes: str | None, no: str | None) -> str | None:
    array = load(conditions) if conditions is not None else None
    if not isinstance(array, list):
        return None
    sides = [load(x) if x is not None else None for x in (no, yes)]
    out = []
    for i, condition in enumerate(array):
        number = number_of(condition)
        # A number counts as a condition (0 is false); what is neither number nor bool gives null.
        truth = condition if isinstance(condition, bool) else None if number is None else number != 0
        side = sides[truth] if truth is not None else None
        out.append((side[i] if i < len(side) else None) if isinstance(side, list) else side)
    return dump(out)


@udf("JSON", "JSON", "JSON", returns="VARCHAR")
def array_iff(conditions: pa.Array, yes: pa.Array, no: pa.Array) -> pa.Array:
    return each(_iff, "string", conditions, yes, no, strict=False)


def _split(array: str, index: str) -> str | None:
    values, cuts = load(array), load(index)
    if not isinstance(values, list):
        return None
    numbers = [number_of(c) for c in (cuts if isinstance(cuts, list) else [cuts])]
    if any(n is None for n in numbers):
        return None
    places = [min(max(int(n) + (len(values) if n < 0 else 0), 0), len(values)) for n in numbers if n is not None]
    out, start = [], 0
    for place in places:
        out.append(values[start:place])
        start = max(start, place)
    return dump([*out, values[start:]])


@udf("JSON", "JSON", returns="VARCHAR")
def array_split(array: pa.Array, index: pa.Array) -> pa.Array:
    return each(_split, "string", array, index)


def _order(value: Any) -> tuple[int, Any]:
    """Numbers by size, then texts in ordinal order, then all others, by their JSON."""
    match value:
        case Number():
            number = float(value.text)
            return (0, (number, int(value.text) if value.text.lstrip("-").isdigit() else number))
        case str():
            return (1, value)
    return (2, dump(value))


def _sort(array: str, descending: bool, nulls_last: bool) -> str | None:
    values = load(array)
    if not isinstance(values, list):
        return None
    ordered = sorted((v for v in values if v is not None), key=_order, reverse=descending)
    nulls = [None] * (len(values) - len(ordered))
    return dump(ordered + nulls if nulls_last else nulls + ordered)


@udf("JSON", "BOOLEAN", "BOOLEAN", returns="VARCHAR")
def sort_array(array: pa.Array, descending: pa.Array, nulls_last: pa.Array) -> pa.Array:
    return each(_sort, "string", array, descending, nulls_last)


def _sort_several(arrays: str, descending: bool, nulls_last: bool) -> str | None:
    """The first array in order, the others as it went; null for one of another length."""
    first, *others = load(arrays)
    if not isinstance(first, list):
        return None
    places = sorted(
        (i for i, v in enumerate(first) if v is not None), key=lambda i: _order(first[i]), reverse=descending
    )
    nulls = [i for i, v in enumerate(first) if v is None]
    places = places + nulls if nulls_last else nulls + places
    fitting = [x if isinstance(x, list) and len(x) == len(first) else None for x in (first, *others)]
    return dump([None if x is None else [x[i] for i in places] for x in fitting])


@udf("JSON", "BOOLEAN", "BOOLEAN", returns="VARCHAR")
def sort_arrays(arrays: pa.Array, descending: pa.Array, nulls_last: pa.Array) -> pa.Array:
    return each(_sort_several, "string", arrays, descending, nulls_last)


class _Types:
    """What the values at one path are: plain types, keys of bags, items of arrays."""

    def __init__(self) -> None:
        self.plain: set[str] = set()
        self.keys: dict[str, _Types] | None = None

    def add(self, value: Any) -> None:
        match value:
            case dict() | list():
                self.keys = {} if self.keys is None else self.keys
                pairs = value.items() if isinstance(value, dict) else (("`indexer`", x) for x in value)
                if isinstance(value, list):
                    self.keys.setdefault("`indexer`", _Types())
                for key, inner in pairs:
                    self.keys.setdefault(key, _Types()).add(inner)
            case bool():
                self.plain.add("bool")
            case Number():
                self.plain.add("long" if value.text.lstrip("-").isdigit() else "double")
            case str():
                self.plain.add("string")

    def schema(self) -> Any:
        found: list[Any] = [] if self.keys is None else [{k: v.schema() for k, v in self.keys.items()}]
        found += sorted(self.plain)
        return found[0] if len(found) == 1 else found


def _schema(values: str) -> str | None:
    types = _Types()
    for value in load(values) or []:
        types.add(value)
    return dump(types.schema()) if types.plain or types.keys is not None else None


@udf("JSON", returns="VARCHAR")
def build_schema(values: pa.Array) -> pa.Array:
    return each(_schema, "string", values)
