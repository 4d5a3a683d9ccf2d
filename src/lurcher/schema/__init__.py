"""What tables there are: Defender XDR's and Sentinel's columns as data, and user-defined ones."""

from lurcher.schema.physical import physical_names
from lurcher.schema.tables import TableSchema, known_table, table_names

__all__ = ["TableSchema", "known_table", "physical_names", "table_names"]
