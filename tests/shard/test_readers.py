"""Other people's readers read our shards. One file, because webdataset imports torch (seconds)."""

import json
import sys
import tarfile
from pathlib import Path

import pytest

from tests.shard.samples import lane, samples

pytestmark = pytest.mark.filterwarnings("ignore")
EXPECTED = {sample.item_id[:16].hex(): json.loads(sample.parts["json"]) for sample in samples()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lane")
    lane(path)
    return path


def test_tarfile_reads_every_sample(folder: Path) -> None:
    found = {}
    for path in (folder / "data").glob("*.tar"):
        with tarfile.open(path) as tar:
            for member in tar:
                if "." in member.name:
                    found[member.name] = json.load(tar.extractfile(member))  # type: ignore[arg-type]
    assert found == {f"{key}.json": document for key, document in EXPECTED.items()}


def test_webdataset_reads_every_sample_in_order(folder: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    read = [
        sample
        for urls in ("train-{000000..000001}", "validation-000000")
        for sample in webdataset.WebDataset(f"{folder}/data/{urls}.tar", shardshuffle=False)
    ]
    assert {sample["__key__"]: json.loads(sample["json"]) for sample in read} == EXPECTED
    assert len(read) == len(EXPECTED)


def test_wids_reads_any_sample_by_number(folder: Path, tmp_path: Path) -> None:
    wids = pytest.importorskip("wids")
    data = wids.ShardListDataset(str(folder / "index/wids-train.json"), cache_dir=str(tmp_path), keep=True)
    keys = [data[index]["__key__"] for index in range(len(data))]
    assert len(set(keys)) == 17
    assert set(keys) < EXPECTED.keys()


def test_hugging_face_datasets_read_the_declared_columns(folder: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    read = datasets.load_dataset(str(folder), cache_dir=str(tmp_path))
    assert {name: len(split) for name, split in read.items()} == {"train": 17, "validation": 7}
    assert {row["__key__"]: row["json"] for split in read.values() for row in split} == EXPECTED


def test_shard_room_does_not_import_torch() -> None:
    import subprocess

    code = "import sys, pipelines.shard.verify; print('torch' in sys.modules, 'webdataset' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
