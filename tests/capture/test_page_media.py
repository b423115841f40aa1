"""What a page shows and says of it: every address, the best first; words with their place; nothing from hidden parts."""

import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.capture.medium import Terms, addresses
from pipelines.capture.page_annotations import Said, page_annotations, picture_licences
from pipelines.capture.page_media import MAX_ADDRESSES, page_media
from pipelines.capture.uri import absolute
from pipelines.rights.licences import LicenceHit, html_licences
from schemas.annotation import Role

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "web" / "html_cc" / "pages.tar.gz"
URL = "http://a.example/c/"


def shown(html: str) -> list[tuple[str, ...]]:
    return [medium.urls for medium in page_media(html.encode(), URL)]


def said(html: str) -> list[tuple[str, str, str, str]]:
    """(subject without the folder of the page, role, location, text) of each statement."""
    found = page_annotations(html.encode(), URL)
    return [(one.subject.removeprefix(URL), one.role.value, one.location, one.text) for one in found]


def test_a_statement_names_its_subject_its_words_and_its_place():
    page = '<html lang=de-AT><body>\n<img src="b%20c.png?x=1#top" alt=" A  river &amp; a mill " title=Mill>'
    at = f"byte {page.index('<img')}"
    subject = "http://a.example/c/b%20c.png?x=1"
    assert page_annotations(page.encode(), URL) == [
        Said(subject=subject, role=Role.CAPTION, text="A river & a mill", language="de-AT", location="alt", locator=at),
        Said(subject=subject, role=Role.TITLE, text="Mill", language="de-AT", location="title", locator=at),
    ]


def test_offsets_of_utf_16_are_those_of_its_utf_8_form():
    page = "\ufeffä<img src=a.png alt=b>"
    assert page_annotations(page.encode("utf-16-le"), URL) == page_annotations(page[1:].encode(), URL)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"src": "a"}, ["a"]),
        ({"srcset": "a 1x, b 2x", "src": "c"}, ["b", "c", "a"]),
        ({"srcset": "a.jpg 300w,b.jpg 900w,\nc.jpg 600w"}, ["b.jpg", "c.jpg", "a.jpg"]),
        ({"srcset": "a, b"}, ["a", "b"]),
        ({"srcset": "data:image/gif;base64,AA= 1w, b,c.jpg 2w"}, ["b,c.jpg", "data:image/gif;base64,AA="]),
        ({"data-srcset": "a 1x", "srcset": "b 2x", "data-src": "c", "src": "d"}, ["b", "c", "d", "a"]),
        ({"data-original": "a", "data-lazy-src": "b", "src": "c"}, ["a", "b", "c"]),
        ({"srcset": ""}, []),
        ({"srcset": " , ,, "}, []),
        ({}, []),
    ],
)
def test_the_largest_address_is_the_best(attributes, expected):
    assert [address for address in addresses(attributes) if address] == expected


def test_a_picture_has_the_addresses_of_all_its_sources():
    page = "<picture><source srcset='a.webp 1x, b.webp 2x'><img src=c.jpg></picture><img src=d.jpg>"
    assert shown(page) == [(f"{URL}c.jpg", f"{URL}b.webp", f"{URL}a.webp"), (f"{URL}d.jpg",)]


def test_a_placeholder_of_several_pictures_is_an_address_of_none():
    page = "<img src=blank.gif data-src=a.jpg><img src=blank.gif data-src=b.jpg><img src=small.jpg data-src=large.jpg>"
    assert shown(page) == [(f"{URL}a.jpg",), (f"{URL}b.jpg",), (f"{URL}large.jpg", f"{URL}small.jpg")]


def test_relative_addresses_start_from_the_base_and_others_than_http_are_none():
    page = "<base href='//b.example/x/'><base href=/y/><img src=a.png><img src=data:,x><img src='#a'><img src=''><img src='http://['>"
    assert shown(page) == [("http://b.example/x/a.png",)]


@pytest.mark.parametrize(
    "hidden", ["<!-- {} -->", "<!-- {}", "<script>{}</script>", "<style>{}", "<a title='{}'>", "<imgx src=a.png>"]
)
def test_what_is_hidden_is_not_shown(hidden):
    assert shown(hidden.format('<img src="a.png">')) == ([(f"{URL}a.png",)] if "title" in hidden else [])


FIGURE = "<figure><a href=x><img src=a.jpg alt=''></a><figcaption>A <b>ri</b>ver<br>in <i>May</i></figcaption></figure>"


@pytest.mark.parametrize(
    "page",
    [
        FIGURE,
        FIGURE.replace("</figure>", ""),
        FIGURE.replace("</figcaption>", ""),
        "<figure><figcaption>A river in May</figcaption><img src=a.jpg></figure>",
        "<figure><figure><img src=a.jpg></figure><figcaption>A river in May</figcaption></figure>",
        "<div class=wp-caption><img src=a.jpg></a><p id=x class='wp-caption-text'>A river <b>in</b> May</p></div>",
        "<dl><dt><img src=a.jpg></dt><dd class='wp-caption-text gallery-caption'>A river in May</dd></dl>",
    ],
)
def test_a_caption_is_said_of_the_picture_of_its_figure(page):
    assert said(page) == [("a.jpg", "caption", "figcaption", "A river in May")]


