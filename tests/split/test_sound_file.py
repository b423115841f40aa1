"""What sound files say of themselves: formats by their first bytes, and files that end early or are damaged."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.child import RowFailed
from pipelines.split.sound_file import Container, check
from schemas.reasons import Reason
from tests.split.sounds import babble, encoded, wav

SOUND = babble(0.4)
FILES = {
    "wav": wav(SOUND),
    "flac": encoded(SOUND, "FLAC", "PCM_16"),
    "ogg": encoded(SOUND, "OGG", "VORBIS"),
    "mp3": encoded(SOUND, "MP3", "MPEG_LAYER_III"),
}
MD5 = FILES["flac"][26:42]


def reason_of(data, declared=None):
    try:
        check(data, declared)
    except RowFailed as failed:
        return failed.reason.value
    return None


def with_sizes(data, riff, samples):
    """A WAV file of one `fmt ` and one `data` chunk, with these sizes in its headers."""
    return data[:4] + struct.pack("<I", riff) + data[8:40] + struct.pack("<I", samples) + data[44:]


@pytest.mark.parametrize("kind", FILES)
def test_a_whole_file_is_of_its_kind(kind):
    assert check(FILES[kind]) == Container(format=kind, md5=MD5 if kind == "flac" else None)


def test_a_tag_before_flac_is_passed_over():
    tag = b"ID3\x04\x00\x00" + bytes([0, 0, 1, 2]) + bytes(130)
    assert check(tag + FILES["flac"]) == Container(format="flac", md5=MD5)
    assert check(tag + FILES["mp3"]) == Container(format="mp3")


def test_flac_without_a_digest_states_none():
    assert check(FILES["flac"][:26] + bytes(16) + FILES["flac"][42:]) == Container(format="flac")


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_cut_wav_or_ogg_is_truncated_wherever_it_is_cut(share):
    for kind in ("wav", "ogg"):
        data = FILES[kind]
        cut = data[: 13 + int(share * (len(data) - 13))]
        pages = [at for at in range(len(data)) if data.startswith(b"OggS", at)]
        # Where a page ends a cut cannot be seen.
        assert reason_of(cut) == (None if kind == "ogg" and len(cut) in pages else "record_truncated")


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(share=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
def test_a_changed_byte_of_ogg_is_seen_wherever_it_is(share, mask):
    data = bytearray(FILES["ogg"])
    at = int(share * len(data))
    data[at] ^= mask
    assert reason_of(bytes(data)) in {"not_decodable", "record_truncated", "format_not_supported"}


def test_a_missing_page_of_ogg_is_seen():
    data = encoded(babble(4), "OGG", "VORBIS")
    pages = [at for at in range(len(data)) if data.startswith(b"OggS", at)]
    assert len(pages) > 4
    with pytest.raises(RowFailed, match=f"a page of the Ogg stream is missing before byte {pages[2]}"):
        check(data[: pages[2]] + data[pages[3] :])


def test_what_stands_behind_the_last_page_of_ogg_does_not_count():
    assert check(FILES["ogg"] + b"TAG" + bytes(125)).format == "ogg"
    assert check(FILES["ogg"] * 2).format == "ogg"  # chained: one stream after another


@pytest.mark.parametrize(
    ("riff", "samples", "reason"),
    [
        (0xFFFFFFFF, 0xFFFFFFFF, None),  # ffmpeg into a pipe
        (0x7FFFF024, 0x7FFFF000, None),  # SoX into a pipe
        (0x7FFFF022, 0x7FFFEFFE, None),  # the same, down to whole frames of 18 bytes
        (100, 0xFFFFFFFF, "record_truncated"),
        (0xFFFFFFFF, 0xFFFFFFFE, "record_truncated"),
        (0x80000000, 0x7FFFFFFF, "record_truncated"),
        (0, 4, None),  # more bytes than counted: what is behind is no sound
    ],
)
def test_sizes_of_wav(riff, samples, reason):
    assert reason_of(with_sizes(FILES["wav"], riff, samples)) == reason


def test_chunks_between_are_passed_over_and_start_at_even_places():
    data = FILES["wav"]
    chunk = b"LIST" + struct.pack("<I", 5) + b"hello\x00"
    assert reason_of(data[:36] + chunk + data[36:]) is None
    assert reason_of(data[:36] + chunk + data[36:-1]) == "record_truncated"


@pytest.mark.parametrize(
    ("data", "declared", "reason"),
    [
        (b"FORM\x00\x00\x00\x00AIFF", "audio/aiff", "format_not_supported"),
        (b"MThd\x00\x00\x00\x06", None, "format_not_supported"),
        (b"\x01\x02\x03", "audio/vnd.rn-realaudio", "format_not_supported"),
        (b"\x01\x02\x03", "audio/mpeg", "not_decodable"),
        (b"\x01\x02\x03", None, "not_decodable"),
        (b"<!doctype html><p>404", "audio/x-something", "not_decodable"),
        (b"", "audio/wav", "not_decodable"),
        (b"fLaC", "audio/flac", "record_truncated"),
        (b"OggS", "audio/ogg", "record_truncated"),
    ],
)
def test_other_bytes_have_their_reason(data, declared, reason):
    assert reason_of(data, declared) == reason


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(
    start=st.sampled_from([b"", b"RIFF....WAVE", b"OggS", b"fLaC", b"ID3", b"\xff\xfb"]), rest=st.binary(max_size=200)
)
def test_no_bytes_break_it(start, rest):
    assert reason_of(start + rest) in {None, *Reason}
