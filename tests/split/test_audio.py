"""Recordings: the laws of a split, exact conversions, the best words, and files made to mislead."""

import io
import json
import struct
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines import rooms
from pipelines.child import Limits
from pipelines.lanes.audio import AUDIO
from pipelines.split.audio import AUDIO_FACTS, AUDIO_SPLIT, LIMITS, audio_reader, best, split_audio
from pipelines.split.audio_child import SETTINGS, read_recording
from schemas.decision import DECISION
from schemas.digest import digest, sha256
from schemas.item import child_id, item_schema
from tests.split.pictures import SAYER, said
from tests.split.sounds import RATE, babble, encoded, payloads, roots, steps, wav

SHARED = Path(__file__).parents[3] / "shared" / "data" / "audio"
SOUND = babble(0.4)
FLAC = encoded(SOUND, "FLAC", "PCM_16")
NAN = np.where(np.arange(len(SOUND)) == 3000, np.nan, SOUND)

quick = settings(max_examples=25, deadline=None, derandomize=True, database=None)


@pytest.fixture(scope="module")
def child():
    with audio_reader() as child:
        yield child


def read(data, **changed):
    """What the child's program finds in one file."""
    (segment,) = segments(data, **changed)["segments"]
    return segment


def segments(data, **changed):
    """All that the child's program answers of one file; speech by energy."""
    asked = {name: AUDIO_SPLIT.settings[name] for name in SETTINGS} | {"data": data, "media_type": None}
    asked |= {"spans": None, "by_voice": False, "voice": None, "recogniser": None, "vocabulary": None}
    return read_recording(asked | changed)


def decoded(data, dtype="int32"):
    return soundfile.read(io.BytesIO(data), dtype=dtype, always_2d=True)[0]


def reasons(found):
    return [(row["verdict"], row["reason"]) for row in found.to_pylist()]


def with_channels(sound, channels):
    return np.stack([np.roll(sound, 100 * channel) for channel in range(channels)], axis=1)


# Laws


FILES = [
    wav(SOUND),
    FLAC,
    None,
    b"",
    encoded(SOUND, "OGG", "VORBIS"),
    b"<p>404",
    wav(SOUND)[:-100],
    FLAC,
    wav(SOUND[:0]),
]
WORDS = [
    [said("a")],
    [said("b")],
    [said("c")],
    [said("d")],
    [said(" e\n e ")],
    [said("f")],
    [said("g")],
    [],
    [said("i")],
]


def test_every_parent_has_its_decision_in_order(child):
    items = roots(FILES)
    children, found = split_audio(AUDIO_SPLIT, items, payloads(FILES, WORDS), child)
    assert found.schema == DECISION
    assert found.column("item_id") == items.column("item_id")
    assert set(found.column("stage").to_pylist()) == {"split.audio"}
    assert [(row["verdict"], row["reason"], row["detail"]) for row in found.to_pylist()] == [
        ("split", None, None),
        ("split", None, None),
        ("quarantine", "not_decodable", "no bytes are stored for this recording"),
        ("quarantine", "not_decodable", "the bytes look like no sound that is read"),
        ("split", None, None),
        ("quarantine", "not_decodable", "the bytes look like text/html"),
        ("quarantine", "record_truncated", "its header counts 12800 bytes of samples, 12700 are there"),
        ("drop", "transcript_missing", None),
        ("quarantine", "not_decodable", "it holds no samples"),
    ]
    assert children.column("parent_id").to_pylist() == [items.column("item_id")[row].as_py() for row in (0, 1, 4)]
    assert children.column("text").to_pylist() == ["a", "b", "e e"]


def test_children_are_items_with_their_media_beside_them(child):
    items = roots(FILES)
    children, _ = split_audio(AUDIO_SPLIT, items, payloads(FILES, WORDS), child)
    assert children.schema == item_schema(AUDIO_FACTS).append(pa.field("media", pa.large_binary()))
    media = children.column("media").to_pylist()
    assert media[1] is None  # valid FLAC stays as captured
    contents = [sha256(media[0]), sha256(FLAC), sha256(media[2])]
    assert children.column("content_sha256").to_pylist() == contents
    parents = children.column("parent_id").to_pylist()
    ids = [child_id(parent, AUDIO_SPLIT.op_id, 0, content) for parent, content in zip(parents, contents, strict=True)]
    assert children.column("item_id").to_pylist() == ids
    assert children.column("payload").to_pylist() == [items.column("payload")[row].as_py() for row in (0, 1, 4)]
    assert set(children.column("media_type").to_pylist()) == {"audio/flac"}
    assert set(children.column("modality").to_pylist()) == {"audio"}
    assert children.column("text_capture_id").to_pylist() == [SAYER] * 3
    assert children.column("licence").to_pylist() == ["CC-BY-4.0"] * 3


