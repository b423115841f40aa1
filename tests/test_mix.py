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
