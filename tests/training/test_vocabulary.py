"""Text ids: lossless on any bytes, deaf to markup that is spelled; the ranges of the one space of ids."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer

from schemas.digest import sha256
from tests.training.made import sentence
from training.vocabulary import SLOTS, Text, train_text, vocabulary

WORDS = [sentence(n) for n in range(40)]
TEXT = train_text(WORDS, 400)


@given(st.binary(max_size=80) | st.text(max_size=60).map(str.encode))
def test_any_bytes_come_back(data):
    assert TEXT.decode(TEXT.encode(data)) == data


@pytest.mark.parametrize(
    "text", ["<eos>", "a <|endoftext|> b", "\0\r\n\t ", "\u202e\ufeff漢字 👩‍👩‍👧", "\ud800 alone", ""]
)
def test_any_text_comes_back(text):
    assert TEXT.decode(TEXT.encode(text)) == text.encode("utf-8", "surrogatepass")


def test_a_special_that_a_file_declares_cannot_be_spelled():
    tokenizer = Tokenizer.from_str(TEXT.content.decode())
    tokenizer.add_special_tokens([AddedToken("<eos>", special=True)])
    special = tokenizer.token_to_id("<eos>")
    content = tokenizer.to_str()
    assert special in Tokenizer.from_str(content).encode("<eos>").ids  # the trap: the flag is not in the file
    poisoned = Text(content.encode())
    assert special not in poisoned.encode("so <eos> it goes")
    assert poisoned.decode(poisoned.encode("so <eos> it goes")) == b"so <eos> it goes"


def test_the_same_texts_give_the_same_file_with_all_bytes_and_no_special():
    assert train_text(WORDS, 400).content == TEXT.content
    assert TEXT.size == 400
    assert json.loads(TEXT.content)["added_tokens"] == []
    assert sorted(TEXT.decode([n]) for n in range(TEXT.size))[0:1] == [b"\0"]
    assert {bytes([n]) for n in range(256)} <= {TEXT.decode([n]) for n in range(TEXT.size)}


def test_ids_of_modalities_follow_one_another_behind_the_slots_of_specials():
    made = vocabulary(text=(512, b"t"), image=(1000, b""), audio=(875, b"a"), measures={"pixels": 24})
    assert [(one.start, one.end) for _, one in made.ranges()] == [(SLOTS, 576), (576, 1576), (1576, 2451)]
    assert made.size == 2560
    assert (made.image.sha256, made.audio.sha256) == ("", sha256(b"a").hex())


@pytest.mark.parametrize(
    "change",
    [{"text": (512, b"u")}, {"image": (999, b"")}, {"measures": {"pixels": 32}}],
    ids=lambda change: min(change),
)
def test_the_digest_tells_vocabularies_apart(change):
    same = {"text": (512, b"t"), "image": (1000, b""), "audio": (875, b"a"), "measures": {"pixels": 24}}
    assert vocabulary(**same).digest == vocabulary(**same).digest
    assert vocabulary(**(same | change)).digest != vocabulary(**same).digest