def test_it_splits_and_repeats(child):
    items, data = roots(FILES), payloads(FILES, WORDS)
    whole = rooms.split(AUDIO, items, data, child)
    assert rooms.split(AUDIO, items, data, child) == whole
    halves = [rooms.split(AUDIO, items.slice(*cut), data.slice(*cut), child) for cut in ((0, 4), (4,))]
    for at in range(3):
        parts = [pa.table({"x": half[at]}) if at == 1 else pa.Table.from_batches([half[at]]) for half in halves]
        joined = rooms.one_batch(pa.concat_tables(parts))
        assert joined == (pa.RecordBatch.from_pydict({"x": whole[1]}) if at == 1 else whole[at])


def test_no_rows_give_no_rows(child):
    children, media, found = rooms.split(AUDIO, roots([]), payloads([]), child)
    assert (len(children), len(found)) == (0, 0)
    assert children.schema == item_schema(AUDIO_FACTS)
    assert media is not None


def test_words_of_the_recording_itself_have_no_other_capture(child):
    items = roots([FLAC])
    own = said("a") | {"capture_id": items.column("capture_id")[0].as_py()}
    children, _ = split_audio(AUDIO_SPLIT, items, payloads([FLAC], [[own]]), child)
    assert children.column("text_capture_id").to_pylist() == [None]


# Conversions


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize(
    ("subtype", "kept", "bits"),
    [("PCM_U8", "PCM_S8", 8), ("PCM_16", "PCM_16", 16), ("PCM_24", "PCM_24", 24), ("PCM_32", "PCM_24", 24)],
)
def test_integers_keep_their_bits_and_each_sample(subtype, kept, bits, channels):
    sound = with_channels(steps(SOUND, bits), channels)
    found = read(wav(sound, subtype))
    assert np.array_equal(decoded(found["flac"]), sound)
    info = soundfile.info(io.BytesIO(found["flac"]))
    assert (info.format, info.subtype, info.samplerate, info.channels) == ("FLAC", kept, RATE, channels)


def test_what_32_bits_have_beyond_24_is_cut_off():
    sound = steps(SOUND, 24) + np.arange(len(SOUND), dtype=np.int32) % 256
    found = read(wav(sound, "PCM_32"))
    assert np.array_equal(decoded(found["flac"])[:, 0], sound & ~0xFF)
    assert found["samples_sha256"] == read(wav(sound & ~0xFF, "PCM_32"))["samples_sha256"]


@pytest.mark.parametrize("law", ["ULAW", "ALAW"])
def test_telephone_codes_keep_each_sample(law):
    data = wav(steps(SOUND), law, 8_000)
    assert np.array_equal(decoded(read(data)["flac"]), decoded(data))


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_floats_become_16_bits_as_they_were_made_of(subtype):
    exact = wav(steps(SOUND) / 2.0**31, subtype)
    assert np.array_equal(decoded(read(exact)["flac"])[:, 0], steps(SOUND))
    found = read(wav(np.array([0.0, 1.0, -1.0, 1.5, -3.0, 0.25 + 2.0**-16]), subtype))
    assert decoded(found["flac"], "int16")[:, 0].tolist() == [0, 32767, -32768, 32767, -32768, 8192]
    assert (found["peak"], found["clipping_ratio"]) == (3.0, 4 / 6)


