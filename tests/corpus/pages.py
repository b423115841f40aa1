"""Every web page of the corpus with the fate a right run must give it (`tests.corpus.planted`). Hosts end in `.example`: nobody owns
them. What pages show lies in `tests.corpus.gallery`.
"""

import gzip
from dataclasses import dataclass
from html import escape

from tests.corpus import private
from tests.corpus.prose import paragraphs


@dataclass(frozen=True, kw_only=True)
class Page:
    """One URL as the site serves it, and what must become of it.

    `fate`: as `Planted` has it, or a capture outcome for what never becomes an item. `reason`, `group`, `licence`, `text`: as there.
    """

    host: str
    path: str
    body: bytes
    fate: str
    reason: str | None = None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html; charset=utf-8"),)
    group: str | None = None
    lane: str = "web"
    licence: str | None = None
    text: str | None = None

    @property
    def url(self) -> str:
        """The URL a crawl sees."""
        return f"http://{self.host}{self.path}"


def html(
    title: str,
    text: list[str],
    *,
    head: str = "",
    foot: str = "",
    links: tuple[str, ...] = (),
    lang: str = "en",
    figures: str = "",
) -> bytes:
    """A page with navigation, an article and a footer, as pages have them. `figures`: markup that follows the text."""
    nav = "".join(f'<li><a href="{escape(link)}">{escape(link)}</a></li>' for link in links)
    body = "".join(f"<p>{escape(part)}</p>" for part in text)
    return (
        f'<!DOCTYPE html><html lang="{lang}"><head><meta charset="utf-8"><title>{escape(title)}</title>{head}</head>'
        f"<body><nav><ul>{nav}</ul></nav><main><article><h1>{escape(title)}</h1>{body}{figures}</article></main>"
        f"<footer>{foot}</footer></body></html>"
    ).encode()


CC_BY = '<a rel="license" href="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</a>'
TEXT = (("Content-Type", "text/plain; charset=utf-8"),)
HTML = ("Content-Type", "text/html; charset=utf-8")

SPAM = [
    "Buy now and save big! Click here for the best price, limited time offer, act now. Free shipping on every order today.",
    "Cheap pills online, no prescription needed, order now. Click here to claim your free gift, 100% satisfaction guaranteed.",
    "Make money fast from home with this one simple trick. Act now, limited time offer, risk free. Click here to buy now.",
    "Best price guaranteed, buy now, click here, free trial, no obligation. Special promotion for you, order now and save big.",
]


def pages() -> list[Page]:
    """All pages of the five hosts that only have words."""
    return [*_river(), *_mill(), *_closed(), *_reserved(), *_broken()]


def _river() -> list[Page]:
    """Good pages, with their exact and near copies, under a licence."""
    groups = {1: "story 1", 2: "story 2"}
    articles = [
        Page(
            host="river.example", path=f"/stories/{n}.html", fate="group" if n in groups else "kept", group=groups.get(n),
            body=html(f"River story {n}", paragraphs(f"river {n}"), foot=CC_BY),
        )
        for n in range(1, 13)
    ]  # fmt: skip
    twin = articles[0]
    near = paragraphs("river 2")
    near[3] = near[3].rsplit(". ", 1)[0] + ". " + "The ending of this copy was written anew."
    copies = [
        Page(host="river.example", path="/print/1.html", fate="group", group="story 1", reason="exact_duplicate", body=twin.body),
        Page(
            host="river.example", path="/mirror/2.html", fate="group", group="story 2", reason="near_duplicate",
            body=html("River story 2", near, foot=CC_BY),
        ),
    ]  # fmt: skip
    german = Page(
        host="river.example", path="/de/fluss.html", fate="kept",
        body=html("Am Fluss", paragraphs("fluss", 3, 3, "de"), foot=CC_BY, lang="de"),
    )  # fmt: skip
    told = paragraphs("letter")
    told[1] += f" {private.LETTER}"
    letter = Page(host="river.example", path="/letter.html", fate="kept", body=html(private.TITLE, told))
    people = Page(
        host="river.example", path="/people.html", fate="kept", body=html("People", [*paragraphs("people"), private.sentences()]),
    )  # fmt: skip
    everything = [*articles, *copies, german, letter, people]
    front = Page(
        host="river.example", path="/", fate="kept",
        body=html("By the river", paragraphs("front"), foot=CC_BY, links=(*(page.path for page in everything), "/gone.html", "/moved")),
    )  # fmt: skip
    return [
        Page(host="river.example", path="/robots.txt", fate="robots_file", headers=TEXT,
             body=b"User-agent: *\nAllow: /\nSitemap: http://river.example/sitemap.xml\n"),
        Page(host="river.example", path="/sitemap.xml", fate="fetched", headers=(("Content-Type", "application/xml"),),
             body=b'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>http://river.example/</loc></url></urlset>'),
        front, *everything,
        Page(host="river.example", path="/gone.html", fate="not_found", status=404, body=b"gone"),
        Page(host="river.example", path="/moved", fate="redirect", status=301, headers=(("Location", "/stories/3.html"), HTML), body=b"moved"),
    ]  # fmt: skip


