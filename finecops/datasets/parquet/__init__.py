"""Datasets in parquet files, as on the Hub: named layouts, embedded images, reading and writing."""
