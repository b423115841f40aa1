"""The token store: every item of a release as ids of one vocabulary, and an index of where they lie.

<folder>/tokens.u16     uint16 little endian, item after item
<folder>/index.parquet  TOKEN_INDEX, one row an item
<folder>/manifest.json  release, vocabulary, digests; written last: without it the store is not there
"""

import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.shard.files import file_sha256
from schemas.errors import TrainingError, VocabularyMismatch
from schemas.training import TOKEN_INDEX
from training.encoders import Encoders
from training.files import write_json
from training.shards import SPLITS, Item, Release

MANIFEST = "manifest.json"
# Source: DESIGN.md, law 3: more than 1 % of the items, and at least 20, fail the run.
MAX_PROBLEMS, FEWEST_PROBLEMS = 0.01, 20
Encoded = tuple[str, list[int], list[int], bool]  # modality, text ids, given ids, whether given is whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A store in use. `ids`: uint16, mapped from the file. `release_root`, `vocabulary`: digests."""

    ids: np.ndarray
    index: pa.Table
    release_root: bytes
    vocabulary: bytes

    @property
    def problems(self) -> list[str]:
        """What is wrong with items that give no document, one sentence each."""
        rows = self.index.filter(pc.is_valid(self.index.column("problem"))).to_pylist()
        return [f"item {row['item_id'].hex()} of lane {row['lane']}: {row['problem']}" for row in rows]


def encode_release(release: Release, encoders: Encoders, folder: Path, tell: Callable[[int], None]) -> None:
    """Write the token store of all splits of a release. `tell` is told the number of items done.

    Raises:
        TrainingError: more items than 1 % (and 20) cannot be decoded.
        ShardError: a byte of the release was changed.
    """
    items = (item for split in SPLITS for item in release.items(split))
    write(folder, items, lambda item: encode(item, encoders), release.root, encoders.vocabulary.digest, tell)


def encode(item: Item, encoders: Encoders) -> Encoded:
    """An item as ids. Raises ValueError, with what is wrong, where it cannot be used."""
    text = encoders.text_ids(item.text)
    if not text:
        raise ValueError("its text is empty")
    if item.modality == "image":
        return "image", text, encoders.image_ids(item.payload), True
    if item.modality == "audio":
        given, is_whole = encoders.sound_ids(item.payload)
        return "audio", text, given, is_whole
    return "text", text, [], True


def write(
    folder: Path,
    items: Iterable[Item],
    encoded: Callable[[Item], Encoded],
    release_root: bytes,
    vocabulary: bytes,
    tell: Callable[[int], None],
) -> None:
    """Write a token store of items, each encoded by `encoded`. Raises TrainingError where too many cannot be."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    with (folder / "tokens.u16").open("wb") as out:
        rows = list(_rows(items, encoded, out, tell))
    index = pa.Table.from_pylist(rows, TOKEN_INDEX)
    problems = index.filter(pc.is_valid(index.column("problem"))).to_pylist()
    if len(problems) >= max(FEWEST_PROBLEMS, MAX_PROBLEMS * len(rows)):
        named = "; ".join(f"{row['item_id'].hex()[:12]} {row['problem']}" for row in problems[:5])
        raise TrainingError(f"{len(problems)} of {len(rows)} items cannot be used; the first: {named}")
    pq.write_table(index, folder / "index.parquet", compression="zstd")
    manifest = {
        "release_root": release_root.hex(),
        "vocabulary": vocabulary.hex(),
        "items": len(rows),
        "problems": len(problems),
        "files": {name: file_sha256(folder / name) for name in ("index.parquet", "tokens.u16")},
    }
    write_json(folder / MANIFEST, manifest)


def _rows(
    items: Iterable[Item], encoded: Callable[[Item], Encoded], out: io.BufferedWriter, tell: Callable[[int], None]
) -> Iterator[dict[str, object]]:
    at = 0
    for done, item in enumerate(items, 1):
        problem, modality, text, given, is_whole = None, item.modality, list[int](), list[int](), True
        try:
            modality, text, given, is_whole = encoded(item)
        except ValueError as error:
            problem = str(error)
        out.write(np.array(text + given, "<u2").tobytes())
        facts = {
            name: getattr(item, name) for name in ("item_id", "lane", "split", "source", "license", "content_sha256")
        }
        yield facts | {
            "modality": modality,
            "text_start": at,
            "text_length": len(text),
            "given_start": at + len(text),
            "given_length": len(given),
            "is_whole": is_whole,
            "problem": problem,
        }  # fmt: skip
        at += len(text) + len(given)
        tell(done)


def load(folder: Path, *, release_root: bytes | None = None, vocabulary: bytes | None = None) -> Tokens:
    """The token store in a folder.

    Raises:
        TrainingError: there is none, a file was changed, or it is of another release than `release_root`.
        VocabularyMismatch: it is of another vocabulary than `vocabulary`.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        root, digest = bytes.fromhex(manifest["release_root"]), bytes.fromhex(manifest["vocabulary"])
        files = dict(manifest["files"])
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{folder} holds no token store: {type(error).__name__} {error}") from error
    for name, expected in files.items():
        if not (folder / name).is_file() or file_sha256(folder / name) != expected:
            raise TrainingError(f"{folder / name} is missing or was changed; delete the folder and it is made again")
    if vocabulary not in (None, digest):
        raise VocabularyMismatch(
            f"{folder} holds tokens of vocabulary {digest.hex()[:12]}, the model is of {(vocabulary or b'').hex()[:12]}; "
            "tokenise the release with the model's own encoders"
        )
    if release_root not in (None, root):
        raise TrainingError(f"{folder} holds tokens of another release, {root.hex()[:12]}; give another --tokens")
    size = (folder / "tokens.u16").stat().st_size
    ids = np.memmap(folder / "tokens.u16", "<u2", "r") if size else np.zeros(0, "<u2")
    index = pq.ParquetFile(folder / "index.parquet").read()
    return Tokens(ids=ids, index=index, release_root=root, vocabulary=digest)
