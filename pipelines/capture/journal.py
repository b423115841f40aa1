"""What a crawl did, written down: answers as WARC records, one spool a host; URLs without an answer as CAPTURE rows."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import IO, Any

import pyarrow as pa

from pipelines.capture import codings
from pipelines.capture.block import Guard
from pipelines.capture.fetch import Fetched
from pipelines.capture.uri import host, uri_key
from pipelines.capture.warc import PAYLOAD_CAP
from pipelines.capture.warc_write import write_exchange
from schemas.capture import CAPTURE, Outcome, capture_id
from schemas.digest import sha256
from schemas.reasons import Reason

_SPOOLED = 1 << 20  # Chosen: bytes of one host's records that are kept in memory; more go to a temporary file


class Journal:
    """The journal of one crawl. Hosts write side by side and are read in alphabetical order: their timing leaves no trace.

    `counts`: exchanges and rows by outcome.
    """

    def __init__(self, *, source: str, warcinfo: str, clock: Callable[[], float], guard: Guard | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._source, self._warcinfo, self._clock, self._guard = source, warcinfo, clock, guard
        self._spools: dict[str, IO[bytes]] = {}
        self._rows: list[dict[str, Any]] = []

    def answered(self, answer: Fetched, *, about: str) -> Fetched:
        """Write an exchange into the spool of the host that it is about; one without an HTTP answer becomes a row.

        What comes back is the exchange as it may be used: of bytes on a block list nothing is written, and nothing comes back.
        """
        if answer.status is None:
            self.unanswered(answer.url, answer.outcome, answer.detail, answer.fetched_at)
            return answer
        if self._guard is not None and (why := _match(self._guard, answer)):
            self.unanswered(answer.url, Outcome.REFUSED, why, answer.fetched_at, Reason.BLOCKED_BY_HASH)
            return replace(answer, outcome=Outcome.REFUSED, header_block=b"", body=b"", detail=why)
        if about not in self._spools:
            self._spools[about] = tempfile.SpooledTemporaryFile(_SPOOLED)  # noqa: SIM115 - closed by `close`
        self.counts[answer.outcome] += 1
        write_exchange(self._spools[about], answer, self._warcinfo)
        return answer

    def unanswered(
        self, url: str, outcome: Outcome, detail: str | None, at: datetime | None = None, reason: Reason | None = None
    ) -> None:
        """Note a URL that gave nothing, now or `at` the time it was asked."""
        when = at or datetime.fromtimestamp(self._clock(), UTC)
        key = capture_id(
            source=self._source, uri=url, fetched_at=when, record_type="fetch", record_id=None, payload_sha256=sha256(b""),
        )  # fmt: skip
        self.counts[outcome] += 1
        self._rows.append(
            {
                "capture_id": key, "source": self._source, "outcome": outcome.value, "detail": detail, "uri": url,
                "reason": reason and reason.value,
                "uri_key": uri_key(url), "host": host(url), "fetched_at": when, "headers": [], "record_type": "fetch",
            }
        )  # fmt: skip

    def rows(self) -> pa.RecordBatch:
        """The CAPTURE rows sorted by URI, each capture once (two pages may redirect to one refused URL)."""
        ordered = sorted(self._rows, key=lambda row: (row["uri"], row["detail"] or ""))
        return pa.RecordBatch.from_pylist(list({row["capture_id"]: row for row in ordered}.values()), schema=CAPTURE)

    def copy_to(self, out: IO[bytes]) -> None:
        """Append the records of all hosts."""
        for _, spool in sorted(self._spools.items()):
            spool.seek(0)
            shutil.copyfileobj(spool, out)

    def close(self) -> None:
        """Let go of the spools."""
        for spool in self._spools.values():
            spool.close()


def _match(guard: Guard, answer: Fetched) -> str | None:
    """Why the bytes of an answer may not be written, as they came or as their author made them; null where they may."""
    is_cut = answer.truncated is not None
    payload = codings.decoded(answer.body, answer.headers, cap=PAYLOAD_CAP, is_truncated=is_cut).payload
    return guard.match(payload) or (guard.match(answer.body) if payload != answer.body else None)
