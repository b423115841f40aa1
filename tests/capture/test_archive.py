import gzip
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipelines.capture.archive import Captured, capture_archive, media_type
from pipelines.capture.warc import read_payload, records
from pipelines.hearsay import said_of
from schemas.annotation import ANNOTATION, Role
from schemas.capture import CAPTURE, Outcome, capture_id
from schemas.digest import sha256
from schemas.reasons import Reason
from schemas.rights import LICENCE, RIGHTS, ROBOTS
from tests.capture.archives import arc, http, member, members, warc

CRAWL = Path(__file__).parents[2].parent / "shared" / "data" / "web" / "cc_crawl"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def capture(tmp_path: Path, data: bytes, name: str = "a.warc.gz", rows_per_batch: int = 1000) -> list[Captured]:
    path = tmp_path / name
    path.write_bytes(data)
    return list(capture_archive(path, source="ours", stored_uri="captures/x.warc.gz", rows_per_batch=rows_per_batch))


def table(batches: list[Captured], name: str) -> list[dict[str, Any]]:
    return [row for batch in batches for row in getattr(batch, name).to_pylist()]


def row(tmp_path: Path, record: bytes) -> dict[str, Any]:
    [found] = table(capture(tmp_path, member(record)), "captures")
    return dict(found)


def page(body: bytes, *headers: str, uri: str = "http://example.com/1", status: str = "200 OK", **fields: str) -> bytes:
    named = {"WARC-Target-URI": uri} | {name.replace("_", "-"): value for name, value in fields.items()}
    return warc("response", http(body, *headers, status=status), named, n=1)


def test_a_response_becomes_a_row(tmp_path: Path) -> None:
    headers = ("Content-Type: Text/HTML; Charset=UTF-8", "X-Powered-By: x", "Link: <a>", "link: <b>")
    record = page(b"<p>Hallo</p>", *headers, uri="https://www.Example.com:8443/a?b#c")
    block = http(b"<p>Hallo</p>", *headers)
    fetched_at = datetime(2024, 5, 3, 10, 0, 1, tzinfo=UTC)
    digest = sha256(b"<p>Hallo</p>")
    assert row(tmp_path, record) == {
        "capture_id": capture_id(
            source="ours",
            uri="https://www.Example.com:8443/a?b#c",
            fetched_at=fetched_at,
            record_type="response",
            record_id="urn:uuid:00000000-0000-0000-0000-000000000001",
            payload_sha256=digest,
        ),
        "source": "ours",
        "outcome": "fetched",
        "reason": None,
        "detail": None,
        "uri": "https://www.Example.com:8443/a?b#c",
        "uri_key": "com,example,www:8443)/a?b",
        "host": "www.example.com",
        "fetched_at": fetched_at,
        "status": 200,
        "media_type": "text/html",
        "charset": "utf-8",
        "headers": [("content-type", "Text/HTML; Charset=UTF-8"), ("link", "<a>, <b>")],
        "headers_sha256": sha256(block[: -len(b"<p>Hallo</p>")]),
        "record_type": "response",
        "record_id": "urn:uuid:00000000-0000-0000-0000-000000000001",
        "truncated": None,
        "payload": {"uri": "captures/x.warc.gz", "offset": 0, "length": len(member(record)), "sha256": digest},
        "payload_bytes": 12,
    }


OUTCOMES: Mapping[Outcome, list[bytes]] = {
    Outcome.FETCHED: [
        page(b"x"),
        page(b"x", "Content-Range: bytes 0-0/1", status="206 Partial"),
        warc("resource", b"x"),
        warc("conversion", b"x"),
        page(b"x", uri="http://example.com/blog/robots.txt"),
        page(b"x", WARC_Truncated="length"),
    ],
    Outcome.NOT_FOUND: [page(b"x", status="404 No"), page(b"x", status="410 Gone")],
    Outcome.HTTP_ERROR: [page(b"x", status="500 No"), page(b"x", status="403 No"), page(b"", status="101 Upgrade")],
    Outcome.REDIRECT: [page(b"", status="301 There"), page(b"", "Location: /a", "Location: /a", status="302 There")],
    Outcome.REVISIT: [warc("revisit", http(b""))],
    Outcome.ROBOTS_FILE: [
        page(b"x", uri="http://example.com/robots.txt"),
        page(b"x", uri="http://example.com/robots.txt?x", status="404 No"),
        page(b"{}", uri="http://example.com/.well-known/tdmrep.json"),
        page(b"", uri="http://example.com/ai.txt", status="500 No"),
    ],
    Outcome.EMPTY: [page(b""), page(b"", status="204 Nothing"), warc("resource", b"")],
    Outcome.DAMAGED: [
        page(b"x", WARC_Block_Digest="sha1:AAAA"),
        page(b"\x1f\x8b\x08broken", "Content-Encoding: gzip"),
        page(b"", status="404 No", WARC_Payload_Digest="sha1:AAAA"),
    ],
}


