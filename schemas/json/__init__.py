"""JSON Schemas (2020-12) of the contracts, one file each, for readers outside Python. Made by `python -m pipelines.contracts`."""
