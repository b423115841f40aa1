"""Long recordings cut by their cues, words by machine, and sound in MP4."""

import dataclasses
import io
import tempfile

import av
import numpy as np
import pytest
import soundfile

from pipelines import rooms
from pipelines.lanes.audio import AUDIO
from pipelines.split.audio import AUDIO_SPLIT, audio_reader, split_audio
from schemas.digest import sha256
from schemas.errors import ModelMissing, RecipeError
from schemas.item import child_id
from tests.split import networks
from tests.split.pictures import SAYER, said
from tests.split.sounds import RATE, babble, encoded, payloads, resampled, roots, steps, wav
from tests.split.test_audio import decoded, segments

LOW = 8000
TALK = resampled(babble(40.0, 1), LOW) + np.random.default_rng(0).normal(size=40 * LOW) / 1000
TALK_WAV = wav(steps(TALK), rate=LOW)
CUES = [(1.0, 4.5, "One two."), (4.6, 9.0, "Three four."), (20.25, 31.0, "Five.")]


def cue(start, end, text, **more):
    return said(text, location="file", role="transcript", **more) | {"start_s": start, "end_s": end}


@pytest.fixture(scope="module")
def child():
    with audio_reader() as child:
        yield child


def split(child, files, words, paths=(), **settings):
    stage = dataclasses.replace(AUDIO_SPLIT.override(settings, where="a test"), paths=paths)
    children, found = split_audio(stage, roots(files), payloads(files, words), child)
    return stage, children.to_pylist(), found.to_pylist()


@pytest.mark.parametrize("payload", [TALK_WAV, encoded(steps(TALK), "FLAC", "PCM_16", LOW)], ids=["wav", "flac"])
def test_each_stretch_of_cues_is_an_item_that_holds_its_sound_alone(child, payload):
    stage, children, (decision,) = split(child, [payload], [[cue(*one) for one in CUES]])
    assert (decision["verdict"], decision["detail"]) == ("split", None)
    assert [row["text"] for row in children] == ["One two. Three four.", "Five."]
    samples = steps(TALK)[:, None]
    for ordinal, (row, (start, end)) in enumerate(zip(children, [(1.0, 9.0), (20.25, 31.0)], strict=True)):
        assert np.array_equal(decoded(row["media"]), samples[round(start * LOW) : round(end * LOW)])
        facts = row["facts"]
        assert (facts["start_s"], facts["end_s"], facts["duration_s"]) == (start, end, end - start)
        assert (facts["text_role"], facts["synthetic"], row["text_capture_id"]) == ("transcript", False, SAYER)
        assert row["item_id"] == child_id(row["parent_id"], stage.op_id, ordinal, row["content_sha256"])


def test_a_segment_is_measured_as_if_it_were_a_recording(child):
    _, children, _ = split(child, [TALK_WAV], [[cue(*one) for one in CUES]])
    alone = segments(wav(steps(TALK[20 * LOW + 2000 : 31 * LOW]), rate=LOW))["segments"][0]
    facts = children[1]["facts"]
    same = set(alone) & set(facts) - {"start_s", "end_s", "speech_ratio", "speech_method"}
    assert {name: facts[name] for name in same} == {name: alone[name] for name in same}


def test_a_short_recording_stays_whole_with_the_words_of_all_its_cues(child):
    sound = encoded(babble(5.0), "FLAC", "PCM_16")
    _, (row,), _ = split(child, [sound], [[cue(0.5, 1, "One"), cue(3, 4, "two.")]])
    assert (row["text"], row["media"], row["facts"]["start_s"]) == ("One two.", None, None)


def test_cues_behind_the_end_are_reported_and_cost_only_themselves(child):
    late = cue(50, 60, "Late.")
    _, children, found = split(child, [TALK_WAV] * 2, [[cue(*CUES[2]), cue(39, 45, "Cut."), late], [late]])
    assert [(row["text"], row["facts"]["end_s"]) for row in children] == [("Five.", 31.0), ("Cut.", 40.0)]
    assert [(row["verdict"], row["reason"], row["detail"]) for row in found] == [
        ("split", None, "1 stretches with cues lie behind its end"),
        ("drop", "transcript_missing", "none of its 1 stretches with cues lies within it"),
    ]


def test_a_cue_of_no_length_costs_nothing(child):
    _, children, _ = split(child, [TALK_WAV], [[cue(5, 5.00001, "A click."), cue(*CUES[2])]])
    assert [(row["text"], row["facts"]["duration_s"]) for row in children] == [("A click.", 1 / LOW), ("Five.", 10.75)]