@pytest.mark.parametrize(
    ("outcome", "record"), [(outcome, record) for outcome, every in OUTCOMES.items() for record in every]
)
def test_every_record_has_its_outcome(tmp_path: Path, outcome: Outcome, record: bytes) -> None:
    found = row(tmp_path, record)
    assert found["outcome"] == outcome.value
    assert (found["reason"] is not None) == (outcome is Outcome.DAMAGED)


@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [
        ("206 Partial", (), "answer_not_asked"),
        ("206 Partial", ("Content-Range: bytes 0-0/2",), "answer_not_asked"),
        ("206 Partial", ("Content-Range: bytes 1-1/2",), "answer_not_asked"),
        ("206 Partial", (f"Content-Range: bytes 0-{'9' * 5000}/{'9' * 5000}",), "answer_not_asked"),
        ("304 Same", (), "answer_not_asked"),
        ("302 There", ("Location: /a", "Location: /b"), "redirect_unclear"),
    ],
)
def test_an_answer_that_nobody_asked_for_is_an_error_with_its_reason(tmp_path, status, headers, reason):
    found = row(tmp_path, page(b"x", *headers, status=status))
    assert (found["outcome"], found["reason"]) == ("http_error", reason)
    assert "location" not in dict(found["headers"])


def test_a_gap_is_a_row_that_names_its_bytes_and_not_the_path(tmp_path: Path) -> None:
    first = member(page(b"x"))
    bad = bytearray(member(page(b"y")))
    bad[-6] ^= 1
    data = first + bytes(bad) + member(warc("response", http(b"z"), n=3))
    found = table(capture(tmp_path, data), "captures")
    assert [one["outcome"] for one in found] == ["fetched", "damaged", "fetched"]
    gap = found[1]
    digest = sha256(bytes(bad))
    place = str(len(first))
    assert gap["capture_id"] == capture_id(
        source="ours", uri=None, fetched_at=None, record_type="gap", record_id=place, payload_sha256=digest
    )
    assert gap["payload"] == {
        "uri": "captures/x.warc.gz", "offset": len(first), "length": len(bad), "sha256": digest,
    }  # fmt: skip
    assert (gap["reason"], gap["record_type"], gap["record_id"]) == ("archive_damaged", "gap", place)
    assert (gap["uri"], gap["host"], gap["status"], gap["payload_bytes"], gap["headers"]) == (
        None,
        None,
        None,
        None,
        [],
    )


def mixed() -> bytes:
    return members(
        [
            warc("warcinfo", b"x"),
            page(b"<p>1</p>", "Content-Type: text/html", "X-Robots-Tag: noai"),
            warc("request", b"GET / HTTP/1.1\r\n\r\n", n=2),
            page(b"User-agent: *\nDisallow: /", uri="http://example.com/robots.txt"),
            warc("request", b"GET / HTTP/1.1\r\n\r\n", {"WARC-Block-Digest": "sha1:AAAA"}, n=3),
            warc("metadata", b"x", n=4),
            page(b"<p>1</p>", "Content-Type: text/html", "X-Robots-Tag: noai"),
            warc("response", http(b"<a rel=license href=https://creativecommons.org/licenses/by/4.0/>CC</a>",
                                  "Content-Type: text/html"), n=5),
        ]
    )  # fmt: skip


def test_nothing_is_skipped_in_silence(tmp_path: Path) -> None:
    [found] = capture(tmp_path, mixed())
    assert len(found.captures) == 3
    assert found.skipped == {"metadata": 1, "repeated": 1, "request": 1, "request_damaged": 1, "warcinfo": 1}


