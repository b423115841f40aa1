"""Sets that texts are held against: files of evaluation problems, folders of works.

A set is a JSONL file (also `.jsonl.gz`), a text file, or a folder of them; in a folder each JSONL file is a set of its own, and the
other files together are one. An entry of a JSONL file has an id (`id`, `task_id`, else the number of its line, from 1) and at least one
of `text`, `question`, `prompt`, `content`; its solutions (`answer`, `solution`, `canonical_solution`) are looked for too.
"""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipelines.dedup.json_lines import json_lines, json_object
from schemas.digest import sha256
from schemas.errors import InputError

IDS = ("id", "task_id")
ASKS = ("text", "question", "prompt", "content")  # short ones are looked for whole
ANSWERS = ("answer", "solution", "canonical_solution")  # a short one says nothing: "42"
_JSONL = (".jsonl", ".jsonl.gz")
MOST_BYTES = 4 << 30  # of one file, unpacked; Chosen: more is no evaluation set, and would not fit beside the corpus


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a set. `asks`, `answers`: its texts, see ASKS and ANSWERS."""

    set: str
    item: str | int
    asks: tuple[str, ...]
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFile:
    """One file of a set, by the set's name; `item`: of a text file, its path in the folder, else null."""

    set: str
    item: str | None
    path: Path


def set_files(names: Sequence[str], base: Path = Path()) -> tuple[SetFile, ...]:
    """The files that these paths name, in order; relative paths start from `base`. A set is called by the last part of its path.

    Raises:
        InputError: a path is not there, or a folder holds no file; or two sets would have one name.
    """
    found: list[SetFile] = []
    homes: dict[str, Path] = {}
    for name in names:
        path = base / name
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.is_file() and not one.name.startswith("."))
            if not inside:
                raise InputError(f"set {name} holds no file: give a folder of JSONL or text files")
        elif path.is_file():
            inside = [path]
        else:
            raise InputError(f"set {name} is not there: {path.absolute()} is neither a file nor a folder")
        for one in inside:
            is_lines = one.name.endswith(_JSONL)
            home = one if is_lines else path
            called = (home.resolve() if home.name in ("", "..") else home).name
            if homes.setdefault(called, home) != home:
                raise InputError(
                    f"two sets are called {called}: {homes[called]} and {home}; rename one, so that hits tell them apart"
                )
            item = None if is_lines else (one.relative_to(path).as_posix() if one != path else one.name)
            found.append(SetFile(set=called, item=item, path=one))
    return tuple(found)


def set_digest(file: SetFile) -> str:
    """The sha256, hex, of a file of a set. Raises InputError where it cannot be read."""
    return sha256(_bytes(file.path)).hex()


def entries(files: Sequence[SetFile]) -> tuple[Entry, ...]:
    """The entries of these files, in order.

    Raises:
        InputError: a file cannot be read, unpacked or decoded, or holds no entry; or lines are no JSON objects with a text: the first five
            are named by number.
    """
    found: list[Entry] = []
    for file in files:
        data = _unpacked(file.path)
        if file.item is None:
            rows = list(_of_lines(file, data))
            if not rows:
                raise InputError(f"set {file.path} holds no entry")
            found += rows
        else:
            try:
                text = data.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise InputError(
                    f"set {file.path} is no UTF-8 text (byte {error.start}): save it as UTF-8, or take it out"
                ) from None
            found.append(Entry(set=file.set, item=file.item, asks=(text,)))
    return tuple(found)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"set {path} cannot be read: {error.strerror or error}") from error


def _unpacked(path: Path) -> bytes:
    if path.suffix != ".gz":
        return _bytes(path)
    try:
        with gzip.open(path) as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"set {path} cannot be unpacked: {error}") from error
    if len(data) > MOST_BYTES:
        raise InputError(f"set {path} is over {MOST_BYTES} bytes unpacked: split it")
    return data


def _of_lines(file: SetFile, data: bytes) -> Iterator[Entry]:
    cure = f"Every line must be a JSON object with one of {', '.join(ASKS)}, and may have an id"
    return json_lines(data, partial(_entry, file.set), where=f"set {file.path}", cure=cure)


def _entry(name: str, number: int, line: bytes) -> Entry:
    row = json_object(line)
    asks = tuple(row[key] for key in ASKS if isinstance(row.get(key), str) and row[key].strip())
    if not asks:
        raise ValueError(f"has no text in any of {', '.join(ASKS)}")
    item = next(
        (row[key] for key in IDS if isinstance(row.get(key), str | int) and not isinstance(row[key], bool)), number
    )
    answers = tuple(row[key] for key in ANSWERS if isinstance(row.get(key), str) and row[key].strip())
    return Entry(set=name, item=item, asks=asks, answers=answers)
