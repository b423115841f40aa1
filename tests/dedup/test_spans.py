"""Repeated spans: of tiny texts exactly those that a slow reading finds; what is cut stands in a kept text, word for word."""

import random
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedup.cut import cut_again, cut_items, drops, published, with_marks, without
from pipelines.dedup.prints import place_chunks, shared_places, span_prints
from pipelines.dedup.signatures import RANKS
from pipelines.dedup.spans import DEDUP_SPANS, find_repeats
from schemas.digest import sha256
from schemas.errors import RecipeError, StageError, TooManyRemoved
from schemas.item import ID, text_sha256

ITEM = pa.schema([("item_id", ID), ("source", pa.string()), ("text", pa.string()), ("content_sha256", ID)])
WORDS = st.lists(st.sampled_from("abcde"), max_size=24)
TEXTS = st.lists(WORDS, max_size=5)


def stage(size, *, least=0, share=1.0):
    values = {"on": True, "span_words": size, "min_words_left": least, "max_removed_share": share}
    return DEDUP_SPANS.override(values, where="test")


def name(number):
    return sha256(b"%d" % number)


def items_of(texts):
    """Items whose order of the election is that of the texts."""
    rows = [
        {"item_id": name(n), "source": "s", "text": text, "content_sha256": text_sha256(text or "")}
        for n, text in enumerate(texts)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=ITEM)


def signed(way, items):
    order = {name(n): n for n in range(len(items) + 100)}
    ranks = [
        {"item_id": one, "rights_rank": 0, "quality": float(-order[one])} for one in items.column("item_id").to_pylist()
    ]
    return pa.Table.from_batches([span_prints(way, items, pa.RecordBatch.from_pylist(ranks, schema=RANKS))])


def loader(items):
    texts = dict(zip(items.column("item_id").to_pylist(), items.column("text").to_pylist(), strict=True))
    return lambda ids: pa.array([texts[one] for one in ids.to_pylist()], pa.string())


def found(way, texts, *, cuts=(), order=None, memory=1 << 20, kept=None, **more):
    items = items_of(texts)
    items = items if order is None else items.take(pa.array(order, pa.int64()))
    ends = [0, *sorted(cut % (len(items) + 1) for cut in cuts), len(items)]
    parts = [items.slice(a, b - a) for a, b in pairwise(ends)]
    chosen = items.column("item_id") if kept is None else pa.array([name(n) for n in kept], ID)
    return find_repeats(way, [signed(way, part) for part in parts], chosen, loader(items), memory=memory, **more)


def left_of(way, texts, repeats):
    """The texts as they are published; null where too little is left. And the spans with their witnesses' places in these."""
    items = items_of(texts)
    new, receipts, seams = cut_items(way, items, repeats.cuts, repeats.left)
    gone = set(drops(way, repeats.left).column("item_id").to_pylist())
    assert cut_again(items, pa.Table.from_batches([receipts])).equals(new)
    ids, after = new.column("item_id").to_pylist(), new.column("text").to_pylist()
    return [None if one in gone else text for one, text in zip(ids, after, strict=True)], published(
        repeats.spans, seams
    )


def slow(texts, size, least=0):
    """What is left of lists of words, best first: no run of `size` words of one that is left before, apart from it."""
    done = []
    for words in texts:
        left, i = [], 0
        while i < len(words):
            left.append(words[i])
            i += 1
            run = left[-size:]
            if len(left) < size:
                continue
            own, room = left[:-size], len(left) - size
            for holder, most in [*((one, len(one)) for one in done), (own, room)]:
                at = next((k for k in range(most - size + 1) if holder[k : k + size] == run), None)
                if at is not None:
                    del left[-size:]
                    at += size
                    while i < len(words) and at < most and words[i] == holder[at]:
                        i, at = i + 1, at + 1
                    break
        is_dropped = len(left) < len(words) and len(left) < least
        done.append([] if is_dropped else left)
    return done


@given(TEXTS, st.integers(3, 5), st.sampled_from((0, 6)))
def test_what_is_left_is_what_a_slow_reading_leaves_and_what_was_cut_stands_in_it(lists, size, least):
    way, texts = stage(size, least=least), [" ".join(words) for words in lists]
    repeats = found(way, texts)
    after, spans = left_of(way, texts, repeats)
    assert [(text or "").split() for text in after] == slow(lists, size, least)
    by_id = {name(n): (texts[n], after[n]) for n in range(len(texts))}
    cut = dict.fromkeys(by_id, 0)
    for row in spans.to_pylist():
        text, there = by_id[row["item_id"]][0], by_id[row["witness_id"]][1]
        words = text[row["start"] : row["start"] + row["length"]].split()
        assert there is not None
        assert words == there[row["witness_start"] : row["witness_start"] + row["witness_length"]].split()
        assert len(words) == row["words"]
        cut[row["item_id"]] += len(words)
    for item, (text, there) in by_id.items():
        if there is not None:
            assert cut[item] == len(text.split()) - len(there.split())


