import pytest

from pipelines.capture.sitemap import MAX_URLS, Sitemap, read_sitemap

NS = b'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
NOTHING = Sitemap(sitemaps=(), pages=())


def test_the_pages_of_a_sitemap_are_read_in_order():
    xml = b'<?xml version="1.0" encoding="UTF-8"?><urlset %b><url><loc> http://a.example/?b=1&amp;c=2 </loc><lastmod>2026</lastmod></url><url><loc><![CDATA[http://a.example/]]></loc></url></urlset>'
    assert read_sitemap(xml % NS) == Sitemap(sitemaps=(), pages=("http://a.example/?b=1&c=2", "http://a.example/"))


def test_an_index_names_sitemaps():
    xml = b"<sitemapindex %b><sitemap><loc>http://a.example/1.xml</loc></sitemap></sitemapindex>"
    assert read_sitemap(xml % NS) == Sitemap(sitemaps=("http://a.example/1.xml",), pages=())


def test_prefixes_do_not_matter_but_a_picture_is_no_page():
    xml = b'<s:urlset xmlns:s="x" xmlns:i="y"><s:url><s:loc>http://a.example/</s:loc><i:image><i:loc>http://a.example/p</i:loc></i:image></s:url></s:urlset>'
    assert read_sitemap(xml).pages == ("http://a.example/",)


def test_what_stands_before_the_damage_is_read():
    assert read_sitemap(b"<urlset><url><loc>http://a.example/</loc></url><url><lo").pages == ("http://a.example/",)
    assert read_sitemap(b"<urlset><url><loc>http://a.example/</loc></url></url>").pages == ("http://a.example/",)


@pytest.mark.parametrize(
    "xml",
    [
        b"", b"\x00\xff", b"<html><body><p>404</p></body></html>", b"http://a.example/", b'<?xml version="1.0" encoding="odd"?><urlset/>',
        b'<!DOCTYPE urlset [<!ENTITY a "http://a.example/">]><urlset><url><loc>&a;</loc></url></urlset>',
        b'<!DOCTYPE urlset [<!ENTITY % a SYSTEM "file:///etc/passwd">]><urlset><url><loc>http://a.example/</loc></url></urlset>',
        b"<urlset><url><loc>" + b"x" * 3000 + b"</loc></url></urlset>", b"<a>" * 100_000,
    ],
    ids=range(9),
)  # fmt: skip
def test_bytes_that_are_no_sitemap_name_nothing(xml):
    assert read_sitemap(xml) == NOTHING


def test_a_sitemap_without_end_is_cut():
    xml = b"<urlset>" + b"".join(b"<url><loc>http://a.example/%d</loc></url>" % n for n in range(60_000))
    pages = read_sitemap(xml).pages
    assert (len(pages), pages[-1]) == (MAX_URLS, "http://a.example/49999")
