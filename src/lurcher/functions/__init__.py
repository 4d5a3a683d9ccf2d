"""The vocabulary of KQL, declared row by row. Importing this package declares every family, in an order that nothing depends on."""

from lurcher.functions import (  # noqa: F401
    aggregates,
    binding,
    collections,
    conversion,
    datetime,
    dynamic,
    formats,
    math,
    network,
    operators,
    parsing,
    parsing_time,
    regex,
    series,
    series_analysis,
    sets,
    statistics,
    strings,
    units,
    windows,
)
