"""Entries that have left the store: Parquet files of whole days, read back for reports as if they had not."""