@settings(max_examples=40)
@given(TEXTS, st.randoms(use_true_random=False), st.lists(st.integers(0, 9), max_size=3))
def test_neither_order_nor_parts_nor_memory_nor_a_shuffle_matter(lists, chance, cuts):
    way, texts = stage(3, least=4), [" ".join(words) for words in lists]
    once = found(way, texts)
    order = list(range(len(texts)))
    chance.shuffle(order)
    assert found(way, texts, order=order, cuts=cuts, memory=64) == once
    prints = [signed(way, items_of(texts))]
    chunks = [chunk for number, part in enumerate(prints) for _, chunk in place_chunks(part, number, 1)]
    chance.shuffle(chunks)
    places = pa.Table.from_batches([shared_places(chunks)])
    assert found(way, texts, places=places) == once


@settings(max_examples=40)
@given(TEXTS, st.integers(3, 4))
def test_a_second_run_cuts_nothing_whoever_is_better_then(lists, size):
    way, texts = stage(size, least=5), [" ".join(words) for words in lists]
    after, _ = left_of(way, texts, found(way, texts))
    left = [text for text in after if text is not None]
    for again in (left, left[::-1]):
        assert len(found(way, again).left) == 0


@settings(max_examples=40)
@given(TEXTS, st.sets(st.integers(0, 4)))
def test_what_is_not_kept_neither_holds_nor_loses_anything(lists, some):
    way, texts = stage(3), [" ".join(words) for words in lists]
    kept = sorted(n for n in some if n < len(texts))
    repeats = found(way, texts, kept=kept)
    ids = {name(n) for n in kept}
    assert set(repeats.spans.column("item_id").to_pylist()) | set(repeats.spans.column("witness_id").to_pylist()) <= ids
    assert [left_of(way, texts, repeats)[0][n].split() for n in kept] == slow([lists[n] for n in kept], 3)


def prose(seed, words):
    chance = random.Random(seed)
    return " ".join("".join(chance.choices("abcdefghij", k=5)) for _ in range(words))


def test_boilerplate_in_many_texts_is_held_once_and_case_marks_and_breaks_do_not_hide_it():
    notice = prose("notice", 60)
    forms = [notice, notice.upper(), notice.replace(" ", ",\n", 30), f"({notice})."]
    texts = [f"{prose(n, 80)}\n\n{forms[n % 4]}\n\n{prose(f'after {n}', 80)}" for n in range(300)]
    way = stage(50, least=50)
    repeats = found(way, texts)
    assert len(repeats.left) == len(repeats.spans) == 299
    assert set(repeats.spans.column("witness_id").to_pylist()) == {name(0)}
    after, _ = left_of(way, texts, repeats)
    assert after[7] == f"{prose(7, 80)}\n\n{prose('after 7', 80)}"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (
            "One two. THREE FOUR FIVE. six",
            "One two.\n\nsix",
        ),  # the run goes with its full stop; the rest does not run on
        ("one two\nthree four five\nsix", "one two\nsix"),  # whole lines
        ("one\n\nthree four five\nsix", "one\n\nsix"),  # the wider gap stays
        ('one "three four five" six', "one\n\nsix"),
        ("three four five six", "six"),
        ("six three four five!", "six"),
        ("the pre-three four five seven", "the pre-three\n\nseven"),  # a word is not torn
        ("一二。three four five。三", "一二。\n\n三"),
    ],
)
def test_a_cut_tears_no_word_and_joins_no_sentences(text, left):
    texts = ["three four five", text]
    way = stage(3)
    assert left_of(way, texts, found(way, texts))[0] == ["three four five", left]


def test_a_text_of_which_too_little_is_left_is_dropped_and_holds_nothing_for_others():
    texts = ["a b c d e f", "x a b c d e y", "x a b c d z q r s t"]
    way = stage(3, least=4)
    repeats = found(way, texts)
    (said,) = drops(way, repeats.left).to_pylist()
    assert (said["item_id"], said["verdict"], said["reason"]) == (name(1), "drop", "repeated_spans")
    assert (said["signal"], said["value"], said["threshold"]) == ("words_left", 2.0, 4.0)
    assert said["detail"].startswith("5 of 7 words stand in kept items")
    assert left_of(way, texts, repeats)[0] == ["a b c d e f", None, "x\n\nz q r s t"]


def test_a_source_that_would_lose_too_much_stops_the_run_by_name():
    notice = prose("notice", 30)
    texts = [f"{notice} {prose(n, 10)}" for n in range(12)]
    with pytest.raises(
        TooManyRemoved, match=r"330 of 480 words of source s .* a share of 0\.69; max_removed_share is 0\.5"
    ):
        found(stage(20, share=0.5), texts)
    assert len(found(stage(20, share=0.5), texts[:10]).left) == 9  # fewer than ten: a person can look at them


def test_texts_that_are_not_those_of_the_prints_are_refused():
    way, items = stage(3), items_of(["a b c d", "a b c d"])
    with pytest.raises(StageError, match=r"has 2 words, its prints say 4"):
        find_repeats(
            way, [signed(way, items)], items.column("item_id"), lambda ids: pa.array(["a b"] * len(ids), pa.string())
        )


def test_a_span_of_two_words_is_refused():
    with pytest.raises(RecipeError, match=r"dedup\.spans, span_words = 2: must lie between 3 and 10000"):
        stage(2)


def test_marks_of_a_script_without_spaces_stay_with_what_they_end():
    text = "一。「二」三"
    assert text[slice(*with_marks(text, 1, 3, 4, 5))] == "「二」"
    assert without(text, [(2, 5)]) == ("一。\n\n三", [(2, 5, 2)])
