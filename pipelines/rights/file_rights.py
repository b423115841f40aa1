"""What the metadata of a file says of its use, whatever kind of file it is."""

from pipelines.rights.epub_rights import epub_statements, is_epub
from pipelines.rights.evidence import Statement
from pipelines.rights.picture import is_picture, picture_statements


def file_statements(data: bytes) -> list[Statement]:
    """The statements in the metadata of a picture or an EPUB, by its first bytes; none for any other file."""
    if is_picture(data):
        return picture_statements(data)
    return epub_statements(data) if is_epub(data) else []