def _mill() -> list[Page]:
    """Pages that quality rules drop, beside good ones."""
    good = [
        Page(
            host="mill.example",
            path=f"/notes/{n}.html",
            fate="kept",
            body=html(f"Mill note {n}", paragraphs(f"mill {n}")),
        )
        for n in range(1, 5)
    ]
    dull = ["The wheel turns and the stone grinds on."] * 60
    bad = [
        Page(host="mill.example", path="/short.html", fate="dropped", reason="too_few_words", body=html("Short", ["The mill is closed today."])),
        Page(host="mill.example", path="/offers.html", fate="dropped", reason="spam_words", body=html("Offers", SPAM)),
        Page(host="mill.example", path="/echo.html", fate="dropped", reason=None, body=html("Echo", dull)),
        Page(host="mill.example", path="/latin.html", fate="dropped", reason="lorem_ipsum",
             body=html("Latin", [*paragraphs("latin"), "Lorem ipsum dolor sit amet, consectetur adipiscing elit."])),
        Page(host="mill.example", path="/empty.html", fate="dropped", reason="no_text", body=b"<!DOCTYPE html><html><head><title>Empty</title></head><body></body></html>"),
    ]  # fmt: skip
    front = Page(
        host="mill.example", path="/", fate="kept",
        body=html("The mill", paragraphs("mill front"), links=tuple(page.path for page in [*good, *bad])),
    )  # fmt: skip
    return [
        Page(host="mill.example", path="/robots.txt", fate="robots_file", status=404, headers=TEXT, body=b""),
        front,
        *good,
        *bad,
    ]


def _closed() -> list[Page]:
    """A site whose robots.txt lets our crawler in but bars an agent the recipe counts; one path bars everybody."""
    robots = b"User-agent: *\nDisallow: /cellar/\n\nUser-agent: GPTBot\nDisallow: /\n"
    return [
        Page(host="closed.example", path="/robots.txt", fate="robots_file", headers=TEXT, body=robots),
        Page(host="closed.example", path="/", fate="dropped", reason="robots_disallowed",
             body=html("Closed", paragraphs("closed"), links=("/cellar/wine.html",))),
        Page(host="closed.example", path="/cellar/wine.html", fate="refused", body=html("Wine", paragraphs("wine"))),
    ]  # fmt: skip


def _reserved() -> list[Page]:
    """Opt-outs in headers and meta tags, one of each kind."""
    text = {name: paragraphs(name) for name in ("noai", "tdm", "meta", "open")}
    reserved = [
        Page(host="reserved.example", path="/noai.html", fate="dropped", reason="header_opt_out",
             headers=(HTML, ("X-Robots-Tag", "NOAI, noimageai")), body=html("No AI", text["noai"])),
        Page(host="reserved.example", path="/tdm.html", fate="dropped", reason="header_opt_out",
             headers=(HTML, ("TDM-Reservation", "1")), body=html("Reserved", text["tdm"])),
        Page(host="reserved.example", path="/meta.html", fate="dropped", reason="meta_opt_out",
             body=html("Meta", text["meta"], head='<meta content="noai" name="ROBOTS">')),
    ]  # fmt: skip
    front = Page(
        host="reserved.example",
        path="/",
        fate="kept",
        body=html("Open", text["open"], links=tuple(page.path for page in reserved)),
    )
    return [front, *reserved]


def _broken() -> list[Page]:
    """Answers that no reader can use, beside one that only looks broken."""
    plain = paragraphs("broken front")
    latin = html("Umlaute", paragraphs("umlaut", 3, 3, "de"), lang="de").decode().replace('<meta charset="utf-8">', "")
    broken = [
        Page(host="broken.example", path="/coding.html", fate="quarantined", reason="content_coding_broken",
             headers=(HTML, ("Content-Encoding", "gzip")), body=gzip.compress(html("Cut", plain), mtime=0)[:120]),
        Page(host="broken.example", path="/bytes.html", fate="quarantined", reason="not_decodable",
             body=b"<html><body><p>" + bytes(range(256)) * 40 + b"</p></body></html>"),
        Page(host="broken.example", path="/latin1.html", fate="kept", headers=(("Content-Type", "text/html; charset=iso-8859-1"),),
             body=latin.encode("iso-8859-1")),
        Page(host="broken.example", path="/error.html", fate="http_error", status=500, body=b"error"),
    ]  # fmt: skip
    front = Page(
        host="broken.example",
        path="/",
        fate="kept",
        body=html("Broken", plain, links=tuple(page.path for page in broken)),
    )
    return [front, *broken]
