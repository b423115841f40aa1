"""Podcast feeds: what their episodes name, and what becomes of it on loopback."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.capture.feed import Episode, Feed, Transcript, is_feed, read_feed
from pipelines.capture.sample import UNREACHED, sample_input
from pipelines.phases import capture
from pipelines.recipe import loads
from pipelines.site import Site
from pipelines.store import Store
from schemas.annotation import ANNOTATION
from schemas.capture import CAPTURE
from schemas.rights import LICENCE
from tests.capture.server import http, serving
from tests.test_recipe import RECIPE

RSS = b"""<?xml version="1.0"?>
<rss version="2.0" xmlns:podcast="https://podcastindex.org/namespace/1.0"
     xmlns:creativeCommons="http://backend.userland.com/creativeCommonsRssModule" xmlns:itunes="i">
<channel><title>River talk</title><language>en</language>
<creativeCommons:license>https://creativecommons.org/licenses/by/4.0/</creativeCommons:license>
<item><title>One</title><enclosure url="http://cdn.example/1.mp3" type="audio/mpeg" length="3"/>
  <podcast:transcript url="/1.vtt" type="text/vtt" language="en-GB"/>
  <podcast:transcript url="http://cdn.example/1.json" type="application/json"/></item>
<item><title>Two</title><itunes:title>Not this</itunes:title><enclosure url="http://cdn.example/2.mp4" type="video/mp4"/>
  <enclosure url="http://cdn.example/2.mp3#t" type="audio/mpeg"/>
  <podcast:license url="https://creativecommons.org/publicdomain/zero/1.0/">cc0-1.0</podcast:license>
  <podcast:transcript url="/2.txt" type="text/plain"/></item>
</channel></rss>"""
URL = "http://a.example/feed.xml"
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><link rel="license" href="http://creativecommons.org/licenses/by-sa/4.0/"/>
<entry><title>One</title><link rel="enclosure" type="audio/ogg" href="1.ogg"/><link href="/page"/></entry></feed>"""


def test_a_feed_names_recordings_transcripts_and_licences():
    feed = read_feed(RSS, URL)
    assert is_feed(RSS)
    assert feed == Feed(
        language="en", licences=["https://creativecommons.org/licenses/by/4.0/"],
        episodes=[
            Episode(title="One", recordings=["http://cdn.example/1.mp3"], transcripts=[
                Transcript(url="http://a.example/1.vtt", media_type="text/vtt", language="en-GB"),
                Transcript(url="http://cdn.example/1.json", media_type="application/json", language=None),
            ]),
            Episode(
                title="Two", recordings=["http://cdn.example/2.mp3"], licences=["https://creativecommons.org/publicdomain/zero/1.0/"],
                transcripts=[Transcript(url="http://a.example/2.txt", media_type="text/plain", language=None)],
            ),
        ],
    )  # fmt: skip


def test_an_atom_feed_is_read_too():
    assert is_feed(ATOM)
    assert read_feed(ATOM, URL) == Feed(
        licences=["http://creativecommons.org/licenses/by-sa/4.0/"],
        episodes=[Episode(title="One", recordings=["http://a.example/1.ogg"])],
    )


