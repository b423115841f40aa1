"""Where somebody speaks, the resampling for it, and what noise and narrow bands leave."""

import numpy as np
import pytest
from scipy import stats

from pipelines.models.files import SILERO_VAD, model_path
from pipelines.split import sound_quality
from pipelines.split.sound_quality import Band, Noise
from pipelines.split.voice import FRAME_S, Resampler, Voice
from tests.split.sounds import babble, resampled


def fed(part, sound, rate):
    """The part with this sound in it, a second at a time."""
    for at in range(0, len(sound), rate):
        part.add(sound[at : at + rate])
    return part


def at_16k(sound, rate):
    part = Resampler(rate)
    return np.concatenate(
        [*(b for at in range(0, len(sound), 777) for b in part.add(sound[at : at + 777])), *part.rest()]
    )


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 48_000, 44_056, 16_000])
def test_a_tone_stays_the_same_at_16_khz(rate):
    time = np.arange(round(2.3 * rate)) / rate
    found = at_16k(np.sin(2 * np.pi * 700 * time) * np.hanning(len(time)), rate)
    wanted = np.sin(2 * np.pi * 700 * np.arange(len(found)) / 16_000) * np.hanning(len(found))
    assert abs(len(found) - 2.3 * 16_000) <= 1
    assert np.abs(found - wanted).max() < 0.01


@pytest.fixture(scope="module")
def silero():
    return str(model_path(SILERO_VAD.name))


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_both_ways_hear_a_voice_and_no_pause(silero, rate):
    sound = resampled(np.concatenate([np.zeros(16_000), babble(2.0), np.zeros(16_000)]), rate)
    sound += np.random.default_rng(0).normal(size=len(sound)) / 3000
    for model, least in ((silero, 0.5), (None, 0.6)):
        speech = fed(Voice(rate, model), sound, rate).speech()
        assert len(speech) == 125
        at = np.arange(len(speech)) * FRAME_S
        assert (speech[(at < 0.9) | (at > 3.2)] < 0.5).all()
        assert (speech[(at > 1.0) & (at < 2.9)] >= 0.5).mean() >= least


def test_silence_and_nothing_have_no_speech(silero):
    for model in (silero, None):
        assert fed(Voice(16_000, model), np.zeros(16_000), 16_000).speech().max() < 0.1
        assert len(Voice(16_000, model).speech()) == 0


def test_a_steady_tone_is_no_speech_to_silero(silero):
    tone = np.sin(2 * np.pi * 440 * np.arange(32_000) / 16_000) / 2
    assert (fed(Voice(16_000, silero), tone, 16_000).speech() < 0.5).mean() > 0.9


def test_the_table_of_wada_snr_is_that_of_its_two_distributions():
    def grid(n):
        return (np.arange(n) + 0.5) / n

    speech, noise = stats.gamma.ppf(grid(2000), 0.4), stats.norm.ppf(grid(1001))
    speech /= np.sqrt((speech**2).mean())
    for db in (-10, 0, 20, 60):
        mixed = np.abs(speech[:, None] * 10 ** (db / 20) + noise)
        gain = np.log(mixed.mean()) - np.log(mixed).mean()
        known = sound_quality._GAINS[np.flatnonzero(np.equal(sound_quality._STEPS_DB, db))]
        assert known == pytest.approx([gain], abs=0.004)


@pytest.mark.parametrize("db", [0, 10, 20, 40])
def test_the_ratio_of_speech_like_sound_to_noise_is_found(db):
    chance = np.random.default_rng(1)
    speech = chance.gamma(0.4, size=200_000) * chance.choice([-1, 1], 200_000)
    speech /= np.sqrt((speech**2).mean()) * 10
    noisy = speech + chance.normal(size=len(speech)) * 0.1 * 10 ** (-db / 20)
    assert fed(Noise(), noisy, 16_000).snr_db() == pytest.approx(db, abs=1)


def test_digital_silence_has_no_ratio_and_no_bandwidth():
    assert fed(Noise(), np.zeros(1000), 1000).snr_db() is None
    assert fed(Band(8000), np.zeros(1000), 8000).bandwidth_hz() is None


@pytest.mark.parametrize(("rate", "heard"), [(16_000, 16_000), (44_100, 8000), (48_000, 22_050)])
def test_the_bandwidth_is_that_of_the_rate_it_was_recorded_at(rate, heard):
    noise = np.random.default_rng(2).normal(size=3 * heard) / 10
    raised = np.fft.irfft(np.fft.rfft(noise), 3 * rate)
    assert fed(Band(rate), raised, rate).bandwidth_hz() == pytest.approx(heard / 2, rel=0.04)
