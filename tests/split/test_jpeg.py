"""Metadata of a JPEG, left out."""

from hypothesis import given
from hypothesis import strategies as st

from pipelines.split.jpeg import without_metadata
from tests.split.pictures import encoded, scene

JPEG = encoded(scene(), "JPEG")


def test_a_jpeg_without_metadata_stays_as_it_is():
    assert without_metadata(JPEG, None) == JPEG
    assert without_metadata(JPEG[:2] + b"\xff\xff" + JPEG[2:] + b"behind it", None) == JPEG


def test_segments_that_cannot_be_followed_give_nothing():
    for data in (b"", b"\xff\xd8", JPEG[:30], JPEG[:-2], JPEG[:2] + b"x" + JPEG[2:], b"\xff\xd8\xff\xe0\0\1"):
        assert without_metadata(data, 1) is None


@given(st.binary(max_size=60).map(JPEG[:2].__add__) | st.integers(0, len(JPEG)).map(lambda cut: JPEG[:cut]))
def test_nothing_raises_and_what_is_found_has_a_start_and_an_end(data):
    found = without_metadata(data, 3)
    assert found is None or (found.startswith(b"\xff\xd8") and found.endswith(b"\xff\xd9"))