@pytest.mark.parametrize("rows_per_batch", [1, 2, 3])
def test_rows_depend_on_the_bytes_alone(tmp_path: Path, rows_per_batch: int) -> None:
    whole = capture(tmp_path, mixed())
    batches = capture(tmp_path, mixed(), name="another name.warc.gz", rows_per_batch=rows_per_batch)
    for name in ("captures", "rights", "robots", "licences", "annotations"):
        assert table(batches, name) == table(whole, name)
    assert all(len(batch.captures) <= rows_per_batch for batch in batches)
    counted = [sum(batch.skipped.get(kind, 0) for batch in batches) for kind in whole[0].skipped]
    assert counted == list(whole[0].skipped.values())


def test_an_archive_without_captures_still_tells_what_it_skipped(tmp_path: Path) -> None:
    [found] = capture(tmp_path, member(warc("warcinfo", b"x")))
    assert (len(found.captures), found.skipped) == (0, {"warcinfo": 1})
    [found] = capture(tmp_path, b"")
    assert (len(found.captures), found.skipped) == (0, {})


def test_batches_have_the_declared_schemas(tmp_path: Path) -> None:
    [found] = capture(tmp_path, mixed())
    batches = (found.captures, found.rights, found.robots, found.licences, found.annotations)
    assert [batch.schema for batch in batches] == [CAPTURE, RIGHTS, ROBOTS, LICENCE, ANNOTATION]
    for batch in batches:
        pa.Table.from_batches([batch]).validate(full=True)
        assert not any(batch.column(f.name).null_count for f in batch.schema if not f.nullable)


def test_what_a_header_says_is_kept_with_the_block_that_says_it(tmp_path: Path) -> None:
    record = page(b"x", "X-Robots-Tag: GPTBot: noai", status="301 There")
    [said] = table(capture(tmp_path, member(record)), "rights")
    assert said == {
        "capture_id": row(tmp_path, record)["capture_id"],
        "subject_kind": "capture",
        "subject": None,
        "mechanism": "http_x_robots",
        "usage": "train-ai",
        "verdict": "disallow",
        "agent": "gptbot",
        "locator": "header x-robots-tag",
        "excerpt": "X-Robots-Tag: GPTBot: noai",
        "evidence_sha256": sha256(http(b"", "X-Robots-Tag: GPTBot: noai", status="301 There")),
        "observed_at": datetime(2024, 5, 3, 10, 0, 1, tzinfo=UTC),
        "valid_until": None,
    }


def test_what_a_page_says_is_kept_with_its_payload(tmp_path: Path) -> None:
    html = b'<meta name=robots content=noai><a rel=license href="https://creativecommons.org/licenses/by/4.0/">x</a>'
    packed = page(gzip.compress(html, mtime=0), "Content-Type: text/html", "Content-Encoding: gzip")
    [found] = capture(tmp_path, member(packed))
    [said], [licence] = found.rights.to_pylist(), found.licences.to_pylist()
    assert (said["mechanism"], said["verdict"], said["evidence_sha256"]) == (
        "html_meta_robots",
        "disallow",
        sha256(html),
    )
    assert (licence["expression"], licence["evidence_sha256"]) == ("CC-BY-4.0", sha256(html))
    [found] = capture(tmp_path, member(page(html, "Content-Type: text/html", status="404 No")))
    assert (len(found.rights), len(found.licences)) == (0, 0)


def test_what_a_page_says_of_its_pictures_is_kept_with_its_payload(tmp_path: Path) -> None:
    html = b"""<html lang=en><img src=/p.png alt=River><script type="application/ld+json">{"@type": "ImageObject",
        "contentUrl": "http://example.com/p.png", "license": "https://creativecommons.org/licenses/by/4.0/"}</script>"""
    record = page(html, "Content-Type: text/html")
    [found] = capture(tmp_path, member(record))
    page_id = row(tmp_path, record)["capture_id"]
    assert found.annotations.to_pylist() == [
        {
            "capture_id": page_id,
            "subject": "http://example.com/p.png",
            "role": "caption",
            "text": "River",
            "language": "en",
            "location": "alt",
            "locator": "byte 14",
            "evidence_sha256": sha256(html),
            "start_s": None,
            "end_s": None,
        }
    ]
    [licence] = found.licences.to_pylist()
    assert licence == {
        "capture_id": page_id,
        "subject": "http://example.com/p.png",
        "location": "json_ld",
        "locator": f"byte {html.index(b'{')}",
        "expression": "CC-BY-4.0",
        "raw": "https://creativecommons.org/licenses/by/4.0/",
        "evidence_sha256": sha256(html),
    }