@pytest.mark.parametrize(
    ("kind", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")], ids=["vorbis", "opus", "mp3"]
)
def test_lossy_codecs_become_16_bits_of_what_they_decode_to(kind, subtype):
    data = encoded(babble(3.2), kind, subtype)
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        floats = file.read(10**6, always_2d=True)  # in one go, where the child reads by the second
    assert np.array_equal(decoded(read(data)["flac"], "int16"), np.clip(np.rint(floats * 2**15), -(2**15), 2**15 - 1))


@quick
@given(frames=st.integers(1, 3 * RATE), channels=st.integers(1, 3), seed=st.integers(0, 9))
def test_wav_and_flac_of_one_sound_are_one_recording(frames, channels, seed):
    noise = np.random.default_rng(seed).integers(-(2**15), 2**15, (frames, channels), dtype=np.int16)
    captured, kept = read(wav(noise)), read(encoded(noise, "FLAC", "PCM_16"))
    converted = captured.pop("flac")
    assert kept.pop("flac") is None
    assert (captured.pop("format"), kept.pop("format")) == ("wav/pcm_16", "flac/pcm_16")
    assert captured == kept
    assert np.array_equal(decoded(converted, "int16"), noise)
    assert read(converted)["samples_sha256"] == captured["samples_sha256"]


def test_rate_and_channels_are_part_of_the_samples():
    sound = steps(SOUND)
    digests = [
        read(data)["samples_sha256"]
        for data in (wav(sound), wav(sound, rate=8_000), wav(with_channels(sound, 2)), wav(sound.reshape(-1, 2)))
    ]
    assert len(set(digests)) == 4


def test_a_tag_before_flac_makes_it_flac_that_is_written_anew():
    tag = b"ID3\x04\x00\x00" + bytes([0, 0, 1, 2]) + bytes(130)
    found = read(tag + FLAC)
    assert found["flac"].startswith(b"fLaC")
    assert found["samples_sha256"] == read(FLAC)["samples_sha256"]


def test_flac_is_written_without_a_word_about_the_recording():
    out = io.BytesIO()
    with soundfile.SoundFile(out, "w", RATE, 1, "PCM_16", format="WAV") as file:
        file.title, file.artist = "a title", "an artist"
        file.write(SOUND)
    assert b"an artist" in out.getvalue()
    assert b"artist" not in read(out.getvalue())["flac"].lower()


# Facts


def test_facts_of_a_known_sound():
    square = np.tile(np.repeat([8192, -8192], 8), 1000).astype(np.int16)  # a second at a quarter of full scale
    quiet = np.full(RATE, 32, np.int16)  # -60.2 dBFS
    found = read(wav(np.concatenate([square, quiet])))
    assert found["duration_s"] == 2.0
    assert (found["sample_rate"], found["channels"], found["format"]) == (RATE, 1, "wav/pcm_16")
    assert (found["peak"], found["clipping_ratio"], found["silence_ratio"]) == (0.25, 0.0, 0.5)
    assert found["rms_dbfs"] == pytest.approx(10 * np.log10((8192**2 + 32**2) / 2 / 2**30))
    assert read(wav(quiet), silence_dbfs=-70.0)["silence_ratio"] == 0.0


def test_silence_is_known_for_what_it_is():
    found = read(wav(np.zeros(RATE, np.int16)))
    assert (found["silence_ratio"], found["peak"], found["clipping_ratio"]) == (1.0, 0.0, 0.0)
    assert found["rms_dbfs"] == pytest.approx(-144.49, abs=0.01)
    assert (found["fingerprint"], found["landmarks"]) == (b"", b"")


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24"])
def test_clipping_is_counted_at_the_ends_of_the_scale_whatever_the_bits(subtype):
    found = read(wav(np.array([1.0, -1.0, 0.5, -0.5, 0.0, 0.0, 0.99, 0.0]), subtype))
    assert found["clipping_ratio"] == 2 / 8
    assert read(wav(np.array([-32768, -32767, 32767, 32766, 0], np.int16)))["clipping_ratio"] == 3 / 5


# Words


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ([said("a", location="table"), said("b", location="transcript", role="transcript")], "b"),
        ([said("a", location="title"), said("b", location="figcaption"), said("c", location="member")], "c"),
        ([said("a", location="json_ld"), said("b", location="elsewhere"), said("c", location="title")], "a"),
        ([said(" \x00\n", location="table"), said("b", location="title")], "b"),
        ([said("tag", role="tag"), said("title", role="title")], None),
        ([said("e\u0301  \u2028 x\x07\n")], "é x"),
        ([], None),
    ],
)
def test_the_best_words_are_taken(words, chosen):
    found = best(words, ())
    assert (found and found["text"]) == chosen


