"""A bucket on loopback, a store in it, and one run of a small corpus on a disk and in a bucket, for all tests of this folder."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from pipelines.recipe import load
from pipelines.run import run
from pipelines.site import Site, load_site
from pipelines.store import Store
from tests.bucket.server import Bucket, bucket
from tests.conftest import RECIPE, site_at
from tests.corpus import archive
from tests.corpus.pages import pages
from tests.corpus.pictures import photo

PHOTOS = """
[[source]]
lane = "image_caption"
from = "photos"
captions = "metadata.csv"
[source.card]
name = "photos"
kind = "user"
title = "Photographs"
provider = "us"
contact = "nobody@corpus.example"
licence = "CC-BY-4.0"
"""
CAPTIONS = "file_name,text\na.jpg,a heron stands in the shallow water of the river\nb.jpg,two boats lie on the bank below the mill\n"


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    monkeypatch.setenv("BUCKET_KEY", "key")
    monkeypatch.setenv("BUCKET_SECRET", "hidden")


@pytest.fixture
def held():
    with bucket() as found:
        yield found


@pytest.fixture(params=["s3", "gs"])
def store(held, request, tmp_path):
    return Store(
        root=f"{request.param}://bucket/pre", options=held.options(request.param), cache=str(tmp_path / "cache")
    )


@pytest.fixture(scope="package")
def corpus(tmp_path_factory):
    """(recipe file, site on a disk, result of the run there)."""
    folder = tmp_path_factory.mktemp("bucket")
    archive.write(folder / "all.warc.gz", pages())
    (folder / "photos").mkdir()
    for name in "ab":
        (folder / "photos" / f"{name}.jpg").write_bytes(photo(name))
    (folder / "photos" / "metadata.csv").write_text(CAPTIONS, "utf-8")
    (folder / "corpus.toml").write_text(RECIPE.format(more="").replace("[shards]", f"{PHOTOS}[shards]"), "utf-8")
    site = site_at(folder / "near")
    return folder / "corpus.toml", site, run(load(folder / "corpus.toml"), site)


def far_site(held: Bucket, folder: Path, cloud: str = "s3", more: str = "") -> Site:
    folder.mkdir(exist_ok=True)
    (folder / "site.toml").write_text(held.site_toml(cloud) + more, "utf-8")
    return load_site(folder)


@pytest.fixture(scope="package")
def far(corpus, tmp_path_factory):
    """(bucket, site, result) of the same run with its store in a bucket; tests put back what they change."""
    with pytest.MonkeyPatch.context() as patch, bucket() as held:
        patch.setenv("BUCKET_KEY", "key")
        patch.setenv("BUCKET_SECRET", "hidden")
        site = far_site(held, tmp_path_factory.mktemp("far"))
        yield held, site, run(load(corpus[0]), site)


@pytest.fixture
def copied(far, held, tmp_path):
    """`copied(cloud, more)`: (bucket, site) of a copy of what the run left in its bucket, for tests that change it; `more`: site.toml."""

    def copy(cloud: str = "s3", more: str = "") -> tuple[Bucket, Site]:
        held.files = dict(far[0].files)
        return held, far_site(held, tmp_path / "copied", cloud, more)

    return copy


@pytest.fixture
def near_copy(corpus, tmp_path):
    """A copy of the site on the disk."""
    _, near, _ = corpus
    shutil.copytree(near.store.root, tmp_path / "near", ignore=shutil.ignore_patterns(".scratch"))
    return dataclasses.replace(
        near,
        store=Store(root=str(tmp_path / "near")),
        scratch=tmp_path / "near/.scratch",
        suppression_key=tmp_path / "key",
    )
