import json
import sqlite3
from pathlib import Path

import pytest
import yaml as reference

from pipelines.shard.card import features
from pipelines.shard.files import atomic_file, files_below, read_sums, sums_content, write_file, yaml
from pipelines.shard.release import (
    assemble_lane,
    assemble_release,
    publish_release,
    read_set,
    release_name,
    set_root,
)
from pipelines.shard.verify import verify_release
from pipelines.store import Store
from schemas.digest import merkle_root, sha256
from schemas.errors import ShardError
from schemas.sample import AUDIO_TEXT, IMAGE_TEXT
from schemas.shard import Split
from tests.shard.samples import SET, lane, samples, shards


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lane")
    lane(path)
    return path


def release(staging: Path) -> bytes:
    lane(staging / "web")
    return assemble_release(staging, ["web"])


def test_lane_is_the_same_bytes_again_and_under_shuffled_input(folder: Path, tmp_path: Path) -> None:
    assert lane(tmp_path, samples()[::-1]) == (folder / "SHA256SUMS").read_bytes()
    assert lane(tmp_path, samples()) == (folder / "SHA256SUMS").read_bytes()


def test_sums_name_every_file_but_themselves(folder: Path) -> None:
    digests = read_sums((folder / "SHA256SUMS").read_bytes())
    assert digests == {
        path: sha256((folder / path).read_bytes()).hex() for path in files_below(folder) if path != "SHA256SUMS"
    }


def test_lane_has_the_files_of_the_specification(folder: Path) -> None:
    names = ("train-000000", "train-000001", "validation-000000")
    shard_files = [
        path
        for name in names
        for path in (
            f"data/{name}.tar", f"data/{name}.tar.idx", f"meta/{name}.parquet", f"meta/receipts/{name}.json",
        )
    ]  # fmt: skip
    side = [".nv-meta/.info.json", ".nv-meta/dataset.yaml", ".nv-meta/index.sqlite", ".nv-meta/index.uuid",
            ".nv-meta/split.yaml", "LICENSES.csv", "OPTOUT.json", "README.md", "SHA256SUMS", "data/sizes.json",
            "index/wids-train.json", "index/wids-validation.json", "manifest.json"]  # fmt: skip
    assert files_below(folder) == sorted(shard_files + side)


def test_no_file_knows_its_release_folder_or_time(folder: Path) -> None:
    for path in files_below(folder):
        assert str(folder).encode() not in (folder / path).read_bytes()


def test_sizes_and_wids_say_what_the_files_are(folder: Path) -> None:
    tars = {path.name: path.stat().st_size for path in (folder / "data").glob("*.tar")}
    assert json.loads((folder / "data/sizes.json").read_bytes()) == tars
    wids = json.loads((folder / "index/wids-train.json").read_bytes())
    assert (wids["__kind__"], wids["wids_version"]) == ("wids-shard-index-v1", 1)
    assert [entry["nsamples"] for entry in wids["shardlist"]] == [9, 8]
    for entry in wids["shardlist"]:
        assert (folder / "index" / entry["url"]).resolve().stat().st_size == entry["filesize"]


def test_energon_index_leads_to_every_sample_and_part(folder: Path) -> None:
    shards_of = json.loads((folder / ".nv-meta/.info.json").read_bytes())["shard_counts"]
    contents = [(folder / path).read_bytes() for path in shards_of]
    with sqlite3.connect(folder / ".nv-meta/index.sqlite") as connection:
        found = connection.execute("SELECT * FROM samples ORDER BY rowid").fetchall()
        parts = connection.execute("SELECT * FROM sample_parts ORDER BY rowid").fetchall()
    connection.close()
    assert len(found) == sum(shards_of.values()) == 24
    for (shard, key, index, offset, size), part in zip(found, parts, strict=True):
        assert contents[shard][offset : offset + 37] == f"{key}.json".encode()
        assert part[:4] == (shard, index, "json", offset + 512)
        assert json.loads(contents[shard][part[3] : part[3] + part[4]])["metadata"]["uid"] == key
        assert size % 512 == 0


def test_energon_index_does_not_name_the_library_that_wrote_it(folder: Path) -> None:
    assert (folder / ".nv-meta/index.sqlite").read_bytes()[96:100] == bytes(4)


def test_split_yaml_names_the_shards_by_energons_names(folder: Path) -> None:
    assert reference.safe_load((folder / ".nv-meta/split.yaml").read_text()) == {
        "split_parts": {
            "train": ["data/train-000000.tar", "data/train-000001.tar"],
            "val": ["data/validation-000000.tar"],
            "test": [],
        },
        "exclude": [],
    }


def test_card_yaml_declares_files_and_features(folder: Path) -> None:
    card = (folder / "README.md").read_text()
    front = reference.safe_load(card.split("---\n")[1])
    assert front["configs"] == [
        {
            "config_name": "default",
            "data_files": [
                {"split": "train", "path": "data/train-*.tar"},
                {"split": "validation", "path": "data/validation-*.tar"},
            ],
        }
    ]
    assert [column["name"] for column in front["dataset_info"]["features"]] == ["json", "__key__", "__url__"]
    assert (front["license"], front["language"]) == (["cc-by-4.0", "other"], ["de", "en"])
    assert (front["size_categories"], front["opt_out_contact"]) == (["n<1K"], "optout@example.org")
    assert "Not legal advice" in card
    assert "| A small \\| web | Nobody | per item |" in card