def test_of_two_languages_the_wanted_one_cuts(child):
    words = [cue(*CUES[0], language="en"), cue(10, 12, "Fünf.", language="de"), cue(2, 3, " ", language="de")]
    for languages, text in (((), "One two."), (("de",), "Fünf.")):
        _, (row,), _ = split(child, [TALK_WAV], [words], languages=languages)
        assert (row["text"], row["language"]) == (text, "en" if text.startswith("One") else "de")


def test_words_of_a_long_recording_without_times_are_of_all_of_it(child):
    _, (row,), _ = split(child, [TALK_WAV], [[said("All of it.")]])
    assert (row["text"], row["facts"]["start_s"], row["facts"]["duration_s"]) == ("All of it.", None, 40.0)


def test_it_splits_whatever_the_batch(child):
    files, words = [TALK_WAV, b"no", TALK_WAV], [[cue(*one) for one in CUES], [said("a")], [cue(*CUES[0])]]
    whole, media, found = rooms.split(AUDIO, roots(files), payloads(files, words), child)
    assert len(whole) == len(media) == 3
    parts = [rooms.split(AUDIO, roots(files).slice(n, 1), payloads(files, words).slice(n, 1), child) for n in range(3)]
    assert [row for part in parts for row in part[0].to_pylist()] == whole.to_pylist()
    assert [row for part in parts for row in part[2].to_pylist()] == found.to_pylist()


def test_limits_hold_for_what_is_cut(child):
    _, _, (found,) = split(child, [TALK_WAV], [[cue(*one) for one in CUES]], max_seconds=30.0)
    assert (found["verdict"], found["reason"]) == ("quarantine", "too_large")
    with pytest.raises(Exception, match="as FLAC it takes more than 100000 bytes"):
        segments(TALK_WAV, spans=[{"start_s": 0.0, "end_s": 20.0}, {"start_s": 20.0, "end_s": 40.0}], max_bytes=100_000)


def test_how_speech_is_found_is_a_setting(child):
    for voice in ("silero", "energy"):
        _, (row,), _ = split(child, [wav(babble())], [[said("a")]], voice=voice)
        assert row["facts"]["speech_method"] == voice
        assert row["facts"]["speech_ratio"] > 0.1
    with pytest.raises(RecipeError, match="voice"):
        split(child, [wav(babble())], [[said("a")]], voice="ears")


def test_without_the_network_the_error_says_how_to_do_without(child, tmp_path, monkeypatch):
    monkeypatch.setenv("HEADWATER_MODELS", str(tmp_path))
    with pytest.raises(ModelMissing, match='voice = "energy"'):
        split(child, [wav(babble())], [[said("a")]])


# Words by machine


@pytest.fixture
def ears(tmp_path):
    digests, paths = networks.write(tmp_path)
    return digests | {"paths": paths, "voice": "energy"}


HEARD = wav(networks.sound_of("ab ba"), "FLOAT")


def test_without_a_recogniser_a_recording_without_words_is_dropped_unread(child):
    assert reasons_of(split(child, [b"no sound"], [[]], machine_transcripts=True)) == [("drop", "transcript_missing")]


def reasons_of(found):
    return [(row["verdict"], row["reason"]) for row in found[2]]


def test_what_a_machine_hears_is_a_fact_and_the_text_only_where_the_recipe_wants_it(child, ears):
    _, children, found = split(child, [HEARD, HEARD], [[said("It was said.")], []], **ears)
    assert [(row["text"], row["facts"]["machine_text"], row["facts"]["synthetic"]) for row in children] == [
        ("It was said.", "ab ba", False)
    ]
    assert (found[1]["verdict"], found[1]["reason"]) == ("drop", "transcript_missing")
    _, children, _ = split(child, [HEARD, HEARD], [[said("It was said.")], []], **ears, machine_transcripts=True)
    assert [(row["text"], row["facts"]["synthetic"], row["facts"]["text_location"]) for row in children] == [
        ("It was said.", False, "table"),
        ("ab ba", True, "recogniser"),
    ]
    assert children[1]["text_capture_id"] is None


def test_a_long_recording_is_cut_in_its_pauses_for_the_machine(child, ears):
    sound = np.concatenate([networks.sound_of("aabb" * 10), np.zeros(RATE * 2), networks.sound_of("bbaa" * 10)])
    ears |= {"machine_transcripts": True, "segment_seconds": 10.0}
    _, children, (decision,) = split(child, [wav(sound, "FLOAT")], [[]], **ears)
    assert decision["verdict"] == "split"
    assert [row["text"] for row in children] == ["aabb" * 10, "bbaa" * 10]
    (a, b) = [(row["facts"]["start_s"], row["facts"]["end_s"]) for row in children]
    assert 0 <= a[0] < 0.1
    assert 7.8 < a[1] < 8.1 < 9.9 < b[0] < 10.1 < 17.8 < b[1] <= 18.0
    assert all(row["facts"]["synthetic"] for row in children)


