"""One run over pages whose fates change with a threshold; other runs at the same site do again only what differs."""

import dataclasses

import pytest

from pipelines.audit.open import Ledger
from pipelines.late.stored import stored
from pipelines.run import run
from tests.conftest import recipe_over, site_at
from tests.corpus import archive
from tests.corpus.pages import SPAM, Page, html, pages
from tests.corpus.prose import paragraphs

HOST = "late.example"


def page(name, text):
    return Page(host=HOST, path=f"/{name}.html", fate="group", body=html("A page", text))


def family():
    """Versions of one text. Lorem ipsum keeps the longest out, so the next one stands for the others, until it comes back."""
    text = paragraphs("family")
    last = [text[-1].rsplit(". ", 1)[0] + ". The end of this one is another."]
    return [
        page(
            "longest",
            [*text, "Here the printer left lorem ipsum where a sentence was to be; write to otto@mail.example."],
        ),
        page("second", text),
        page("copy", text),
        page("near", [*text[:-1], *last]),
        page("short", [text[0].split(". ")[0] + ". It has two sentences. That is all there is."]),
        page("short-copy", [text[0].split(". ")[0] + ". It has two sentences. That is all there is."]),
        page("spam", [*SPAM, *paragraphs("shop", 1, 2)]),
    ]


@pytest.fixture(scope="session")
def ran(tmp_path_factory):
    """(folder with the archive, site) after one run; it is commit 0."""
    folder = tmp_path_factory.mktemp("late")
    archive.write(folder / "all.warc.gz", [*family(), *pages()])
    site = site_at(folder / "site", part_rows=20)
    run(recipe_over(folder), site)
    return folder, site


@pytest.fixture(scope="session")
def again(ran):
    """`again(recipe)` runs it at the same site and gives the ledger of that run."""

    def do(recipe):
        folder, site = ran
        run(dataclasses.replace(recipe, base=folder), site)
        return Ledger.open(site.store)

    return do


@pytest.fixture
def ledger(ran):
    return Ledger.open(ran[1].store, commit=0)


@pytest.fixture
def there(ledger):
    return stored(ledger)