def test_features_of_media_are_image_and_audio() -> None:
    kinds = [[(f["name"], f.get("dtype")) for f in features(config)] for config in (IMAGE_TEXT, AUDIO_TEXT)]  # type: ignore[union-attr,index,call-overload]
    same = [("json", None), ("txt", "string"), ("__key__", "string"), ("__url__", "string")]
    assert kinds == [[("jpg", "image"), *same], [("flac", "audio"), *same]]


def test_licences_are_counted_by_source(folder: Path) -> None:
    assert (
        folder / "LICENSES.csv"
    ).read_text() == "license,source,samples\nCC-BY-4.0,small-web,12\nunknown,small-web,12\n"


def test_manifest_holds_the_set_it_was_made_of(folder: Path) -> None:
    assert read_set((folder / "manifest.json").read_bytes()) == SET


def test_empty_splits_have_no_shard_and_an_empty_lane_is_refused(tmp_path: Path) -> None:
    assert shards(tmp_path, [], Split.TEST) == []
    with pytest.raises(ShardError, match="has no shards"):
        assemble_lane(tmp_path, SET, [])


def test_gaps_strange_files_and_keys_in_two_splits_are_refused(tmp_path: Path) -> None:
    receipts = shards(tmp_path, samples())
    with pytest.raises(ShardError, match="gap or a double"):
        assemble_lane(tmp_path, SET, receipts[1:])
    with pytest.raises(ShardError, match="which belongs to no shard"):
        assemble_lane(tmp_path, SET, receipts[:-1])
    with pytest.raises(ShardError, match="occurs twice"):
        assemble_lane(tmp_path, SET, receipts + shards(tmp_path, samples()[:1], Split.TEST))
    assert not (tmp_path / ".nv-meta/index.sqlite").exists()


def test_extras_are_part_of_the_sums(tmp_path: Path) -> None:
    sums = assemble_lane(tmp_path, SET, shards(tmp_path, samples()), {"croissant.json": b"{}\n"})
    assert read_sums(sums)["croissant.json"] == sha256(b"{}\n").hex()
    assert verify_release(tmp_path).problems == ()


def test_set_root_is_over_the_sorted_lines_of_all_lanes() -> None:
    sums = {"web": sums_content({"b": "1" * 64}), "code": sums_content({"a": "0" * 64, "c/d": "2" * 64})}
    lines = [f"{'0' * 64}  code/a", f"{'2' * 64}  code/c/d", f"{'1' * 64}  web/b"]
    assert set_root(sums) == merkle_root(line.encode() for line in lines)
    assert release_name("ours", set_root(sums)) == f"ours-{set_root(sums).hex()[:12]}"


@pytest.mark.parametrize(
    "line", ["", "x  a", "0" * 64 + " a", "0" * 64 + "  ../a", "0" * 64 + "  /a", "0" * 64 + "  a\n" + "1" * 64 + "  a"]
)
def test_sums_that_are_none_are_refused(line: str) -> None:
    with pytest.raises(ShardError):
        read_sums(f"{line}\n".encode())


def test_a_release_without_lanes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShardError, match="at least one lane"):
        assemble_release(tmp_path, [])


def test_published_release_is_whole_and_staging_is_gone(tmp_path: Path) -> None:
    root = release(tmp_path / "staging")
    name = release_name("small", root)
    store = Store(str(tmp_path / "store"))
    assert publish_release(store, tmp_path / "staging", name) == f"releases/{name}"
    assert not (tmp_path / "staging").exists()
    assert verify_release(store.local(f"releases/{name}")).problems == ()


def test_publishing_the_same_again_keeps_it_and_another_is_refused(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    release(tmp_path / "first")
    publish_release(store, tmp_path / "first", "small-1")
    release(tmp_path / "second")
    publish_release(store, tmp_path / "second", "small-1")
    assert not (tmp_path / "second").exists()
    lane(tmp_path / "third/web", samples()[:9])
    assemble_release(tmp_path / "third", ["web"])
    with pytest.raises(ShardError, match="already published with other files"):
        publish_release(store, tmp_path / "third", "small-1")
    assert (tmp_path / "third/SHA256SUMS").exists()


def test_half_a_release_is_not_published(tmp_path: Path) -> None:
    lane(tmp_path / "staging/web")
    with pytest.raises(ShardError, match=r"has no manifest\.json"):
        publish_release(Store(str(tmp_path / "store")), tmp_path / "staging", "small-1")


def test_remote_store_gets_the_manifest_last(tmp_path: Path) -> None:
    # obstore's file:// URL is a store like any remote one: no rename, only put and create.
    store = Store(f"file://{tmp_path}/store")
    (tmp_path / "store").mkdir()
    root = release(tmp_path / "staging")
    target = publish_release(store, tmp_path / "staging", release_name("small", root))
    assert verify_release(tmp_path / "store" / target).problems == ()
    assert not (tmp_path / "staging").exists()
    release(tmp_path / "again")
    publish_release(store, tmp_path / "again", release_name("small", root))
    assert not (tmp_path / "again").exists()


def test_yaml_is_read_back_by_a_yaml_reader() -> None:
    value = {"a": [], "b": {}, "s": "no: \"'ä\n#", "n": 1, "l": [{"x": [1, "2"], "y": {"z": None}}, [[], "s"], True]}
    assert reference.safe_load(yaml(value)) == value  # type: ignore[arg-type]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    write_file(tmp_path / "a", b"old")
    with pytest.raises(TypeError), atomic_file(tmp_path / "a") as out:
        out.write("no bytes")  # type: ignore[arg-type]
    assert (files_below(tmp_path), (tmp_path / "a").read_bytes()) == (["a"], b"old")