HEAD = b"<rss xmlns:p='p'><channel>"
ITEM = b'<item><title>caf\xe9</title><enclosure url="/1.mp3"/></item>'
END = b"</channel></rss>"
LONG = b'<item><enclosure url="' + b"a" * (2 << 20) + b'"/></item>'
RSS_091 = b'<!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" "http://127.0.0.1/rss.dtd">'
BOMB = b'<!DOCTYPE rss [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("xml", "named", "problem"),
    [
        (HEAD + ITEM + END, 1, None),
        (b'<?xml version="1.0" encoding="x-none"?>' + HEAD + ITEM + END, 1, None),
        (b'<?xml version="1.0" encoding="utf-16"?>' + HEAD + ITEM.replace(b"\xe9", b"\xc3\xa9") + END, 1, None),
        (b'<?xml version="1.0" encoding="windows-1252"?>' + HEAD + ITEM + END, 1, None),
        (RSS_091 + HEAD + ITEM.replace(b"caf", b"&nbsp;caf") + END, 1, None),
        (BOMB + HEAD + ITEM.replace(b"caf", b"&b;caf") + END, 0, "its document type declares entities"),
        (HEAD + ITEM * 10_001, 1, "it has more than 10000 episodes"),
        (HEAD + b"<item>" + b"<e/>" * 500_001, 0, "it has more than 500000 elements"),
        (HEAD + ITEM + LONG, 1, "one piece of it is longer than 1048576 bytes"),
        (HEAD + ITEM + b"<!--" + b"x" * (2 << 20), 1, "one piece of it is longer than 1048576 bytes"),
        (HEAD + ITEM + b"<a>" * 100, 1, "its elements are nested more than 64 deep"),
        (HEAD + ITEM + b"<item></channel>", 1, "mismatched tag"),
        (HEAD + ITEM, 1, "no element found"),
        (b"", 0, "no element found"), (b"\xff", 0, ""), (b"<html><rss></html>", 0, "mismatched tag"), (b"<rss/>", 0, "it names no episode"),
        *((HEAD + ITEM.replace(b"/1.mp3", url) + END, 0, None) for url in (b"file:///etc/passwd", b"ftp://a/1", b"data:,x", b"javascript:x")),
    ],
)  # fmt: skip
def test_a_feed_that_means_harm_costs_itself_alone_and_says_what_was_not_read(xml, named, problem):
    feed = read_feed(xml, URL)
    assert (feed.problem or "").startswith(problem or "")
    assert (feed.problem is None) == (problem is None)
    assert feed.urls() == ["http://a.example/1.mp3"] * named
    assert {one.title.strip() for one in feed.episodes} <= {"café", ""}


def test_what_stands_before_the_damage_counts():
    assert read_feed(RSS[: RSS.index(b"<item><title>Two")] + b"<", URL).urls()[0] == "http://cdn.example/1.mp3"


@given(st.binary(max_size=200))
def test_any_bytes_have_an_answer(data):
    assert read_feed(b"<rss xmlns:podcast='p'><item>" + data, URL).urls() is not None


VTT = b"WEBVTT\n\n00:00.000 --> 00:02.000\nHello there.\n\n00:02.000 --> 00:04.000\nAnd now the river.\n"
ANSWERS = {
    "a.example/feed.xml": http(RSS, type="application/rss+xml"), "a.example/1.vtt": http(VTT, type="text/vtt"),
    "a.example/2.txt": http(b"Words of the second.\n", type="text/plain"),
    "cdn.example/1.mp3": http(status=302, more="Location: http://b.example/one.mp3\r\n"),
    "b.example/one.mp3": http(b"ID3 one", type="audio/mpeg"), "cdn.example/2.mp3": http(b"ID3 two", type="audio/mpeg"),
    "cdn.example/1.json": http(b'{"segments": [{"startTime": 0.5, "endTime": 1.5, "body": "Hi."}]}', type="application/json"),
}  # fmt: skip


