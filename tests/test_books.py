"""The books lane from files to a release: editions of one work become one item, different works do not merge."""

import shutil
import zipfile
from pathlib import Path

import pytest

from pipelines.audit.open import Ledger
from pipelines.recipe import load, loads
from pipelines.run import run
from tests.capture.archives import http, members, warc
from tests.conftest import site_at
from tests.corpus.prose import paragraphs
from tests.split.epubs import epub, xhtml

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "books"
RECIPE = """
format = 1
name = "books"
policy = "{policy}"
agents = ["*"]
[[source]]
lane = "books"
from = "books"
[source.card]
name = "books"
kind = "user"
title = "Books"
provider = "us"
contact = "nobody@books.example"
"""
START = "*** START OF THE PROJECT GUTENBERG EBOOK THE RIVER ***"
END = "*** END OF THE PROJECT GUTENBERG EBOOK THE RIVER ***"


def text(seed: str) -> str:
    return "\n\n".join(
        line for chapter in range(4) for line in (f"CHAPTER {chapter + 1}", *paragraphs(f"{seed} {chapter}"))
    )


def curated(folder: Path, policy: str = "opt_out_respected"):
    """URI -> (state, reason) of every item of a run over `folder`/books that was not split, and the ledger."""
    site = site_at(folder / "site")
    run(loads(RECIPE.format(policy=policy), base=folder), site)
    ledger = Ledger.open(site.store)
    rows = ledger.db.rows(
        "SELECT c.uri, d.state, d.reason FROM item i JOIN capture c USING (capture_id) JOIN disposition d USING (item_id)"
        " WHERE d.state <> 'split'"
    )
    return {row["uri"].rpartition("/")[2]: (row["state"], row["reason"]) for row in rows}, ledger


def test_editions_of_one_book_become_one_item_and_other_books_stay(tmp_path):
    books = tmp_path / "books"
    books.mkdir()
    body = text("river")
    page = "".join(f"<p>{part}</p>" for part in body.split("\n\n"))
    (books / "river.txt").write_text(f"Title: The River\n\n{START}\n\n{body}\n\n{END}\n\nThe licence.\n")
    (books / "river.htm").write_text(
        f"<html><body><pre>{START}</pre><h1>The River</h1>{page}<pre>{END} licence</pre></body></html>"
    )
    (books / "river.adoc").write_text("= The River\n\n" + body.replace("CHAPTER", "== CHAPTER"))
    (books / "river.epub").write_bytes(
        epub({"a.xhtml": xhtml(f"<h1>The River</h1>{page}")}, "<dc:title>The River</dc:title>")
    )
    (books / "mill.txt").write_text(text("mill"))
    (books / "locked.epub").write_bytes(epub({"a.xhtml": xhtml(page)}, more={"META-INF/rights.xml": "<rights/>"}))
    with zipfile.ZipFile(books / "more.zip", "w") as archive:
        archive.writestr("bridge.epub", epub({"a.xhtml": xhtml(f"<p>{text('bridge')}</p>")}))
    (books / "notes.txt").write_text("Return to the library by May.")
    found, _ = curated(tmp_path)
    assert sorted(found[name] for name in ("river.txt", "river.htm", "river.adoc", "river.epub")) == [
        ("kept", None), ("merged", "exact_duplicate"), *[("merged", "near_duplicate")] * 2,
    ]  # fmt: skip
    assert {name: fate for name, fate in found.items() if not name.startswith("river")} == {
        "mill.txt": ("kept", None),
        "bridge.epub": ("kept", None),
        "locked.epub": ("dropped", "encrypted"),
        "notes.txt": ("dropped", "too_few_words"),
    }


def test_where_a_licence_is_required_the_header_of_a_book_is_one(tmp_path):
    books = {
        "free": f"For the use of anyone anywhere at no cost\n\n{START}\n\n{text('river')}",
        "owned": f"**This is a COPYRIGHTED Project Gutenberg Etext**\n\n{START}\n\n{text('mill')}",
        "silent": text("bridge"),
    }
    records = [
        warc(
            "response",
            http(body.encode(), "Content-Type: text/plain"),
            {"WARC-Target-URI": f"http://books.example/{name}"},
            n=n,
        )
        for n, (name, body) in enumerate(books.items())
    ]
    data = epub({"a.xhtml": xhtml(f"<p>{text('road')}</p>")}, "<dc:rights>CC0-1.0</dc:rights>")
    records += [
        warc(
            "response",
            http(data, f"Content-Type: {kind}"),
            {"WARC-Target-URI": f"http://books.example/{name}"},
            n=9 + n,
        )
        for n, (name, kind) in enumerate([("road.epub", "application/epub+zip"), ("road", "application/octet-stream")])
    ]
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "all.warc.gz").write_bytes(members(records))
    found, ledger = curated(tmp_path, "public_domain")
    assert found == {
        "free": ("kept", None), "owned": ("dropped", "licence_not_allowed"), "silent": ("dropped", "licence_unknown"),
        "road.epub": found["road.epub"], "road": found["road"],
    }  # fmt: skip
    assert {found["road.epub"][0], found["road"][0]} == {"kept", "merged"}
    rows = ledger.db.rows("SELECT expression, location, locator FROM licence ORDER BY expression")
    assert [(row["expression"], row["location"], row["locator"]) for row in rows] == [
        ("CC0-1.0", "meta", "byte 262"),
        ("CC0-1.0", "meta", "byte 262"),
        ("LicenseRef-headwater-gutenberg-copyrighted", "notice", "byte 12"),
        ("LicenseRef-headwater-public-domain-usa", "notice", "byte 0"),
    ]


def test_the_shipped_recipe_loads():
    assert [lane.name for lane in load("books").lanes] == ["books"]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not beside this checkout")
def test_real_editions_become_one_item_and_no_speech_is_lost(tmp_path):
    shutil.copytree(SHARED / "gutenberg_11", tmp_path / "books" / "alice")
    with zipfile.ZipFile(SHARED / "inaugural.zip") as archive:
        speeches = [name.rpartition("/")[2] for name in archive.namelist() if name.endswith(".txt")]
        archive.extractall(tmp_path / "books")
    found, _ = curated(tmp_path)
    editions = [found[name] for name in ("11-0.txt", "11.txt", "alice30.txt", "book.asciidoc", "11-h.htm")]
    assert sorted(editions) == [("kept", None)] + [("merged", "near_duplicate")] * 4
    assert {found[name] for name in speeches} == {("kept", None)}
    assert len(speeches) == 59
    assert found.get("LICENSE", ("dropped", "no_text")) == ("dropped", "no_text")
