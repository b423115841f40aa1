"""MP3 frame by frame: whole files of every kind pass, holes and cuts do not."""

import numpy as np
import pytest

from pipelines.child import RowFailed
from pipelines.split.mp3_frames import check_mp3, frame_bytes
from tests.split.sounds import RATE, babble, encoded, resampled

NOISE = np.random.default_rng(0)


def mp3(rate=RATE, channels=1, **options):
    sound = resampled(babble(2.0, 4), rate)
    return encoded(
        sound if channels == 1 else np.stack([sound, sound[::-1]], 1), "MP3", "MPEG_LAYER_III", rate, **options
    )


def bare(data):
    """The MP3 without its first frame, which counts the others."""
    return data[frame_bytes(data, 0) :]


def reason_of(data):
    try:
        check_mp3(data)
    except RowFailed as failed:
        return failed.reason.value
    return None


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_whole_files_pass_and_cut_ones_do_not(rate, channels, mode):
    data = mp3(rate, channels, bitrate_mode=mode, compression_level=0.7)
    assert reason_of(data) is None
    assert reason_of(bare(data)) is None
    assert reason_of(bare(data)[: len(data) // 2 + 5]) == "record_truncated"


WHOLE = bare(mp3())
TAG = b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (TAG + WHOLE, None), (TAG + TAG + WHOLE, None), (WHOLE + b"TAG" + bytes(125), None), (WHOLE + bytes(5000), None),
        (WHOLE + TAG + WHOLE, None), (WHOLE + b"APETAGEX" + NOISE.bytes(5000), None), (bytes(100) + WHOLE, None),
        (WHOLE[:3600] + NOISE.bytes(700) + WHOLE[4300:], "not_decodable"),
        (WHOLE[:3600] + bytes(700) + WHOLE[4300:], "not_decodable"), (WHOLE[:3600] + WHOLE[3700:], "not_decodable"),
        (WHOLE[:-1], "record_truncated"), (NOISE.bytes(6000), None), (b"", None), (b"\xff\xfb", None), (b"ID3", None),
    ],
)  # fmt: skip
def test_only_tags_may_stand_between_frames(data, reason):
    assert reason_of(data) == reason
