"""Signals of recordings, and the rules of the lane on them."""

import pyarrow as pa
import pytest

from pipelines import rooms
from pipelines.lanes.audio import AUDIO
from pipelines.measures.audio import AUDIO_STATISTICS, audio_statistics
from pipelines.shard.sample import EVIDENCE, audio_samples
from pipelines.split.audio import AUDIO_FACTS
from schemas.capture import CAPTURE
from schemas.digest import digest
from schemas.item import item_schema
from tests.corpus.prose import paragraphs

SOUND = {
    "duration_s": 2.0, "sample_rate": 16_000, "channels": 1, "peak": 0.5, "rms_dbfs": -20.0, "silence_ratio": 0.25,
    "clipping_ratio": 0.0, "snr_db": 30.0, "bandwidth_hz": 7000.0, "speech_ratio": 0.5, "speech_method": "silero",
    "start_s": None, "end_s": None, "synthetic": False, "tags": ["bird"],
}  # fmt: skip


def items_of(*rows):
    """Items of (text, facts); facts go over SOUND, null stays null."""
    found = [
        {
            "item_id": digest("test", i), "capture_id": digest("test", i), "source": "s", "modality": "audio",
            "media_type": "audio/flac", "text": text, "language": "en", "content_sha256": digest("test", i),
            "facts": None if facts is None else SOUND | facts,
        }
        for i, (text, facts) in enumerate(rows)
    ]  # fmt: skip
    return pa.RecordBatch.from_pylist(found, schema=item_schema(AUDIO_FACTS))


def decided(text, **facts):
    """The (signal, reason) of the first rule of the lane that drops this item; null where it is kept."""
    items = items_of((text, facts))
    signals, _ = rooms.measure(AUDIO, items)
    for judge in AUDIO.judges:
        row = judge.fn(judge, items, signals).to_pylist()[0]
        if row["verdict"] != "keep":
            return row["signal"], row["reason"]
    return None


def test_facts_become_signals_and_text_a_rate():
    rows = (("A rook.", {}), ("é", {"duration_s": 0.99}), (None, {}), ("A rook.", None))
    found = audio_statistics(AUDIO_STATISTICS, items_of(*rows)).to_pylist()
    facts = {name: value for name, value in SOUND.items() if name != "tags"} | {"synthetic": 0}
    unmeasured = {"characters_per_speech_second": None, "text_compression_ratio": None}
    assert found == [
        facts | {"characters_per_second": 3.5} | unmeasured,
        facts | {"duration_s": 0.99, "characters_per_second": None} | unmeasured,
        facts | {"characters_per_second": None} | unmeasured,
        dict.fromkeys([*facts, "characters_per_second", *unmeasured]),
    ]


def test_words_are_held_against_the_time_in_which_somebody_speaks():
    rows = (("A rook sings.", {"duration_s": 20.0}), ("A rook.", {"duration_s": 19.9}), (None, {"duration_s": 60.0}))
    found = audio_statistics(AUDIO_STATISTICS, items_of(*rows)).field("characters_per_speech_second")
    assert found.to_pylist() == [1.3, None, None]


@pytest.mark.parametrize("word", ["river ", "речка ", "नदी ", "河流 "])
def test_a_loop_is_found_in_any_script_and_wherever_it_stands(word):
    prose = " ".join(paragraphs("loops", 1))[:300].ljust(300)
    found = audio_statistics(AUDIO_STATISTICS, items_of((prose, {}), (prose + word * 60, {}), (word * 10, {})))
    plain, loop, short = found.field("text_compression_ratio").to_pylist()
    assert plain < 2.4 < 8 < loop
    assert short is None


def test_signals_have_the_same_types_without_rows():
    assert (
        audio_statistics(AUDIO_STATISTICS, items_of()).type
        == audio_statistics(AUDIO_STATISTICS, items_of(("a", {}))).type
    )


@pytest.mark.parametrize(
    ("text", "facts", "expected"),
    [
        ("A rook.", {}, None),
        ("Six", {"duration_s": 0.144}, None),
        ("Six", {"duration_s": 0.09}, ("duration_s", "sound_too_short")),
        ("A choir.", {"duration_s": 600.0, "speech_ratio": 0.0}, None),
        ("A choir.", {"duration_s": 600.1, "speech_ratio": 0.0}, ("duration_s", "sound_too_long")),
        ("A man speaks.", {"duration_s": 80.0}, None),  # in half of it
        ("Episode 12", {"duration_s": 80.0}, ("characters_per_speech_second", "too_little_text")),
        ("Thank you. " * 20, {"duration_s": 20.0}, ("text_compression_ratio", "repeated_phrases")),
        ("A rook.", {"snr_db": -10.0, "bandwidth_hz": 0.0, "speech_ratio": 0.0}, None),
        ("A rook.", {"sample_rate": 8000}, None),
        ("A rook.", {"sample_rate": 7999}, ("sample_rate", "low_sample_rate")),
        ("A giraffe.", {"silence_ratio": 1.0}, ("silence_ratio", "silent")),
        ("A giraffe.", {"silence_ratio": 0.98}, None),
        ("A horn.", {"clipping_ratio": 0.2}, None),
        ("A horn.", {"clipping_ratio": 0.21}, ("clipping_ratio", "clipped")),
        ("x" * 80, {}, None),
        ("x" * 81, {}, ("characters_per_second", "too_much_text")),
        ("Shin stands for shtel arayn or put in. " * 3, {"duration_s": 0.59}, None),  # what is heard is "shin"
    ],
)
def test_the_rules_of_the_lane(text, facts, expected):
    assert decided(text, **facts) == expected


def test_an_item_without_facts_is_dropped_by_no_rule_on_them():
    items = items_of(("A rook.", None))
    signals, failed = rooms.measure(AUDIO, items)
    assert len(failed) == 0
    for judge in AUDIO.judges:
        assert judge.fn(judge, items, signals)["verdict"].to_pylist() == ["keep"]


def test_what_the_lane_keeps_becomes_a_sample():
    items = items_of(("A rook.", {}))
    row = dict.fromkeys(CAPTURE.names) | {"capture_id": digest("test", 0), "headers": []}
    captures = pa.RecordBatch.from_pylist([row], schema=CAPTURE)
    rights = [{"license_source": "card", "page_url": None, "decision": "allow", "signals": []}]
    (sample,) = audio_samples(items, captures, pa.RecordBatch.from_pylist(rights, schema=EVIDENCE))
    assert sample.parts["txt"] == b"A rook."
    for part in (
        b'"duration":2.0',
        b'"sample_rate":16000',
        b'"channels":1',
        b'"tag":["bird"]',
        b'"text":["A rook."]',
        b'"start":null',
        b'"synthetic":false',
    ):
        assert part in sample.parts["json"]
