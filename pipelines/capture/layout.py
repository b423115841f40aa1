"""What a source is read from: files in the store, how each of them is read, and which words belong to which file."""

import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from pipelines.capture.cues import language_of
from pipelines.capture.file_type import is_media_name
from schemas.digest import Json

ARCHIVES = (".warc", ".warc.gz", ".wet.gz", ".wat.gz", ".arc", ".arc.gz")  # of web records, each with a URI of its own
MEMBERS = (
    ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".zip", ".whl",
)  # fmt: skip
_ROWS = (".jsonl", ".csv", ".tsv")
TABLES = (*_ROWS, *(f"{suffix}{coding}" for suffix in _ROWS for coding in (".gz", ".zst")), ".parquet")
SIDECARS = (".txt", ".json")  # of the same name as a picture or recording
TIMED = (".vtt", ".srt", ".lrc")  # likewise; a language may stand before the suffix: talk.en.vtt
DESCRIBES = "metadata"  # the table of this name describes the other files where the recipe names none

# (uri, capture_id, payload, its sha256) -> rows of schemas.rights.LICENCE: what a file says of its or its folder's licence.
Evidence: TypeAlias = Callable[[str, bytes, bytes, bytes], list[dict[str, Any]]]


class Form(StrEnum):
    """How a file is read."""

    RECORDS = "web archive"  # each record names itself
    MEMBERS = "archive"  # a tar or zip: a capture a member
    ROWS = "table of items"  # a capture a row
    TABLE = "table about files"
    SIDECAR = "words beside a file"  # of the same name
    FILE = "file"  # one capture
    BLOCKED = "blocked file"  # on a block list: its bytes are not in the store
    TAKEN_DOWN = "file taken down"  # a request covers it: its bytes are not in the store

    @property
    def stands_alone(self) -> bool:
        """Whether it holds captures of its own, so that it is a unit of work."""
        return self in (Form.RECORDS, Form.MEMBERS, Form.ROWS)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file in the store. `stored`: its content-named path there; `sha256`: of its bytes, hex.

    `name`: its path relative to what the source's `from` names, with "/" on every system.
    """

    name: str
    stored: str
    sha256: str
    length: int
    form: Form

    @property
    def identity(self) -> Json:
        """What rows captured from it depend on. Web records name themselves: the archive's own name is in no row."""
        name = self.name.encode("utf-8", "surrogateescape").hex()  # a name need not be UTF-8
        return [self.sha256] if self.form == Form.RECORDS else [self.sha256, name, self.form.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the tables of an upload are read; keys of `[[source]]` in the recipe.

    `captions`: file name of the table that describes the other files; empty: metadata.csv, .jsonl or .parquet where there is
    one. `file_column`, `text_column`: its columns for the file's path, relative to the table's folder, and for its words;
    `text_column` is also where a table of texts keeps them. The other columns are used where present.
    `url_column`: makes the tables of a source lists of URLs to fetch; `caption_column` (empty: `text_column`) holds the words of
    a row then, `sha256_column` what its bytes must have (empty: nothing is asked of them), and `keep_columns` go into its row of results.
    """

    captions: str = ""
    file_column: str = "file_name"
    text_column: str = "text"
    language_column: str = "language"
    licence_column: str = "licence"
    title_column: str = "title"
    id_column: str = "id"
    url_column: str = ""
    caption_column: str = ""
    sha256_column: str = ""
    keep_columns: tuple[str, ...] = ()

    def is_list(self, name: str) -> bool:
        """Whether the file of this name is a list of URLs."""
        return bool(self.url_column) and name.lower().endswith(TABLES)

    def is_table(self, name: str) -> bool:
        """Whether the file of this name describes others."""
        if self.captions:
            return f"/{name}".endswith(f"/{self.captions}")
        return posixpath.basename(name) in [f"{DESCRIBES}{suffix}" for suffix in TABLES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the lanes of a source ask of its files.

    `files`: any file, or else archives of records and tables that `from` names itself. `words`: captions and transcripts
    beside files. `texts`: rows of tables. `evidence`: what finds licences in files, by the name of the lane that asks.
    """

    files: bool
    words: bool
    texts: bool
    evidence: Mapping[str, Evidence]

    @property
    def identity(self) -> Json:
        """What rows captured from an upload depend on."""
        return [self.files, self.words, self.texts, *sorted(self.evidence)]


def forms(names: Iterable[str], layout: Layout, wanted: Wanted) -> dict[str, Form]:
    """How the files of these names are read; they all belong to one source."""
    names = list(names)
    stems = media_stems(names) if wanted.words else frozenset()
    return {name: _form(name, layout, wanted, stems) for name in names}


def _form(name: str, layout: Layout, wanted: Wanted, stems: frozenset[str]) -> Form:
    low = name.lower()
    if low.endswith(ARCHIVES):
        return Form.RECORDS
    if low.endswith(MEMBERS):
        return Form.MEMBERS
    if wanted.words and low.endswith(TABLES) and layout.is_table(name):
        return Form.TABLE
    if low.endswith(TABLES) and (wanted.texts or low.endswith(".parquet")):
        return Form.ROWS
    return Form.SIDECAR if is_sidecar(name, stems) else Form.FILE


def media_stems(names: Iterable[str]) -> frozenset[str]:
    """The names of pictures and recordings without their suffix: words of the same name are about them."""
    return frozenset(posixpath.splitext(name)[0] for name in names if is_media_name(name))


def is_sidecar(name: str, stems: frozenset[str]) -> bool:
    """Whether the file holds words about the one of the same name."""
    stem, suffix = posixpath.splitext(name)
    if suffix.lower() in TIMED:
        return stem in stems or language_of(name)[0] in stems
    return suffix.lower() in SIDECARS and stem in stems
