import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.capture.frontier import Found, Frontier, same


def found(url, depth=1, **more):
    return Found(url=url, depth=depth, **more)


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("http://a.example/#top", "http://a.example/"),
        ("http://a.example/?", "http://a.example/"),
        ("http://a.example/%7euser", "http://a.example/~user"),
        ("http://a.example/%c3%a9%2f", "http://a.example/%C3%A9%2F"),
        ("http://a.example/?b=1&a=2", "http://a.example/?b=1&a=2"),
    ],
)
def test_equal_urls_have_one_form(url, form):
    assert same(url) == form
    assert same(form) == form


@example("%%330")
@given(st.text(alphabet="%0123456789abcdefABCDEF~/?#", max_size=30))
def test_the_form_of_a_form_is_itself(path):
    once = same("http://a.example/" + path)
    assert same(once) == once


def test_a_url_waits_once_and_only_on_a_host_of_the_crawl():
    frontier = Frontier(["a.example"])
    urls = [
        "http://a.example/b",
        "http://a.example/b#c",
        "https://a.example/b",
        "http://b.example/",
        "http://a.example/",
    ]
    assert [frontier.add(found(url)) for url in urls] == [True, False, True, False, True]
    assert [one.url for one in frontier.take()] == ["http://a.example/", "http://a.example/b", "https://a.example/b"]
    assert frontier.take() == []
    assert not frontier.add(found("http://a.example/b"))


def test_a_url_that_was_left_is_never_taken():
    frontier = Frontier(["a.example"])
    assert [frontier.leave("http://a.example/robots.txt"), frontier.add(found("http://a.example/robots.txt"))] == [
        True,
        False,
    ]


def test_shallow_urls_come_first_hosts_take_turns_and_pictures_come_last():
    frontier = Frontier(["a.example", "b.example"])
    ordered = [
        found("http://a.example/z", 0), found("http://a.example/x"), found("http://b.example/x"), found("http://a.example/y"),
        found("http://b.example/y"), found("http://a.example/a.png", is_shown=True),
    ]  # fmt: skip
    for one in random.Random(1).sample(ordered, len(ordered)):
        frontier.add(one)
    assert frontier.take() == ordered


def test_a_found_url_knows_its_host_origin_and_target():
    one = found("https://a.example:80/b;c?d=%e9")
    assert (one.host, one.origin, one.target) == ("a.example", "https://a.example:80", "/b;c?d=%e9")
