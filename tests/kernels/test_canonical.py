import string

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.kernels.canonical import canonical, windows

PIECES = (
    "free", "Fr\u0435\u0435", "f r e e", "f.r.e.e", "m0n3y", "a1337b", "\u200b", "\u202e", "\u00ad", "Привет", "саsіno", "ΜΗΝΥ", "İ", "ﬁ",
    "한", "é", "e\u0301\u0301", "@", "$", " ", "\n", "\u3000", ".", "-", "a", "b", "c", "4", "mail@host.example", "नि", "ﷺ", "𝐅", "ẞ", "Ϲ",
)  # fmt: skip
texts = st.none() | st.text(max_size=30) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


def view(text):
    return canonical(pa.array([text], pa.string()))[0].as_py()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ""),
        ("", ""),
        (" \n\u3000", ""),
        ("\u200bFr\u0435\u0435 \n V1agra", "free viagra"),
        ("ＦＲＥＥ 𝐌𝐨𝐧𝐞𝐲 ﬁne", "free money fine"),
        ("Z̷̢a̶l̵g̸o é", "zalgo e"),
        ("f\u00adre\u2060e \u202emoney", "free money"),
        ("f r e e money, f-r-e-e", "free money, free"),
        ("b.u.y in the U.S.A., e.g. a b", "buy in the usa., e.g. a b"),
        ("I h-a-t-e it", "i hate it"),
        ("саsіno ΒUΥ", "casino buy"),
        ("Привет, как", "привет, kak"),
        ("m0n3y @t n1ght b@d", "money @t night bad"),
        ("a1337b 24/7 gr8 2nite US$5 mp3", "a1337b 24/7 gr8 2nite us$5 mp3"),
        ("anna@mail.example", "anna@mail.example"),
    ],
)
def test_what_a_reader_sees(text, expected):
    assert view(text) == expected


@settings(deadline=None)
@given(texts)
@example("a b.c.d.e")
@example("a b c d@e")
def test_the_view_of_the_view_is_itself(text):
    assert view(view(text)) == view(text)


@settings(deadline=None)
@given(texts)
def test_nothing_hidden_is_left_and_all_is_one_line_of_lower_case(text):
    found = view(text)
    assert found == found.strip()
    assert not {"\n", "\u200b", "\u202e", "\u00ad", "  ", "\u0301"} & {
        found[i : i + n] for n in (1, 2) for i in range(len(found))
    }
    assert not {*string.ascii_uppercase, *"ΑΒΣДЖÉ"} & set(found)


@settings(deadline=None)
@given(
    st.text("abcdefgh ", max_size=20),
    st.lists(st.sampled_from("\u200b\u200c\u200d\u2060\ufeff\u00ad\u202e\u0336"), max_size=20),
)
def test_hidden_characters_change_nothing(text, hidden):
    places = [(7 * n) % (len(text) + 1) for n in range(len(hidden))]
    dirty = text
    for place, character in zip(places, hidden, strict=True):
        dirty = dirty[:place] + character + dirty[place:]
    assert view(dirty) == view(text)


@settings(deadline=None)
@given(st.lists(texts, max_size=6), st.integers(0, 6))
def test_each_text_is_seen_alone_and_the_given_ones_stay(found, cut):
    given_texts = pa.array(found, pa.string())
    whole = canonical(given_texts).to_pylist()
    assert whole == canonical(given_texts.slice(0, cut)).to_pylist() + canonical(given_texts.slice(cut)).to_pylist()
    assert given_texts.to_pylist() == found


def cut(found, size, most):
    parts, rows = windows(pa.array(found, pa.string()), size=size, most=most)
    return parts.to_pylist(), rows.tolist()


def test_windows_cover_a_text_and_are_cut_at_spaces():
    text = " ".join(f"word{n:02}" for n in range(20))  # 139 bytes
    parts, rows = cut([text, None, "", "short"], 64, 8)
    assert rows == [0, 0, 0, 3]
    assert parts[3] == "short"
    assert all(part.strip() in text and part.strip().startswith("word") for part in parts[:3])
    assert {word for part in parts[:3] for word in part.split()} == set(text.split())


def test_a_long_text_has_as_many_windows_as_may_be_from_its_beginning_to_its_end():
    text = " ".join(map(str, range(1000)))
    parts, rows = cut([text], 100, 4)
    assert rows == [0, 0, 0, 0]
    assert (parts[0].startswith("0 1 2"), parts[3].endswith("998 999")) == (True, True)
    assert all(90 < len(part) < 115 for part in parts)


@settings(deadline=None)
@given(st.lists(texts, max_size=5), st.integers(4, 30), st.integers(1, 5))
def test_windows_are_parts_of_their_text(found, size, most):
    parts, rows = cut(found, size, most)
    assert all(part in found[row] for part, row in zip(parts, rows, strict=True))
    assert rows == sorted(rows)
    assert set(rows) == {n for n, text in enumerate(found) if text}
    assert all(rows.count(row) <= most for row in rows)
