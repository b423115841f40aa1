import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipelines import mix
from schemas.item import ID

IDS = st.lists(st.binary(min_size=32, max_size=32), unique=True, max_size=40)


def test_quotas_keep_the_proportion_and_only_exclude():
    assert mix.quotas({"web": 900, "audio": 50}, {"web": 0.9, "audio": 0.1}) == {"web": 450, "audio": 50}


def test_without_weights_everything_stays():
    assert mix.quotas({"web": 9, "audio": 5}, {}) == {"web": 9, "audio": 5}


def test_an_empty_lane_does_not_hold_the_others_back():
    assert mix.quotas({"web": 9, "audio": 0}, {"web": 1.0, "audio": 1.0}) == {"web": 9, "audio": 0}


@given(IDS, st.integers(0, 40), st.randoms())
def test_what_is_left_out_does_not_depend_on_the_order_of_rows(ids, quota, chance):
    shuffled = list(ids)
    chance.shuffle(shuffled)

    def kept(order):
        out = mix.over_quota(pa.array(order, ID), quota, 0)
        return {i for i, gone in zip(order, out, strict=True) if not gone}

    assert kept(ids) == kept(shuffled)
    assert len(kept(ids)) == min(quota, len(ids))


@given(IDS)
def test_a_cluster_is_never_cut_by_the_hold_out(ids):
    clusters = pa.array([i[:1] * 32 for i in ids], ID)
    found = mix.splits(clusters, validation=0.3, test=0.3, seed=1)
    by_cluster = {}
    for cluster, split in zip(clusters.to_pylist(), found, strict=True):
        assert by_cluster.setdefault(cluster, split) == split


def test_shares_of_the_hold_out_are_near_what_was_asked():
    clusters = pa.array([bytes([i % 256, i // 256]) * 16 for i in range(4000)], ID)
    found = mix.splits(clusters, validation=0.1, test=0.2, seed=0)
    assert abs(np.mean(found == "validation") - 0.1) < 0.02
    assert abs(np.mean(found == "test") - 0.2) < 0.02


def one(letter):
    return letter.encode() * 32


def kept_splits(drawn, clusters, published):
    """The splits of {item: drawn split}, with clusters as {item: cluster}, all by a letter."""
    components = pa.table({"item_id": ids_of(clusters), "cluster_id": ids_of(clusters.values())})
    before = pa.table({"item_id": ids_of(published), "split": pa.array(list(published.values()), pa.string())})
    found = mix.keep_splits(np.array(list(drawn.values()), object), ids_of(drawn), components, before)
    return dict(zip(drawn, found.tolist(), strict=True))


def ids_of(letters):
    return pa.array([one(letter) for letter in letters], ID)


def test_an_item_once_published_keeps_its_split_and_new_ones_of_its_cluster_follow_it():
    drawn = dict.fromkeys("abcd", "train") | {"e": "test"}
    clusters = {"a": "a", "b": "a", "c": "c", "d": "d", "e": "e"}
    assert kept_splits(drawn, clusters, {"a": "validation", "e": "train"}) == {
        "a": "validation", "b": "validation", "c": "train", "d": "train", "e": "train",
    }  # fmt: skip


def test_what_is_like_an_item_of_the_hold_out_is_held_out_also_when_that_item_was_merged_since():
    assert kept_splits({"b": "train"}, {"a": "a", "b": "a"}, {"a": "test"}) == {"b": "test"}


def test_two_clusters_that_grow_together_keep_what_was_published_and_hold_out_what_is_new():
    found = kept_splits(
        dict.fromkeys("abcd", "train"), dict.fromkeys("abcd", "a"), {"a": "train", "c": "test", "d": "validation"}
    )
    assert found == {"a": "train", "b": "test", "c": "test", "d": "validation"}


def test_without_earlier_releases_splits_are_those_drawn():
    assert kept_splits({"a": "train", "b": "test"}, {"a": "a", "b": "b"}, {}) == {"a": "train", "b": "test"}
    assert kept_splits({}, {}, {"a": "test"}) == {}


def test_what_was_published_and_is_no_longer_there_changes_nothing():
    assert kept_splits({"a": "train"}, {"a": "a"}, {"z": "test"}) == {"a": "train"}
