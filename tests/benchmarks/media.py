"""Decoding in the killable child against the same decoding in this process. `python -m tests.benchmarks.media`"""

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from pipelines.child import FAILURE_FIELDS, Child, Decode
from pipelines.split import audio_child, book_child, image_child
from pipelines.split.audio import AUDIO_SPLIT, audio_reader
from pipelines.split.book import BOOK_SPLIT, book_reader
from pipelines.split.image import IMAGE_SPLIT, image_reader
from tests.benchmarks import bench
from tests.corpus.prose import paragraphs
from tests.split import pictures, sounds
from tests.split.epubs import epub, xhtml
from tests.split.test_book import batch

Rows = tuple[pa.RecordBatch, pa.RecordBatch]  # items, payloads
FEW = 8  # different files; the rest are these again


class Here:
    """What `Child` does, in this process: no copy, no limit, nothing that survives a decoder that dies."""

    def __init__(self, decode: Decode, result: pa.Schema) -> None:
        self._decode, self._answer = decode, pa.schema([*result, *FAILURE_FIELDS])

    def map(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """As `Child.map`, for rows that decode."""
        rows = [
            self._decode({name: batch.column(name)[row].as_py() for name in batch.schema.names})
            for row in range(len(batch))
        ]
        return pa.RecordBatch.from_pylist([dict(row) for row in rows], schema=self._answer)


def recordings(n: int) -> Rows:
    """Ten seconds each."""
    files = [sounds.wav(sounds.babble(10.0, seed % FEW)) for seed in range(n)]
    return sounds.roots(files), sounds.payloads(files)


def photographs(n: int) -> Rows:
    """1024 by 768 pixels each."""
    few = [pictures.encoded(pictures.scene(1024, 768, seed), "JPEG", quality=90) for seed in range(FEW)]
    files = [few[number % FEW] for number in range(n)]
    return pictures.roots(files), pictures.payloads(files, media_types=["image/jpeg"] * n)


def books(n: int) -> Rows:
    """EPUBs of 60 chapters each."""
    few = [
        epub(
            {
                f"{part}.xhtml": xhtml(
                    f"<h2>Chapter {part}</h2><p>{'</p><p>'.join(paragraphs(f'{seed} {part}', 12))}</p>"
                )
                for part in range(60)
            }
        )
        for seed in range(FEW)
    ]
    return batch([(few[number % FEW], book_child.EPUB_TYPE) for number in range(n)])


KINDS: dict[str, tuple[Callable[[int], Rows], Any, Callable[[], Child], Here]] = {
    "recordings": (recordings, AUDIO_SPLIT, audio_reader, Here(audio_child.read_recording, audio_child.RESULT)),
    "pictures": (photographs, IMAGE_SPLIT, image_reader, Here(image_child.read_picture, image_child.RESULT)),
    "books": (books, BOOK_SPLIT, book_reader, Here(book_child.read_book, book_child.RESULT)),
}


def main(given: Sequence[str] | None = None) -> None:
    """Print the figures."""
    asked = bench.arguments(__doc__ or "", 200, given)
    found = []
    for kind, (make, stage, reader, here) in KINDS.items():
        items, payloads = make(asked.docs)
        size = sum(map(len, payloads.column("data").to_pylist())) / 1e6

        def in_child(
            rows: int,
            items: pa.RecordBatch = items,
            payloads: pa.RecordBatch = payloads,
            stage: Any = stage,
            reader: Any = reader,
        ) -> None:
            with reader() as child:  # its CPU time counts when it has ended
                stage.fn(stage, items.slice(0, rows), payloads.slice(0, rows), child)

        def in_process(
            items: pa.RecordBatch = items, payloads: pa.RecordBatch = payloads, stage: Any = stage, here: Here = here
        ) -> None:
            stage.fn(stage, items, payloads, here)

        stage.fn(stage, items.slice(0, 1), payloads.slice(0, 1), here)  # loads the models
        steps = {
            "in this process": in_process,
            "in the child": lambda: in_child(asked.docs),
            "of which start": lambda: in_child(1),
        }
        found += [
            bench.timed(f"{kind}, {name}", do, docs=asked.docs, megabytes=size, repeat=asked.repeat)[0]
            for name, do in steps.items()
        ]
    bench.report(f"{asked.docs} of each", found, is_json=asked.json)


if __name__ == "__main__":
    pa.set_cpu_count(1)
    main()
