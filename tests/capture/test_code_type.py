"""Which language a file is in, and which media type says so."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.capture.code_type import SOURCE_TYPES, language_of, media_type, path_of
from pipelines.lanes.code import CODE


@pytest.mark.parametrize(
    ("path", "head", "language", "kind"),
    [
        ("src/lua.c", b"int main", "C", "text/x-c"),
        ("a/B.PY", b"x = 1", "Python", "text/x-python"),
        ("x.go", b"package x", "Go", "text/x-go"),
        ("X.java", b"class X {}", "Java", "text/x-java"),
        ("x.lua", b"local x", "Lua", "text/x-lua"),
        ("x.h", b"int f(void);", "C", "text/x-c"),
        ("x.h", b"#pragma once\nnamespace a {", "C++", "text/x-c++"),
        ("x.m", b"@interface X", "Objective-C", "text/x-objectivec"),
        ("x.m", b"% comment\n", "MATLAB", "text/x-matlab"),
        ("x.ts", b"const a: number = 1", "TypeScript", "text/x-typescript"),
        ("x.ts", b'<?xml version="1.0"?>', "XML", "application/xml"),
        ("tree.1", b'.TH TREE 1 ""\n', "Roff", "text/troff"),
        ("notes.1", b"hello", None, "text/plain"),
        ("Makefile", b"all:", "Makefile", "text/x-makefile"),
        ("lib/Makefile.in", b"all:", "Makefile", "text/x-makefile"),
        ("config.h.in", b"#undef X", "C", "text/x-c"),
        ("Dockerfile.dev", b"FROM x", "Dockerfile", "text/x-dockerfile"),
        ("Dockerfile.md", b"about", "Markdown", "text/markdown"),
        ("CMakeLists.txt", b"project(x)", "CMake", "text/x-cmake"),
        ("notes.txt", b"hello", "Text", "text/plain"),
        ("run", b"#!/bin/sh\n", "Shell", "text/x-shellscript"),
        ("run", b"#!/usr/bin/env -S python3.11 -u\n", "Python", "text/x-python"),
        ("run", b"#! /usr/bin/perl -w\n", "Perl", "text/x-perl"),
        ("run", b"#!/opt/unheard-of\n", None, "text/plain"),
        ("package.json", b"{}", "JSON", "application/json"),
        (".gitignore", b"*.o", None, "text/plain"),
        ("page", b"<!DOCTYPE html><p>", None, "text/html"),
    ],
)
def test_a_name_and_its_first_line_tell_the_language(path, head, language, kind):
    assert (language_of(path, head), media_type(path, head)) == (language, kind)


@pytest.mark.parametrize(
    "head", [b"", b"\x7fELF\x02\x01\x01\x00\x00", b"\x89PNG\r\n\x1a\n\x00", b"%PDF-1.4\n%text", b"int\x00main"]
)
def test_bytes_that_are_no_text_have_no_type_whatever_the_name(head):
    assert media_type("x.c", head) is None


def test_latin_1_and_marked_utf_16_are_text():
    assert media_type("x.c", b"/* " + "Müller".encode("latin-1") + b" wrote this." * 5 + b"*/\n") == "text/x-c"
    assert media_type("x.rc", b"\xff\xfei\x00n\x00t\x00") == "text/plain"


@given(st.text(max_size=30), st.binary(max_size=60))
def test_any_name_and_bytes_get_an_answer_that_the_lane_takes(name, head):
    kind = media_type(name, head)
    assert kind is None or kind.startswith("text/") or kind in SOURCE_TYPES or kind == "application/xhtml+xml"
    assert kind is None or kind == "application/xhtml+xml" or CODE.accepts(pa.array([kind])).to_pylist() == [True]


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("upload://s/a.tar!/t/b%20c.txt", "t/b c.txt"),
        ("upload://s/d/x.c", "d/x.c"),
        ("https://e.example/a/b.py?x=1", "a/b.py"),
        ("http://[bad", ""),
        (None, ""),
    ],
)
def test_the_path_within_an_archive_a_source_or_a_site(uri, path):
    assert path_of(uri) == path
