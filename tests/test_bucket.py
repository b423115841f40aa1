"""A site whose store is a bucket: the same release as on a disk, asked and verified through the store; two writers; a kill at every step."""

import json
import os
import pickle
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.audit.open import Ledger
from pipelines.audit.verify import verify_ledger
from pipelines.capture.stored import open_stored
from pipelines.ledger.log import Log
from pipelines.recipe import load
from pipelines.run import run
from pipelines.site import load_site
from pipelines.store import Store
from schemas.errors import SiteError, StoreError
from tests.bucket import PAGE, bucket
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


@pytest.fixture(scope="module")
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


def far_site(held, folder):
    folder.mkdir(exist_ok=True)
    (folder / "site.toml").write_text(held.site_toml(), "utf-8")
    return load_site(folder)


@pytest.fixture(scope="module")
def far(corpus, tmp_path_factory):
    """(bucket, site, result) of the same run with its store in a bucket; tests put back what they change."""
    with pytest.MonkeyPatch.context() as patch, bucket() as held:
        patch.setenv("BUCKET_KEY", "key")
        patch.setenv("BUCKET_SECRET", "hidden")
        site = far_site(held, tmp_path_factory.mktemp("far"))
        yield held, site, run(load(corpus[0]), site)


def test_the_first_writer_of_a_file_in_a_bucket_wins(store):
    assert store.create("a/x", b"first")
    assert not store.create("a/x", b"second")
    assert store.read("a/x") == b"first"


def test_files_of_a_bucket_are_read_in_ranges_listed_in_pages_and_told_apart_from_missing_ones(store):
    names = [f"l/{number:03d}" for number in range(2 * PAGE + 1)]
    for name in names:
        store.put(name, name.encode())
    assert list(store.list("l")) == names
    assert (store.read_range("l/007", 2, 3), store.length("l/007")) == (b"007", 5)
    with open_stored(store, "l/007", 5) as stream:
        stream.seek(3)
        assert stream.read() == b"07"
    assert not store.exists("l/none")
    with pytest.raises(FileNotFoundError):
        store.read("l/none")


def test_large_files_go_up_in_parts_and_come_down_whole(store, held, tmp_path):
    (tmp_path / "large").write_bytes(b"0123456789abcdef" * (1 << 20))
    store.put("large", tmp_path / "large")
    assert [name for method, name in held.requests if method == "POST"] == ["pre/large"] * 2
    with store.lent("large") as copy:
        assert copy.read_bytes() == (tmp_path / "large").read_bytes()
    assert not copy.exists()


def test_a_file_that_never_changes_is_fetched_once_and_forgotten_when_it_is_deleted(store, held):
    store.put("parts/x", b"1")
    assert store.near("parts/x").read_bytes() == store.near("parts/x").read_bytes() == b"1"
    assert held.requests.count(("GET", "pre/parts/x")) == 1
    store.delete("parts/x")
    with pytest.raises(FileNotFoundError):
        store.near("parts/x")


def test_a_name_that_leads_out_of_the_cache_is_refused(store, held):
    held.files["pre/releases/r/../../../../evil"] = b"x"
    with pytest.raises(StoreError, match="cannot be listed"):
        store.near_folder("releases/r")


def test_no_secret_is_in_what_is_sent_to_workers(store):
    store.put("x", b"")  # the client is open now
    sent = pickle.dumps(store)
    assert b"hidden" not in sent
    assert pickle.loads(sent).read("x") == b""


def test_what_the_site_says_wrong_of_its_bucket_is_named(held, tmp_path, monkeypatch):
    site = far_site(held, tmp_path / "far")
    monkeypatch.delenv("BUCKET_SECRET")
    with pytest.raises(SiteError, match=r"secret_access_key is \$BUCKET_SECRET, and no environment variable"):
        site.store.read("x")
    with pytest.raises(SiteError, match="no_such_option"):
        replace(site.store, options=(("no_such_option", "1"),)).read("x")
    (tmp_path / "far" / "site.toml").write_text('[store.options]\nregion = "eu"\n', "utf-8")
    with pytest.raises(SiteError, match="the store is the folder"):
        load_site(tmp_path / "far")


def test_the_site_on_the_page_is_read_as_the_page_says(tmp_path):
    page = (Path(_here()) / "docs" / "bucket.md").read_text("utf-8")
    (tmp_path / "site.toml").write_text(page.partition("```toml\n")[2].partition("```")[0], "utf-8")
    store = load_site(tmp_path).store
    assert (store.root, store.cache) == ("s3://our-corpora/rivers", str(tmp_path / ".cache"))
    assert dict(store.options)["secret_access_key"] == "$OURS_SECRET"