def test_the_nearest_figure_with_a_caption_counts():
    page = (
        "<figure><figure><img src=a.jpg><figcaption>one</figcaption></figure><img src=b.jpg><figcaption>both</figcaption></figure>"
        "<img src=c.jpg><figcaption>stray</figcaption>"
    )
    assert said(page) == [("a.jpg", "caption", "figcaption", "one"), ("b.jpg", "caption", "figcaption", "both")]


def test_every_address_of_a_picture_is_captioned():
    page = "<figure><img srcset='a.jpg 1x, b.jpg 2x' alt=x><figcaption>y</figcaption></figure>"
    assert said(page) == [
        (name, "caption", location, text)
        for name in ("b.jpg", "a.jpg")
        for location, text in (("alt", "x"), ("figcaption", "y"))
    ]


def test_a_recording_has_its_sources_its_caption_and_its_transcript():
    page = (
        "<figure><figcaption>Bells</figcaption><audio controls title='At noon'><source src=a.ogg><source src=a.mp3></audio></figure>"
        "<button>Show</button><div id=x class='box transcript-1'><h3>Anna</h3><div>Ding</div><p>Dong<script>x</script>.</div><div>no</div>"
        "<audio src=b.mp3></audio><p>no transcript</p><audio src=c.mp3></audio><div class=transcript>for c"
    )
    bells = [
        ("title", "title", "At noon"),
        ("caption", "figcaption", "Bells"),
        ("transcript", "transcript", "Anna\nDing\nDong."),
    ]
    assert said(page) == [(name, *words) for name in ("a.ogg", "a.mp3") for words in bells] + [
        ("c.mp3", "transcript", "transcript", "for c")
    ]
    assert [medium.kind for medium in page_media(page.encode(), URL)] == ["audio"] * 3


def test_sources_of_a_video_are_neither():
    assert shown("<video src=a.mp4><source src=b.mp4></video><source src=c.png>") == []


def test_the_text_of_a_link_is_the_title_of_its_recording():
    page = "<a href='a.MP3?x'>Bells &amp; <b>whistles</b></a><a rel=nofollow href=b.mp3>no</a><a href=c.mp3.html>no</a><a href=d.ogg></a>"
    assert said(page) == [("a.MP3?x", "title", "title", "Bells & whistles")]
    assert [(medium.urls[0], medium.is_link) for medium in page_media(page.encode(), URL)] == [
        (f"{URL}a.MP3?x", True), (f"{URL}d.ogg", True),
    ]  # fmt: skip


def test_social_previews_are_said_of_their_pictures():
    page = (
        "<meta property=og:title content='The page'><meta property=og:image content=a.jpg>"
        "<meta property=og:image:secure_url content=https://a.example/c/a.jpg><meta property=og:image:alt content='A river'>"
        "<meta property=og:image content=b.jpg><meta name=twitter:image content=c.jpg><meta name=twitter:image:alt content='A mill'>"
        "<meta property=og:audio content=d.mp3><meta name=description content=no>"
    )
    secure = "https://a.example/c/a.jpg"
    assert said(page) == [
        ("a.jpg", "caption", "og", "A river"), ("a.jpg", "title", "og", "The page"),
        (secure, "caption", "og", "A river"), (secure, "title", "og", "The page"),
        ("b.jpg", "title", "og", "The page"), ("c.jpg", "caption", "og", "A mill"), ("d.mp3", "title", "og", "The page"),
    ]  # fmt: skip


JSON_LD = """<script type="application/ld+json">
{"@graph": [{"@type": "Article", "license": "https://creativecommons.org/licenses/by-nc/4.0/", "image":
  {"@type": ["ImageObject"], "contentUrl": "a.jpg", "url": "/page", "caption": "A river", "name": "River", "inLanguage": "en",
   "license": {"@id": "https://creativecommons.org/licenses/by/4.0/"}}},
 {"@type": "http://schema.org/AudioObject", "url": ["b.mp3", "b.ogg"], "transcript": "Ding dong", "description": "Bells", "license": "CC0-1.0"},
 {"@type": "ImageObject", "name": "no address"}]}</script>"""


def test_json_ld_describes_pictures_and_recordings():
    assert said(JSON_LD) == [
        ("a.jpg", "caption", "json_ld", "A river"), ("a.jpg", "title", "json_ld", "River"),
        ("b.mp3", "caption", "json_ld", "Bells"), ("b.mp3", "transcript", "json_ld", "Ding dong"),
        ("b.ogg", "caption", "json_ld", "Bells"), ("b.ogg", "transcript", "json_ld", "Ding dong"),
    ]  # fmt: skip
    assert {
        one.language
        for one in page_annotations(b"<html lang=de>" + JSON_LD.encode(), URL)
        if one.subject.endswith("jpg")
    } == {"en"}