def test_a_picture_is_found_by_the_words_of_its_page(tmp_path: Path) -> None:
    html = b"<img src='/p q.png#x' alt=River>"
    records = [
        page(html, "Content-Type: text/html"),
        page(PNG, "Content-Type: image/png", uri="http://Example.com/p%20q.png"),
    ]
    [found] = capture(tmp_path, members(records))
    said = said_of(found.captures, pa.Table.from_batches([found.annotations]), [Role.CAPTION], {})
    assert [[one["text"] for one in row] for row in said.to_pylist()] == [[], ["River"]]


def test_what_a_book_says_of_its_licence_is_kept(tmp_path: Path) -> None:
    book = b"For the use of anyone anywhere.\n*** START OF THE PROJECT GUTENBERG EBOOK A ***\nIt rained."
    for kind in ("text/plain", "text/html"):
        [licence] = table(capture(tmp_path, member(page(book, f"Content-Type: {kind}"))), "licences")
        assert (licence["expression"], licence["location"]) == ("LicenseRef-headwater-public-domain-usa", "notice")
    assert table(capture(tmp_path, member(page(book, "Content-Type: text/css"))), "licences") == []


def test_robots_txt_is_kept_whole_with_its_origin_and_redirect(tmp_path: Path) -> None:
    uri = "HTTPS://Example.com:443/robots.txt"
    [found] = table(capture(tmp_path, member(page(b"User-agent: *", uri=uri))), "robots")
    assert (found["origin"], found["status"], found["body"]) == ("https://example.com", 200, b"User-agent: *")
    assert found["body_sha256"] == sha256(b"User-agent: *")
    [found] = table(capture(tmp_path, member(page(b"", "Location: /r.txt", uri=uri, status="302 There"))), "robots")
    assert (found["status"], found["location"], found["body"]) == (302, "https://example.com/r.txt", b"")
    [found] = table(capture(tmp_path, member(page(b"#" * 600_000, uri=uri))), "robots")
    assert len(found["body"]) == 500 * 1024


def test_a_damaged_robots_txt_counts_as_unreachable(tmp_path: Path) -> None:
    record = page(b"User-agent: *\nAllow: /", uri="http://example.com/robots.txt", WARC_Payload_Digest="sha1:AAAA")
    found = capture(tmp_path, member(record))
    assert [one["outcome"] for one in table(found, "captures")] == ["damaged"]
    [robots] = table(found, "robots")
    assert (robots["status"], robots["body"]) == (None, b"")


@pytest.mark.parametrize("path", ["/ai.txt", "/.well-known/ai.txt"])
def test_ai_txt_speaks_for_its_origin_and_its_kinds_of_files(tmp_path: Path, path: str) -> None:
    uri, body = f"http://example.com{path}", b"User-agent: *\nDisallow: *.html\nDisallow: *.mp3\n"
    [found] = capture(tmp_path, member(page(body, uri=uri)))
    said = [(one["subject_kind"], one["subject"], one["mechanism"], one["verdict"]) for one in found.rights.to_pylist()]
    assert said == [
        ("origin", "http://example.com", "ai_txt", "disallow"),
        ("origin", "http://example.com*.mp3$", "ai_txt", "disallow"),
        ("origin", "http://example.com*.mp3?*", "ai_txt", "disallow"),
    ]
    assert found.captures.column("outcome").to_pylist() == ["robots_file"]
    gone = table(capture(tmp_path, member(page(body, uri=uri, status="404 No"))), "rights")
    assert {one["verdict"] for one in gone} <= {"unknown"}


