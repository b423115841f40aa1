"""What asking for a URL ended with: the capture behind its redirects."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from pipelines.capture.frontier import REDIRECTS, same
from pipelines.capture.uri import absolute
from pipelines.receipt import Receipt
from pipelines.store import Store
from schemas.capture import CAPTURE, Outcome

_Row: TypeAlias = Mapping[str, Any]
_COLUMNS = (
    "capture_id", "uri", "outcome", "status", "detail", "media_type", "charset", "payload_bytes", "payload", "headers", "fetched_at",
)  # fmt: skip


class Ended:
    """The captures of a round by their URL."""

    def __init__(self, store: Store, receipts: Sequence[Receipt]) -> None:
        parts = [part for receipt in receipts for part in receipt.all("capture")]
        rows = store.table(parts, CAPTURE, list(_COLUMNS)).to_pylist()
        rows.sort(key=lambda row: row["fetched_at"].timestamp() if row["fetched_at"] else 0.0)
        self._rows: dict[str, _Row] = {}
        for row in rows:
            if row["outcome"] == Outcome.REVISIT:  # the bytes are those of the earlier capture
                earlier = self._rows.get(same(row["uri"]), {})
                row |= {name: earlier.get(name) for name in ("media_type", "payload_bytes", "payload")}
            if row["uri"]:
                self._rows[same(row["uri"])] = row

    def last(self, url: str) -> _Row | None:
        """The capture that asking for a URL ended with, behind redirects."""
        row = self._rows.get(same(url))
        for _ in range(REDIRECTS):
            if row is None or row["outcome"] != Outcome.REDIRECT:
                break
            target = absolute(dict(row["headers"]).get("location") or "", row["uri"])
            onward = self._rows.get(same(target.partition("#")[0])) if target else None
            if onward is None:
                break
            row = onward
        return row
