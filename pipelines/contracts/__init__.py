"""Contracts as JSON Schema, for readers outside Python: made from the schemas, dataclasses and comments of the code.

    python -m pipelines.contracts        writes schemas/json/ anew, in a checkout; a test tells when that was forgotten

`made()` is file name -> schema. Rows are as `headwater sql --json` prints them: bytes in hex, times as RFC 3339 in UTC.
"""
