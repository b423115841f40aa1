import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.capture.uri import absolute, host, origin, path, same_site, uri_key

CASES = {
    "https://www.Example.com/a?b=1#c": ("com,example,www)/a?b=1", "www.example.com", "https://www.example.com", "/a"),
    "http://example.com:80": ("com,example)/", "example.com", "http://example.com", "/"),
    "http://user:pw@example.com:8080/": ("com,example:8080)/", "example.com", "http://example.com:8080", "/"),
    "http://127.0.0.1/x": ("127.0.0.1)/x", "127.0.0.1", "http://127.0.0.1", "/x"),
    "http://[::1]/x": ("[::1])/x", "[::1]", "http://[::1]", "/x"),
    "http://münchen.de/ß": ("de,xn--mnchen-3ya)/%C3%9F", "xn--mnchen-3ya.de", "http://xn--mnchen-3ya.de", "/%C3%9F"),
    "http://a.com./": ("com,a)/", "a.com.", "http://a.com.", "/"),
    "whois://X.com/a": ("com,x)/a", "x.com", None, "/a"),
    "dns:example.com": (None, None, None, "example.com"),
    "file:///a/b": (None, None, None, "/a/b"),
    "http://": (None, None, None, None),
    "no uri": (None, None, None, None),
    "http://\ud800/": (None, None, None, None),
    "": (None, None, None, None),
    None: (None, None, None, None),
}


@pytest.mark.parametrize("uri", CASES, ids=ascii)
def test_a_uri_has_a_key_a_host_an_origin_and_a_path(uri: str | None) -> None:
    assert (uri_key(uri), host(uri), origin(uri), path(uri)) == CASES[uri]


@given(st.text() | st.text().map(lambda text: "http://" + text))
def test_no_text_breaks_the_parser(text: str) -> None:
    assert all(
        found is None or isinstance(found, str) for found in (uri_key(text), host(text), origin(text), path(text))
    )
    assert absolute(text, "http://a.com/b") is None or isinstance(absolute(text, "http://a.com/b"), str)


def test_a_target_is_resolved_against_its_page() -> None:
    assert absolute("../c?d", "http://a.com/b/x") == "http://a.com/c?d"
    assert absolute("http://[", "http://a.com/") is None
    assert absolute("/c", None) is None


@pytest.mark.parametrize(
    ("a", "b", "is_one"),
    [
        ("https://a.example/p.jpg", "http://a.example:8080/", True),
        ("https://img.a.example/p.jpg", "https://www.a.example/", True),
        ("https://a.example/", "https://b.example/", False),
        ("https://nota.example/", "https://a.example/", False),
        ("https://a.example/", None, False),
        ("upload://a/b", "mailto:x", False),
    ],
)
def test_one_site_is_a_host_and_what_lies_below_it(a, b, is_one):
    assert same_site(a, b) is is_one
    assert same_site(b, a) is is_one