def test_of_several_languages_a_wanted_one_is_taken():
    words = [said("un", language="fr"), said("ein", language="de_AT"), said("one", language="en")]
    assert [best(words, wanted)["text"] for wanted in ((), ("de",), ("pl", "en", "de"))] == ["un", "ein", "one"]
    assert best(words, ("de-CH",))["language"] == "de"
    assert best([{**words[0], "rights_rank": 3}, *words[1:]], ())["language"] != words[0]["language"]


def test_tags_are_facts(child):
    words = [said("b ", role="tag"), said("a", role="tag"), said("a"), said("b", role="tag")]
    children, _ = split_audio(AUDIO_SPLIT, roots([FLAC, FLAC]), payloads([FLAC, FLAC], [words, [said("x")]]), child)
    facts = children.column("facts").to_pylist()
    assert [(row["tags"], row["text_role"], row["text_location"]) for row in facts] == [
        (["a", "b"], "caption", "table"),
        ([], "caption", "table"),
    ]


# Faults


def changed(data, at, value):
    return data[:at] + value + data[at + len(value) :]


def flac_counting(frames):
    """The FLAC with this count of samples in its header (36 bits)."""
    return changed(FLAC, 21, struct.pack(">BI", (FLAC[21] & 0xF0) | frames >> 32, frames & 0xFFFFFFFF))


