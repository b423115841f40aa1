"""Every mechanism against every way of saying it: bytes of an archive in, barred or not out. What nobody can read bars.

Among them the ways in which tools of the field are known to fail open: `NOAI` in capitals, `GPTBot: noai`, a tdm-reservation with
white space, `Content-Usage: train-ai=n`, a robots.txt that answers 503, a byte order mark, a second header line.
"""

import json
import struct

import pytest

from pipelines.capture.archive import capture_archive
from pipelines.rights.judge import rights_stage
from pipelines.rights.policy import policy
from pipelines.rights.weighed import Evidence
from tests.capture.archives import http, warc
from tests.rights import evidence_tables as tables
from tests.rights.test_picture import DMI, jpeg, xmp
from tests.split.epubs import epub, xhtml

PAGE = "http://a.example/story"
AGENTS = ("CCBot", "GPTBot", "*")
BOM = "\ufeff"
BARRED, KEPT = True, False


def barred(tmp_path, *records, of=PAGE):
    """Whether the capture of this URI is dropped, under the policy that looks at opt-outs alone."""
    path = tmp_path / "a.warc"
    whole = [
        warc("response", block, {"WARC-Target-URI": uri}, n=n) for n, (uri, block) in enumerate(records)
    ]  # fmt: skip
    path.write_bytes(b"".join(whole))
    (found,) = capture_archive(path, source="web", stored_uri="a.warc")
    captures = found.captures.to_pylist()
    stage = rights_stage(policy("opt_out_respected"), AGENTS)
    evidence = Evidence(
        captures=tables.pa.Table.from_batches([found.captures]), rights=tables.pa.Table.from_batches([found.rights]),
        licences=tables.pa.Table.from_batches([found.licences]), robots=tables.pa.Table.from_batches([found.robots]),
        card_licences={},
    )  # fmt: skip
    (capture,) = (row["capture_id"] for row in captures if row["uri"] == of)
    item = tables.item("x", None) | {"capture_id": capture}
    return stage.fn(stage, tables.items(item), evidence).column("verdict").to_pylist() == ["drop"]


def story(*headers, body=b"<p>Hello.</p>", kind="text/html"):
    return PAGE, http(body, f"Content-Type: {kind}", *headers)


def meta(attributes):
    return f"<html><head><meta {attributes}></head><p>Hello.</p>".encode()


HEADERS = {
    # http_x_robots
    ("X-Robots-Tag: noai",): BARRED,
    ("X-Robots-Tag: NOAI",): BARRED,
    ("x-robots-tag: NoImageAI",): BARRED,
    ("X-Robots-Tag:   noai   ",): BARRED,
    ("X-Robots-Tag: GPTBot: noai",): BARRED,
    ("X-Robots-Tag: gptbot : NOAI, noindex",): BARRED,
    ("X-Robots-Tag: OtherBot: noai",): KEPT,  # nobody whom this recipe counts
    ("X-Robots-Tag: OtherBot: noindex", "X-Robots-Tag: noai"): BARRED,
    ("X-Robots-Tag: index", "X-Robots-Tag: noai"): BARRED,
    ("X-Robots-Tag: noindex; noai",): BARRED,
    ("X-Robots-Tag: unavailable_after: 25 Jun 2030 15:00:00 PST, noai",): BARRED,
    ("X-Robots-Tag: please noai thanks",): BARRED,
    ("X-Robots-Tag: no-ai=true",): BARRED,
    ("X-Robots-Tag: noml",): BARRED,
    ("X-Robots-Tag: none",): BARRED,
    ("X-Robots-Tag: all",): KEPT,
    ("X-Robots-Tag: noindex, nofollow",): KEPT,  # search engines are meant
    ("X-Robots-Tag:",): KEPT,
    # http_tdm
    ("TDM-Reservation: 1",): BARRED,
    ("tdm-reservation:  1 ",): BARRED,
    ("TDM-Reservation: 0",): KEPT,
    ("TDM-Reservation: 0", "TDM-Reservation: 1"): BARRED,
    ("TDM-Reservation: 0, 1",): BARRED,
    ("TDM-Reservation: true",): BARRED,
    ('TDM-Reservation: "1"',): BARRED,
    ("TDM-Reservation: yes please",): BARRED,
    ("TDM-Reservation:",): BARRED,
    ("TDM-Policy: http://a.example/policy.json",): KEPT,
    # http_content_usage
    ("Content-Usage: train-ai=n",): BARRED,
    ("CONTENT-USAGE: TRAIN-AI=N",): BARRED,
    ("Content-Usage: train-ai = n",): BARRED,
    ("Content-Usage: train_ai=n",): BARRED,
    ("Content-Usage: search=y, train-ai=n",): BARRED,
    ("Content-Usage: search=y", "Content-Usage: train-ai=n"): BARRED,
    ("Content-Usage: train-genai=n;x=1",): BARRED,
    ("Content-Usage: bots=n",): BARRED,
    ("Content-Usage: train-ai=?0",): BARRED,
    ('Content-Usage: "train-ai=n"',): BARRED,
    ("Content-Usage: train-ai",): BARRED,
    ("Content-Usage: train-ai=",): BARRED,
    ("Content-Usage: no training",): BARRED,
    ("Content-Usage: train-ai=y",): KEPT,
    ("Content-Usage: search=n",): KEPT,
    ("Content-Usage: colour=blue",): KEPT,
    ("Content-Usage:",): KEPT,
    # http_content_signal
    ("Content-Signal: ai-train=no",): BARRED,
    ("content-signal: search=yes,AI-TRAIN=NO",): BARRED,
    ("Content-Signal: ai-train=maybe",): BARRED,
    ("Content-Signal: ai-train=yes, search=yes",): KEPT,
    # http_link_rsl
    ('Link: <http://a.example/rsl.xml>; rel="license"; type="application/rsl+xml"',): BARRED,
    ("LINK: </x>; rel=next, <rsl.xml>; type=APPLICATION/RSL+XML; rel=license",): BARRED,
    ('Link: <http://a.example/style.css>; rel="preload"',): KEPT,
    (): KEPT,
}


