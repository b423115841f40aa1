"""The media type of source code, by the name of its file."""

import posixpath

_SUFFIXES = {
    ".c": "text/x-c", ".h": "text/x-c", ".cpp": "text/x-c++", ".hpp": "text/x-c++", ".go": "text/x-go",
    ".java": "text/x-java", ".js": "text/javascript", ".lua": "text/x-lua", ".py": "text/x-python", ".rs": "text/x-rust",
    ".sh": "text/x-shellscript", ".ts": "text/x-typescript",
}  # fmt: skip


def media_type(name: str, head: bytes) -> str | None:
    """The media type of a file of source code; null where its name shows none."""
    return _SUFFIXES.get(posixpath.splitext(name)[1].lower())
