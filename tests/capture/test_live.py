"""A crawl of a source fetches beside pages what one of the source's lanes takes, and nothing else."""

import dataclasses

import pytest

from pipelines.capture.live import media_of
from pipelines.recipe import load


@pytest.mark.parametrize(
    ("media_types", "media"),
    [
        (("text/html",), ()),
        (("text/html", "image/*"), ("image",)),
        (("audio/flac", "image/png"), ("image", "audio")),
        (("application/audio",), ()),
    ],
)
def test_the_lanes_of_a_source_say_what_is_fetched_beside_its_pages(media_types, media):
    recipe = load("web")
    lane = dataclasses.replace(recipe.lanes[0], media_types=media_types)
    assert media_of(dataclasses.replace(recipe, lanes=(lane,)), recipe.sources[0]) == media
