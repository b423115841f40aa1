"""URLs without end: refused by how they look, or for how many of their form there are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.capture.traps import Variants, template, trap


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/a/b/a/c/a", "a path segment that comes more than 2 times"),
        ("/a/a", None),
        ("/2011/11/11/11", None),
        ("/a" + "/b/c" * 2, None),
        ("".join(f"/s{n}" for n in range(21)), "a path of more than 20 segments"),
        ("".join(f"/s{n}" for n in range(20)), None),
        ("/?" + "&".join(f"k{n}=1" for n in range(11)), "a query of more than 10 keys"),
        ("/?" + "&".join(f"k{n}=1" for n in range(10)), None),
        ("/" + "a" * 3000, "a URL of more than 2048 characters"),
    ],
)
def test_a_url_without_end_is_a_trap(path, why):
    assert trap("http://a.example" + path) == why


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/", "/"),
        ("/2031/07/day;v=1?view=week", "/#/#/day"),
        ("/list?page=2&sort=asc", "/list"),
        ("/commit/0123456789abcdef0123", "/commit/#"),
        ("/a.html;jsessionid=1F", "/a.html"),
        ("/decade/deed", "/decade/deed"),
    ],
)
def test_urls_that_differ_in_numbers_and_query_alone_have_one_form(path, form):
    assert template("http://a.example" + path) == "a.example" + form


def refused(urls, most=3):
    """The URLs that are too many, by why."""
    variants = Variants(most)
    return {url: why for url in urls if (why := variants.refusal(url))}


def test_a_calendar_and_a_list_of_facets_are_stopped_and_named_and_other_pages_are_not():
    days = [f"http://a.example/calendar/2031/{n}" for n in range(5)]
    facets = [f"http://a.example/shop?colour={n}" for n in "abcde"]
    pages = [f"http://a.example/page-{n}" for n in "abcdefgh"]
    assert refused([*days, *facets, *pages]) == {
        **dict.fromkeys(days[3:], "more than 3 variants of a.example/calendar/#/#"),
        **dict.fromkeys(facets[3:], "more than 3 variants of a.example/shop"),
    }


def test_a_host_that_gives_a_session_id_with_each_page_is_stopped():
    one = [f"http://a.example/{n}?PHPSESSID=same" for n in "abcdefghijklmno"]
    new = [f"http://b.example/{n};jsessionid={n}{n}" for n in "abcdefghijklmno"]
    why = "a host that gives more than 10 session ids"
    assert refused([*one, *new]) == dict.fromkeys(new[10:], why)


@given(st.lists(st.sampled_from([f"http://a.example/{n}?q={n % 3}" for n in range(9)]), max_size=40))
def test_a_url_has_the_same_answer_whenever_it_is_asked_of(urls):
    variants = Variants(3)
    first = {}
    for url in urls:
        assert first.setdefault(url, variants.refusal(url)) == variants.refusal(url)
    assert sum(why is None for why in first.values()) <= 3
