"""The whole text pass, archive to release, and beside it the bare kernels of a floor.

    python -m tests.benchmarks.whole --floor DIR

DIR holds a `floor.py` with the functions `fnv`, `scan`, `ngram_repetition`, `shingles`, `minhash_flat` and `lsh_cluster`: the
least that one process could do for the same pages, without evidence, ledger, receipts or protection from what it reads.
"""

import importlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from pipelines.models.fasttext import predict
from pipelines.models.files import LID_176, model_path
from pipelines.run import run
from tests.benchmarks import bench
from tests.conftest import recipe_over, site_at


def main(given: Sequence[str] | None = None) -> None:
    """Print the figures."""
    asked = bench.arguments((__doc__ or "").partition("\n")[0], 4000, given, floor="folder that holds floor.py")
    made = bench.pages(asked.docs, asked.seed)
    whole = {"docs": asked.docs, "megabytes": sum(len(page.body) for page in made) / 1e6}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = bench.warc(folder, asked.docs, asked.seed)
        found = []
        run(recipe_over(folder), site_at(folder / "warm"))
        for workers in (1, 2):
            sites = iter([site_at(folder / f"{workers}-{i}", workers=workers) for i in range(asked.repeat)])
            found.append(
                bench.timed(
                    f"run, {workers} process{'es' * (workers > 1)}", lambda sites=sites: run(recipe_over(folder), next(sites)),
                    **whole, repeat=asked.repeat,
                )[0]
            )  # fmt: skip
        found.append(
            bench.timed(
                "run again, everything found", lambda: run(recipe_over(folder), site_at(folder / "warm")), **whole
            )[0]
        )
        if asked.floor:
            found += _floor(module_of(Path(asked.floor) / "floor.py", folder), paths, whole, asked.repeat)
    bench.report(f"{asked.docs} pages, {whole['megabytes']:.1f} MB", found, is_json=asked.json)


def module_of(path: Path, folder: Path) -> ModuleType:
    """The module in a file, imported from a copy in `folder`: numba caches what it compiles beside the source."""
    shutil.copyfile(path, folder / "floor.py")
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("floor")
    finally:
        sys.path.remove(str(folder))


def _floor(floor: ModuleType, paths: Sequence[Path], whole: dict[str, Any], repeat: int) -> list[bench.Timing]:
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text

    found: list[bench.Timing] = []

    def timed(name: str, do: Callable[[], Any]) -> Any:
        timing, value = bench.timed(f"floor: {name}", do, **whole, repeat=repeat)
        found.append(timing)
        return value

    def read() -> list[bytes]:
        bodies = []
        for path in paths:
            with path.open("rb") as stream:
                bodies += [
                    record.reader.read() for record in ArchiveIterator(stream, record_types=WarcRecordType.response)
                ]
        return bodies

    bodies = timed("read WARC", read)
    texts = timed(
        "main text",
        lambda: [extract_plain_text(body.decode("utf-8"), main_content=True, alt_texts=False) for body in bodies],
    )
    model = model_path(LID_176.name)
    timed("language id, 2,000 characters", lambda: predict(model, [text[:2000].replace("\n", " ") for text in texts]))
    arrays = [np.frombuffer(text.encode() or b" ", np.uint8) for text in texts]
    longest = max(map(len, arrays)) // 2 + 2
    stop = np.array([floor.fnv(np.frombuffer(word.encode(), np.uint8)) for word in floor.STOP], np.uint64)
    words, lengths, out = np.empty(longest, np.uint64), np.empty(longest, np.int64), np.empty(longest, np.uint64)
    a, b = np.random.default_rng(1).integers(1, 2**63, (2, floor.PERMS), dtype=np.uint64)

    def statistics() -> None:
        for array in arrays:
            n, _ = floor.scan(array, stop, words, lengths)
            floor.ngram_repetition(words, lengths, n)

    def signatures() -> Any:
        parts, offsets = [], np.zeros(len(arrays) + 1, np.int64)
        for i, array in enumerate(arrays):
            n, _ = floor.scan(array, stop, words, lengths)
            count = floor.shingles(words, n, out) or 1
            parts.append(out[:count].copy())
            offsets[i + 1] = offsets[i] + count
        sketches = np.full((len(arrays), floor.PERMS), 0xFFFFFFFF, np.uint32)
        floor.minhash_flat(np.concatenate(parts), offsets, a | np.uint64(1), b, sketches)
        return sketches

    statistics(), floor.lsh_cluster(signatures())  # compiles
    timed("text statistics", statistics)
    sketches = timed("shingles and minhash", signatures)
    timed("LSH and union-find, unverified", lambda: floor.lsh_cluster(sketches))
    wall, cpu = (sum(getattr(one, name) for one in found) for name in ("wall_s", "cpu_s"))
    return [*found, bench.Timing(name="floor: all of these", wall_s=wall, cpu_s=cpu, **whole)]


if __name__ == "__main__":
    main()