def test_what_nobody_says_and_no_machine_hears_has_no_words(child, ears):
    _, children, found = split(child, [wav(np.zeros(RATE))], [[]], **ears, machine_transcripts=True)
    assert children == []
    assert [(row["verdict"], row["reason"]) for row in found] == [("drop", "transcript_missing")]


def test_another_file_than_the_recipe_names_is_refused_with_its_digest(child, ears, tmp_path):
    with pytest.raises(ModelMissing, match=ears["recogniser"]):
        split(child, [HEARD], [[said("a")]], **ears | {"recogniser": "0" * 64})
    with pytest.raises(ModelMissing, match="give its path as `recogniser` under"):
        split(child, [HEARD], [[said("a")]], **ears | {"paths": ()})
    with pytest.raises(RecipeError, match="a recogniser is two files"):
        split(child, [HEARD], [[said("a")]], recogniser=ears["recogniser"])
    (tmp_path / "list.json").write_text("[]")
    paths = (ears["paths"][0], ("recogniser_tokens", str(tmp_path / "list.json")))
    with pytest.raises(ModelMissing, match="is no JSON object of token"):
        split(child, [HEARD], [[said("a")]], **ears | {"paths": paths, "recogniser_tokens": sha256(b"[]").hex()})


# MP4


def mp4(sound, codec="aac", kind="mp4", **options):
    """AAC or ALAC of float64[frames, channels] at RATE."""
    out = tempfile.NamedTemporaryFile(suffix=".m4a")  # noqa: SIM115 - "faststart" opens it a second time, by its name
    layout = "stereo" if sound.ndim > 1 else "mono"
    with av.open(out.name, "w", format=kind, options=options) as file:
        stream = file.add_stream(codec, rate=RATE, layout=layout)
        wanted = "s16p" if codec == "alac" else "fltp"
        samples = sound.T if sound.ndim > 1 else sound[None]
        if codec == "alac":
            samples = np.rint(samples * 2**15).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples.astype(np.int16 if codec == "alac" else np.float32)), wanted, layout
        )
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            file.mux(packet)
    with out:
        return out.read()


SPEECH = babble(2.0, 3)


@pytest.mark.parametrize(("codec", "kind"), [("aac", "mp4"), ("aac", "ipod"), ("aac", "adts"), ("alac", "ipod")])
def test_mp4_and_aac_become_flac_of_the_same_sound(codec, kind):
    (found,) = segments(mp4(SPEECH, codec, kind))["segments"]
    sound = soundfile.read(io.BytesIO(found["flac"]))[0]
    assert found["format"] == f"{'aac' if kind == 'adts' else 'mp4'}/{codec}"
    assert (found["sample_rate"], found["channels"]) == (RATE, 1)
    assert abs(len(sound) - len(SPEECH)) <= 3 * 1024
    if codec == "alac":
        assert np.array_equal(sound, np.rint(SPEECH * 2**15) / 2**15)
    else:
        shift = max(range(2200), key=lambda lag: float(sound[lag : lag + 16_000] @ SPEECH[:16_000]))
        assert np.corrcoef(sound[shift : shift + 16_000], SPEECH[:16_000])[0, 1] > 0.95


MP4 = mp4(np.stack([SPEECH, SPEECH[::-1]], axis=1), movflags="faststart")
M4A_FAULTS = {
    "whole": (MP4, None),
    "without its end": (MP4[: len(MP4) // 2], "not_decodable"),
    "without its index": (mp4(SPEECH)[:-600], "not_decodable"),
    "header alone": (MP4[:40], "not_decodable"),
    "noise behind the header": (MP4[:40] + np.random.default_rng(0).bytes(4000), "not_decodable"),
    "ADTS header alone": (b"\xff\xf1\x50\x80", "not_decodable"),
}


def test_each_fault_of_mp4_has_its_reason(child):
    files = [data for data, _ in M4A_FAULTS.values()]
    _, _, found = split(child, files, [[said("a")]] * len(files))
    assert {name: row["reason"] for name, row in zip(M4A_FAULTS, found, strict=True)} == {
        name: reason for name, (_, reason) in M4A_FAULTS.items()
    }
    assert [row["detail"] for row in found if "0x" in str(row["detail"])] == []