@pytest.mark.parametrize(("headers", "expected"), HEADERS.items())
def test_headers_of_a_page_and_of_a_picture(tmp_path, headers, expected):
    assert barred(tmp_path, story(*headers)) is expected
    assert barred(tmp_path, story(*headers, body=b"GIF89a...", kind="image/gif")) is expected


METAS = {
    'name="robots" content="noai"': BARRED,
    'NAME="ROBOTS" CONTENT="NOAI"': BARRED,
    'content=" noimageai , noai " name=" robots "': BARRED,
    'name="gptbot" content="noai"': BARRED,
    'name="GPTBot" content="NoAI"': BARRED,
    'name="otherbot" content="noai"': KEPT,
    'name="robots" content="we say noai here"': BARRED,
    'name="robots" content="index, follow"': KEPT,
    'name="robots"': KEPT,
    'name="keywords" content="noai"': KEPT,
    'name="tdm-reservation" content="1"': BARRED,
    'name="TDM-Reservation" content=" 1 "': BARRED,
    'property="tdm-reservation" content="1"': BARRED,
    'name="tdm-reservation" content="0"': KEPT,
    'name="tdm-reservation" content="true"': BARRED,
    'name="tdm-reservation"': BARRED,
    'http-equiv="X-Robots-Tag" content="noai"': BARRED,
    'http-equiv="Content-Usage" content="train-ai=n"': BARRED,
    'name="content-usage" content="train-ai=n"': BARRED,
    'name="x"><link rel="license" type="application/rsl+xml" href="/rsl.xml"': BARRED,
    'name="x"><LINK TYPE="Application/RSL+XML" REL=license HREF="/rsl.xml"': BARRED,
    'name="x"><script type="application/rsl+xml"><rsl></rsl></script><p': BARRED,
    'name="x"><link rel="stylesheet" href="/rsl.css"': KEPT,
}


@pytest.mark.parametrize(("attributes", "expected"), METAS.items())
def test_markup_of_a_page(tmp_path, attributes, expected):
    assert barred(tmp_path, story(body=meta(attributes))) is expected
    assert barred(tmp_path, story(body=(BOM + meta(attributes).decode()).encode("utf-16-le"))) is expected


