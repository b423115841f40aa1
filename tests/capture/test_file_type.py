"""Media types of uploads: pictures and sound by their bytes, texts by their name, and nothing is left without one."""

import pytest

from pipelines.capture.file_type import UNKNOWN, media_type

PNG, JPEG, WAV = b"\x89PNG\r\n\x1a\n\0\0", b"\xff\xd8\xff\xe0\0\0", b"RIFF....WAVEfmt "


@pytest.mark.parametrize(("name", "head", "wanted"), [
    ("a.txt", b"words", "text/plain"),
    ("a.txt", b"<html>", "text/plain"),
    ("a.TXT", "Grüße".encode("utf-16"), "text/plain"),
    ("a.md", b"<p align=center>", "text/markdown"),
    ("a.asciidoc", b"= Title", "text/asciidoc"),
    ("a.htm", b"no tags", "text/html"),
    ("a.py", b"import os", "text/x-python"),
    ("a.csv", b"a,b", "text/csv"),
    ("README", b"words", "text/plain"),
    ("page", b"<!doctype html>", "text/html"),
    ("a.xml", b"<?xml version='1.0'?><a/>", "application/xml"),
    ("a.json", b"{}", "application/json"),
    ("a.txt", bytes(range(1, 40)), UNKNOWN),
    ("a.py", b"\0\0\0\0", UNKNOWN),
    ("a", b"\0\1\2", UNKNOWN),
    ("a", b"", UNKNOWN),
    ("a.jpg", PNG, "image/png"),
    ("a.txt", JPEG, "image/jpeg"),
    ("a.jpg", b"<html>404</html>", "text/html"),
    ("a.jpg", bytes(range(1, 40)), "image/jpeg"),
    ("a.wav", WAV, "audio/wav"),
    ("a", b"fLaC\0\0", "audio/flac"),
    ("a.m4a", b"\0\0\0\x1cftypM4A \0", "audio/mp4"),
    ("a.tiff", b"II*\0\0\0", "image/tiff"),
    ("a.epub", b"PK\3\4\0\0mimetypeapplication/epub+zip", "application/epub+zip"),
    ("a.docx.zip", b"PK\3\4\0\0", "application/zip"),
    ("a.png", b"PK\3\4\0\0", "application/zip"),
    ("a.pdf", b"%PDF-1.4\n", "application/pdf"),
    ("a.parquet", b"PAR1\0", "application/vnd.apache.parquet"),
    ("a.tar", b"\0" * 257 + b"ustar\0", "application/x-tar"),
    ("._a.jpg", b"\0\5\x16\7\0\2\0\0Mac OS X", "multipart/appledouble"),
    ("a.zst", b"\x28\xb5\x2f\xfd\0", "application/zstd"),
])  # fmt: skip
def test_the_media_type_is_what_the_bytes_show_and_for_texts_what_the_name_says(name, head, wanted):
    assert media_type(name, head) == wanted
