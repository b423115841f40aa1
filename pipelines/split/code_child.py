"""The program that reads source files whose charset must be guessed: `python -m pipelines.split.code_child`.

A request row is `data` (bytes) and `charset` (declared, or null). UTF-8 never comes here.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from pipelines.child import RowFailed, serve
from pipelines.split.charset import decode
from schemas.reasons import Reason

RESULT = pa.schema([pa.field("text", pa.string()), pa.field("charset", pa.string())])


def read_source(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The text of one file, and the charset it was read in.

    Raises:
        RowFailed: no charset gives a text.
    """
    decoded = decode(row["data"], row["charset"])
    if decoded is None:
        raise RowFailed(Reason.NOT_DECODABLE, "in no charset declared or detected are 99 % of the characters readable")
    return {"text": decoded.text, "charset": decoded.charset}


if __name__ == "__main__":
    serve(read_source, RESULT)
