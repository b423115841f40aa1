"""Podcast feeds: what their episodes name, and what becomes of it on loopback."""

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


@pytest.mark.parametrize(
    "xml",
    [
        b"", b"\xff", b"<html><rss></html>", b"<rss>" * 1000, RSS.replace(b"<rss ", b'<!DOCTYPE rss [<!ENTITY a "x">]><rss '),
        b'<rss><channel><item><enclosure url="file:///etc/passwd" type="audio/mpeg"/></item></channel></rss>',
    ],
    ids=range(6),
)  # fmt: skip
def test_what_is_no_feed_names_nothing(xml):
    assert read_feed(xml, URL).urls() == []


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
