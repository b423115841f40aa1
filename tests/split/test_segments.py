"""Where long recordings are cut."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.split.segments import Segment, by_cues, by_voice

quick = settings(max_examples=100, deadline=None, derandomize=True, database=None)


@pytest.mark.parametrize(
    ("cues", "found"),
    [
        ([], []),
        ([(0, 4, "a"), (4.4, 9, "b")], [(0, 9, "a b")]),
        ([(0, 4, "a"), (4.6, 9, "b")], [(0, 4, "a"), (4.6, 9, "b")]),
        ([(0, 20, "a"), (20, 31, "b"), (31, 40, "c")], [(0, 20, "a"), (20, 40, "b c")]),
        ([(0, 20, "a"), (19, 40, "b")], [(0, 40, "a b")]),  # two speak at once
        ([(0, 20, "a"), (5, 6, "b"), (20.2, 22, "c")], [(0, 22, "a b c")]),
        ([(0, 45, "a"), (45, 46, "b")], [(0, 45, "a"), (45, 46, "b")]),
    ],
)
def test_cues_are_joined_where_they_follow_each_other(cues, found):
    assert by_cues([Segment(*cue) for cue in cues], longest_s=30, pause_s=0.5) == [Segment(*one) for one in found]


def spoken(*stretches, frames=1000):
    """Probabilities of speech: 0.9 in these stretches of frames, else 0.1."""
    found = np.full(frames, 0.1)
    for start, end in stretches:
        found[start:end] = 0.9
    return found


def cut(speech, longest_s=10.0):
    return by_voice(speech, frame_s=0.1, threshold=0.5, longest_s=longest_s)


def test_stretches_are_joined_as_long_as_they_fit():
    assert cut(spoken((10, 40), (60, 100), (120, 150))) == [Segment(0.97, 10.03), Segment(11.97, 15.03)]


def test_a_long_stretch_is_cut_where_it_is_least_like_speech():
    speech = spoken((0, 160))
    speech[70] = 0.4  # not low enough for a pause
    first, second = cut(speech)
    assert (first.start_s, first.end_s, second.start_s) == (0.0, 7.1, 7.1)


def test_clicks_are_no_speech():
    assert cut(spoken((10, 12), (50, 53))) == [Segment(4.97, 5.33)]
    assert cut(spoken()) == []


@quick
@given(st.lists(st.floats(0, 1), max_size=200), st.floats(0.2, 5))
def test_segments_are_in_order_apart_and_short_enough(speech, longest_s):
    found = cut(np.array(speech), longest_s)
    assert all(0 <= one.start_s < one.end_s <= len(speech) * 0.1 + 1e-3 for one in found)
    assert all(one.end_s <= after.start_s for one, after in pairwise(found))
    assert all(one.end_s - one.start_s <= max(longest_s, 0.16) + 1e-6 for one in found)
