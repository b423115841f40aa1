"""The media type that bytes show, by their first bytes: for undeclared types, and for pictures served as text/html."""

# Source: WHATWG MIME Sniffing, section 6; the formats' own specifications for FLAC, XML and ZIP.
_MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
)
_EPUB = b"mimetypeapplication/epub+zip"  # Source: EPUB 3.3, 4.2.6.1: the first file of the zip, stored as it is
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_HTML = (
    b"<!doctype html", b"<html", b"<head", b"<script", b"<iframe", b"<h1", b"<div", b"<font", b"<table", b"<a", b"<style",
    b"<title", b"<body", b"<br", b"<p", b"<!--", b"<meta", b"<link",
)  # fmt: skip
_TAG_ENDS = (b" ", b">", b"\n", b"\r", b"\t", b"")
_SNIFFED = 1024  # bytes looked at for text; Chosen: enough that no coded stream passes for text
_UNPRINTABLE = bytes(set(range(0x20)) - set(b"\t\n\r\x0c\x1b"))  # Source: MIME Sniffing, "binary data byte"
_MPEG = (0xFB, 0xFA, 0xF3, 0xF2)  # second byte of an MPEG layer 3 frame, with and without checksum


def sniff(body: bytes) -> str | None:
    """The media type, or null where the bytes show none. `sniff(b"")` is null, `sniff(b"hello")` is text/plain."""
    if body.startswith(_EPUB, 30) and body.startswith(b"PK\x03\x04"):
        return "application/epub+zip"
    for magic, media_type in _MAGIC:
        if body.startswith(magic):
            return media_type
    if body.startswith(b"RIFF") and body[8:12] in _RIFF:
        return _RIFF[body[8:12]]
    if body[:1] == b"\xff" and len(body) > 1 and body[1] in _MPEG:
        return "audio/mpeg"
    return text_type(body)


def text_type(body: bytes) -> str | None:
    """HTML, XML or plain text, or null where the first bytes are no text."""
    head = body[:_SNIFFED]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text/plain"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\t\n\x0c\r ").lower()
    if not start or len(head.translate(None, _UNPRINTABLE)) < len(head):
        return None
    if start.startswith(b"<?xml"):
        return "application/xhtml+xml" if b"<html" in start else "application/xml"
    for mark in _HTML:
        # A tag name ends here: `<p>` is HTML, `<pre-history` is not.
        if start.startswith(mark) and (mark == b"<!--" or start[len(mark) : len(mark) + 1] in _TAG_ENDS):
            return "text/html"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # Another charset: without one control character in 64 bytes it is text all the same; or a character cut in two.
        if len(head) < 64 and error.start < len(head) - 3:
            return None
    return "text/plain"
