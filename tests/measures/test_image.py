"""Signals of pictures and captions, and the rules of the lane on them."""

import pyarrow as pa
import pytest

from pipelines import rooms
from pipelines.lanes.image_caption import IMAGE_CAPTION
from pipelines.measures.caption import CAPTION_STATISTICS, caption_statistics, measure_caption_language
from pipelines.measures.image import IMAGE_STATISTICS, image_statistics
from pipelines.split.image import IMAGE_FACTS
from schemas.digest import digest
from schemas.item import item_schema

PICTURE = {"width": 90, "height": 60, "entropy_bits": 5.0, "caption_source": "upload", "caption_flaw": None}


def items_of(*rows):
    """Items of (text, declared language, facts); facts go over PICTURE, null stays null."""
    found = [
        {
            "item_id": digest("test", i), "capture_id": digest("test", i), "source": "s", "modality": "image",
            "media_type": "image/jpeg", "text": text, "language": language, "content_sha256": digest("test", i),
            "facts": None if facts is None else PICTURE | facts,
        }
        for i, (text, language, facts) in enumerate(rows)
    ]  # fmt: skip
    return pa.RecordBatch.from_pylist(found, schema=item_schema(IMAGE_FACTS))


def decided(text, language="en", **facts):
    """The (signal, reason) of the first rule of the lane that drops this item; null where it is kept."""
    items = items_of((text, language, facts))
    signals, _ = rooms.measure(IMAGE_CAPTION, items)
    spoken = rooms.with_language(items, signals)
    for judge in IMAGE_CAPTION.judges:
        row = judge.fn(judge, spoken, signals).to_pylist()[0]
        if row["verdict"] != "keep":
            return row["signal"], row["reason"]
    return None


def test_the_shape_of_a_picture_is_its_shorter_side_and_how_often_it_goes_into_the_longer():
    found = image_statistics(
        IMAGE_STATISTICS, items_of(("a", None, {}), ("a", None, {"height": 360}), ("a", None, None))
    )
    assert found.to_pylist() == [
        {"min_side_px": 60, "aspect_ratio": 1.5, "entropy_bits": 5.0},
        {"min_side_px": 90, "aspect_ratio": 4.0, "entropy_bits": 5.0},
        {"min_side_px": None, "aspect_ratio": None, "entropy_bits": None},
    ]


def test_captions_are_measured_and_only_found_ones_are_counted():
    found = caption_statistics(
        CAPTION_STATISTICS,
        items_of(
            ("Fire! FIRE, fire", None, {"caption_source": "alt"}),
            ("logo", None, {"caption_flaw": "boilerplate"}),
            ("a_b.png", None, {"caption_flaw": "file_name", "caption_source": "og"}),
            ("!", None, {"caption_source": "alt"}),
            ("a frog", None, None),
            (None, None, {"caption_source": "alt"}),
        ),
    )
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        (0, 0, 3, pytest.approx(2 / 3)),
        (0, 1, None, 0.0),
        (1, 0, 3, 0.0),
        (0, 0, 0, 0.0),
        (None, None, None, 0.0),
        (0, 0, None, None),
    ]


def test_a_declared_language_counts_and_a_guess_must_be_sure():
    found = measure_caption_language(
        IMAGE_CAPTION.measures[0],
        items_of(
            ("A mantis.", "la", {}),
            ("The quick brown fox jumps over the lazy dog beside the river.", None, {}),
            ("A mantis.", None, {}),
            (None, None, {}),
        ),
    )
    assert found.field("language").to_pylist() == ["la", "en", None, None]
    assert found.field("language_confidence")[0].as_py() == 1.0
    assert found.field("language_confidence")[2].as_py() < 0.8


@pytest.mark.parametrize(
    ("text", "more", "expected"),
    [
        ("A frog.", {}, None),
        ("Zero.", {}, None),
        ("Frog", {"caption_source": "alt"}, ("found_word_count", "too_few_words")),
        ("Лягушка.", {"language": "ru", "caption_source": "alt"}, None),
        ("青蛙。", {"language": "zh", "caption_source": "figcaption"}, None),
        ("Frosch", {"language": None, "caption_source": "alt"}, None),
        ("!?", {}, ("alphabetic_word_ratio", "too_few_alphabetic_words")),
        ("1 ¥ (Japanese).", {}, None),
        ("12 300 2.50 mm", {}, ("alphabetic_word_ratio", "too_few_alphabetic_words")),
        ("a_b.png", {"caption_flaw": "file_name"}, ("caption_is_file_name", "caption_file_name")),
        ("logo", {"caption_flaw": "boilerplate"}, ("caption_is_boilerplate", "caption_boilerplate")),
        ("Fire! Fire! Fire!", {}, None),
        ("shoes shoes shoes shoes", {}, ("repeated_word_ratio", "repeated_words")),
        ("word " * 257, {}, ("word_count", "too_many_words")),
        ("蛙" * 1001, {"language": "zh"}, ("character_count", "too_many_words")),
        ("Buy now these shoes", {}, ("advertising_phrases_per_100_words", "spam_words")),
        ("A frog.", {"width": 23}, ("min_side_px", "picture_too_small")),
        ("A frog.", {"width": 24, "height": 72}, None),
        ("A frog.", {"width": 24, "height": 73}, ("aspect_ratio", "odd_aspect_ratio")),
        ("A frog.", {"entropy_bits": 0.19}, ("entropy_bits", "picture_blank")),
    ],
)
def test_the_rules_of_the_lane(text, more, expected):
    assert decided(text, **more) == expected


def test_an_item_without_facts_is_dropped_by_no_rule_on_them():
    items = items_of(("A frog.", None, None))
    signals, failed = rooms.measure(IMAGE_CAPTION, items)
    assert len(failed) == 0
    for judge in IMAGE_CAPTION.judges:
        assert judge.fn(judge, items, signals)["verdict"].to_pylist() == ["keep"]