def test_a_licence_of_one_picture_is_about_that_picture_and_not_the_page():
    at = JSON_LD.index("\n")
    media = page_media(JSON_LD.encode(), URL)
    assert media[0].terms == (Terms("https://creativecommons.org/licenses/by/4.0/", at),)
    licence = LicenceHit(location="json_ld", locator=f"byte {at}", expression="CC-BY-4.0", raw=media[0].terms[0].raw)
    assert picture_licences(media)[0] == (f"{URL}a.jpg", licence)
    assert [(url, hit.expression) for url, hit in picture_licences(media)[1:]] == [
        (f"{URL}b.mp3", "CC0-1.0"), (f"{URL}b.ogg", "CC0-1.0"),
    ]  # fmt: skip
    assert [hit.expression for hit in html_licences(JSON_LD.encode(), URL)] == ["CC-BY-NC-4.0"]


@pytest.mark.parametrize(
    "content", ["", "{", '[1, null, "x"]', '{"@type": "ImageObject", "contentUrl": {"a": 1}, "name": 3}', "[" * 9000]
)
def test_json_ld_that_says_nothing_is_no_error(content):
    assert page_media(f"<script type=application/ld+json>{content}</script>".encode(), URL) == []


@pytest.mark.parametrize(
    "thing",
    [
        b'{"@type":' * 900 + b'["' + b"x" * 5_000_000 + b'"]' + b"}" * 900,
        b"[" + b'{"@type":"ImageObject"},' * 200_000 + b"1]",
    ],
)
def test_json_ld_made_to_be_slow_is_not(thing):
    page = b"<script type=application/ld+json>" + thing + b"</script>"
    assert page_media(page, URL) == []
    assert html_licences(page, URL) == []


def test_no_page_has_more_than_so_many_addresses_nor_longer_words():
    page = b"".join(b"<img src=%d.png alt=a>" % n for n in range(MAX_ADDRESSES + 5))
    assert len(page_annotations(page, URL)) == MAX_ADDRESSES
    assert len(page_annotations(b"<img src=a.png alt='" + b"x" * 10_000 + b"'>", URL)[0].text) == 2_000


@pytest.mark.parametrize(
    "piece",
    [
        b"<figure><img src=a>",
        b"<figcaption>",
        b"<img '",
        b'<img "<img"',
        b"<audio src=a><div class=transcript>",
        b"<!--",
        b"<a href=.mp3 ",
    ],
)
def test_a_page_made_to_be_slow_is_not(piece):
    # 1 s at most; what looks ahead from each of them takes minutes.
    assert len(page_media(piece * (2_000_000 // len(piece)), URL)) <= MAX_ADDRESSES


PIECES = [
    b"<figure>", b"</figure>", b"<figcaption>", b"</figcaption>", b"<img src=a.png alt=x>", b"<audio src=b.mp3>", b"<audio>", b"</audio>",
    b"<source src=c.ogg>", b"<picture>", b"</picture>", b"<base href=/d/>", b"<html lang=en>", b"<meta property=og:image content=e>",
    b"<meta property=og:image:alt content=y>", b"<meta property=og:title content=z>", b"<p class=wp-caption-text>", b"</p>", b"text",
    b"<div class=transcript>", b"</div>", b"<a href=f.mp3>", b"</a>", JSON_LD.encode(), b"<script type=application/ld+json>", b"<!--", b"-->",
    b"<img srcset='g 1x, h 2x' data-src=i src=j title=k>", b"\xff\xfe", b"\x00",
]  # fmt: skip


@given(
    st.lists(st.sampled_from(PIECES) | st.binary(max_size=12), max_size=12).map(b"".join),
    st.sampled_from([URL, None, "nonsense"]),
)
def test_whatever_the_bytes_statements_are_whole_and_their_places_right(page, url):
    text = page.decode("utf-16", "replace").encode() if page.startswith((b"\xff\xfe", b"\xfe\xff")) else page
    for one in page_annotations(page, url):
        assert one.subject == absolute(one.subject, None)
        assert "#" not in one.subject
        assert one.text.strip()
        at = int(one.locator.removeprefix("byte "))
        assert text[at : at + 1] == b"<" or (one.location == "json_ld" and text[:at].endswith(b">"))


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not beside this checkout")
def test_real_pages_caption_their_pictures():
    with tarfile.open(SHARED) as archive:
        pages = [archive.extractfile(member).read() for member in archive if member.isfile()]
    found = [one for page in pages for one in page_annotations(page, URL)]
    counts = {
        key: sum((one.role.value, one.location) == key for one in found)
        for key in (("caption", "alt"), ("caption", "figcaption"))
    }
    assert counts == {("caption", "alt"): 339, ("caption", "figcaption"): 14}
    assert sum(len(page_media(page, URL)) for page in pages) == 564
