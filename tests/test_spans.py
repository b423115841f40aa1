"""Repeated spans from files to a release: cut with a receipt, found again, replayed, derived again, and named by a takedown."""

import pytest

from pipelines.audit.open import Ledger
from pipelines.audit.texts import edited_texts
from pipelines.audit.why import why
from pipelines.late.certify import certify
from pipelines.late.whatif import whatif
from pipelines.recipe import loads
from pipelines.run import run
from pipelines.shard.tar import read_shard
from pipelines.takedown.plan import plan
from schemas.request import Scope
from tests.conftest import site_at
from tests.corpus.prose import paragraphs
from tests.test_books import RECIPE

ON = '[stage."dedup.spans"]\non = true\nspan_words = 40\nmax_removed_share = 1.0\n'
SONG = " ".join(paragraphs("song", 1, 5))


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """(folder, site, result) of a run over three books of one source: one holds a song, one quotes it, one is little else."""
    folder = tmp_path_factory.mktemp("spans")
    (folder / "books").mkdir()
    for name, text in {
        "songs.txt": [*paragraphs("songs", 5), SONG, *paragraphs("more", 5)],
        "quotes.txt": [*paragraphs("quotes", 3), SONG, *paragraphs("end", 2)],
        "sheet.txt": ["A sheet that was sold in the street.", SONG, "Price one penny."],
    }.items():
        (folder / "books" / name).write_text("\n\n".join(text))
    site = site_at(folder / "site")
    return folder, site, run(recipe(folder), site)


def recipe(folder, more=ON):
    text = RECIPE.format(policy="opt_out_respected") + '[source.stage."quality.books"]\nmin_words = 10\n' + more
    return loads(text, base=folder)


@pytest.fixture
def ledger(ran):
    return Ledger.open(ran[1].store)


def items(ledger):
    """File -> the item's id, by what they were made from."""
    rows = ledger.db.rows(
        "SELECT c.uri, i.item_id FROM item i JOIN capture c USING (capture_id) WHERE i.parent_id IS NOT NULL"
    )
    return {row["uri"].rpartition("/")[2]: row["item_id"] for row in rows}


def test_the_better_book_keeps_the_song_another_is_cut_and_what_is_little_else_goes(ran, ledger):
    of = items(ledger)
    states = {row["item_id"]: (row["state"], row["reason"]) for row in ledger.db.rows("SELECT * FROM disposition")}
    assert {name: states[one] for name, one in of.items()} == {
        "songs.txt": ("kept", None), "quotes.txt": ("kept", None), "sheet.txt": ("dropped", "repeated_spans"),
    }  # fmt: skip
    site = ran[1]
    (tar,) = site.store.local("releases").rglob("*.tar")
    told = b"".join(sample.parts["json"] for sample in read_shard(tar)).decode()
    assert told.count(SONG[:60]) == told.count(SONG[-60:]) == 1
    assert paragraphs("quotes", 3)[-1] + "\\n\\n" + paragraphs("end", 2)[0] in told


def test_each_span_says_where_it_was_and_where_it_stands(ledger):
    of, texts = items(ledger), {}
    for ids, found in edited_texts(ledger, set(items(ledger).values())):
        texts |= dict(zip(ids, found, strict=True))
    rows = ledger.db.rows("SELECT * FROM repeated_span")
    assert {row["item_id"] for row in rows} == {of["quotes.txt"], of["sheet.txt"]}
    for row in rows:
        assert row["witness_id"] == of["songs.txt"]
        place = slice(row["witness_start"], row["witness_start"] + row["witness_length"])
        assert texts[of["songs.txt"]][place] + "." == SONG
    (receipt,) = ledger.db.rows("SELECT * FROM decision WHERE stage = 'dedup.spans' AND verdict = 'edit'")
    (span,) = receipt["spans"]
    assert (receipt["reason"], span["field"], span["kind"], span["length"]) == (
        "repeated_spans",
        "text",
        "repeated",
        len(SONG),
    )
    (told,) = [
        one
        for capture in why(ledger, of["quotes.txt"].hex())["captures"]
        for root in capture["items"]
        for one in root["children"]
    ]
    assert [one["witness_id"] for one in told["repeated_spans"]] == [of["songs.txt"].hex()]
    (held,) = ledger.db.rows("SELECT content_sha256 FROM item WHERE item_id = ?", [of["quotes.txt"]])
    assert held["content_sha256"] == receipt["after_sha256"] != receipt["before_sha256"]


def test_a_second_run_does_nothing_again(ran):
    folder, site, first = ran
    again = run(recipe(folder), site)
    assert (again.release, again.reused) == (first.release, again.rooms)


def test_whatif_answers_for_it_without_a_run(ran, ledger):
    off = whatif(ledger, ["dedup.spans.on=false"])
    assert (off.gained.items, off.lost.items) == (1, 0)
    assert whatif(ledger, ["dedup.spans.min_words_left=5"]).gained.items == 1
    assert whatif(ledger, ["dedup.spans.span_words=5000"]).gained.items == 1
    assert whatif(ledger, ["dedup.spans.min_words_left=50"]).kept_after == 2
    assert whatif(ledger, ["quality.books.min_words=200"]).lost.items == 0


def test_what_was_cut_comes_out_again_of_the_raw_captures(ran, ledger):
    found = certify(ledger, ran[2].release, ran[1])
    assert (found.agree, found.differ, found.not_rederived) == (2, 0, 0)


def test_a_takedown_of_the_song_names_who_else_says_it(ran, ledger):
    of = items(ledger)
    found = plan(ran[1], "r1", Scope.ITEM, of["songs.txt"].hex())
    assert {row["item_id"] for row in found.items if row["lane"]} >= {of["songs.txt"]}
    assert of["quotes.txt"] not in found.closure.items
    said = [row["what"] for row in found.remaining if "spans of what goes" in row["what"]]
    assert len(said) == 2
    assert any(of["quotes.txt"].hex() in what for what in said)
