"""What a run says of what it asked the web for."""

import pytest

from pipelines.asked import answers, listed, silent
from pipelines.phases import capture
from pipelines.recipe import loads
from pipelines.site import Site
from pipelines.store import Store
from tests.capture.server import http, page, serving
from tests.test_recipe import RECIPE

SHUT = 1  # a port where nobody listens
SITE = {"/": page(*(f"/list?page={n}" for n in range(5))), "/list?page=0": page(), "/list?page=1": http(b"", 500)}
CRAWL = (
    '["http://a.example/", "http://b.example/"]\n[source.crawl]\ndelay_s = 0.0\nmax_variants = 2\nrounds = ["1", "2"]'
)
LIST = '"list.csv"\nurl_column = "url"\n[source.crawl]\ndelay_s = 0.0'


@pytest.fixture
def told(tmp_path):
    """`told(text)`: what is said of a source with this `from`."""

    def do(text):
        recipe = loads(RECIPE.replace('"archives"', text), base=tmp_path)
        with serving(SITE) as (port, _):
            hosts = (("a.example", f"127.0.0.1:{port}"), ("b.example", f"127.0.0.1:{SHUT}"))
            site = Site(store=Store(root=str(tmp_path / "store")), scratch=tmp_path / "scratch", hosts=hosts)
            found = [capture(recipe, site, recipe.sources[0])]
        return answers(site, found), listed(site, found), silent(site, found)

    return do


def test_captures_are_counted_by_status_and_reason_and_silent_hosts_are_named(told):
    found, rows, lines = told(CRAWL)
    counts = {(row.outcome, row.status, row.reason): row.captures for row in found}
    assert counts[("refused", None, "url_trap")] == 2 * 3
    assert counts[("http_error", 500, None)] == 2
    assert counts[("deferred", None, None)] == 2
    assert {row.source for row in found} == {"example"}
    assert rows == []
    assert lines == ["source example: b.example: silent rounds in a row: 2, parked for 1"]


def test_rows_of_a_list_are_counted_by_outcome_and_status(told, tmp_path):
    urls = ["http://a.example/", "http://a.example/", "http://a.example/x", "ftp://a.example/", "http://b.example/"]
    (tmp_path / "list.csv").write_text("\n".join(["url", *urls]), "utf-8")
    _, rows, lines = told(LIST)
    assert [(row.outcome, row.status, row.rows) for row in rows] == [
        ("deferred", None, 1), ("fetched", 200, 2), ("not_found", 404, 1), ("refused", None, 1),
    ]  # fmt: skip
    assert lines == ["source example: b.example: silent rounds in a row: 1, asked again in the next"]
