"""The ledger: what happened to every item, in content-named Parquet parts made visible by a hash-chained log."""
