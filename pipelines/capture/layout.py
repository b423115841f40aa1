"""What a source is read from: files in the store, and how an upload says which words belong to which file."""

from dataclasses import dataclass

from schemas.digest import Json

ARCHIVES = (".warc", ".warc.gz", ".wet.gz", ".wat.gz", ".arc", ".arc.gz")  # of records, each with a URI of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file in the store. `stored`: its content-named path there; `sha256`: of its bytes, hex.

    `name`: its path relative to what the source's `from` names, with "/" on every system. `is_evidence`: it describes other
    files (a caption beside its picture) and is no item.
    """

    name: str
    stored: str
    sha256: str
    length: int
    is_evidence: bool = False

    @property
    def is_archive(self) -> bool:
        """Whether it is an archive of records, which name themselves: its own name is in no row."""
        return self.stored.endswith(ARCHIVES)

    @property
    def identity(self) -> Json:
        """What rows captured from it depend on."""
        return [self.sha256] if self.is_archive else [self.sha256, self.name, self.is_evidence]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the tables of an upload are read; keys of `[[source]]` in the recipe.

    `captions`: file name of the table that describes the other files; empty: metadata.csv, .jsonl or .parquet where there is
    one. `file_column`, `text_column`: its columns for the file's path, relative to the table's folder, and for its words;
    `text_column` is also where a table of texts keeps them. `language_column`, `licence_column`: optional, used where present.
    """

    captions: str = ""
    file_column: str = "file_name"
    text_column: str = "text"
    language_column: str = "language"
    licence_column: str = "licence"
