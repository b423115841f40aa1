"""Payload bytes by their place in the store: a record of an archive, or a plain range of a file; checked on every read."""

from collections.abc import Mapping
from typing import Any

from pipelines.capture.layout import ARCHIVES
from pipelines.capture.warc import read_payload
from pipelines.store import Store
from schemas.digest import sha256
from schemas.errors import SourceError


def payload_bytes(store: Store, place: Mapping[str, Any]) -> bytes:
    """The payload at a `schemas.item.PAYLOAD`.

    Raises:
        SourceError: the bytes are not those that were captured.
    """
    data = store.read_range(place["uri"], place["offset"], place["length"])
    if place["uri"].endswith(ARCHIVES):
        data = read_payload(data, payload_sha256=place["sha256"]).payload
    if sha256(data) != place["sha256"]:
        where = f"{place['uri']}, byte {place['offset']}"
        raise SourceError(f"{where}: the bytes changed since they were captured; restore the file, then run again")
    return data