NO_ROBOTS = "User-agent: CCBot\nDisallow: /\n"
ROBOTS = {
    (200, NO_ROBOTS): BARRED,  # robots_path
    (200, NO_ROBOTS.upper().replace("/", "/STORY").replace("STORY", "story")): BARRED,
    (200, BOM + NO_ROBOTS): BARRED,
    (200, "  user-agent :  ccbot  \r\n disallow : /story "): BARRED,
    (200, "User-agent: OtherBot\nDisallow: /"): KEPT,
    (200, "User-agent: *\nAllow: /"): KEPT,
    (200, "User-agent: OtherBot\nUser-agent: GPTBot\nDisallow: /"): BARRED,
    (200, "<html>Not found"): KEPT,
    (200, ""): KEPT,
    (404, NO_ROBOTS): KEPT,
    (410, ""): KEPT,
    (401, ""): BARRED,
    (403, ""): BARRED,
    (429, ""): BARRED,
    (500, ""): BARRED,
    (503, "User-agent: *\nAllow: /"): BARRED,
    (200, "User-agent: *\nContent-Usage: train-ai=n"): BARRED,  # robots_content_usage
    (200, "USER-AGENT: *\nCONTENT-USAGE: TRAIN-AI=N"): BARRED,
    (200, "Content-Usage: train-ai=n"): BARRED,
    (200, "User-agent: GPTBot\nContent-Usage: train-ai=n"): BARRED,
    (200, "User-agent: OtherBot\nContent-Usage: train-ai=n"): KEPT,
    (200, "User-agent: *\nContent-Usage: /story train-ai=n"): BARRED,
    (200, "User-agent: *\nContent-Usage: /other train-ai=n"): KEPT,
    (200, "User-agent: *\nContent-Usage: train-ai"): BARRED,
    (200, "User-agent: *\nContent-Usage: train-ai=y"): KEPT,
    (200, "User-agent: *\nContent-Signal: search=yes,ai-train=no"): BARRED,  # robots_content_signal
    (200, "User-Agent: *\nCONTENT-SIGNAL: ai-train=NO"): BARRED,
    (200, "User-agent: *\nContent-signal: ai-train=perhaps"): BARRED,
    (200, "User-agent: *\nContent-signal: ai-train=yes"): KEPT,
    (200, "License: http://a.example/rsl.xml"): BARRED,  # robots_license_rsl
    (200, "LICENSE : http://a.example/rsl.xml\nUser-agent: *\nAllow: /"): BARRED,
}


@pytest.mark.parametrize(("answer", "expected"), ROBOTS.items())
def test_robots_txt_of_the_site(tmp_path, answer, expected):
    status, body = answer
    robots = ("http://a.example/robots.txt", http(body.encode(), status=f"{status} X"))
    assert barred(tmp_path, robots, story()) is expected


def test_a_robots_txt_behind_redirects_counts(tmp_path):
    moved = http(b"", "Location: http://b.example/robots.txt", status="301 X")
    there = ("http://b.example/robots.txt", http(NO_ROBOTS.encode()))
    assert barred(tmp_path, ("http://a.example/robots.txt", moved), there, story()) is BARRED


TDMREP = {
    (200, '[{"location": "/", "tdm-reservation": 1}]'): BARRED,
    (200, '[{"location": "/story", "tdm-reservation": 1}]'): BARRED,
    (200, '[{"location": "story", "tdm-reservation": 1}]'): BARRED,
    (200, '[{"location": "http://a.example/story", "tdm-reservation": 1}]'): BARRED,
    (200, '[{"location": "/other/*", "tdm-reservation": 1}]'): KEPT,
    (200, '[{"location": "/*", "tdm-reservation": 1}, {"location": "/story", "tdm-reservation": 0}]'): KEPT,
    (200, '[{"location": "/story", "tdm-reservation": 0}, {"location": "/story", "tdm-reservation": 1}]'): BARRED,
    (200, BOM + ' [{"location": "/", "tdm-reservation": 1}] '): BARRED,
    (200, '[{"location": "/", "tdm-reservation": "1"}]'): BARRED,
    (200, '[{"location": "/", "tdm-reservation": true}]'): BARRED,
    (200, '[{"location": "/", "tdm-reservation": [0]}]'): BARRED,
    (200, '[{"location": "/", "tdm-reservation": null}]'): BARRED,
    (200, '[{"location": ["/"], "tdm-reservation": 1}]'): BARRED,
    (200, '[{"LOCATION": "/", "TDM-RESERVATION": 1}]'): BARRED,
    (200, '{"location": "/", "tdm-reservation": 1}'): BARRED,
    (200, '[{"location": "/", "tdm-reservation": 0}]'): KEPT,
    (200, '["no"]'): BARRED,
    (200, "no mining"): BARRED,
    (200, "[" * 9999): BARRED,
    (200, "[]"): KEPT,
    (200, "<html>Not found"): KEPT,
    (404, '[{"location": "/", "tdm-reservation": 1}]'): KEPT,
    (403, ""): BARRED,
    (500, ""): BARRED,
    (503, "[]"): BARRED,
}


