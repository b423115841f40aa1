"""The recordings are what they say, and the broken ones are broken as they claim."""

import io
import re
from hashlib import sha256

import numpy as np
import pytest
import soundfile

from tests.corpus import sounds
from tests.corpus.sounds import NUMBERS, PITCHES, RATE
from tests.corpus.uploads import uploads

ALL = {sound.name: sound for sound in sounds.sounds()}
BEEPS = [sound for sound in ALL.values() if "beeps" in sound.says]
UPLOADED = next(upload for upload in uploads() if upload.source == "demo-sounds").files


def loudness(samples):
    """RMS of every 10 ms, 0..1."""
    whole = samples[: len(samples) // 160 * 160].reshape(-1, 160) / 32768
    return np.sqrt((whole**2).mean(axis=1))


def hertz(samples):
    """The strongest frequency."""
    return np.abs(np.fft.rfft(samples)).argmax() * RATE / len(samples)


def test_there_are_two_dozen_and_none_is_said_twice():
    assert len(ALL) == len({sound.says for sound in ALL.values()}) == 24


@pytest.mark.parametrize("sound", ALL.values(), ids=lambda sound: sound.says)
def test_a_recording_lasts_one_to_three_seconds_and_does_not_clip(sound):
    assert 1.0 <= sound.duration_s <= 3.0
    assert 0.69 < np.abs(sound.samples).max() / 32768 < 0.71
    assert 8 < len(sound.says) / sound.duration_s < 23  # characters per second: a rule on transcripts must pass
    assert (loudness(sound.samples) < 0.003).mean() < 0.4  # quiet at -50 dB


@pytest.mark.parametrize("sound", BEEPS, ids=lambda sound: sound.says)
def test_beeps_are_as_many_and_as_high_as_they_say(sound):
    count, _, pitch, _ = sound.says.split()
    onsets = np.count_nonzero(np.diff((loudness(sound.samples) > 0.1).astype(int), prepend=0) == 1)
    assert NUMBERS[onsets] == count
    nearest = min(PITCHES, key=lambda name: abs(np.log2(hertz(sound.samples) / PITCHES[name])))
    assert nearest == pitch


@pytest.mark.parametrize(
    ("says", "grows"),
    [
        ("A tone that slowly rises.", True),
        ("A tone that quickly falls.", False),
        ("A low note is followed by a high note.", True),
        ("Three notes go up, from low to high.", True),
    ],
)
def test_what_rises_rises(says, grows):
    samples = next(sound.samples for sound in ALL.values() if sound.says == says)
    third = len(samples) // 3
    assert (hertz(samples[-third:]) > hertz(samples[:third])) == grows


def test_samples_are_the_same_on_every_machine():
    """Sines may differ in their last bit; rounding to 16 bits hides it."""
    data = b"".join(sound.samples.tobytes() for sound in ALL.values())
    assert sha256(data).hexdigest() == "12167876dc44cd4f7b64f9f9f009617c29669736def7a5d58a6ba5a20e38b42d"


@pytest.mark.parametrize("encode", [sounds.wav, sounds.flac])
def test_wav_and_flac_hold_the_same_samples(encode):
    samples = ALL["21"].samples
    found, rate = soundfile.read(io.BytesIO(encode(samples)), dtype="int16")
    assert (rate, found.dtype) == (RATE, samples.dtype)
    assert np.array_equal(found, samples)


def test_a_quieter_copy_differs_by_its_gain_alone():
    samples = ALL["16"].samples
    assert np.abs(samples / 2 - sounds.quieter(samples)).max() <= 0.5


def test_half_a_flac_does_not_decode():
    with pytest.raises(soundfile.LibsndfileError):
        soundfile.read(io.BytesIO(UPLOADED["broken/cut.flac"]))


def test_a_tenth_of_a_second_is_no_number():
    found, _ = soundfile.read(io.BytesIO(UPLOADED["broken/numbers.wav"]), dtype="float32")
    assert np.isnan(found).sum() == RATE // 10


def test_silence_is_silent():
    found, _ = soundfile.read(io.BytesIO(UPLOADED["odd/silence.wav"]), dtype="int16")
    assert (len(found), found.any()) == (2 * RATE, False)


def test_every_recording_has_its_words_beside_it():
    names = [name for name in UPLOADED if re.search(r"\.(wav|flac)$", name)]
    assert {name.partition(".")[0] + ".txt" for name in names} <= UPLOADED.keys()
