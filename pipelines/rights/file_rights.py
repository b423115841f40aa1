"""What the metadata of a file says of its use, whatever kind of file it is."""

from pipelines.rights.epub_rights import epub_statements, is_epub
from pipelines.rights.evidence import Statement, about_file
from pipelines.rights.markup import as_utf8
from pipelines.rights.picture import is_picture, picture_statements
from pipelines.split.gutenberg import NOTICE_BYTES, header, told


def file_statements(data: bytes) -> list[Statement]:
    """The statements in the metadata of a picture or an EPUB, by its first bytes, and in the header of a book; none for any other file."""
    if is_picture(data):
        return picture_statements(data)
    return epub_statements(data) if is_epub(data) else _of_book(data)


def _of_book(data: bytes) -> list[Statement]:
    """The author whom the header of Project Gutenberg names."""
    _, author = told(header(as_utf8(data[:NOTICE_BYTES])).decode("utf-8", "replace"))
    return [about_file("header, author", author)] if author and author.strip() else []
