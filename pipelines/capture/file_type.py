"""The media type of an uploaded file: what its bytes show, its name where bytes show nothing (texts), else unknown."""

import posixpath

from pipelines.capture import code_type
from pipelines.capture.sniff import sniff, text_type

UNKNOWN = "application/octet-stream"
HEAD_BYTES = 4096  # Chosen: a tar shows itself at byte 257, a text by its first 1,024 bytes
_ZIP = "application/zip"

_PROSE = {
    ".txt": "text/plain", ".text": "text/plain", ".md": "text/markdown", ".markdown": "text/markdown",
    ".adoc": "text/asciidoc", ".asciidoc": "text/asciidoc", ".htm": "text/html", ".html": "text/html",
    ".xhtml": "application/xhtml+xml", ".csv": "text/csv", ".tsv": "text/tab-separated-values",
    ".jsonl": "application/jsonl", ".vtt": "text/vtt", ".srt": "application/x-subrip", ".lrc": "application/x-lrc",
}  # fmt: skip
# Texts of which some are source code: `code_type` is asked first.
_MARKUP = {
    ".json": "application/json", ".yaml": "application/yaml", ".yml": "application/yaml", ".toml": "application/toml",
    ".xml": "application/xml", ".rdf": "application/rdf+xml", ".svg": "image/svg+xml", ".rst": "text/x-rst",
    ".tex": "text/x-tex",
}  # fmt: skip
_MEDIA = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif", ".webp": "image/webp",
    ".bmp": "image/bmp", ".tif": "image/tiff", ".tiff": "image/tiff", ".avif": "image/avif", ".heic": "image/heic",
    ".jxl": "image/jxl", ".wav": "audio/wav", ".flac": "audio/flac", ".mp3": "audio/mpeg", ".ogg": "audio/ogg",
    ".oga": "audio/ogg", ".opus": "audio/ogg", ".m4a": "audio/mp4", ".aac": "audio/aac", ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
}  # fmt: skip
_BINARY = _MEDIA | {
    ".pdf": "application/pdf", ".epub": "application/epub+zip", ".zip": _ZIP, ".whl": _ZIP, ".jar": _ZIP,
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".odt": "application/vnd.oasis.opendocument.text", ".gz": "application/gzip", ".tgz": "application/gzip",
    ".bz2": "application/x-bzip2", ".xz": "application/x-xz", ".zst": "application/zstd", ".tar": "application/x-tar",
    ".parquet": "application/vnd.apache.parquet", ".mp4": "video/mp4", ".webm": "video/webm",
}  # fmt: skip
_ZIPS = (".epub", ".docx", ".odt")  # formats that are a zip
_SHOWN = (  # what pipelines.capture.sniff leaves out, because the web has none of it; Source: the formats' specifications
    (0, b"II*\x00", "image/tiff"), (0, b"MM\x00*", "image/tiff"), (0, b"\xff\x0a", "image/jxl"),
    (0, b"\x00\x00\x00\x0cJXL ", "image/jxl"), (4, b"ftypavif", "image/avif"), (4, b"ftyphei", "image/heic"),
    (4, b"ftypM4A", "audio/mp4"), (8, b"AIFF", "audio/aiff"), (8, b"AIFC", "audio/aiff"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"), (0, b"\xfd7zXZ\x00", "application/x-xz"),
    (0, b"BZh", "application/x-bzip2"), (0, b"PAR1", "application/vnd.apache.parquet"),
    (257, b"ustar", "application/x-tar"),
    (0, b"\x00\x05\x16\x07", "multipart/appledouble"),  # "._x.jpg" of a zip made on a Mac: no picture
)  # fmt: skip


def media_type(name: str, head: bytes) -> str:
    """The media type; `head` is the first HEAD_BYTES. Never null: bytes that show nothing are application/octet-stream.

    Texts go by suffix (`a.md` is text/markdown also where it starts with a tag), pictures and sound by their bytes:
    a page called `a.jpg` is text/html, and `a.jpg` that shows nothing is image/jpeg for the lane to refuse.
    """
    suffix = posixpath.splitext(name)[1].lower()
    if text_type(head) is not None and suffix not in _BINARY:
        code = code_type.media_type(name, head)
        if code is not None and code.startswith("text/x-"):
            return code  # CMakeLists.txt
        return _PROSE.get(suffix) or code or _MARKUP.get(suffix) or sniff(head) or UNKNOWN
    shown = _shown(head)
    if shown in (_ZIP, _BINARY[".epub"]) and suffix in _ZIPS:
        return _BINARY[suffix]
    return shown or _BINARY.get(suffix) or UNKNOWN


def is_media_name(name: str) -> bool:
    """Whether a file of this name is a picture or a recording."""
    return posixpath.splitext(name)[1].lower() in _MEDIA


def _shown(head: bytes) -> str | None:
    return next((kind for at, magic, kind in _SHOWN if head.startswith(magic, at)), None) or sniff(head)