def test_what_a_feed_says_is_said_of_its_recordings(tmp_path):
    text = RECIPE.replace('lane = "web"', 'lane = "audio"').replace('from = "archives"', f'from = "feed+{URL}"')
    recipe = loads(text + "[source.crawl]\ndelay_s = 0.01\n", base=tmp_path)
    source = recipe.sources[0]
    with serving(ANSWERS) as (port, log):
        hosts = tuple((host, f"127.0.0.1:{port}") for host in ("a.example", "b.example", "cdn.example"))
        site = Site(store=Store(root=str(tmp_path)), scratch=tmp_path / "scratch", hosts=hosts)
        found = capture(recipe, site, source)
        before = len(log.asked)
        again = capture(recipe, site, source)
    assert len(log.asked) == before
    assert [one.key for one in again.receipts] == [one.key for one in found.receipts]
    fed = found.receipts[-1]
    said = site.store.table(fed.all("annotation"), ANNOTATION).to_pylist()
    one, two = "http://b.example/one.mp3", "http://cdn.example/2.mp3"
    assert [(row["subject"], row["role"], row["text"], row["language"], row["start_s"]) for row in said] == [
        (one, "title", "One", "en", None), (one, "transcript", "Hello there.", "en-GB", 0.0),
        (one, "transcript", "And now the river.", "en-GB", 2.0), (one, "transcript", "Hi.", "en", 0.5),
        (two, "title", "Two", "en", None), (two, "transcript", "Words of the second.", "en", None),
    ]  # fmt: skip
    licences = site.store.table(fed.all("licence"), LICENCE).to_pylist()
    # What a feed licenses is the episode: its recording, and the transcripts of it.
    assert {(row["subject"], row["expression"]) for row in licences} == {
        (one, "CC-BY-4.0"), ("http://a.example/1.vtt", "CC-BY-4.0"), ("http://cdn.example/1.json", "CC-BY-4.0"),
        (two, "CC0-1.0"), ("http://a.example/2.txt", "CC0-1.0"),
    }  # fmt: skip
    assert not [one.path for one in log.asked if one.path.endswith(".mp4")]
    note, made = sample_input("s", source.inputs[0], tmp_path, 5, tmp_path, layout=source.layout, wanted=None)
    assert (note.note, made) == (UNREACHED, [])


def test_what_stands_behind_the_enclosures_of_a_hostile_feed_is_an_outcome_each(tmp_path):
    urls = [
        "http://10.0.0.1/1.mp3",
        "http://a.example:22/2.mp3",
        "http://a.example/inward",
        "http://a.example/bomb.mp3",
        "/good.mp3",
        "/good.mp3",
    ]
    items = "".join(f'<item><guid>same</guid><title>T</title><enclosure url="{url}"/></item>' for url in urls)
    inward = "Location: http://169.254.169.254/latest\r\n"
    packed = gzip.compress(bytes(80 << 20), 1)
    answers = {
        "/feed.xml": http(f"<rss><channel>{items}<item>".encode(), type="text/xml"), "/inward": http(b"", 302, more=inward),
        "/bomb.mp3": http(packed, type="audio/mpeg", more="Content-Encoding: gzip\r\n"), "/good.mp3": http(b"ID3 x", type="audio/mpeg"),
    }  # fmt: skip
    text = RECIPE.replace('lane = "web"', 'lane = "audio"').replace('from = "archives"', f'from = "feed+{URL}"')
    recipe = loads(text + "[source.crawl]\ndelay_s = 0.0\n", base=tmp_path)
    with serving(answers) as (port, _):
        site = Site(
            store=Store(root=str(tmp_path)), scratch=tmp_path / "scratch", hosts=(("a.example", f"127.0.0.1:{port}"),)
        )
        found = capture(recipe, site, recipe.sources[0])
    parts = [part for receipt in found.receipts for part in receipt.all("capture")]
    rows = {row["uri"]: row for row in site.store.table(parts, CAPTURE).to_pylist()}
    assert {uri.rpartition("/")[2]: row["outcome"] for uri, row in rows.items() if uri.rpartition("/")[2][0] not in "rt"} == {
        "1.mp3": "refused", "2.mp3": "refused", "inward": "redirect", "latest": "refused", "bomb.mp3": "damaged", "good.mp3": "fetched",
        "feed.xml": "fetched", "ai.txt": "robots_file",
    }  # fmt: skip
    said = site.store.table(found.receipts[-1].all("annotation"), ANNOTATION).to_pylist()
    assert [(row["subject"], row["text"]) for row in said] == [("http://a.example/good.mp3", "T")]
    assert [line for line in found.ignored if "feed.xml" in line] == [
        f"{URL}: not all of it was read: no element found: line 1, column {len('<rss><channel><item>') + len(items)}"
    ]