def test_tdmrep_speaks_for_its_origin_and_its_paths(tmp_path: Path) -> None:
    rules = [{"location": "/img/*", "tdm-reservation": 1}, {"location": "/", "tdm-reservation": 0}]
    uri = "http://example.com:8080/.well-known/tdmrep.json"
    said = table(capture(tmp_path, member(page(json.dumps(rules).encode(), uri=uri))), "rights")
    assert [(one["subject_kind"], one["subject"], one["mechanism"], one["verdict"]) for one in said] == [
        ("origin", "http://example.com:8080/img/*", "wellknown_tdmrep", "disallow"),
        ("origin", "http://example.com:8080", "wellknown_tdmrep", "allow"),
    ]
    gone = table(capture(tmp_path, member(page(b"[]", uri=uri, status="404 No"))), "rights")
    assert [(one["subject"], one["verdict"], one["excerpt"]) for one in gone] == [
        ("http://example.com:8080", "unknown", "answered 404")
    ]


MEDIA_TYPES = {
    ("text/html; charset=x", b"<p>"): "text/html",
    ("TEXT/HTML", PNG): "image/png",
    ("text/html", b"%PDF-1"): "text/html",
    ("image/jpeg", PNG): "image/jpeg",
    ("application/octet-stream", PNG): "image/png",
    ("application/octet-stream", b"\x00\x01"): "application/octet-stream",
    ("nonsense", b"hello"): "text/plain",
    (None, b"<!doctype html>"): "text/html",
    (None, b"\x00\x01"): None,
    ("text/plain, text/html", b"x"): "text/plain",
}


@pytest.mark.parametrize(("declared", "body"), MEDIA_TYPES)
def test_a_media_type_is_declared_or_shown_by_the_bytes(declared: str | None, body: bytes) -> None:
    assert media_type(declared, body) == MEDIA_TYPES[declared, body]


def test_an_arc_is_captured_like_a_warc(tmp_path: Path) -> None:
    data = members(
        [arc("filedesc://x", b"1 0 x\n"), arc("http://example.com/a", http(b"<p>x</p>", "Content-Type: text/html"))]
    )
    [found] = capture(tmp_path, data, name="x.arc.gz")
    [one] = found.captures.to_pylist()
    assert (one["outcome"], one["media_type"], one["record_id"], one["status"]) == ("fetched", "text/html", None, 200)
    assert found.skipped == {"warcinfo": 1}


def test_every_page_of_the_crawl_is_where_its_row_says() -> None:
    if not CRAWL.exists():
        pytest.skip("shared/data/web is not on this machine")
    path = CRAWL / "crawl.warc.gz"
    gold = [json.loads(line) for line in (CRAWL / "gold.jsonl").read_text().splitlines()]
    [found] = capture_archive(path, source="cc", stored_uri="captures/crawl.warc.gz")
    rows = found.captures.to_pylist()
    assert [one["uri"] for one in rows] == [one["url"] for one in gold]
    kinds = {"robots": "robots_file", "drop:status": "not_found"}
    assert [one["outcome"] for one in rows] == [kinds.get(one["disposition"], "fetched") for one in gold]
    assert {one["media_type"] for one, g in zip(rows, gold, strict=True) if g["disposition"] == "route:image"} == {
        "image/png"
    }
    opted_out = {one["capture_id"] for one in found.rights.to_pylist() if one["verdict"] == "disallow"}
    named = {one["capture_id"] for one, g in zip(rows, gold, strict=True) if g["disposition"] == "drop:optout_header"}
    assert named <= opted_out
    assert [one["origin"] for one in found.robots.to_pylist()] == [
        "http://rueda.wikidot.com",
        "http://www.bibliothek2null.de",
    ]
    stored = path.read_bytes()
    for one, record in zip(rows, records(path), strict=True):
        place = one["payload"]
        again = read_payload(stored[place["offset"] :][: place["length"]], payload_sha256=place["sha256"])
        assert replace(again, offset=place["offset"]) == record


def test_reasons_of_damage_are_reasons_of_the_ledger(tmp_path: Path) -> None:
    found = table(capture(tmp_path, member(page(b"x"))[:-9] + b"junk" + member(page(b"y"))[:200]), "captures")
    assert [Reason(one["reason"]) for one in found] == [Reason.ARCHIVE_DAMAGED, Reason.RECORD_TRUNCATED]
