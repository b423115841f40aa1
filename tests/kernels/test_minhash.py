import itertools
import unicodedata

import datasketch
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.kernels.minhash import (
    Flat,
    _squeeze,
    affine32,
    character_classes,
    jaccard,
    minhash,
    normalise,
    shingles,
)

MASK = 2**64 - 1

texts = st.lists(st.none() | st.text(max_size=40) | st.text("ab \u4e2d,\u00ad", max_size=40), max_size=6)


def each(flat: Flat) -> list:
    return [flat.values[a:b].tolist() for a, b in zip(flat.offsets, flat.offsets[1:], strict=False)]


def normal(text: str) -> str:
    return normalise(pa.array([text])).values.tobytes().decode()


def hashes(text: str, words: int = 1) -> list[int]:
    return sorted(each(shingles(normalise(pa.array([text])), words))[0])


def mix(h: int) -> int:
    h = (h ^ h >> 33) * 0xFF51AFD7ED558CCD & MASK
    h = (h ^ h >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    return h ^ h >> 33


def hash_of(words: list[str]) -> int:
    """The definition, in plain Python."""
    rolled = 0
    for word in words:
        h = 0xCBF29CE484222325
        for byte in word.encode():
            h = (h ^ byte) * 0x100000001B3 & MASK
        rolled = (rolled * 0x9E3779B97F4A7C15 + mix(h)) & MASK
    return mix(rolled)


def by_arrow(texts):
    """The same normal form, of pyarrow's own functions and `re`: spaces and invisibles are those of the classes."""
    folded = pc.utf8_lower(pc.utf8_normalize(pa.array(texts, pa.large_string()).fill_null(""), form="NFKD")).to_pylist()
    kinds = character_classes()
    kept = ("".join(" " if kinds[ord(c)] == 4 else c for c in text if kinds[ord(c)] != 3) for text in folded)
    return [" ".join(part for part in text.split(" ") if part) for text in kept]


points = st.characters(codec="utf-8")
marks = st.sampled_from(
    "\u0301\u0323\u0334\u0345\u0315\u0f71\u0f72\u0591\u05b0éệ각がﷺǅΣİ㎏\U0001f600\U00020000\U0002f800 a"
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.none() | st.text(points, max_size=8) | st.text(marks, max_size=8) | st.text("aB é\u00a0", max_size=60),
        max_size=6,
    )
)
def test_texts_are_folded_as_pyarrow_folds_them(texts):
    assert [bytes(one).decode() for one in each(normalise(pa.array(texts, pa.string())))] == by_arrow(texts)


def test_every_code_point_is_folded_as_pyarrow_folds_it_alone_and_beside_marks():
    every = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    for before, after in (("", ""), ("a\u0315", "\u0334b"), ("\u0345", "\u0301")):
        texts = pa.array([before + one + after for one in every], pa.large_string())
        folded = pc.utf8_lower(pc.utf8_normalize(texts, form="NFKD"))
        found = normalise(texts)
        _, offsets, data = folded.buffers()
        squeezed = _squeeze(np.frombuffer(data, np.uint8), np.frombuffer(offsets, np.int64), character_classes())
        assert (found.values.tobytes(), found.offsets.tolist()) == (squeezed[0].tobytes(), squeezed[1].tolist())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" \t\n\u3000\u2028", ""),
        ("\u00a0The \n CAT\u00ad's ", "the cat's"),
        ("ﬁne １２ \u200bÉ", "fine 12 e\u0301"),
        ("é", "e\u0301"),
        ("a\ufeff \u200d b", "a b"),
        ("Straße İ", "straße i\u0307"),
    ],
)
def test_normal_form(text, expected):
    assert normal(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("... -- !", []),
        ("It's  a (big)\nCAT—no: «kater»…", ["it", "s", "a", "big", "cat", "no", "kater"]),
        ("中文abc、がな", ["中", "文", "abc", "か", "\u3099", "な"]),
        ("ไทย ok", ["ไ", "ท", "ย", "ok"]),
        ("한국 말", [unicodedata.normalize("NFD", word) for word in ("한국", "말")]),
        ("नमस्ते। दुनिया", ["नमस्ते", "दुनिया"]),
        ("x😀y 3.14", ["x", "y", "3", "14"]),
        ("a\u200bb co\u00adop", ["ab", "coop"]),
    ],
)
def test_words_are_runs_between_spaces_and_punctuation_or_single_characters_of_unspaced_scripts(text, words):
    assert hashes(text) == sorted({hash_of([word]) for word in words})


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.sampled_from(["a", "b", "cc", "中"]), max_size=30), st.integers(1, 6))
def test_shingles_are_the_distinct_runs_of_words(words, size):
    runs = [words[i : i + size] for i in range(max(1, len(words) - size + 1))] if words else []
    assert hashes(" ".join(words), size) == sorted({hash_of(run) for run in runs})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a_b(c, D)\n", ["a_b", "(", "c", ",", "d", ")"]),
        ("x->y != 'é'", ["x", "-", ">", "y", "!", "=", "'", "e\u0301", "'"]),
        ("漢字;", ["漢", "字", ";"]),
        ("(" * 9, ["("]),
        (" \t\n", []),
    ],
)
def test_in_source_code_marks_are_words_and_underscores_are_not(text, words):
    found = each(shingles(normalise(pa.array([text])), 1, punctuation=True))[0]
    assert found == [hash_of([word]) for word in dict.fromkeys(words)]


