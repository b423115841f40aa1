"""Visiting the sites of a release again: what was free and is not, what nobody can tell, what is gone; and the run after it."""

import json
from contextlib import redirect_stdout
from io import StringIO

import pytest

from pipelines.audit.open import Ledger
from pipelines.cli import main
from pipelines.ledger.log import Log
from pipelines.recheck import recheck
from pipelines.rights.site_file import ASKED_PATHS
from pipelines.run import run
from pipelines.takedown.gate import barred
from tests.capture.server import http, serving
from tests.conftest import recipe_over, site_at
from tests.corpus import archive
from tests.corpus.pages import Page, html
from tests.corpus.prose import paragraphs

HOSTS = ("river.example", "mill.example", "sea.example", "lake.example")
PATHS = ("/a.html", "/b.html", "/c.html", "/d.html")


def page(host, path):
    return Page(host=host, path=path, body=html("A story", paragraphs(f"{host} {path}")), fate="kept")


PAGES = [page(host, path) for host in HOSTS for path in PATHS]
NOW = {
    "river.example/a.html": http(b"<p>x</p>", more="X-Robots-Tag: NOAI\r\n"),
    "river.example/b.html": http(b"<meta name=robots content=noai><p>x</p>"),
    "river.example/c.html": http(b"<p>x</p>"),
    "mill.example/.well-known/tdmrep.json": http(b'[{"location": "/d*", "tdm-reservation": 1}]'),
    "sea.example/robots.txt": http(b"User-agent: GPTBot\nDisallow: /b.html\n", type="text/plain"),
    "lake.example/robots.txt": http(b"", 503),
}
RESERVED = {
    ("http://river.example/a.html", "http_x_robots"),
    ("http://river.example/b.html", "html_meta_robots"),
    ("http://mill.example/d.html", "wellknown_tdmrep"),
    ("http://sea.example/b.html", "robots_path"),
}


@pytest.fixture(scope="module")
def visited(tmp_path_factory):
    """(site, recipe, the first run, the visit, the server's log, the command's exit code and answer)."""
    folder = tmp_path_factory.mktemp("recheck")
    archive.write(folder / "1.warc.gz", PAGES)
    recipe, site = recipe_over(folder), site_at(folder / "site")
    first = run(recipe, site)
    with serving(NOW) as (port, log):
        (folder / "site" / "site.toml").write_text(
            "[hosts]\n" + "".join(f'"{host}" = "127.0.0.1:{port}"\n' for host in HOSTS), "utf-8"
        )
        site = site_at(folder / "site")
        found = recheck(site, pages=0, delay_s=0.0)
        asked = log.paths("river.example"), log.paths("lake.example")
        out = StringIO()
        with redirect_stdout(out), pytest.raises(SystemExit) as ended:
            main(["recheck", "--json", "--pages", "1", "--delay-s", "0", "--site", str(folder / "site")])
    return site, recipe, first, found, asked, (ended.value.code, json.loads(out.getvalue()))


def test_what_is_newly_reserved_is_listed_with_what_says_so(visited):
    found = visited[3]
    assert {(one.uri, one.mechanism) for one in found.reserved} == RESERVED
    assert {one.items for one in found.reserved} == {1}
    (robots,) = (one for one in found.reserved if one.mechanism == "robots_path")
    assert (robots.reason, robots.detail) == ("robots_disallowed", 'GPTBot: line 2 "Disallow: /b.html"')
    assert all(len(one.evidence_sha256 or b"") == 32 for one in found.reserved)


def test_a_site_that_cannot_be_read_today_is_no_reservation(visited):
    rest = [one for one in visited[3].findings if one.state == "unreadable"]
    assert [one.uri for one in rest] == [f"http://lake.example{path}" for path in PATHS]
    assert {one.reason for one in rest} == {"robots_unreachable"}


def test_what_is_gone_is_counted_and_the_visit_is_polite(visited):
    found, (river, lake) = visited[3], visited[4]
    assert found.gone == tuple(
        sorted(f"http://{host}{path}" for host in HOSTS[:3] for path in PATHS if f"{host}{path}" not in NOW)
    )
    assert river == ["/robots.txt", *ASKED_PATHS, *PATHS]
    assert lake == ["/robots.txt"]
    assert (found.origins, found.pages, found.visited) == (4, 16, 16)


def test_the_command_ends_with_3_and_visits_a_sample_and_all_site_files(visited):
    code, answer = visited[5]
    assert code == 3
    assert (answer["ok"], answer["visited"], answer["pages"]) == (False, 4, 16)
    # What the sites say as a whole is found whichever pages are asked for.
    assert {one["mechanism"] for one in answer["findings"]} >= {"wellknown_tdmrep", "robots_path"}


def test_the_audit_knows_it_right_after_the_visit(visited):
    site, _, first, found = visited[:4]
    with Ledger.open(site.store, commit=found.commit - 1) as ledger:
        assert ledger.commit.run == first.run
        assert ledger.ask("reservations").num_rows == 0
    with Ledger.open(site.store, commit=found.commit) as ledger:
        said = ledger.ask("reservations").to_pylist()
        assert {(row["uri"], row["mechanism"], row["items"]) for row in said} == {(*one, 1) for one in RESERVED}
        (capture,) = ledger.why("http://sea.example/b.html")["captures"]
        assert [row["excerpt"] for row in capture["rights"] if row["subject_kind"] == "recheck"] == [
            'GPTBot: line 2 "Disallow: /b.html"'
        ]
        assert {row["why"] for row in barred(ledger, None)} == {"reserved"}
    assert Log(site.store).verify() == []


def test_the_next_run_drops_what_is_reserved_and_says_why(visited):
    site, recipe, first, found = visited[:4]
    again = run(recipe, site)
    assert (first.balance.kept, again.balance.kept) == (16, 16 - len(found.reserved))
    with Ledger.open(site.store, run=again.run) as ledger:
        dropped = ledger.db.rows(
            "SELECT uri, d.reason FROM decision d JOIN item USING (item_id) JOIN capture USING (capture_id) WHERE stage = 'rights'"
        )
        assert {row["uri"] for row in dropped} == {one.uri for one in found.reserved}
        assert {row["reason"] for row in dropped} == {
            "header_opt_out", "meta_opt_out", "site_opt_out", "robots_disallowed",
        }  # fmt: skip
    assert run(recipe, site).run == again.run
