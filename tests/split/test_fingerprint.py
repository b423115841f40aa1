"""The spectral fingerprint: what it does not depend on, and what it tells apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dedup.audio import AUDIO_DEDUP, similarity
from pipelines.split.fingerprint import BANDS, HOP_S, LANDMARKS, Spectrum, fingerprint, mel_edges
from tests.split.sounds import RATE, babble, resampled

quick = settings(max_examples=20, deadline=None, derandomize=True, database=None)


def amplitudes(sound, rate=RATE, cuts=()):
    spectrum = Spectrum(rate)
    for block in np.split(sound, sorted(cuts)):
        spectrum.add(block)
    return spectrum.amplitudes()


def heard(sound, rate=RATE):
    return fingerprint(amplitudes(sound, rate))


def alike(a, b):
    return similarity(a.words, b.words, doubt=0, shift=6)


@quick
@given(cuts=st.lists(st.integers(0, 4000), max_size=6))
def test_blocks_do_not_matter(cuts):
    sound = babble(0.25)
    assert np.array_equal(amplitudes(sound, cuts=cuts), amplitudes(sound))


@quick
@given(halvings=st.integers(0, 12))
def test_gain_does_not_matter(halvings):
    sound = babble(0.5)
    loud, soft = heard(sound), heard(sound * 0.5**halvings)
    assert np.array_equal(soft.words, loud.words)
    assert np.array_equal(soft.landmarks, loud.landmarks)


@quick
@given(gain=st.floats(0.001, 2.0))
def test_gain_that_rounds_changes_next_to_nothing(gain):
    sound = babble(0.5)
    assert alike(heard(sound * gain), heard(sound)) > 0.999


@quick
@given(hops=st.integers(0, 40))
def test_silence_before_and_behind_does_not_matter(hops):
    sound = babble(0.5)
    silence = np.zeros(round(hops * HOP_S * RATE))
    found, plain = heard(np.concatenate([silence, sound, silence])), heard(sound)
    assert alike(found, plain) > 0.999
    assert len(set(found.landmarks) & set(plain.landmarks)) > 0.9 * len(plain.landmarks)


@pytest.mark.parametrize("milliseconds", [100, 137, 200, 300])
def test_silence_that_is_no_multiple_of_a_hop_leaves_it_similar(milliseconds):
    sound = babble()
    late = heard(np.concatenate([np.zeros(RATE * milliseconds // 1000), sound]))
    assert alike(late, heard(sound)) > 0.8
    assert set(late.landmarks) & set(heard(sound).landmarks)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_the_rate_hardly_matters(rate):
    sound = babble()
    found = heard(resampled(sound, rate), rate)
    assert alike(found, heard(sound)) > 0.95
    assert set(found.landmarks) & set(heard(sound).landmarks)


def test_other_words_are_another_fingerprint():
    found = [heard(babble(seed=seed)) for seed in range(12)]
    assert max(alike(a, b) for i, a in enumerate(found) for b in found[:i]) < 0.5


@pytest.mark.parametrize("frames", [0, 1, RATE])
def test_where_nothing_is_heard_there_is_no_fingerprint(frames):
    found = heard(np.zeros(frames))
    assert (len(found.words), len(found.landmarks)) == (0, 0)


@pytest.mark.parametrize("other", [440, 466, 1000])
def test_steady_tones_have_too_few_bits_to_be_alike(other):
    time = np.arange(RATE) / RATE
    tones = [heard(np.sin(2 * np.pi * hertz * time) / 2) for hertz in (440, other)]
    assert similarity(*(tone.words for tone in tones), doubt=120, shift=6) < AUDIO_DEDUP.settings["threshold"]


def test_each_landmark_is_there_with_one_bit_turned_too():
    found = heard(babble(3)).landmarks
    assert 2 <= len(found) <= 2 * LANDMARKS
    assert (np.bitwise_count(found[:, None] ^ found) == 1).any(axis=1).all()


@pytest.mark.parametrize("rate", [1, 50, 4_000, 655_350])
def test_no_rate_breaks_it(rate):
    rows = amplitudes(np.random.default_rng(0).normal(size=rate), rate)
    assert rows.shape[1] == BANDS
    assert np.isfinite(rows).all()
    assert len(fingerprint(rows).words) <= len(rows)


def test_the_bands_are_wider_the_higher_they_are():
    widths = np.diff(mel_edges())
    assert len(widths) == BANDS
    assert (np.diff(widths) > 0).all()
    assert np.allclose(mel_edges()[[0, -1]], [300, 3300])


def test_energy_goes_to_the_band_it_is_in():
    rows = amplitudes(np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE))
    assert mel_edges()[rows.sum(axis=0).argmax()] < 1000 < mel_edges()[rows.sum(axis=0).argmax() + 1]
