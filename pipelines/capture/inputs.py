"""What a source's `from` names: URLs to crawl, repositories, or files on disk, adopted into the site's store."""

import filecmp
import glob
import hashlib
import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.capture.block import Guard
from pipelines.capture.common_crawl import is_common_crawl
from pipelines.capture.layout import ARCHIVES, MEMBERS, TABLES, File, Form, Layout, Wanted, forms
from pipelines.capture.stored import adopted
from pipelines.capture.subject import upload_uri
from pipelines.capture.warc import PAYLOAD_CAP
from pipelines.site import Site
from schemas.errors import SourceError
from schemas.reasons import Reason

_SUFFIX_CHARS = 16  # Chosen: of a stored file's name; longer "suffixes" are words of a title


def is_url(entry: str) -> bool:
    """Whether a `from` entry is to be crawled."""
    return entry.startswith(("http://", "https://"))


def is_repository(entry: str) -> bool:
    """Whether a `from` entry is a git repository at a commit."""
    return entry.startswith("git+")


def is_local(entry: str) -> bool:
    """Whether a `from` entry names files of this machine."""
    return not (is_url(entry) or is_repository(entry) or is_common_crawl(entry) or entry.startswith("feed+"))


def printable(name: str | Path) -> str:
    """The name of a file for people and tables; a name need not be UTF-8."""
    return str(name).encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The files that `from` names, by their path relative to it; how each is read; and what was passed over, with why."""

    files: Mapping[str, Path]
    forms: Mapping[str, Form]
    ignored: tuple[str, ...]


def named(entries: Sequence[str], base: Path, layout: Layout, wanted: Wanted) -> Named:
    """The files that `from` entries (file, folder or glob; no URLs) name, and the table of captions that lies beside them.

    Lanes that read no files get archives of web records, and tables that an entry names itself.

    Raises:
        SourceError: an entry names nothing to read, two entries name different files alike, or the table is missing.
    """
    if layout.captions and not layout.captions.lower().endswith(TABLES):
        raise SourceError(f"captions = {layout.captions!r} is no table that is read: {', '.join(TABLES)}")
    found: dict[str, Path] = {}
    ignored: list[str] = []
    for entry in entries:
        files, passed = _below(base / entry)
        is_folder = (base / entry).is_dir()
        read = ARCHIVES if is_folder else (*ARCHIVES, *TABLES)
        mine = {name: path for name, path in files.items() if wanted.files or name.lower().endswith(read)}
        if not mine:
            what = "holds nothing to read" if files or is_folder else "does not exist"
            reads = "files" if wanted.files else f"{', '.join(ARCHIVES)} and tables that `from` names"
            raise SourceError(f"source input {base / entry} {what}; its lanes read {reads}, or crawl http(s) URLs")
        ignored += passed + [f"{path} (no archive of web records)" for name, path in files.items() if name not in mine]
        _add(found, mine)
    if layout.captions and not any(map(layout.is_table, found)):
        _add(found, _captions_beside(entries, base, layout, found))
    return Named(files=found, forms=forms(found, layout, wanted), ignored=tuple(map(printable, ignored)))


def _add(found: dict[str, Path], files: Mapping[str, Path]) -> None:
    """Add files; archives of web records may have one name, and files of one name that hold the same count once."""
    for name, path in files.items():
        other = found.setdefault(name, path)
        if path.samefile(other):
            continue
        if name.lower().endswith(ARCHIVES):
            found[str(path)] = path
        elif not filecmp.cmp(path, other, shallow=False):
            raise SourceError(f"{path} and {other} are both called {name} in one source; give each a source")


def _captions_beside(entries: Sequence[str], base: Path, layout: Layout, found: Mapping[str, Path]) -> dict[str, Path]:
    """The table of captions outside of what `from` names: relative to the recipe, or beside an entry."""
    places = [base / layout.captions, *((base / entry).parent / layout.captions for entry in entries)]
    table = next((place for place in places if place.is_file()), None)
    if table is not None:
        return {posixpath.basename(layout.captions): table}
    if any(name.lower().endswith(MEMBERS) for name in found):
        return {}  # it may lie in an archive
    raise SourceError(f"no table {layout.captions} in {', '.join(entries)} or beside: see `captions` in the recipe")


def _below(path: Path) -> tuple[dict[str, Path], list[str]]:
    """Files by name relative to the folder, sorted by name, and what was passed over."""
    if path.is_dir():
        return _in_folder(path)
    if path.is_file():
        return {path.name: path}, []
    fixed = Path(*_before_magic(path))
    matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))
    return {match.relative_to(fixed).as_posix(): match for match in matches if match.is_file()}, []


def _in_folder(root: Path) -> tuple[dict[str, Path], list[str]]:
    """Hidden files are none of the user's data (.DS_Store, .git); links are not followed out of the folder."""
    files: dict[str, Path] = {}
    ignored: list[str] = []
    hidden = 0
    for path in _walk(root):
        if path.name.startswith("."):
            hidden += 1
        elif path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
            ignored.append(f"{path} (a link out of the folder)")
        elif path.is_file():
            files[path.relative_to(root).as_posix()] = path
        else:
            ignored.append(f"{path} (a link to a folder)" if path.is_dir() else f"{path} (no plain file)")
    if hidden:
        ignored.append(f"{hidden} hidden files or folders in {root}")
    return dict(sorted(files.items())), ignored


