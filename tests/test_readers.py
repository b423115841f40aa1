"""Other people's readers give what our own gives, of every lane of the demo; and what was captured.

In one file, because webdataset and datasets import torch (seconds).
"""

import json

import pytest

from pipelines.audit.open import Ledger
from pipelines.edits.pii import redact_link
from pipelines.payload import payload_bytes
from pipelines.shard.tar import ShardReader
from tests.corpus.truth import planted

pytestmark = pytest.mark.filterwarnings("ignore")
PARTS = {
    "audio": {"flac", "json", "txt"},
    "books": {"json"},
    "code": {"json"},
    "image_caption": {"jpg", "json", "txt"},
    "web": {"json"},
}
AS_CAPTURED = {"audio": ("flac", b"fLaC"), "image_caption": ("jpg", b"\xff\xd8\xff")}  # what is published as it came


@pytest.fixture(scope="module")
def release(demo):
    """The folder of the demo's release."""
    return demo[1].store.local(demo[2].release_path)


@pytest.fixture(scope="module")
def ours(release):
    """Lane -> split -> key -> parts by extension, as our own reader gives them."""
    found = {}
    for path in sorted(release.glob("*/data/*.tar")):
        shard = ShardReader(path)
        samples = found.setdefault(shard.head.lane, {}).setdefault(shard.head.split, {})
        samples |= {sample.key: dict(sample.parts) for sample in shard}
    return found


@pytest.fixture(scope="module")
def captured(demo):
    """SHA-256, hex, of each capture's payload -> its bytes, read back from where the ledger says that they lie."""
    store = demo[1].store
    rows = Ledger.open(store).db.rows("SELECT payload FROM capture WHERE payload IS NOT NULL")
    return {row["payload"]["sha256"].hex(): payload_bytes(store, row["payload"]) for row in rows}


def test_there_are_five_lanes_with_the_parts_of_their_configs(ours):
    found = {
        lane: {frozenset(parts) for samples in splits.values() for parts in samples.values()}
        for lane, splits in ours.items()
    }
    assert found == {lane: {frozenset(parts)} for lane, parts in PARTS.items()}


@pytest.mark.parametrize("lane", PARTS)
def test_webdataset_reads_every_byte(release, ours, lane):
    webdataset = pytest.importorskip("webdataset")
    for split, samples in ours[lane].items():
        urls = [str(path) for path in sorted(release.glob(f"{lane}/data/{split}-*.tar"))]
        read = list(webdataset.WebDataset(urls, shardshuffle=False))
        found = {
            sample["__key__"]: {name: data for name, data in sample.items() if name[:2] != "__"} for sample in read
        }
        assert (found, len(read)) == (samples, len(samples))


@pytest.mark.parametrize("lane", PARTS)
def test_hugging_face_datasets_read_every_byte_by_the_declared_features(release, ours, tmp_path, lane):
    read = hugging_face(release / lane, tmp_path)
    assert {split: rows.keys() for split, rows in read.items()} == {
        split: samples.keys() for split, samples in ours[lane].items()
    }
    for split, samples in ours[lane].items():
        wanted = {key: {name: _value(name, data) for name, data in parts.items()} for key, parts in samples.items()}
        assert read[split] == wanted


@pytest.mark.parametrize("lane", AS_CAPTURED)
def test_words_and_media_are_those_that_were_captured(release, captured, tmp_path, lane):
    media, magic = AS_CAPTURED[lane]
    said = {
        redact_link(one.uri): one.text
        for one in planted(crawled=True)
        if (one.lane, one.fate) == (lane, "kept") and one.text
    }
    rows = [row for split in hugging_face(release / lane, tmp_path).values() for row in split.values()]
    words = {row["json"]["url"]: row["txt"] for row in rows}
    assert said
    assert {url: words.get(url) for url in said} == said
    assert [row["json"]["caption"] if lane == "image_caption" else row["json"]["text"][0] for row in rows] == [
        row["txt"] for row in rows
    ]
    as_it_came = [row for row in rows if captured[row["json"]["sha256_original"]].startswith(magic)]
    assert 0 < len(as_it_came) < len(rows)
    for row in as_it_came:
        assert row[media] == captured[row["json"]["sha256_original"]]


def hugging_face(folder, cache):
    """Split -> key -> parts, as `datasets` reads them by the features that the README of the lane declares.

    Pictures come undecoded. A recording comes as bytes: `datasets` stores a column of audio by torchcodec alone (docs/audio.md).
    """
    datasets = pytest.importorskip("datasets")
    declared = datasets.load_dataset_builder(str(folder), cache_dir=str(cache)).info.features
    instead = {datasets.Image: datasets.Image(decode=False), datasets.Audio: datasets.Value("binary")}
    features = datasets.Features({name: instead.get(type(kind), kind) for name, kind in declared.items()})
    read = datasets.load_dataset(str(folder), features=features, cache_dir=str(cache))
    return {
        split: {
            row["__key__"]: {name: _bytes(value) for name, value in row.items() if name[:2] != "__"} for row in rows
        }
        for split, rows in read.items()
    }


def _bytes(value):
    """What a picture's cell holds; any other value as it is."""
    return value["bytes"] if isinstance(value, dict) and "bytes" in value else value


def _value(name, data):
    """A part as `datasets` gives it."""
    return {"json": json.loads, "txt": bytes.decode}.get(name, bytes)(data)
