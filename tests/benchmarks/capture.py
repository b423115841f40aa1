"""An archive to rows with their evidence, and pages to main text: MB a second. `python -m tests.benchmarks.capture`"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipelines import rooms
from pipelines.capture.archive import capture_archive
from pipelines.lanes.web import WEB
from pipelines.payload import payload_bytes
from pipelines.store import Store
from schemas.annotation import SAID
from tests.benchmarks import bench


def main(given: Sequence[str] | None = None) -> None:
    """Print the figures; MB are those of the pages, not of the compressed archive."""
    asked = bench.arguments(__doc__ or "", 5000, given)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(root=folder)
        (path,) = bench.warc(Path(folder), asked.docs, asked.seed, files=1)
        whole = {
            "docs": asked.docs,
            "megabytes": sum(len(page.body) for page in bench.pages(asked.docs, asked.seed)) / 1e6,
        }

        def capture() -> pa.Table:
            return pa.Table.from_batches(
                [batch.captures for batch in capture_archive(path, source="bench", stored_uri=path.name)]
            )

        def read() -> list[bytes]:
            return [payload_bytes(store, place) for place in captures.column("payload").to_pylist()]

        captured, captures = bench.timed("capture: records, evidence, rows", capture, **whole, repeat=asked.repeat)
        fetched, data = bench.timed("payloads by range, digests checked", read, **whole, repeat=asked.repeat)
        batch = rooms.one_batch(captures)
        roots = rooms.roots(WEB, batch, pa.nulls(len(batch), pa.string()), np.arange(len(batch)))
        columns = {"data": pa.array(data, pa.large_binary()), "said": pa.array([[]] * len(batch), SAID)}
        columns |= {name: batch.column(name) for name in ("charset", "media_type", "uri")}
        payloads = pa.RecordBatch.from_pydict(columns).select(rooms.PAYLOADS.names)

        def split() -> None:
            with WEB.decoder() as child:  # its processor time counts when it has ended
                rooms.split(WEB, roots, payloads, child)

        read_out, _ = bench.timed(
            "split: HTML to main text, the child's start included", split, **whole, repeat=asked.repeat
        )
    bench.report(f"{asked.docs} pages, {whole['megabytes']:.1f} MB", [captured, fetched, read_out], is_json=asked.json)


if __name__ == "__main__":
    main()
