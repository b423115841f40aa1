"""A site whose store is a bucket: the same release as on a disk, asked and verified through the store; a kill at every step."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.audit.open import Ledger
from pipelines.audit.verify import verify_ledger
from pipelines.recipe import load
from pipelines.run import run
from pipelines.site import load_site
from schemas.errors import SiteError, StoreError
from tests.bucket.conftest import far_site


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
    return str(Path(__file__).resolve().parents[2])
