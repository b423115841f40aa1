import gzip
import re
import zipfile

import pytest

from pipelines.models.labelled import File, read
from schemas.errors import DataError

KNOWN = {"spam": ("spam",), "ham": ("ham",), "both": ("spam", "ham"), "other": ()}


def found(path, label=None, aliases=KNOWN):
    return [(row.text, row.labels) for row in read(File(path=path, label=label), aliases)]


def write(path, data):
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (
            "a.jsonl",
            '{"text": "buy", "label": "spam"}\n\n{"text": "hi", "labels": ["ham"]}\n{"text": "x", "label": "other"}\n',
        ),
        ("a.csv", '﻿label,text\nspam,buy\n"ham","hi"\n'),
        ("a.csv", "text,n,is_toxic\nbuy,1,spam\nhi,2,ham\n"),
        ("a.tsv", "1\tspam\tbuy\n2\tham\thi\n"),
        ("a.jsonl.gz", gzip.compress(b'{"text": "buy", "label": "spam"}\n{"text": "hi", "label": "ham"}', mtime=0)),
    ],
)
def test_rows_are_read_as_they_come(tmp_path, name, data):
    assert found(write(tmp_path / name, data)) == [("buy", ("spam",)), ("hi", ("ham",))]


def test_a_text_file_and_a_zip_are_cut_into_sentences_under_the_label_that_is_given(tmp_path):
    prose = b"It was a cold morning. Nobody came to the bridge!\n\n1\n\nThe \xff river rose."
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("b/one.txt", prose)
        archive.writestr("b/picture.png", b"\x00")
    expected = ["It was a cold morning.", "Nobody came to the bridge!", "The \ufffd river rose."]
    assert found(tmp_path / "a.zip", "ham") == [(text, ("ham",)) for text in expected]
    assert found(write(tmp_path / "a.txt", prose), "ham") == [(text, ("ham",)) for text in expected]


def test_a_label_behind_the_name_is_no_part_of_it(tmp_path):
    odd = write(tmp_path / "a=b.txt", "x")
    assert File.parse(str(odd)) == File(path=odd)
    assert File.parse(f"{odd}=ham") == File(path=odd, label="ham")


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.jsonl", '{"text": "buy"}', "label None is none of spam, ham"),
        ("a.jsonl", '{"text": "buy", "label": "junk"}', "label 'junk' is none of spam, ham"),
        ("a.jsonl", '{"label": "spam"}', 'line 1: no "text"'),
        ("a.jsonl", "{", "line 1: "),
        ("a.tsv", "alone\n", "there are 1 columns"),
        ("a.csv", b"text,label\n\xff,spam\n", "cannot be read"),
        ("a.zip", b"no archive", "cannot be read"),
        ("a.jsonl.gz", b"no archive", "cannot be read"),
        ("a.pdf", "x", "is none of .jsonl, .csv"),
        ("a.jsonl", "", "holds no text"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(tmp_path, name, data, told):
    with pytest.raises(DataError, match=re.escape(told)) as error:
        found(write(tmp_path / name, data))
    assert str(tmp_path / name) in str(error.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        found(tmp_path / "none.csv")