@pytest.mark.parametrize(("answer", "expected"), TDMREP.items(), ids=lambda value: str(value)[:60])
def test_tdmrep_json_of_the_site(tmp_path, answer, expected):
    status, body = answer
    file = ("http://a.example/.well-known/tdmrep.json", http(body.encode(), status=f"{status} X"))
    assert barred(tmp_path, file, story()) is expected


AI_TXT = {
    (200, "User-Agent: *\nDisallow: /"): BARRED,
    (200, "USER-AGENT: *\nDISALLOW: *"): BARRED,
    (200, BOM + "User-Agent: GPTBot\nDisallow: *.html"): BARRED,
    (200, "User-Agent: OtherBot\nDisallow: /"): KEPT,
    (200, "Disallow: /"): BARRED,
    (200, "You may not train on this."): BARRED,
    (200, "User-Agent: *\nAllow: /"): KEPT,
    (200, "<html>Not found"): KEPT,
    (404, "User-Agent: *\nDisallow: /"): KEPT,
    (410, ""): KEPT,
    (401, ""): BARRED,
    (403, ""): BARRED,
    (429, "User-Agent: *\nAllow: /"): BARRED,
    (500, ""): BARRED,
    (502, ""): BARRED,
}


@pytest.mark.parametrize(("answer", "expected"), AI_TXT.items())
def test_ai_txt_of_the_site(tmp_path, answer, expected):
    status, body = answer
    file = ("http://a.example/ai.txt", http(body.encode(), status=f"{status} X"))
    assert barred(tmp_path, file, story()) is expected


def text(said):
    return bytes([0x60 + len(said)]) + said.encode() if len(said) < 24 else bytes([0x78, len(said)]) + said.encode()


def cbor(entries):
    """The assertion as CBOR: maps and texts of short length are all it needs."""
    inner = b"".join(text(key) + b"\xa1" + text("use") + text(use) for key, use in entries.items())
    return b"\xa1" + text("entries") + bytes([0xA0 + len(entries)]) + inner


def box(kind, content):
    return struct.pack(">I", len(content) + 8) + kind + content


def assertion(label, kind, content):
    described = box(b"jumd", b"x" * 16 + b"\x03" + label.encode() + b"\0")
    return box(b"jumb", described + box(kind, content))


def in_jpeg(boxes, piece=60):
    """A JPEG whose APP11 segments hold the boxes in pieces."""
    parts = [boxes[at : at + piece] for at in range(0, len(boxes), piece)]
    segments = [
        struct.pack(">HHHHI", 0xFFEB, len(part) + 10 + 8 * (n > 1), 0x4A50, 1, n) + boxes[:8] * (n > 1) + part
        for n, part in enumerate(parts, 1)
    ]
    whole = jpeg()
    return whole[:2] + b"".join(segments) + whole[2:]


def c2pa(use, key="c2pa.ai_training", label="c2pa.training-mining"):
    return assertion(label, b"cbor", cbor({key: use}))


def cawg(use):
    said = {"entries": {"cawg.ai_generative_training": {"use": use}}}
    return assertion("cawg.training-mining", b"json", json.dumps(said).encode())