def test_of_concurrent_committers_none_is_lost(store):
    together = threading.Barrier(3)

    def commit(name):
        mine = replace(store)  # a client of its own
        together.wait()
        for number in range(4):
            part = mine.publish("op", pa.table({"run": [f"{name}{number}"]}))
            Log(mine).append(f"{name}{number}", "00", [part])

    threads = [threading.Thread(target=commit, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    commits = list(Log(store).commits())
    assert [one.seq for one in commits] == list(range(12))
    assert sorted(one.run for one in commits) == sorted(f"{name}{number}" for name in "abc" for number in range(4))
    assert Log(store).verify() == []


def test_a_run_in_a_bucket_gives_the_release_of_a_run_on_a_disk(corpus, far):
    _, near, expected = corpus
    _, site, result = far
    assert (result.run, result.release, result.balance) == (expected.run, expected.release, expected.balance)
    path = f"{result.release_path}/SHA256SUMS"
    assert site.store.read(path) == near.store.read(path)
    assert not (site.scratch.parent / "releases").exists()


def test_a_second_run_in_a_bucket_does_nothing_again(corpus, far):
    held, site, result = far
    before = set(held.files)
    again = run(load(corpus[0]), site)
    assert (again.rooms, again.reused, again.release) == (result.rooms, result.rooms, result.release)
    assert {name for name in set(held.files) - before if "/parts/run/" not in name} == set()


def test_the_audit_gives_the_same_answers_from_a_bucket_and_fetches_each_file_once(corpus, far):
    _, near, _ = corpus
    held, site, _ = far
    uri = "http://river.example/"
    with Ledger.open(near.store) as here, Ledger.open(site.store) as there:
        for name in ("captures", "sources", "texts_from"):
            assert there.why(uri)[name] == here.why(uri)[name]
        assert there.where(uri)["placements"] == here.where(uri)["placements"] != []
        for question, *values in (("licence-mix",), ("published", "river.example"), ("licence-evidence", uri)):
            assert there.ask(question, *values) == here.ask(question, *values)
        assert there.sql("SELECT count(*) AS n FROM item") == here.sql("SELECT count(*) AS n FROM item")
    held.requests.clear()
    with Ledger.open(site.store) as there:
        there.why(uri)
    assert [name for _, name in held.requests if "/parts/" in name] == []


def test_verify_reads_what_lies_in_the_bucket_now(far):
    held, site, result = far
    found = verify_ledger(site.store)
    assert (found.problems, found.counts["releases"], found.counts["samples"]) == ([], 1, result.balance.kept)
    shard = next(name for name in held.files if name.endswith("web/data/train-000000.tar") and "/releases/" in name)
    part = next(name for name in held.files if "/parts/item/" in name)
    kept = {name: held.files[name] for name in (shard, part)}
    try:
        for name, body in kept.items():
            held.files[name] = body[:600] + bytes([body[600] ^ 1]) + body[601:]
        named = {problem["path"] for problem in verify_ledger(site.store).problems}
    finally:
        held.files |= kept
    assert {name.removeprefix("ours/") for name in kept} <= named


def test_training_opens_a_copy_of_the_release_that_is_fetched_once(far):
    shards = pytest.importorskip("training.shards")
    held, site, result = far
    folder = site.store.near_folder(result.release_path)
    assert sorted(lane.name for lane in shards.open_release(folder).lanes) == ["image_caption", "web"]
    held.requests.clear()
    site.store.near_folder(result.release_path)
    assert {method for method, name in held.requests if name} == set()


def test_a_writer_that_is_refused_at_any_step_publishes_nothing_and_the_next_run_ends_right(corpus, held, tmp_path):
    recipe, near, expected = corpus
    site = far_site(held, tmp_path / "far")
    for step in ("/captures/", "/parts/item/", "/rooms/", "/shards/", "/releases/", "manifest.json", "/_log/"):
        held.asked = lambda method, name, step=step: 403 if method == "PUT" and step in name else None
        with pytest.raises(StoreError, match="cannot be written"):
            run(load(recipe), site)
        assert not [name for name in held.files if "/_log/" in name]
        manifests = [name for name in held.files if name.startswith("ours/releases/") and name.count("/") == 3]
        assert (step == "/_log/") == any(name.endswith("manifest.json") for name in manifests)
    held.asked = lambda method, name: None
    again = run(load(recipe), site)
    path = f"{expected.release_path}/SHA256SUMS"
    assert site.store.read(path) == near.store.read(path)
    assert again.balance == expected.balance
    assert verify_ledger(site.store).problems == []


def test_a_run_killed_while_it_publishes_is_finished_by_the_next_one(corpus, held, tmp_path):
    recipe, near, expected = corpus
    far_site(held, tmp_path / "far")
    words = [sys.executable, "-m", "pipelines.cli", "run", str(recipe), "--site", str(tmp_path / "far"), "--json"]
    running = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": _here()}
    )

    def kill(method, name):
        if method == "PUT" and name.startswith("ours/releases/"):
            running.kill()
            return 503
        return None

    held.asked = kill
    assert running.wait() == -9
    assert [name for name in held.files if name.endswith("manifest.json") and name.count("/") == 3] == []
    held.asked = lambda method, name: None
    done = subprocess.run(words, check=True, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": _here()})
    assert json.loads(done.stdout.splitlines()[-1])["release"] == expected.release
    path = f"{expected.release_path}/SHA256SUMS"
    assert held.files[f"ours/{path}"] == near.store.read(path)


def _here():
    return str(Path(__file__).resolve().parent.parent)
