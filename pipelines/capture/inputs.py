"""What a source's `from` names: archives on disk, adopted into the site's store, or URLs to crawl."""

import glob
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from pipelines.site import Site
from schemas.errors import SourceError

ARCHIVES = (".warc", ".warc.gz", ".wet.gz", ".wat.gz", ".arc", ".arc.gz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """An archive in the store. `stored`: its content-named path there; `sha256`: hex; `name`: as the user had it."""

    stored: str
    sha256: str
    name: str


def is_url(entry: str) -> bool:
    """Whether a `from` entry is to be crawled."""
    return entry.startswith(("http://", "https://"))


def archives(entry: str, base: Path) -> tuple[list[Path], list[Path]]:
    """The archives that one `from` entry names (file, folder or glob), sorted, and the files of a folder that are none.

    Raises:
        SourceError: it names nothing, or a file that is no archive.
    """
    path = base / entry
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
    elif path.is_file():
        files = [path]
    else:
        files = sorted(Path(found) for found in glob.glob(str(path), recursive=True) if Path(found).is_file())
    found = [file for file in files if file.name.lower().endswith(ARCHIVES)]
    if not found:
        what = "holds no archive" if files or path.is_dir() else "does not exist"
        raise SourceError(
            f"source input {path} {what}; a web source reads {', '.join(ARCHIVES)} or crawls http(s) URLs"
        )
    return found, [file for file in files if file not in found]


def adopt(site: Site, path: Path) -> Archive:
    """The archive in the site's store under its content's name: linked where the file system allows, else copied.

    So a moved or renamed input changes nothing, and what an item was cut from stays where the ledger says.

    Raises:
        SourceError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"source input {path} cannot be read: {error.strerror}") from error
    suffix = next(s for s in sorted(ARCHIVES, key=len, reverse=True) if path.name.lower().endswith(s))
    stored = f"captures/{digest}{suffix}"
    if not site.store.exists(stored):
        if site.store.is_local:
            _link(path, site.store.local(stored))
        else:
            site.store.put(stored, path)
    return Archive(stored=stored, sha256=digest, name=path.name)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    building = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        os.link(source.resolve(), building)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, building)
    os.replace(building, target)