FILES = {
    "plus no": (jpeg(xmp(f'plus:DataMining="{DMI}PROHIBITED"')), BARRED),
    "plus in small letters": (jpeg(xmp(f'plus:DataMining="{DMI.lower()}prohibited-aimltraining"')), BARRED),
    "plus yes": (jpeg(xmp(f'plus:DataMining="{DMI}ALLOWED"')), KEPT),
    "plus unspecified": (jpeg(xmp(f'plus:DataMining="{DMI}UNSPECIFIED"')), KEPT),
    "plus of another word": (jpeg(xmp('plus:DataMining="no"')), BARRED),
    "plus cut": (jpeg() + b"<rdf:RDF><plus:DataMining>no", BARRED),
    "plus in a second packet": (jpeg(xmp()) + xmp(f'plus:DataMining="{DMI}PROHIBITED"'), BARRED),
    "tdm in xmp": (jpeg(xmp('xmlns:tdm="http://www.w3.org/ns/tdmrep/" tdm:reservation="1"')), BARRED),
    "tdm in xmp, free": (jpeg(xmp('xmlns:tdm="http://www.w3.org/ns/tdmrep/" tdm:reservation="0"')), KEPT),
    "tdm in xmp, garbage": (jpeg(xmp('xmlns:tdm="http://www.w3.org/ns/tdmrep/" tdm:reservation="x"')), BARRED),
    "c2pa no": (in_jpeg(c2pa("notAllowed")), BARRED),
    "c2pa no, in one piece": (in_jpeg(c2pa("notAllowed"), 9999), BARRED),
    "c2pa mining": (in_jpeg(c2pa("notAllowed", "c2pa.data_mining")), BARRED),
    "c2pa constrained": (in_jpeg(c2pa("constrained")), BARRED),
    "c2pa garbage": (in_jpeg(assertion("c2pa.training-mining", b"cbor", b"\xa1\xff"), 9999), BARRED),
    "c2pa without content": (in_jpeg(box(b"jumb", box(b"jumd", b"x" * 17 + b"c2pa.training-mining\0")), 9999), BARRED),
    "c2pa yes": (in_jpeg(c2pa("allowed"), 9999), KEPT),
    "c2pa inference": (in_jpeg(c2pa("notAllowed", "c2pa.ai_inference"), 9999), KEPT),
    "cawg no": (in_jpeg(cawg("notAllowed"), 9999), BARRED),
    "cawg yes": (in_jpeg(cawg("allowed"), 9999), KEPT),
    "c2pa in png": (b"\x89PNG\r\n\x1a\n" + box(b"caBX", c2pa("notAllowed")), BARRED),
    "nothing": (jpeg(), KEPT),
}


@pytest.mark.parametrize("name", FILES)
def test_metadata_of_a_picture(tmp_path, name):
    data, expected = FILES[name]
    assert barred(tmp_path, story(body=data, kind="image/jpeg")) is expected


EPUBS = {
    '<meta property="tdm:reservation">1</meta>': BARRED,
    '<META PROPERTY="TDM:RESERVATION"> 1 </META>': BARRED,
    '<opf:meta name="tdm:reservation" content="1"/>': BARRED,
    '<meta property="tdm:reservation">0</meta>': KEPT,
    '<meta property="tdm:reservation">yes</meta>': BARRED,
    '<meta property="tdm:reservation"></meta>': BARRED,
    '<meta property="dcterms:modified">2020</meta>': KEPT,
}


@pytest.mark.parametrize(("about", "expected"), EPUBS.items())
def test_metadata_of_a_book(tmp_path, about, expected):
    book = epub({"a.xhtml": xhtml("<p>Hello.</p>")}, about)
    assert barred(tmp_path, story(body=book, kind="application/epub+zip")) is expected


PICTURE = "http://a.example/p/frog.gif"
SHOWN = {
    ("http://a.example/s", '<meta name=robots content=noimageai><img src="/p/frog.gif">'): BARRED,
    ("http://a.example/s", '<meta name=robots content=noai><img src="/p/frog.gif?x=1">'): KEPT,
    ("http://a.example/s", '<meta name=robots content=noindex><img src="/p/frog.gif">'): KEPT,
    ("http://a.example/s", '<meta name=otherbot content=noai><img src="/p/frog.gif">'): KEPT,
    ("http://b.example/s", '<meta name=robots content=noai><img src="http://a.example/p/frog.gif">'): KEPT,
}


@pytest.mark.parametrize(("page", "expected"), SHOWN.items())
def test_a_page_of_the_own_site_bars_what_it_shows(tmp_path, page, expected):
    uri, body = page
    shows = (uri, http(body.encode(), "Content-Type: text/html"))
    later = ("http://a.example/t", http(b"<meta name=robots content=noai><img src=/q.gif>", "Content-Type: text/html"))
    picture = (PICTURE, http(b"GIF89a...", "Content-Type: image/gif"))
    assert barred(tmp_path, shows, later, picture, of=PICTURE) is expected
