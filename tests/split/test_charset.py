"""Right text or none: the order of trust, browsers' labels, and what is refused."""

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.split.charset import Decoded, decode

GERMAN = 'Grüße aus Köln – "schön", 5 €. ' * 8
RUSSIAN = "Съешь же ещё этих мягких французских булок. " * 8
JAPANESE = "日本語のテキストです①。" * 8
META = '<meta charset="%s"><p>'


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffd\ufeff")))
def test_utf_8_is_read_whatever_is_declared(text):
    assert decode(text.encode(), "iso-8859-1") == Decoded(text, "utf-8")


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("declared", [None, "windows-1252", "utf-8"])
def test_a_byte_order_mark_wins_and_is_no_part_of_the_text(charset, declared):
    found = decode(GERMAN.encode(charset), declared)
    assert found is not None
    assert found.text == GERMAN


@pytest.mark.parametrize(
    ("data", "declared", "expected"),
    [
        (GERMAN.encode("cp1252"), "ISO-8859-1", Decoded(GERMAN, "windows-1252")),
        (GERMAN.encode("cp1252"), " 'us-ascii'", Decoded(GERMAN, "windows-1252")),
        (GERMAN.encode("cp1252"), "utf-8", Decoded(GERMAN, "windows-1252")),  # a lie
        (GERMAN.encode("cp1252"), None, Decoded(GERMAN, "windows-1252")),
        (GERMAN.encode("utf-16-le"), "utf-16", Decoded(GERMAN, "utf-16-le")),
        (RUSSIAN.encode("koi8-r"), "koi8-r", Decoded(RUSSIAN, "koi8-r")),
        (RUSSIAN.encode("cp1251"), "no-such-charset", Decoded(RUSSIAN, "windows-1251")),
        (JAPANESE.encode("cp932"), "Shift_JIS", Decoded(JAPANESE, "cp932")),  # browsers read NEC's circled digits
        (("日本語" * 9).encode("iso2022_jp"), "iso-2022-jp", Decoded("日本語" * 9, "iso2022_jp")),  # 7-bit, as UTF-8 is
    ],
)
def test_the_transport_is_believed_where_utf_8_fails_and_detection_comes_last(data, declared, expected):
    assert decode(data, declared) == expected


def test_the_page_is_asked_after_the_transport():
    text = META % "koi8-r" + RUSSIAN
    data = text.encode("koi8-r")
    assert decode(data, None) == Decoded(text, "koi8-r")
    declared = decode(data, "windows-1251")
    assert declared is not None
    assert declared.charset == "windows-1251"


def test_an_xml_declaration_is_a_declaration():
    text = '<?xml version="1.0" encoding="windows-1251"?>\n' + RUSSIAN
    assert decode(text.encode("cp1251"), None) == Decoded(text, "windows-1251")


def test_few_broken_bytes_do_not_turn_utf_8_into_another_charset():
    found = decode(GERMAN.encode() + b"\xff", "iso-8859-1")
    assert found == Decoded(GERMAN + "\ufffd", "utf-8")


def test_one_umlaut_in_a_long_page_is_not_lost_to_a_wrong_declaration():
    text = "x" * 5000 + "ü" + "y" * 5000
    assert decode(text.encode("cp1252"), "utf-8") == Decoded(text, "windows-1252")


@pytest.mark.parametrize("declared", ["utf-7", "UTF-7", None])
def test_utf_7_is_never_read(declared):
    data = b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-"
    assert decode(data, declared) == Decoded(data.decode("ascii"), "utf-8")


@pytest.mark.parametrize(
    "data",
    [
        random.Random(1).randbytes(4000),
        zlib.compress(random.Random(2).randbytes(4000)),
        b"a\x00b\x00c\x00" * 50,  # UTF-16 that nobody declared
        "日本語".encode() + b"\xe6" * 3,
        "\ufffd".encode() * 20,
    ],
)
def test_what_is_no_text_in_any_charset_is_none(data):
    assert decode(data, None) is None
    assert decode(data, "utf-8") is None


def test_no_bytes_are_an_empty_text():
    assert decode(b"", None) == Decoded("", "utf-8")


@given(
    st.binary(max_size=300),
    st.sampled_from([None, "utf-8", "latin1", "utf-16", "shift_jis", "utf-7", "\x00", "x" * 99]),
)
def test_whatever_the_bytes_at_most_one_percent_is_replaced(data, declared):
    found = decode(data, declared)
    assert found is None or found.text.count("\ufffd") <= 0.01 * len(found.text)