def _walk(root: Path) -> Iterator[Path]:
    """Everything below a folder but the folders that it goes into: hidden ones and links are given, not entered."""

    def fail(error: OSError) -> None:
        raise SourceError(f"source input {error.filename} cannot be read: {error.strerror}") from error

    for folder, inner, names in os.walk(root, onerror=fail):
        closed = [name for name in inner if name.startswith(".") or (Path(folder) / name).is_symlink()]
        inner[:] = sorted(set(inner).difference(closed))
        yield from (Path(folder) / name for name in sorted([*closed, *names]))


def _before_magic(path: Path) -> list[str]:
    parts = list(path.parts)
    magic = [number for number, part in enumerate(parts) if glob.has_magic(part)]
    return parts[: magic[0] if magic else len(parts) - 1]


def adopt(site: Site, name: str, path: Path, form: Form, guard: Guard | None = None, source: str = "") -> File:
    """The file in the site's store under its content's name: linked where the file system allows, else copied.

    So a moved or renamed input changes nothing, and what an item was cut from stays where the ledger says. A file that the
    `guard` knows is not taken; an archive is then only linked, never copied, for its members are looked at later.

    Raises:
        SourceError: the file cannot be read, or an archive that may hold blocked bytes would have to be copied.
    """
    if (
        guard is not None
        and not guard.is_empty
        and not form.stands_alone
        and (found := _blocked(path, name, source, guard))
    ):
        return found
    must_link = guard is not None and guard.has_lists and form.stands_alone
    stored, digest, length = adopted(site.store, path, _suffix(path.name.lower()), must_link=must_link)
    return File(name=name, stored=stored, sha256=digest, length=length, form=form)


def _blocked(path: Path, name: str, source: str, guard: Guard) -> File | None:
    """A file that may not be kept, as one without bytes in the store; null for one that may."""
    uri = upload_uri(source, name)
    try:
        length = path.stat().st_size
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        case = guard.knows(digest, uri) or (guard.match(path.read_bytes(), uri) if length <= PAYLOAD_CAP else None)
    except OSError as error:
        raise SourceError(f"source input {path} cannot be read: {error.strerror}") from error
    if case is None:
        return None
    form = Form.TAKEN_DOWN if case.reason is Reason.TAKEN_DOWN else Form.BLOCKED
    return File(name=name, stored="", sha256=digest.hex(), length=length, form=form)


def _suffix(name: str) -> str:
    """What tells how to read the file: `.warc.gz`, `.tar.gz`, `.jpg`; empty where there is nothing of the kind."""
    known = [suffix for suffix in (*ARCHIVES, *MEMBERS, *TABLES) if name.endswith(suffix)]
    suffix = max(known, key=len, default=Path(name).suffix)
    return suffix if len(suffix) <= _SUFFIX_CHARS and suffix.isascii() and suffix[1:].replace(".", "").isalnum() else ""
