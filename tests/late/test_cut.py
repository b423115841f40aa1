import io

import numpy as np
from PIL import Image

from pipelines.late.change import changed
from pipelines.late.cut import BINS, MOST, Cut, _edges, compared, dropping, picture
from pipelines.late.stored import lane_of


def cut(values, *bounds):
    return Cut(
        title="web: quality.x.min_y",
        signal="y",
        values=np.array(values, np.float64),
        is_least=True,
        bounds=bounds,
        unmeasured=0,
    )


def height(png):
    with Image.open(io.BytesIO(png)) as found:
        assert found.format == "PNG"
        return found.height


def test_a_picture_has_a_panel_a_rule_and_is_bounded():
    one = cut([1, 2, 3], ("at least", 2.0))
    assert height(picture([one])) == 240
    many = picture([one] * (MOST + 5))
    assert height(many) == 240 * MOST
    assert len(many) < 500_000
    assert height(picture([cut([], ("at least", 2.0), ("what if", 2.0))])) == 240


def test_bounds_lie_within_and_far_values_are_spread_by_ratio():
    edges = _edges(cut([0, 1], ("at least", 5.0)))
    assert (edges[0], edges[-1], len(edges)) == (0, 5, BINS + 1)
    assert np.allclose(np.diff(edges), edges[1] - edges[0])
    wide = _edges(cut([1, 10_000], ("at least", 50.0)))
    assert np.allclose(wide[1:] / wide[:-1], wide[1] / wide[0])


def test_every_rule_that_dropped_has_a_cut_over_what_was_measured(there):
    ways = [(lane_of(there.recipe, "web", done.source), done) for done in there.orders["web"]]
    cuts = list(dropping(there.store, there.recipe.lane("web"), ways))
    assert {one.title for one in cuts} >= {"web: quality.gopher.min_words", "web: quality.c4.max_lorem_ipsum"}
    assert "web: quality.gopher.max_words" not in {one.title for one in cuts}
    lorem = next(one for one in cuts if one.signal == "lorem_ipsum_count")
    (signals,) = there.ledger.db.rows("SELECT count(*) AS n FROM signal_web")
    assert (len(lorem.values), lorem.bounds, (lorem.values > 0).sum()) == (signals["n"], (("at most", 0.0),), 2)


def test_whatif_draws_both_bounds_of_what_moves(there):
    after = changed(there.recipe, ["quality.gopher.min_words=30", "dedup.text.threshold=0.9", "max_lorem_ipsum=off"])
    found = {one.title: one.bounds for one in compared(there, after)}
    assert found == {
        "web: quality.gopher.min_words": (("at least", 50.0), ("what if", 30.0)),
        "web: quality.c4.max_lorem_ipsum, what if off": (("at most", 0.0),),
    }
