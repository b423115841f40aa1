"""Lines and sentences against their plain definitions, as slow as they are obvious."""

import pyarrow as pa
import pytest
from hypothesis import given

from pipelines.kernels.pieces import TECHNICAL, Piece, lines, sentences
from pipelines.kernels.text import BULLETS, CLOSERS, QUOTES, STOPS, WIDE_STOPS
from tests.kernels.test_text import batches, is_letter, texts


def cut(text):
    """The sentences of a line."""
    found, is_over, is_wide, start = [], False, False, 0
    for place, character in enumerate(text):
        marks = character in STOPS + WIDE_STOPS + QUOTES + CLOSERS
        if is_over and (character.isspace() or (is_wide and not marks)):
            found.append(text[start:place])
            start, is_over, is_wide = place, False, False
        if character in STOPS + WIDE_STOPS:
            is_over, is_wide = True, is_wide or character in WIDE_STOPS
        elif not marks:
            is_over, is_wide = False, False
    return [*found, text[start:]]


def counts(piece):
    words = piece.split()
    if len(words[0]) == 1 and words[0] in BULLETS and len(words) > 1:
        words = words[1:]
    plain = " ".join(words)
    ends = piece[-1] in STOPS + WIDE_STOPS + QUOTES and not piece.endswith(("...", "…"))
    return {
        Piece.CHARACTERS: len(plain),
        Piece.WORDS: len(words),
        Piece.CAPITALIZED: sum(word[0].isupper() and is_letter(word[0]) for word in words),
        Piece.LETTERS: sum(map(is_letter, piece)),
        Piece.UPPERCASE: sum(character.isupper() and is_letter(character) for character in piece),
        Piece.DIGITS: sum(character in "0123456789" for character in piece),
        Piece.TECHNICAL: sum(character in TECHNICAL for character in plain),
        Piece.MARKS: int(ends),
    }


def reference(found, split):
    """(number of the text, piece, counts) of every piece."""
    pieces = [
        (row, piece.strip())
        for row, text in enumerate(found)
        for line in (text or "").split("\n")
        for piece in split(line)
    ]
    return [
        (row, piece, counts(piece)) for row, piece in pieces if piece and not (len(piece) == 1 and piece in BULLETS)
    ]


def told(found):
    rows = zip(found.rows.tolist(), found.texts.to_pylist(), found.counts.tolist(), strict=True)
    return [(row, text, dict(zip(Piece, values, strict=True))) for row, text, values in rows]


@given(batches)
def test_lines_are_the_plain_definition(found):
    assert told(lines(pa.array(found, pa.string()))) == reference(found, lambda line: [line])


@given(batches)
def test_sentences_are_the_plain_definition(found):
    assert told(sentences(pa.array(found, pa.string()))) == reference(found, cut)


@given(texts)
def test_pieces_of_a_slice_are_those_of_its_texts(text):
    whole = pa.array(["first. Line", text, "last"])
    assert told(sentences(whole.slice(1, 1))) == told(sentences(pa.array([text])))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("One. Two three\nfour", ["One.", "Two three", "four"]),
        ("Version 3.5 of it.", ["Version 3.5 of it."]),
        ("他去了。她“好。”走", ["他去了。", "她“好。”", "走"]),
        ("Really?! Yes.", ["Really?!", "Yes."]),
        ("• a\n• \n- b c", ["• a", "- b c"]),
        ("", []),
    ],
)
def test_where_a_sentence_ends(text, wanted):
    assert sentences(pa.array([text])).texts.to_pylist() == wanted
