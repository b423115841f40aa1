"""Pictures, sounds and their codecs."""

import io

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from schemas.errors import TrainingError
from tests.training.made import picture, sound
from training import codec
from training.codec import Codec, CodecShape, Fsq
from training.config import CodecConfig
from training.picture import pixels, scaled
from training.sound import HOP, MELS, RATE, log_mel, resample

IMAGE = CodecShape(channels=3, patch=(4, 4), levels=(8, 5, 5, 5), width=32, blocks=1)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def tone(hertz, seconds, rate=RATE, channels=1):
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)
    out = io.BytesIO()
    soundfile.write(out, np.stack([wave] * channels, 1), rate, format="FLAC", subtype="PCM_16")
    return out.getvalue()


def test_a_picture_is_cut_to_a_square_at_its_centre():
    image = Image.new("RGB", (90, 30), (255, 0, 0))
    image.paste((0, 0, 255), (30, 0, 60, 30))
    out = io.BytesIO()
    image.save(out, "PNG")
    square = pixels(out.getvalue(), 10)
    assert (square.shape, square.dtype) == ((3, 10, 10), torch.uint8)
    assert square[:, 5, 5].tolist() == [0, 0, 255]
    assert scaled(square)[:, 5, 5].tolist() == [-1, -1, 1]


@pytest.mark.parametrize("payload", [b"", b"no image", picture(1)[0][:200]])
def test_bytes_that_are_no_picture_are_a_value_error(payload):
    with pytest.raises(ValueError, match="no image"):
        pixels(payload, 24)


@pytest.mark.parametrize("payload", [b"", b"no sound", sound(1)[0][:20]])
def test_bytes_that_are_no_sound_are_a_value_error(payload):
    with pytest.raises(ValueError, match="no sound"):
        log_mel(payload, 100)


def test_a_sound_has_a_frame_every_ten_milliseconds_and_is_cut_where_asked():
    mel, is_whole = log_mel(tone(440, 0.5), 100)
    assert (mel.shape, is_whole) == ((MELS, 50), True)
    cut, is_whole = log_mel(tone(440, 0.5), 30)
    assert (cut.shape, is_whole) == ((MELS, 30), False)
    assert torch.allclose(cut[:, :27], mel[:, :27], atol=1e-5)


def test_a_higher_tone_lies_in_a_higher_band_whatever_the_rate_and_channels():
    bands = [log_mel(tone(hertz, 0.3), 100)[0].mean(1).argmax().item() for hertz in (200, 800, 3200)]
    assert bands == sorted(set(bands))
    for rate, channels in ((8_000, 1), (44_100, 2), (48_000, 1)):
        mel, _ = log_mel(tone(800, 0.3, rate, channels), 100)
        assert mel.shape[1] == 30
        assert abs(mel.mean(1).argmax().item() - bands[1]) <= 1


def test_resampling_keeps_a_tone():
    time = torch.arange(4_800) / 48_000
    wave = torch.sin(2 * torch.pi * 500 * time)
    expected = torch.sin(2 * torch.pi * 500 * torch.arange(1_600) / RATE)
    assert torch.allclose(resample(wave, 48_000), expected, atol=1e-3)
    assert HOP == RATE // 100


def test_fsq_has_exactly_its_levels_and_its_codes_name_them():
    quantiser = Fsq((8, 5, 2))
    values, codes = quantiser(torch.randn(20_000, 3, generator=torch.Generator().manual_seed(0)) * 4)
    assert sorted(codes.unique().tolist()) == list(range(80))
    assert [len(values[:, n].unique()) for n in range(3)] == [8, 5, 2]
    assert torch.equal(quantiser.values(codes), values)


def test_a_codec_gives_pictures_back_better_than_their_mean_and_the_same_twice():
    squares = torch.stack([scaled(pixels(picture(n)[0], 24)) for n in range(48)])
    settings = CodecConfig(steps=60, batch=16)
    told = []
    made = codec.train_codec(squares[:40], IMAGE, settings, seed=1, tell=lambda step, loss: told.append(loss))
    report = codec.report(made, squares[40:])
    assert report.error < report.baseline / 2
    assert report.perplexity > 1
    assert (len(told), told[-1] < told[0]) == (60, True)
    codes = made.encode(squares)
    assert codes.shape == (48, 36)
    assert torch.equal(codes, torch.cat([made.encode(one[None]) for one in squares]))  # whatever stands beside it
    assert made.decode(codes, 6).shape == squares.shape
    again = codec.train_codec(squares[:40], IMAGE, settings, seed=1, tell=lambda step, loss: None)
    assert codec.dump(again) == codec.dump(made)
    assert torch.equal(codec.read(codec.dump(made)).encode(squares), codes)


def test_bytes_that_are_no_codec_are_refused():
    with pytest.raises(TrainingError, match="no codec"):
        codec.read(b"nonsense")
    content = codec.dump(Codec(IMAGE))
    with pytest.raises(TrainingError, match="no codec"):
        codec.read(content[:-9])