def test_source_code_of_nothing_but_marks_fits_beside_other_texts():
    flat = shingles(
        normalise(pa.array(["".join(chr(33 + i % 15) for i in range(500)), "", "a b"])), 3, punctuation=True
    )
    assert flat.sizes.tolist() == [15, 0, 1]


@settings(deadline=None)  # the first call compiles
@given(texts, texts)
def test_a_text_has_the_same_values_in_any_batch(left, right):
    def values(batch):
        text = normalise(pa.array(batch, pa.string()))
        found = shingles(text, 2)
        return each(text), each(found), minhash(found, 16).tolist()

    together, first, second = values(left + right), values(left), values(right)
    assert together == tuple(a + b for a, b in zip(first, second, strict=True))


def test_slices_chunks_nulls_and_large_strings_read_alike():
    column = pa.array(["no", "One two", None, "", "three"])
    expected = [list(b"one two"), [], [], list(b"three")]
    assert each(normalise(column[1:])) == expected
    assert each(normalise(column.cast(pa.large_string())[1:])) == expected
    assert each(normalise(pa.chunked_array([column[1:3], column[3:]]))) == expected
    assert each(normalise(pa.array([], pa.string()))) == []


def test_a_cut_utf8_sequence_is_no_word_and_no_crash():
    broken = Flat(values=np.frombuffer(b"ab \xe4\xb8", np.uint8), offsets=np.array([0, 5]))
    assert each(shingles(broken, 1)) == [sorted({hash_of(["ab"])})]


def test_permutations_are_those_of_datasketch():
    theirs = datasketch.MinHash(num_perm=128, scheme="affine32").permutations
    assert [part.tolist() for part in affine32(128)] == [part.tolist() for part in theirs]


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.lists(st.integers(0, MASK), max_size=20), max_size=4))
def test_signatures_are_those_of_datasketch(rows):
    offsets = np.cumsum([0, *map(len, rows)])
    flat = Flat(values=np.array([h for row in rows for h in row], np.uint64), offsets=offsets)
    theirs = [datasketch.MinHash(num_perm=32, scheme="affine32", hashfunc=lambda h: h >> 32) for _ in rows]
    for sketch, row in zip(theirs, rows, strict=True):
        sketch.update_batch(row)
    assert minhash(flat, 32).tolist() == [sketch.hashvalues.tolist() for sketch in theirs]


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.sets(st.integers(1, 50)), min_size=1, max_size=4))
def test_jaccard_is_exact(sets):
    values = np.array([value for one in sets for value in one], np.uint64)
    flat = Flat(values=values, offsets=np.cumsum([0, *map(len, sets)]))
    pairs = list(itertools.product(range(len(sets)), repeat=2))
    expected = [len(sets[a] & sets[b]) / len(sets[a] | sets[b]) if sets[a] | sets[b] else 0.0 for a, b in pairs]
    assert jaccard(flat, *np.array(pairs, np.int64).T).tolist() == expected


def test_values_never_change_without_a_new_stage_version():
    found = shingles(normalise(pa.array(["The quick brown fox jumps over the lazy dog."])), 5)
    assert sorted(each(found)[0])[:2] == [7058866846973086292, 9086771115912691778]
    assert minhash(found, 4).tolist() == [[1925609032, 876041916, 51307185, 1913993403]]
