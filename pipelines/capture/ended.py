"""What asking for a URL ended with: the capture behind its redirects."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from pipelines.capture.frontier import REDIRECTS, same
from pipelines.capture.uri import absolute
from pipelines.receipt import Receipt
from pipelines.store import Store
from pipelines.suppression import Suppression
from schemas.capture import CAPTURE, Outcome

_Row: TypeAlias = Mapping[str, Any]
_COLUMNS = (
    "capture_id", "uri", "outcome", "reason", "status", "detail", "media_type", "charset", "payload_bytes", "payload", "headers", "fetched_at",
)  # fmt: skip


class Ended:
    """The captures of a round by their URL. `taken_down`: those of it have no address but by its key."""

    def __init__(self, store: Store, receipts: Sequence[Receipt], taken_down: Suppression | None) -> None:
        self._taken_down = taken_down
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
        row = self._find(url)
        for _ in range(REDIRECTS):
            if row is None or row["outcome"] != Outcome.REDIRECT:
                break
            target = absolute(dict(row["headers"]).get("location") or "", row["uri"])
            onward = self._find(target.partition("#")[0]) if target else None
            if onward is None:
                break
            row = onward
        return row

    def hides(self, url: str) -> bool:
        """Whether the URL itself was taken down, so that nothing is to name it."""
        row = self._find(url)
        return row is not None and self._taken_down is not None and row["uri"] == self._taken_down.hidden(url)

    def _find(self, url: str) -> _Row | None:
        row = self._rows.get(same(url))
        return self._rows.get(self._taken_down.hidden(url)) if row is None and self._taken_down is not None else row
