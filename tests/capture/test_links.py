import time

import pytest

from pipelines.capture.links import Links, links

URL = "http://a.example/c/d"


@pytest.mark.parametrize(
    ("html", "found"),
    [
        (b'<a href="b?x=1#y">', "http://a.example/c/b?x=1"),
        (b"<A HREF=/b>", "http://a.example/b"),
        (b"<a class='x' href='../b'>", "http://a.example/b"),
        (b"<a\nhref = b>", "http://a.example/c/b"),
        (b'<a href=" b ">', "http://a.example/c/b"),
        (b'<a href="/?a=1&amp;b=2">', "http://a.example/?a=1&b=2"),
        (b'<a href="//b.example">', "http://b.example/"),
        (b'<area href="b">', "http://a.example/c/b"),
        (b'<a href="first" href="second">', "http://a.example/c/first"),
        ('<a href="/straße">'.encode(), "http://a.example/stra%C3%9Fe"),
        ('<a href="/b">'.encode("utf-16"), "http://a.example/b"),
        (b'<base href="/base/"><a href="b">', "http://a.example/base/b"),
        (b'<base href="http://b.example/x/"><base href="/other/"><a href="b">', "http://b.example/x/b"),
        (b'<a href="b"><a href="b#again">', "http://a.example/c/b"),
        (b'<a title="<a href=x>" href="b">', "http://a.example/c/b"),
    ],
)
def test_a_link_is_absolute_and_has_no_fragment(html, found):
    assert links(html, URL) == Links(pages=(found,), shown=())


@pytest.mark.parametrize(
    "html",
    [
        b'<!-- <a href="b"> -->', b'<script>"<a href=b>"</script>', b"<style><a href=b></style>", b'<a name="b">', b"<a href>",
        b'<a href="">', b'<a href="#b">', b'<a href="javascript:x()">', b'<a href="mailto:x@a.example">', b'<a href="data:,x">',
        b'<a href="http://[">', b'<a rel="ugc nofollow" href="b">', b'<abbr href="b">', b'<link rel="canonical" href="b">',
        b'<meta name="robots" content="index, NoFollow"><a href="b">', b'<meta name=robots content=none><a href="b">', b'<a href="b',
    ],
)  # fmt: skip
def test_this_is_no_link(html):
    assert links(html, URL) == Links(pages=(), shown=())


def test_pictures_and_recordings_are_apart_from_pages():
    html = b'<img src="p.png"><audio src="s.flac"></audio><video src=v.mp4><source src="t.ogg"></video><a href="b"><img src=p.png>'
    shown = (("image", "http://a.example/c/p.png"), ("audio", "http://a.example/c/s.flac"))
    assert links(html, URL) == Links(pages=("http://a.example/c/b",), shown=shown)


def test_of_a_picture_in_several_sizes_the_largest_is_shown():
    html = b'<img src="s.png" srcset="m.png 400w, l.png 900w" data-src="lazy.png"><base href="/x/">'
    assert links(html, URL).shown == (("image", "http://a.example/x/l.png"),)


def test_a_link_to_a_recording_is_shown_and_no_page():
    assert links(b'<a href="a.mp3">', URL) == Links(shown=(("audio", "http://a.example/c/a.mp3"),))
    assert links(b'<a href="a.mp3"><meta name=robots content=nofollow><a rel=nofollow href="b.mp3">', URL) == Links()


def test_what_a_page_shows_does_not_need_to_be_followed():
    found = links(b'<meta name=robots content=nofollow><img src="p.png">', URL)
    assert found.shown == (("image", "http://a.example/c/p.png"),)


def test_a_page_of_endless_links_is_cut():
    assert len(links(b"".join(b'<a href="/%d">' % n for n in range(6000)), URL).pages) == 5000


@pytest.mark.parametrize(
    "piece", [b"<a ", b'<a href="', b"<a href='x\" ", b"<!--", b"<a b=c ", b'" <img src=', b"<script>"]
)
def test_hostile_bytes_take_linear_time(piece):
    began = time.process_time()
    links(piece * ((1 << 20) // len(piece)), URL)
    assert time.process_time() - began < 2.0
