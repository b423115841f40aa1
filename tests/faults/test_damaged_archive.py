"""A damaged archive costs the damaged records and nothing else: all other samples are the same bytes."""

import gzip

import pytest

from pipelines.audit.open import Ledger
from pipelines.shard.tar import read_shard
from tests.corpus import archive
from tests.corpus.pages import pages

PAGES = [page for page in pages() if page.fate == "kept"]
HIT = 4  # the record that is damaged, by its place


def members():
    return [gzip.compress(archive.record(page, i), mtime=0) for i, page in enumerate(PAGES)]


def published(site, result):
    tars = sorted(site.store.local(result.release_path).rglob("*.tar"))
    return {sample.key: dict(sample.parts) for tar in tars for sample in read_shard(tar)}


def damages():
    whole = members()
    flipped = bytearray(whole[HIT])
    flipped[len(flipped) // 2] ^= 0x10
    yield "a flipped bit", [*whole[:HIT], bytes(flipped), *whole[HIT + 1 :]]
    yield "a cut end", [*whole[:-1], whole[-1][:-40]]


@pytest.mark.parametrize(
    ("what", "damaged"), list(damages()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_only_the_damaged_record_is_lost_and_it_is_named(curate, tmp_path, what, damaged):
    for name, content in (("clean", members()), ("damaged", damaged)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "all.warc.gz").write_bytes(b"".join(content))
    clean_site, clean = curate(tmp_path / "clean", "site-clean")
    site, result = curate(tmp_path / "damaged", "site-damaged")
    before, after = published(clean_site, clean), published(site, result)
    assert len(before.keys() - after.keys()) == 1
    assert {key: before[key] for key in after} == after
    (row,) = Ledger.open(site.store).db.rows(
        'SELECT d.stage, d.reason, c.payload."offset" AS at, c.detail FROM disposition d JOIN item i USING (item_id)'
        " JOIN capture c USING (capture_id) WHERE d.state = 'quarantined'"
    )
    assert row["stage"] == "capture"
    assert row["reason"] in ("archive_damaged", "record_truncated")
    assert row["at"] >= 0
    assert row["detail"]
