"""The tabular operators by family. Importing this package declares them all."""

from lurcher.kql.parser.operators import columns, expand, graphs, groups, rows, scan, tables

__all__ = ["columns", "expand", "graphs", "groups", "rows", "scan", "tables"]