FAULTS = {
    "half a WAV": (wav(SOUND)[: len(wav(SOUND)) // 2], "record_truncated"),
    "half a FLAC": (FLAC[: len(FLAC) // 2], "not_decodable"),
    "half a FLAC that does not say so": (flac_counting(0)[: len(FLAC) // 2], "not_decodable"),
    "FLAC that counts more": (flac_counting(len(SOUND) + 1), "record_truncated"),
    "FLAC that counts 2^36": (flac_counting(2**36 - 1), "too_large"),
    "FLAC of another digest": (changed(FLAC, 30, b"\x00\x01\x02"), "digest_mismatch"),
    "FLAC with a hole": (changed(FLAC, len(FLAC) // 2, bytes(50)), "not_decodable"),
    "half an Ogg": (encoded(SOUND, "OGG", "OPUS")[:-200], "record_truncated"),
    "half an MP3": (encoded(babble(2), "MP3", "MPEG_LAYER_III")[:4000], "record_truncated"),
    "WAV that counts 4 GiB": (changed(wav(SOUND), 40, b"\xf0\xff\xff\xff"), "record_truncated"),
    "WAV at 2^31 Hz": (changed(wav(SOUND), 24, b"\x00\x00\x00\x7f"), "not_decodable"),
    "WAV of nine channels": (wav(with_channels(SOUND, 9)), "format_not_supported"),
    "WAV of no channels": (changed(wav(SOUND), 22, b"\x00\x00"), "not_decodable"),
    "WAV without samples": (wav(SOUND[:0]), "not_decodable"),
    "NaN": (wav(NAN, "FLOAT"), "samples_not_finite"),
    "infinity": (wav(np.where(np.isnan(NAN), -np.inf, SOUND), "DOUBLE"), "samples_not_finite"),
    "zeros": (bytes(1000), "not_decodable"),
}


def test_each_fault_has_its_reason_and_leaves_its_neighbours_alone(child):
    files = [data for fault, _ in FAULTS.values() for data in (fault, FLAC)]
    children, found = split_audio(AUDIO_SPLIT, roots(files), payloads(files), child)
    drops = {"format_not_supported"}
    wanted = [("drop" if reason in drops else "quarantine", reason) for _, reason in FAULTS.values()]
    assert dict(zip(FAULTS, reasons(found)[::2], strict=True)) == dict(zip(FAULTS, wanted, strict=True))
    assert reasons(found)[1::2] == [("split", None)] * len(FAULTS)
    alone, _ = split_audio(AUDIO_SPLIT, roots([FLAC]), payloads([FLAC]), child)
    assert {row["samples_sha256"] for row in children.column("facts").to_pylist()} == {
        alone.column("facts")[0]["samples_sha256"].as_py()
    }


def test_details_hold_no_address_of_memory(child):
    files = [FLAC[: len(FLAC) // 2], b"RIFF\xff\xff\xff\xffWAVEfmt \x00\x00\x00\x00data\x00\x00\x00\x00"]
    details = [
        split_audio(AUDIO_SPLIT, roots(files), payloads(files), child)[1].column("detail").to_pylist() for _ in "ab"
    ]
    assert details[0] == details[1]
    assert "0x" not in "".join(details[0])


def test_flac_that_does_not_say_how_long_it_is_is_read_to_its_end():
    assert read(flac_counting(0))["duration_s"] == len(SOUND) / RATE
    assert read(changed(FLAC, 26, bytes(16)))["flac"] is None  # and without a digest


def test_caps_are_settings(child):
    files = [wav(SOUND)]
    for setting, value, signal in (("max_bytes", 1000, 12_844.0), ("max_seconds", 0.3, None)):
        stage = AUDIO_SPLIT.override({setting: value}, where="a test")
        found = split_audio(stage, roots(files), payloads(files), child)[1].to_pylist()[0]
        assert (found["verdict"], found["reason"], found["value"]) == ("quarantine", "too_large", signal)
    noise = encoded(np.random.default_rng(0).normal(size=RATE * 9) / 4, "OGG", "VORBIS", compression_level=1.0)
    with pytest.raises(Exception, match="as FLAC it takes more than 100000 bytes"):
        read(noise, max_bytes=100_000)


def test_memory_does_not_grow_with_the_length():
    """Four minutes of stereo are 85 MB as 32-bit integers, 340 MB in the floats that are measured."""
    second = steps(np.random.default_rng(0).normal(size=(44_100, 2)) / 200)
    out = io.BytesIO()
    with soundfile.SoundFile(out, "w", 44_100, 2, "PCM_16", format="FLAC", compression_level=0.0) as file:
        for turn in range(240):
            file.write(np.roll(second, turn))
    limits = Limits(row_seconds=120, cpu_seconds=60, memory_bytes=len(out.getvalue()) + 64 * 2**20)
    with audio_reader(limits) as small:
        _, found = split_audio(AUDIO_SPLIT, roots([out.getvalue()]), payloads([out.getvalue()]), small)
    assert found.to_pylist()[0]["detail"] is None
    assert reasons(found) == [("split", None)]


def test_the_lane_gives_its_child_half_a_gibibyte():
    assert LIMITS.memory_bytes == 512 * 2**20


# Real recordings


def members(name):
    with tarfile.open(SHARED / name) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}


@pytest.mark.skipif(not SHARED.exists(), reason="shared/data/audio is not beside the checkout")
def test_wav_and_flac_of_lj_speech_are_the_same_samples(child):
    files = {name: data for name, data in members("ljspeech.tar").items() if name.endswith((".wav", ".flac"))}
    children, found = split_audio(AUDIO_SPLIT, roots(list(files.values())), payloads(list(files.values())), child)
    assert reasons(found) == [("split", None)] * 14
    samples = {}
    for name, facts in zip(files, children.column("facts").to_pylist(), strict=True):
        samples.setdefault(facts["samples_sha256"], set()).add(name.partition(".")[0])
    assert len(samples) == 7
    assert all(len(names) == 1 for names in samples.values())
    kept = [media is None for media in children.column("media").to_pylist()]
    assert kept == [name.endswith(".flac") for name in files]


@pytest.mark.skipif(not SHARED.exists(), reason="shared/data/audio is not beside the checkout")
def test_durations_of_the_stamp_sounds_are_those_of_their_table(child):
    rows = [json.loads(line) for line in (SHARED / "stamps_sounds.jsonl").read_text("utf-8").splitlines()][:60]
    sounds = members("stamps_sounds.tar")
    files = [sounds[row["file"]] for row in rows]
    words = [[said(row["text"], language=row["lang"])] for row in rows]
    children, _ = split_audio(AUDIO_SPLIT, roots(files), payloads(files, words), child)
    facts = children.column("facts").to_pylist()
    assert [(round(one["duration_s"], 3), one["sample_rate"], one["channels"]) for one in facts] == [
        (round(row["seconds"], 3), row["sample_rate"], row["channels"]) for row in rows
    ]
    assert children.column("text").to_pylist() == [row["text"] for row in rows]
    assert digest("capture", 0) not in children.column("text_capture_id").to_pylist()
