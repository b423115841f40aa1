"""What a source's `from` names: URLs to crawl, or files on disk, adopted into the site's store."""

import glob
import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from pipelines.capture.layout import ARCHIVES, File
from pipelines.site import Site
from schemas.errors import SourceError

_SUFFIX_CHARS = 16  # Chosen: of a stored file's name; longer "suffixes" are words of a title


def is_url(entry: str) -> bool:
    """Whether a `from` entry is to be crawled."""
    return entry.startswith(("http://", "https://"))


def named(entries: Iterable[str], base: Path, *, takes_files: bool) -> tuple[dict[str, Path], list[Path]]:
    """The files that `from` entries (file, folder or glob) name, by their path relative to the entry, and those passed over.

    takes_files: whether the source's lanes read uploaded files; else only archives of records count.

    Raises:
        SourceError: an entry names nothing to read, or two entries name different files alike.
    """
    found: dict[str, Path] = {}
    others: list[Path] = []
    for entry in entries:
        files = _below(base / entry)
        mine = {name: path for name, path in files.items() if takes_files or name.lower().endswith(ARCHIVES)}
        if not mine:
            what = "holds nothing to read" if files or (base / entry).is_dir() else "does not exist"
            reads = "files" if takes_files else ", ".join(ARCHIVES)
            raise SourceError(f"source input {base / entry} {what}; its lanes read {reads} or crawl http(s) URLs")
        others += [path for name, path in files.items() if name not in mine]
        for name, path in mine.items():
            if not path.samefile(found.setdefault(name, path)) and not name.lower().endswith(ARCHIVES):
                raise SourceError(f"{path} and {found[name]} are both called {name} in one source; give each a source")
            found[name if path.samefile(found[name]) else str(path)] = path
    return found, others


def _below(path: Path) -> dict[str, Path]:
    """Files by name relative to the folder, sorted; hidden files and folders are none of the user's data."""
    if path.is_dir():
        files = {file.relative_to(path).as_posix(): file for file in sorted(path.rglob("*")) if file.is_file()}
        return {name: file for name, file in files.items() if not any(p.startswith(".") for p in name.split("/"))}
    if path.is_file():
        return {path.name: path}
    fixed = Path(*(part for part in _before_magic(path)))
    matches = sorted(Path(found) for found in glob.glob(str(path), recursive=True))
    return {match.relative_to(fixed).as_posix(): match for match in matches if match.is_file()}


def _before_magic(path: Path) -> list[str]:
    parts = list(path.parts)
    magic = [number for number, part in enumerate(parts) if glob.has_magic(part)]
    return parts[: magic[0] if magic else len(parts) - 1]


def adopt(site: Site, name: str, path: Path, *, is_evidence: bool = False) -> File:
    """The file in the site's store under its content's name: linked where the file system allows, else copied.

    So a moved or renamed input changes nothing, and what an item was cut from stays where the ledger says.

    Raises:
        SourceError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        length = path.stat().st_size
    except OSError as error:
        raise SourceError(f"source input {path} cannot be read: {error.strerror}") from error
    stored = f"captures/{digest}{_suffix(path.name.lower())}"
    if not site.store.exists(stored):
        if site.store.is_local:
            _link(path, site.store.local(stored))
        else:
            site.store.put(stored, path)
    return File(name=name, stored=stored, sha256=digest, length=length, is_evidence=is_evidence)


def _suffix(name: str) -> str:
    """What tells how to read the file: `.warc.gz`, `.tar.gz`, `.jpg`; empty where there is nothing of the kind."""
    known = [suffix for suffix in (*ARCHIVES, ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst") if name.endswith(suffix)]
    suffix = max(known, key=len, default=Path(name).suffix)
    return suffix if len(suffix) <= _SUFFIX_CHARS and suffix.isascii() and suffix[1:].replace(".", "").isalnum() else ""


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    building = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        os.link(source.resolve(), building)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, building)
    os.replace(building, target)
