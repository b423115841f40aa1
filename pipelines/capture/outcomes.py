"""What a round came to: its answers as records of one WARC, hosts in alphabetical order; URLs without an answer as CAPTURE rows."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import IO, Any

import pyarrow as pa

from pipelines.capture.fetch import Fetched
from pipelines.capture.journal import Journal
from pipelines.capture.uri import host, uri_key
from pipelines.capture.warc_write import Refers, write_exchange
from schemas.capture import CAPTURE, Outcome, capture_id
from schemas.digest import sha256
from schemas.reasons import Reason

Shown = Callable[[str, Reason | None], str]


class Outcomes:
    """The outcomes of one round. Hosts answer side by side and are written one by one: their timing leaves no trace.

    `counts`: exchanges and rows by outcome. `shown`: how a row names a URL, by the reason for which it gave nothing.
    """

    def __init__(self, *, source: str, clock: Callable[[], float], shown: Shown) -> None:
        self._shown = shown
        self.counts: Counter[str] = Counter()
        self._source, self._clock = source, clock
        self._answers: dict[str, dict[str, Refers | None]] = {}  # host that it is about -> URL asked for
        self._counted: set[str] = set()
        self._rows: list[dict[str, Any]] = []

    def answered(self, answer: Fetched, *, about: str, refers: Refers | None = None) -> None:
        """Count an exchange for the host that it is about; one without an HTTP answer becomes a row.

        `refers`: where the body was found before, if it is the same.
        """
        if answer.status is None:
            self.unanswered(answer.url, answer.outcome, answer.detail, answer.fetched_at, answer.reason)
            return
        if answer.url not in self._counted:
            self._counted.add(answer.url)
            self.counts[Outcome.REVISIT if refers else answer.outcome] += 1
        self._answers.setdefault(about, {})[answer.url] = refers

    def unanswered(
        self, url: str, outcome: Outcome, detail: str | None, at: datetime | None = None, reason: Reason | None = None
    ) -> None:
        """Note a URL that gave nothing, now or `at` the time it was asked."""
        when = at or datetime.fromtimestamp(self._clock(), UTC)
        url = self._shown(url, reason)
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

    def write(self, out: IO[bytes], journal: Journal, warcinfo: str) -> dict[str, tuple[int, int]]:
        """Append the records of all hosts; offset and length of the response or revisit of each URL."""
        places: dict[str, tuple[int, int]] = {}
        for _, asked in sorted(self._answers.items()):
            for url, refers in asked.items():
                if url in places:
                    continue  # the robots.txt of a host that others redirect to
                answer = journal.read(host(url) or "", url)
                places[url] = write_exchange(out, answer, warcinfo, refers)
        return places
