"""The bare kernels of a `floor.py`: the least that one process could do for the same pages or texts.

DIR holds a `floor.py` with the functions `fnv`, `scan`, `ngram_repetition`, `shingles`, `minhash_flat` and `lsh_cluster`.
"""

import importlib
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from pipelines.models.fasttext import predict
from pipelines.models.files import LID_176, model_path
from tests.benchmarks import bench


def module_of(path: Path, folder: Path) -> ModuleType:
    """The module in a file, imported from a copy in `folder`: numba caches what it compiles beside the source."""
    shutil.copyfile(path, folder / "floor.py")
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("floor")
    finally:
        sys.path.remove(str(folder))


def page_texts(bodies: Sequence[bytes]) -> list[str]:
    """The main text of pages in UTF-8, as the floor has it."""
    from resiliparse.extract.html2text import extract_plain_text

    return [extract_plain_text(body.decode("utf-8", "replace"), main_content=True, alt_texts=False) for body in bodies]


def page_bodies(paths: Sequence[Path]) -> list[bytes]:
    """The HTML pages of archives that were found (status 200), read without a check."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    bodies = []
    for path in paths:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                body = record.reader.read()
                if record.http_headers.status_code == 200 and record.http_content_type == "text/html":
                    bodies.append(body)
    return bodies


def of_pages(floor: ModuleType, paths: Sequence[Path], whole: dict[str, Any], repeat: int) -> list[bench.Timing]:
    """Reading archives and main text, then what `of_texts` times, and the sum of all."""
    read, bodies = bench.timed("floor: read WARC", lambda: page_bodies(paths), **whole, repeat=repeat)
    main_text, texts = bench.timed("floor: main text", lambda: page_texts(bodies), **whole, repeat=repeat)
    return total([read, main_text, *of_texts(floor, texts, whole, repeat)], whole)


def total(found: list[bench.Timing], whole: dict[str, Any]) -> list[bench.Timing]:
    """The timings and their sum."""
    wall, cpu = (sum(getattr(one, name) for one in found) for name in ("wall_s", "cpu_s"))
    return [*found, bench.Timing(name="floor: all of these", wall_s=wall, cpu_s=cpu, **whole)]


def of_texts(floor: ModuleType, texts: Sequence[str], whole: dict[str, Any], repeat: int) -> list[bench.Timing]:
    """Language id on 2,000 characters, statistics with repetition, shingles and MinHash, and LSH without verification."""
    found: list[bench.Timing] = []

    def timed(name: str, do: Callable[[], Any]) -> Any:
        timing, value = bench.timed(f"floor: {name}", do, **whole, repeat=repeat)
        found.append(timing)
        return value

    model = model_path(LID_176.name)
    timed("language id, 2,000 characters", lambda: predict(model, [text[:2000].replace("\n", " ") for text in texts]))
    arrays = arrays_of(texts)
    stop, words, lengths, _ = _rooms(floor, arrays)

    def statistics() -> None:
        for array in arrays:
            n, _ = floor.scan(array, stop, words, lengths)
            floor.ngram_repetition(words, lengths, n)

    statistics(), floor.lsh_cluster(signatures(floor, arrays))  # compiles
    timed("text statistics", statistics)
    sketches = timed("shingles and minhash", lambda: signatures(floor, arrays))
    timed("LSH and union-find, unverified", lambda: floor.lsh_cluster(sketches))
    return found


def arrays_of(texts: Sequence[str]) -> list[np.ndarray]:
    """The UTF-8 of each text; a space for an empty one."""
    return [np.frombuffer(text.encode() or b" ", np.uint8) for text in texts]


def signatures(floor: ModuleType, arrays: Sequence[np.ndarray]) -> np.ndarray:
    """uint32[texts, permutations]: word 5-grams and their MinHash."""
    a, b = np.random.default_rng(1).integers(1, 2**63, (2, floor.PERMS), dtype=np.uint64)
    stop, words, lengths, out = _rooms(floor, arrays)
    parts, offsets = [], np.zeros(len(arrays) + 1, np.int64)
    for i, array in enumerate(arrays):
        n, _ = floor.scan(array, stop, words, lengths)
        count = floor.shingles(words, n, out) or 1
        parts.append(out[:count].copy())
        offsets[i + 1] = offsets[i] + count
    sketches = np.full((len(arrays), floor.PERMS), 0xFFFFFFFF, np.uint32)
    floor.minhash_flat(np.concatenate(parts), offsets, a | np.uint64(1), b, sketches)
    return sketches


def _rooms(floor: ModuleType, arrays: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Hashes of the floor's stop words, and room for the words, their lengths and the shingles of the longest text."""
    stop = np.array([floor.fnv(np.frombuffer(word.encode(), np.uint8)) for word in floor.STOP], np.uint64)
    longest = max(map(len, arrays)) // 2 + 2
    return stop, np.empty(longest, np.uint64), np.empty(longest, np.int64), np.empty(longest, np.uint64)
