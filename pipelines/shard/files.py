"""Side files: written whole or not at all, in one form of JSON and of YAML, and listed in SHA256SUMS."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from schemas.digest import Json
from schemas.errors import ShardError

SUMS = "SHA256SUMS"
# Two spaces: the text mode of `sha256sum`, which checks the file with -c.
SUMS_LINE = re.compile(r"([0-9a-f]{64})  ([^\n\\]+)")


def side_json(value: Json) -> bytes:
    """Indented, key-sorted JSON of a side file, with a final newline. Holds strings and integers only."""
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def yaml(value: Json, indent: str = "") -> str:
    """Block YAML of nested objects and lists, in the order given.

    Scalars are written as JSON, which YAML holds; keys as they are, so they must be plain words that YAML reads as text.
    """
    if isinstance(value, dict) and value:
        return "".join(f"{indent}{key}:{_below(entry, indent)}" for key, entry in value.items())
    if isinstance(value, list) and value:
        # An entry's first line carries the dash in place of the last two columns of its indent.
        return "".join(f"{indent}- {_entry(entry, indent)}" for entry in value)
    return f"{indent}{json.dumps(value, ensure_ascii=False)}\n"


def _below(value: Json, indent: str) -> str:
    if isinstance(value, dict | list) and value:
        return "\n" + yaml(value, indent + "  ")
    return f" {yaml(value)}"


def _entry(value: Json, indent: str) -> str:
    return yaml(value, indent + "  ").removeprefix(indent + "  ")


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A stream whose bytes become the file `path` when the block ends well, and leave nothing behind otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        with temporary.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with atomic_file(path) as out:
        out.write(content)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, hex, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def file_md5(path: Path) -> str:
    """The MD5 of a file, hex: only because the wids index asks for it."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def files_below(folder: Path) -> list[str]:
    """The paths of all files (and links) below a folder, relative, sorted; hidden ones too."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def sums_content(digests: Mapping[str, str]) -> bytes:
    """A SHA256SUMS file: `sha256  path` a line, sorted by path."""
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests)).encode()


def read_sums(content: bytes) -> dict[str, str]:
    """Digest by path of a SHA256SUMS file.

    Raises:
        ShardError: a line is none, names a path twice, or one outside its folder.
    """
    digests: dict[str, str] = {}
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ShardError(f"{SUMS} is not UTF-8: {error}") from error
    for number, line in enumerate(lines, 1):
        match = SUMS_LINE.fullmatch(line)
        if match is None or match[2] in digests or match[2].startswith("/") or ".." in match[2].split("/"):
            raise ShardError(f"{SUMS} line {number} is not `sha256  path` with a new path inside the folder")
        digests[match[2]] = match[1]
    return digests
