"""The whole way, on the corpus: every page meets its fate, and nothing but the content decides."""

import random

import pytest

from pipelines.audit.open import Ledger
from pipelines.audit.verify import verify_ledger
from pipelines.audit.why import why
from pipelines.ledger.log import Log
from tests.conftest import recipe_over, site_at
from tests.corpus import archive, private
from tests.corpus.pages import pages

CAPTURED_ONLY = {"robots_file", "fetched", "not_found", "http_error", "redirect"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One run over the whole corpus: (site, result)."""
    from pipelines.run import run

    folder = tmp_path_factory.mktemp("corpus")
    archive.write(folder / "all.warc.gz", pages())
    site = site_at(folder / "site")
    return site, run(recipe_over(folder), site)


def sums(site, result):
    return (site.store.local(result.release_path) / "web" / "SHA256SUMS").read_text()


def fates(site):
    """URI -> (state or outcome, reason) of everything captured."""
    ledger = Ledger.open(site.store)
    rows = ledger.db.rows(
        "SELECT c.uri, c.outcome, d.state, d.reason FROM capture c LEFT JOIN item i USING (capture_id)"
        " LEFT JOIN disposition d USING (item_id) WHERE d.state IS DISTINCT FROM 'split'"
    )
    return {row["uri"]: (row["state"] or row["outcome"], row["reason"]) for row in rows}


def test_every_page_meets_the_fate_that_was_planted(made):
    found = fates(made[0])
    wrong = {}
    for page in pages():
        state, reason = found[page.url]
        if page.group:
            continue
        wanted = "dropped" if page.fate == "refused" else page.fate  # an archive holds what a crawl would not fetch
        if state != wanted or (page.reason and page.fate == "dropped" and reason != page.reason):
            wrong[page.url] = (state, reason)
    assert wrong == {}


def test_copies_end_in_one_kept_item_with_a_witness(made):
    found = fates(made[0])
    for copy, original, reason in (
        ("http://river.example/print/1.html", "http://river.example/stories/1.html", "exact_duplicate"),
        ("http://river.example/mirror/2.html", "http://river.example/stories/2.html", "near_duplicate"),
    ):
        assert sorted([found[copy], found[original]], key=str) == [("kept", None), ("merged", reason)]


def test_the_balance_holds_and_nothing_is_lost(made):
    balance = made[1].balance
    assert balance.holds
    assert balance.captured == sum(page.fate not in CAPTURED_ONLY for page in pages())


def test_a_second_run_redoes_nothing(made):
    from pipelines.run import run

    site, first = made
    second = run(recipe_over(site.store.local("..").resolve()), site)
    assert (second.run, second.release, second.balance) == (first.run, first.release, first.balance)
    assert second.reused == second.rooms


def test_order_batch_size_and_folder_do_not_change_a_byte(made, curate, tmp_path):
    everything = pages()
    random.Random(7).shuffle(everything)
    moments = {page.url: i for i, page in enumerate(pages())}
    for number, part in enumerate((everything[:20], everything[20:])):
        folder = tmp_path / "elsewhere"
        folder.mkdir(exist_ok=True)
        import gzip

        members = [gzip.compress(archive.record(page, moments[page.url]), mtime=0) for page in part]
        (folder / f"{number}.warc.gz").write_bytes(b"".join(members))
    site, result = curate(tmp_path / "elsewhere", part_rows=7)
    assert sums(site, result) == sums(*made)


def test_an_archive_given_twice_and_records_in_two_archives_change_nothing(made, curate, tmp_path):
    everything = pages()
    for name in ("a", "b"):
        archive.write(tmp_path / "twice" / f"{name}.warc.gz", everything[:-5])
    archive.write(tmp_path / "twice" / "c.warc.gz", everything[-9:], first=len(everything) - 9)
    site, result = curate(tmp_path / "twice")
    assert (sums(site, result), result.balance) == (sums(*made), made[1].balance)
    assert Log(site.store).orphans() == []
    held = {row["store"] for row in Ledger.open(site.store).db.rows("SELECT store FROM holding")}
    captures = set(site.store.list("parts/capture"))
    assert len(captures) == 3
    assert captures <= held


def test_beam_makes_the_same_release(made, curate, tmp_path):
    archive.write(tmp_path / "beam" / "all.warc.gz", pages())
    site, result = curate(tmp_path / "beam", runner="FnApiRunner", part_rows=20)
    assert verify_ledger(site.store).problems == []
    assert (sums(site, result), result.balance) == (sums(*made), made[1].balance)


def test_personal_data_is_not_in_what_is_published(made):
    site, result = made
    held = [value for value in private.VALUES if any(value.encode() in page.body for page in pages())]
    assert held
    for path in (site.store.local(result.release_path)).rglob("*.tar"):
        content = path.read_bytes()
        assert [text for text in held if text.encode() in content] == []


def test_why_tells_the_life_of_every_uri(made):
    ledger = Ledger.open(made[0].store)
    for page in pages():
        assert why(ledger, page.url)["captures"], page.url
