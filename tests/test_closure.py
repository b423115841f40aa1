"""A picture and its caption, a recording and its transcript, are one item: they are kept together and go together.

Seen on the demo, where pictures and recordings lie there twice, as other files and under other words.
"""

from collections import Counter

import pytest

from pipelines.audit.open import Ledger
from pipelines.audit.texts import edited_texts
from pipelines.shard.tar import read_shard

LANES = ("image_caption", "audio")


@pytest.fixture(scope="module")
def ledger(demo):
    return Ledger.open(demo[1].store)


@pytest.fixture(scope="module")
def words(ledger):
    """{item_id: caption or transcript} of all items that came as far as dedup."""
    ids = [row["item_id"] for row in ledger.db.rows("SELECT DISTINCT item_id FROM item")]
    found = {}
    for items, texts in edited_texts(ledger, ids):
        found |= dict(zip(items, texts, strict=True))
    return found


@pytest.mark.parametrize("lane", LANES)
def test_what_is_said_of_a_recording_or_picture_is_no_item_of_its_own(ledger, lane):
    rows = ledger.db.rows(
        "SELECT parent_id, count(DISTINCT item_id) AS items, bool_and(bytes > 0) AS has_bytes FROM item"
        f" WHERE lane = '{lane}' AND parent_id IS NOT NULL GROUP BY parent_id"
    )
    assert len(rows) > 10
    assert {(row["items"], row["has_bytes"]) for row in rows} == {(1, True)}


@pytest.mark.parametrize("lane", LANES)
def test_a_merged_item_is_not_published_neither_its_bytes_nor_its_words(demo, ledger, words, lane):
    ended = ledger.db.rows(f"SELECT item_id, state FROM disposition WHERE lane = '{lane}'")
    merged, kept = ([row["item_id"] for row in ended if row["state"] == state] for state in ("merged", "kept"))
    assert len(merged) >= 3
    release = demo[1].store.local(demo[2].release_path) / lane / "data"
    samples = [sample for tar in sorted(release.glob("*.tar")) for sample in read_shard(tar)]
    published = Counter(sample.parts["txt"].decode() for sample in samples)
    assert published == Counter(words[item] or "" for item in kept)
    assert not {item.hex()[:32] for item in merged} & {sample.key for sample in samples}


@pytest.mark.parametrize("lane", LANES)
def test_no_two_kept_items_have_the_same_pixels_or_samples(ledger, lane):
    sql = (
        "SELECT i.content_sha256 FROM (SELECT DISTINCT item_id, content_sha256 FROM item) i JOIN disposition d USING (item_id)"
        f" WHERE d.lane = '{lane}' AND d.state = 'kept'"
    )
    digests = [row["content_sha256"] for row in ledger.db.rows(sql)]
    assert len(digests) == len(set(digests)) > 10
