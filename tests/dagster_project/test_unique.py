"""What the unique room shows people: over the demo, and its pictures alone."""

import io

import pyarrow as pa
import pytest
from PIL import Image

from dagster_project.unique import near_pairs, side_by_side, told
from pipelines import phases
from pipelines.audit.open import Ledger
from pipelines.kernels.thumbnail import THUMBNAIL_BYTES
from schemas.decision import EDGE
from schemas.digest import sha256


@pytest.fixture(scope="module")
def lanes(demo):
    recipe, site, _ = demo
    captured = [phases.capture(recipe, site, source) for source in recipe.sources]
    runs = {lane.name: phases.lane_rooms(recipe, site, lane, captured) for lane in recipe.lanes}
    return {name: told(site, found, phases.unique(site, found)[0]) for name, found in runs.items()}


def test_pairs_of_texts_are_shown_by_where_they_differ(lanes):
    shown = lanes["web"]["pairs side by side"]["raw_value"].splitlines()
    assert shown[0] == "| similarity | one | the other |"
    assert len(shown) == 3
    assert "written anew" in shown[2]


def test_pairs_of_pictures_are_shown_by_their_thumbnails(lanes):
    assert lanes["image_caption"]["pairs side by side"]["raw_value"].startswith("![picture](data:image/png;base64,")


def test_every_lane_shows_cluster_sizes_and_what_each_source_loses(lanes, demo):
    sources = Ledger.open(demo[1].store).db.rows(
        "SELECT DISTINCT lane, source FROM item JOIN disposition USING (item_id, lane) WHERE state = 'merged'"
    )
    for row in sources:
        assert f"| {row['source']} |" in lanes[row["lane"]]["removed per source"]["raw_value"]
    assert len(sources) >= 5
    assert all(
        one["cluster sizes"]["raw_value"].startswith("![picture](data:image/png;base64,") for one in lanes.values()
    )


def edges(similarities, method="minhash"):
    ids = [sha256(str(number).encode()) for number in range(len(similarities))]
    return pa.RecordBatch.from_pydict(
        {"item_id": ids, "other_id": ids, "method": [method] * len(ids), "similarity": similarities}, schema=EDGE
    )


@pytest.mark.parametrize(
    ("given", "shown"),
    [([], []), ([0.8], [0.8]), ([0.8, 0.9, 0.7], [0.9, 0.8, 0.7]), ([n / 10 for n in range(10)], [0.9, 0.8, 0.1, 0.0])],
)
def test_the_most_alike_and_the_least_alike_pairs_are_chosen_each_once(given, shown):
    assert [pair["similarity"] for pair in near_pairs(edges(given), 2)] == shown
    assert near_pairs(edges(given, "exact"), 2) == []


def test_thumbnails_stand_side_by_side():
    black, white = bytes(THUMBNAIL_BYTES), b"\xff" * THUMBNAIL_BYTES
    with Image.open(io.BytesIO(side_by_side([(black, white, "0.9")]))) as page:
        assert [page.getpixel((x, 48)) for x in (48, 144)] == [(0, 0, 0), (255, 255, 255)]
