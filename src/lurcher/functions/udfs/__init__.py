"""Vectorised Python functions that rows name as `udf`: Arrow arrays in, one Arrow array out. Imported when a query uses them."""
