"""The whole room on the shared crawl: bytes of a WARC in, the dispositions of its gold file out."""

import json
from typing import Any

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from pipelines.rights.evidence import header_statements, html_statements
from pipelines.rights.judge import rights_stage
from pipelines.rights.licences import conclude, html_licences
from pipelines.rights.policy import policy
from tests.rights import evidence_tables as tables
from tests.rights.shared import WEB, needs_shared


def read() -> tuple[list[tuple[str, str | None]], Any]:
    """(uri, licence) of every page in order, and the evidence of the archive."""
    pages: list[tuple[str, str | None]] = []
    rows: dict[str, Any] = {"captures": [], "rights": [], "licences": [], "robots": []}
    with (WEB / "cc_crawl" / "crawl.warc.gz").open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
            uri, body, name = record.headers["WARC-Target-URI"], record.reader.read(), str(len(pages))
            if uri.endswith("/robots.txt"):
                origin = uri.removesuffix("/robots.txt")
                rows["robots"].append(tables.robots(origin, body.decode(), record.http_headers.status_code, hours=-1))
                continue
            hits = html_licences(body, uri)
            pages.append((uri, conclude(hits).expression))
            rows["captures"].append(tables.capture(name, uri))
            found = header_statements(list(record.http_headers.items())) + html_statements(body)
            rows["rights"] += [
                tables.statement(
                    name, s.mechanism, s.usage, s.verdict, agent=s.agent, locator=s.locator, excerpt=s.excerpt
                )
                for s in found
            ]
            rows["licences"] += [tables.licence(name, hit.location, hit.expression) for hit in hits]
    return pages, tables.evidence(**rows)


@needs_shared
@pytest.mark.parametrize(("name", "kept"), [("opt_out_respected", 43), ("open_sharealike", 37)])
def test_opt_outs_of_the_shared_crawl_end_as_its_gold_file_says(name: str, kept: int) -> None:
    # Of 47 pages, 4 opt out; under open_sharealike 5 pictures and one page that name no licence go as well.
    gold = [json.loads(line) for line in (WEB / "cc_crawl" / "gold.jsonl").read_text("utf-8").splitlines()]
    expected = {"drop:robots_ccbot": "robots_disallowed", "drop:optout_header": "header_opt_out"}
    pages, evidence = read()
    stage = rights_stage(policy(name), ("CCBot", "*"))
    items = tables.items(*(tables.item(str(i), licence) for i, (_, licence) in enumerate(pages)))
    reasons = stage.fn(stage, items, evidence).column("reason").to_pylist()
    wanted = [expected.get(page["disposition"]) for page in gold if page["disposition"] != "robots"]
    opt_outs = [None if reason and reason.startswith("licence") else reason for reason in reasons]
    assert opt_outs == wanted
    assert sum(reason is None for reason in reasons) == kept
