"""The page in a real browser: the graph shows, an asset is materialised from it, and its shards are those of the command line.

Skipped where the machine has no Chromium.
"""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

import pytest

from pipelines.recipe import load
from pipelines.run import run
from tests.conftest import RECIPE, site_at
from tests.corpus import archive
from tests.corpus.pages import pages

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine; `apt install chromium` brings one"
)
PATIENCE_S = 120


@contextmanager
def served(recipe, site):
    """The address of the page while it runs, as `headwater ui` starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "dagster_project", "--recipe", recipe, "--site", site, "--port", str(port)]
    page = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(lambda: _answers(f"http://127.0.0.1:{port}/server_info"))
        yield f"http://127.0.0.1:{port}"
    finally:
        page.terminate()
        page.wait(PATIENCE_S)


def _wait(is_so):
    ends = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < ends, "the page does not come to it"
        time.sleep(0.2)


def _answers(url):
    try:
        return urllib.request.urlopen(url, timeout=5).status == 200
    except OSError:
        return False


def asked(base, query):
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(f"{base}/graphql", body, {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=30))["data"]


def materialised(base):
    """Metadata of the last shards, by label; none before there are any."""
    found = asked(
        base,
        '{ assetNodes(assetKeys: [{path: ["release", "shards"]}]) { assetMaterializations(limit: 1) { metadataEntries'
        " { label ... on TextMetadataEntry { text } } } } }",
    )["assetNodes"][0]["assetMaterializations"]
    return {entry["label"]: entry.get("text") for entry in found[0]["metadataEntries"]} if found else {}


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_shards_made_from_the_page_are_those_of_the_command_line(tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api")
    archive.write(tmp_path / "all.warc.gz", pages())
    recipe = tmp_path / "corpus.toml"
    recipe.write_text(RECIPE.format(more=""), "utf-8")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "site.toml").write_text("[run]\nworkers = 1\n", "utf-8")
    errors = []
    with served(recipe, tmp_path / "site") as base, sync_api.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        page.set_default_timeout(PATIENCE_S * 1000)
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(f"{base}/asset-groups")
        for group in ("capture", "web", "release", "model"):
            page.get_by_text(group, exact=True).first.wait_for()
        page.goto(f"{base}/assets/release/shards")
        page.get_by_role("button", name="Materialize").first.click()
        page.get_by_role("button", name="Confirm").click()  # nothing before it was made from here: the step makes it
        _wait(lambda: materialised(base))
        page.goto(f"{base}/assets/release/shards?view=overview")
        page.get_by_text("SHA256SUMS").first.wait_for()
        browser.close()
        made = materialised(base)
    assert errors == []
    other = site_at(tmp_path / "other")
    release = run(load(recipe), other).release_path
    assert made["SHA256SUMS"] == other.store.local(f"{release}/SHA256SUMS").read_text("utf-8")
