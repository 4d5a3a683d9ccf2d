"""Places by address, from a file in MaxMind's format (GeoLite2-City and the like), read with the `maxminddb` package."""

from __future__ import annotations

import ipaddress
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lurcher.errors import LurcherError
from lurcher.functions.udf import udf

if TYPE_CHECKING:
    import pyarrow as pa


@lru_cache(maxsize=4)
def _open(path: str) -> Any:
    """The reader of a file. Raises `LurcherError`."""
    try:
        import maxminddb
    except ImportError:
        raise LurcherError(
            "a file of places is read with the package maxminddb, which is not installed",
            "pip install 'lurcher[geo]'",
            path,
            kind="denied",
        ) from None
    try:
        return maxminddb.open_database(path, maxminddb.MODE_MMAP)
    except OSError as error:
        raise LurcherError(f"the file of places cannot be read: {error.strerror or error}", path=path) from None
    except (ValueError, maxminddb.InvalidDatabaseError):
        hint = "GeoLite2-City.mmdb is, unpacked"
        raise LurcherError("the file of places is not in MaxMind's format", hint, path) from None


def check_file(path: str) -> None:
    """Raise `LurcherError` where a file cannot be read, or knows nothing of places."""
    kind = str(_open(path).metadata().database_type)
    if not any(word in kind.lower() for word in ("city", "country", "enterprise", "insights", "location")):
        raise LurcherError(f"the file is of {kind[:80]}, not of places", "GeoLite2-City is", path)


@udf("VARCHAR", "VARCHAR", returns="VARCHAR")
def geo_info(addresses: pa.Array, paths: pa.Array) -> pa.Array:
    """Each distinct address is looked up once."""
    import pyarrow as pa

    if not len(addresses):
        return pa.array([], pa.string())
    reader = _open(paths[0].as_py())
    whole = addresses.combine_chunks() if isinstance(addresses, pa.ChunkedArray) else addresses
    encoded = whole.dictionary_encode()
    found = pa.array([_place(reader, a) for a in encoded.dictionary.to_pylist()], pa.string())
    return found.take(encoded.indices)


def _place(reader: Any, text: str | None) -> str | None:
    import maxminddb

    try:
        record = reader.get(ipaddress.ip_address((text or "").strip()))
    except ValueError:
        # No address; or one of IPv6 in a file that knows none.
        return None
    except (maxminddb.InvalidDatabaseError, RecursionError, UnicodeDecodeError) as error:
        raise LurcherError(f"the file of places is damaged: {error}") from None
    if not isinstance(record, dict):
        return None
    parts = record.get("subdivisions")
    location = record.get("location")
    location = location if isinstance(location, dict) else {}
    bag = {
        "country": _name(record.get("country")),
        "state": _name(parts[0]) if isinstance(parts, list) and parts else None,
        "city": _name(record.get("city")),
        "latitude": _number(location.get("latitude")),
        "longitude": _number(location.get("longitude")),
    }
    known = {key: value for key, value in bag.items() if value is not None}
    return json.dumps(known, ensure_ascii=False, separators=(",", ":")) if known else None


def _name(part: Any) -> str | None:
    names = part.get("names") if isinstance(part, dict) else None
    name = names.get("en") if isinstance(names, dict) else None
    return name if isinstance(name, str) and name else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value else None
