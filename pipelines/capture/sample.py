"""A small copy of a source's local inputs, to learn from: the heads of archives, the first files of an upload."""

import itertools
import os
import shutil
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.capture.archive import capture_archive
from pipelines.capture.cut import cut, is_cut
from pipelines.capture.inflate import BrokenError
from pipelines.capture.inputs import is_local, is_repository, named
from pipelines.capture.layout import ARCHIVES, Layout, Wanted
from schemas.errors import SourceError

MAX_FILE_BYTES = 64 << 20  # Chosen: a file that is no archive is taken whole or not at all
MAX_SAMPLED_BYTES = (
    8 << 20
)  # Chosen: of an archive of files as unpacked, or of loose files; a second or two of decoding
UNREACHED = "not sampled: would need the network"
UNREAD = "not sampled: a git repository"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One `from` entry of a source and what was taken of it. `files`, `bytes`: in all; null for a URL or where there are none.

    `note`: why nothing was taken; null where something was.
    """

    source: str
    entry: str
    files: int | None = None
    bytes: int | None = None
    sampled_bytes: int = 0
    note: str | None = None


def sample_input(
    source: str, entry: str, base: Path, captures: int, folder: Path, *, layout: Layout, wanted: Wanted
) -> tuple[Input, list[Path]]:
    """What the entry holds, and copies in `folder` of about so many captures of it; evenly over its archives.

    A URL, a repository, and an entry that names nothing readable, has a note and no copies.
    """
    if not is_local(entry) and not is_repository(entry):
        return Input(source=source, entry=entry, note=UNREACHED), []
    if is_repository(entry):
        return Input(source=source, entry=entry, note=UNREAD), []
    try:
        # The table of captions may lie beside another entry: `sample_captions` looks for it.
        everything = named([entry], base, replace(layout, captions=""), wanted).files
        found = {name: path for name, path in everything.items() if not layout.is_list(name)}
        if everything and not found:
            return Input(source=source, entry=entry, note=UNREACHED), []
        size = sum(path.stat().st_size for path in found.values())
        made = _copied(found, max(captures, 1), folder, layout)
    except (SourceError, OSError) as error:
        return Input(source=source, entry=entry, note=str(error)), []
    note = None if made else f"not sampled: every file is over {MAX_FILE_BYTES:,} bytes"
    sampled = sum(path.stat().st_size for path in made)
    return Input(source=source, entry=entry, files=len(found), bytes=size, sampled_bytes=sampled, note=note), made


def sample_captions(entries: Sequence[str], base: Path, folder: Path, *, layout: Layout, wanted: Wanted) -> list[Path]:
    """Copies in `folder` of the tables of captions that the recipe names, in what `entries` name or beside."""
    local = [entry for entry in entries if is_local(entry)]
    try:
        found = named(local, base, layout, wanted).files if layout.captions else {}
    except SourceError:
        return []
    return [_taken(path, folder / name) for name, path in found.items() if layout.is_table(name)]


def _copied(found: Mapping[str, Path], captures: int, folder: Path, layout: Layout) -> list[Path]:
    archives = {name: path for name, path in found.items() if name.lower().endswith(ARCHIVES)}
    others = {name: path for name, path in found.items() if name not in archives}
    made = []
    chosen = _evenly(list(archives.items()), captures)
    for number, (_, path) in enumerate(chosen):
        target = folder / f"{number}-{path.name}"
        _copy_head(path, -(-captures // len(chosen)), target)
        made.append(target)
    # In order of their names, so that what belongs together (a picture and its caption) is together; all tables of captions.
    small = [(name, path) for name, path in sorted(others.items()) if path.stat().st_size <= MAX_FILE_BYTES]
    tables = [(name, path) for name, path in small if layout.is_table(name)]
    packed = {name: path for name, path in others.items() if is_cut(path) and not layout.is_table(name)}
    files = _within([pair for pair in small if pair not in tables and pair[0] not in packed][:captures])
    chosen = _evenly(sorted(packed.items()), captures)
    for name, path in chosen:
        if cut_file := _cut(path, -(-captures // len(chosen)), folder / name):
            made.append(cut_file)
    return made + [_taken(path, folder / name) for name, path in sorted([*tables, *files])]


def _within(files: Sequence[tuple[str, Path]]) -> list[tuple[str, Path]]:
    """The first files whose bytes together stay within the most that is sampled; one at least."""
    sums = itertools.accumulate((path.stat().st_size for _, path in files), initial=0)
    return [pair for pair, before in zip(files, sums, strict=False) if before < MAX_SAMPLED_BYTES]


def _cut(path: Path, members: int, target: Path) -> Path | None:
    """The head of an archive of files; one that cannot be read is taken as it is, null where it is too large for that."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        cut(path, members, target, most_bytes=MAX_SAMPLED_BYTES)
    except (OSError, ValueError, EOFError, zlib.error, BrokenError):
        target.unlink(missing_ok=True)
        return _taken(path, target) if path.stat().st_size <= MAX_FILE_BYTES else None
    return target


def _taken(path: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path.resolve(), target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(path, target)
    return target


def _evenly(files: Sequence[tuple[str, Path]], n: int) -> list[tuple[str, Path]]:
    return [files[i * len(files) // n] for i in range(n)] if len(files) > n else list(files)


def _copy_head(path: Path, captures: int, target: Path) -> None:
    """The archive up to the end of so many captures. Raises SourceError where it cannot be read."""
    first = next(capture_archive(path, source="sample", stored_uri="", rows_per_batch=captures)).captures
    places = first.column("payload").to_pylist()
    is_whole = len(first) < captures
    end = path.stat().st_size if is_whole else max(place["offset"] + place["length"] for place in places)
    with path.open("rb") as source, target.open("wb") as out:
        left = end
        while piece := source.read(min(left, 1 << 20)):
            out.write(piece)
            left -= len(piece)
