"""The lookup page in a real browser without scripts, from the keyboard alone: look up a site, file a request.

Skipped where the machine has no Chromium.
"""

import json
import shutil
import subprocess
import sys

import pytest

from pipelines.ledger.ledger import commit_run
from pipelines.store import Store
from tests.ledger import made
from tests.lookup.client import registered

pytest.importorskip("starlette")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine; `apt install chromium` brings one"
)


@pytest.fixture
def served(tmp_path):
    """(address, store) of the page, as `headwater lookup` serves it."""
    store = Store(root=str(tmp_path))
    commit_run(store, made.run_row("made-0"), made.publish(store, made.tables()), made.expected())
    command = [sys.executable, "-m", "pipelines.cli", "lookup", "--site", str(tmp_path), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as page:
        try:
            yield json.loads(page.stdout.readline())["address"], store
        finally:
            page.terminate()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_site_is_looked_up_and_a_request_filed_from_the_keyboard_without_scripts(served):
    sync_api = pytest.importorskip("playwright.sync_api")
    address, store = served
    said = []
    with sync_api.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(java_script_enabled=False).new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("requestfailed", lambda request: said.append(request.url))
        page.goto(address)
        page.get_by_label("Domain or address of a page").focus()
        page.keyboard.type("river.example")
        page.keyboard.press("Enter")
        page.get_by_text("Yes: 2 items of river.example are in what was released.").wait_for()
        assert page.get_by_role("article").count() == sum(row["uri"] is not None for row in made.CAPTURES.values())
        page.get_by_role("link", name="Ask to have it taken out").press("Enter")
        page.get_by_label("Why").wait_for()
        assert page.get_by_label("Domain or address of a page").input_value() == "river.example"
        page.get_by_label("Where to answer").focus()
        page.keyboard.type("me@river.example")
        page.keyboard.press("Enter")
        page.get_by_text("Your request is filed").wait_for()
        name = page.get_by_role("status").locator("code").inner_text()
        browser.close()
    assert said == []
    assert [(row["request"], row["contact"]) for row in registered(store)] == [(name, "me@river.example")]
