"""The compiled scans of a page against the patterns that say what they find, one RE2 match after the other."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.kernels import markup as kernel
from pipelines.rights.markup import HIDDEN, pattern

REST = rb"""(?:[\s/"'](?:[^<>"']|"[^"]*"|'[^']*')*)?"""  # what may stand between a tag's name and its ">"
COMMENT = rb"<!--(?:-?>|.*?(?:--!?>|\z))"
SCRIPTS = pattern(COMMENT + rb"|<script(" + REST + rb")>(.*?)</script[\s/>]")
NAMES = ("a", "base", "figcaption", "meta")
LINES = rb"|<(?:p|dd)\s[^<>]*\bwp-caption-text\b[^<>]*>"

PIECES = (
    b"<", b">", b"</", b"/", b"!", b"-", b"--", b"<!--", b"-->", b"--!>", b"<!-->", b"<!--->", b"<script", b"<SCRIPT>", b"</script",
    b"</script>", b"</Script ", b"<style>", b"<style ", b"</style/", b"<a", b"<A ", b"</a>", b"<a href=", b"<base", b"<meta", b"<metal>",
    b"<figcaption>", b"</figcaption\n", b"<figcaptions>", b'"', b"'", b"=", b" ", b"\n", b"\x0b", b"\x00", b"\xff", b"x", b"wp-caption-text",
    b"<p class=", b"<dd ", b"<P ", b"<pre ", b"type=application/ld+json", b"</", b"<a'>", b'<a">',
)  # fmt: skip
pages = st.lists(st.sampled_from(PIECES), max_size=14).map(b"".join) | st.binary(max_size=20)


def blanked(page, found):
    for match in found.finditer(page):
        start, end = match.span()
        page = page[:start] + b" " * (end - start) + page[end:]
    return page


def named(names, slash):
    return rb"<" + slash + rb"(?:" + "|".join(names).encode() + rb")" + REST + rb">"


def spans(page, found):
    return [list(match.span()) for match in found.finditer(page)]


def is_seen(page, span):
    return page[span[0] + 1 : span[0] + 4].lower() not in (b"!--", b"sty")


@given(pages)
def test_hidden_parts_and_tags_are_blanked_as_the_patterns_say(page):
    assert kernel.shown(page) == blanked(page, pattern(HIDDEN))
    assert kernel.text_only(page) == blanked(page, pattern(rb"<[a-z/!][^>]*>"))


@given(pages)
def test_tags_are_those_of_the_patterns(page):
    assert kernel.start_tags(page, NAMES) == spans(page, pattern(named(NAMES, b"")))
    words = [
        span
        for span in kernel.start_tags(page, NAMES)
        if any(w in page[slice(*span)].lower() for w in (b"href", b"a'"))
    ]
    assert kernel.start_tags(page, NAMES, ("href", "a'")) == words
    for ends, captions in ((True, True), (False, False)):
        wanted = HIDDEN + rb"|" + named(NAMES, b"/?" if ends else b"") + (LINES if captions else b"")
        found = kernel.parts(page, NAMES, ends=ends, captions=captions)
        assert found == [span for span in spans(page, pattern(wanted)) if is_seen(page, span)]


@given(pages)
def test_scripts_are_those_of_the_pattern(page):
    wanted = [[*match.span(1), *match.span(2)] for match in SCRIPTS.finditer(page) if match.span(2) != (-1, -1)]
    assert kernel.scripts(page) == wanted


@pytest.mark.parametrize(
    "piece",
    [b"<", b"<a ", b"<a '", b"<a '\"", b'<a "<a \'"', b"<!--", b"<!-- -", b"<script>", b"<script ", b"<style", b"</script", b"<p wp-caption-text "],
)  # fmt: skip
def test_hostile_pages_take_time_in_proportion_to_their_length(piece):
    page, started = piece * (500_000 // len(piece)), time.process_time()
    kernel.text_only(kernel.shown(page)), kernel.start_tags(page, NAMES), kernel.scripts(page)
    kernel.parts(page, NAMES, ends=True, captions=True)
    assert time.process_time() - started < 3.0  # 0.02 s measured for the worst; quadratic would be minutes
