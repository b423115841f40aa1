"""A site of pictures and sounds: pages that show and caption them in every way pages do, and what must become of each.

Pages are items of the web lane, what they show is of its own lane. Reasons are those of the lanes that judge.
"""

from collections.abc import Mapping
from html import escape

from tests.corpus import pictures, sounds
from tests.corpus.pages import TEXT, Page, html
from tests.corpus.pictures import JPEG, PNG, caption
from tests.corpus.planted import KEPT, Fate, broken, copy_of, dropped
from tests.corpus.prose import paragraphs

HOST = "gallery.example"
BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="  # what lazy pages show at first
LICENSED, LICENCE = "10", "CC-BY-SA-4.0"  # the picture that a page licenses in JSON-LD


def gallery() -> list[Page]:
    """Everything the site serves."""
    shown = [*_pictures(), *_odd_pictures(), *_sounds()]
    found = [*_scene_pages(), *_other_pages()]
    robots = b"User-agent: *\nDisallow: /private-pictures/\n"
    front = _page("/", "The gallery", "", links=tuple(page.path for page in found))
    return [Page(host=HOST, path="/robots.txt", fate="robots_file", headers=TEXT, body=robots), front, *found, *shown]


def _page(
    path: str, title: str, figures: str, *, links: tuple[str, ...] = (), head: str = "", fate: Fate = KEPT
) -> Page:
    body = html(title, paragraphs(title), head=head, figures=figures, links=links)
    return Page(host=HOST, path=path, body=body, fate=fate.state, reason=fate.reason)


def _shown(
    path: str,
    media_type: str,
    body: bytes,
    fate: Fate = KEPT,
    *,
    text: str | None = None,
    licence: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> Page:
    return Page(
        host=HOST, path=path, body=body, headers=(("Content-Type", media_type), *headers),
        lane="audio" if media_type.startswith("audio/") else "image_caption", text=text, licence=licence,
        fate=fate.state, reason=fate.reason, group=fate.group,
    )  # fmt: skip


def _pictures() -> list[Page]:
    """Good pictures 0 to 11, every third a PNG, and two copies."""
    found = []
    for seed in map(str, range(12)):
        kind, data = (PNG, pictures.cutout(seed)) if _path(seed).endswith("png") else (JPEG, pictures.photo(seed))
        fate = copy_of(f"picture {seed}" if seed in ("0", "3") else None)
        licence = LICENCE if seed == LICENSED else None
        found.append(_shown(_path(seed), kind, data, fate, text=caption(seed), licence=licence))
    return [
        *found,
        _shown("/pictures/again.jpg", JPEG, pictures.photo("0"), copy_of("picture 0", "exact_duplicate")),
        _shown("/pictures/small.jpg", JPEG, pictures.near_copy("3"), copy_of("picture 3", "near_duplicate")),
    ]


def _path(seed: str) -> str:
    return f"/pictures/{seed}.{'png' if int(seed) % 3 == 2 else 'jpg'}"


def _odd_pictures() -> list[Page]:
    """Pictures that are broken, that rules drop, and that their site or page reserves."""
    reserved = (("X-Robots-Tag", "noai"),)
    return [
        _shown("/pictures/cut.jpg", JPEG, pictures.truncated("cut"), broken("not_decodable")),
        _shown("/pictures/bomb.png", PNG, pictures.bomb(), broken("too_large")),
        _shown("/pictures/dot.png", PNG, pictures.dot("dot"), dropped("picture_too_small")),
        _shown("/pictures/unnamed.jpg", JPEG, pictures.photo("unnamed"), dropped("caption_missing")),
        _shown("/pictures/IMG_2041.jpg", JPEG, pictures.photo("named"), dropped("caption_file_name")),
        _shown("/pictures/reserved.jpg", JPEG, pictures.photo("reserved"), dropped("header_opt_out"), headers=reserved),
        _shown("/pictures/behind.jpg", JPEG, pictures.photo("behind"), dropped("meta_opt_out")),
        _shown("/private-pictures/family.jpg", JPEG, pictures.photo("family"), Fate("refused")),
    ]


def _scene_pages() -> list[Page]:
    """Pages that show the good pictures, each in a way of its own."""

    def image(seed: str, attributes: str) -> str:
        return f"<figure><img {attributes}><figcaption>{caption(seed)}</figcaption></figure>"

    alts = _images({_path(seed): caption(seed) for seed in "012"})
    captions = "".join(image(seed, f'src="..{_path(seed)}" alt=""') for seed in "345")
    lazy = "".join(
        f'<a href="{_path(s)}"><img class="lazy" src="{BLANK}" data-src="{_path(s)}" alt="{escape(caption(s))}"></a>'
        for s in "67"
    )
    sets = "".join(image(s, f'srcset="{_path(s)}?half 1x, {_path(s)} 2x" src="{_path(s)}?half"') for s in "89")
    linked = (
        '<script type="application/ld+json">{"@context": "https://schema.org", "@type": "ImageObject", '
        f'"contentUrl": "http://{HOST}{_path(LICENSED)}", "caption": "{caption(LICENSED)}", '
        '"license": "https://creativecommons.org/licenses/by-sa/4.0/"}</script>'
    )
    graph = (
        f'<meta property="og:image" content="{_path("11")}"><meta property="og:image:alt" content="{caption("11")}">'
    )
    return [
        _page("/scenes/1.html", "Shapes with words beside them", alts),
        _page("/scenes/2.html", "Shapes with captions", captions),
        _page("/scenes/3.html", "Shapes that come late", lazy),
        _page("/scenes/4.html", "Shapes in several sizes", sets),
        _page("/scenes/5.html", "A shape with a licence", f'<img src="{_path(LICENSED)}">', head=linked),
        _page("/scenes/6.html", "A shape to share", f'<img src="{_path("11")}">', head=graph),
    ]


def _other_pages() -> list[Page]:
    """Pages that show copies, what no lane keeps, what falls with its page, and sounds."""
    odd = {
        "/pictures/cut.jpg": "A picture that was cut in two.", "/pictures/bomb.png": "A large white field.",
        "/pictures/dot.png": "A very small picture of a shape.", "/pictures/unnamed.jpg": "", "/pictures/IMG_2041.jpg": "IMG_2041.JPG",
        "/pictures/reserved.jpg": caption("reserved"), "/private-pictures/family.jpg": caption("family"),
    }  # fmt: skip
    heard = "".join(
        f'<figure><audio controls src="{path[1:]}"></audio><figcaption>{sound.says}</figcaption></figure>'
        for path, _, sound in _recordings()
    )
    copies = {"/pictures/again.jpg": caption("0"), "/pictures/small.jpg": caption("3")}
    noai = '<meta name="robots" content="noai, noimageai">'
    behind = {"/pictures/behind.jpg": caption("behind")}
    return [
        _page("/copies.html", "Shapes seen before", _images(copies)),
        _page("/odd.html", "Odd shapes", _images(odd)),
        _page("/noai.html", "Shapes of our own", _images(behind), head=noai, fate=dropped("meta_opt_out")),
        _page("/sounds.html", "What the gallery sounds like", heard),
    ]


def _images(shown: Mapping[str, str]) -> str:
    """Pictures by path, with what their alt says."""
    return "".join(f'<p><img src="{path}" alt="{escape(says)}"></p>' for path, says in shown.items())


def _recordings() -> list[tuple[str, str, sounds.Sound]]:
    """(path, media type, sound) of the first six sounds, WAV and FLAC in turn."""
    kinds = (("wav", "audio/wav"), ("flac", "audio/flac"))
    return [
        (f"/sounds/{sound.name}.{kinds[n % 2][0]}", kinds[n % 2][1], sound)
        for n, sound in enumerate(sounds.sounds()[:6])
    ]


def _sounds() -> list[Page]:
    encode = {"audio/wav": sounds.wav, "audio/flac": sounds.flac}
    return [
        _shown(
            path,
            kind,
            encode[kind](sound.samples),
            copy_of("sound 01" if sound.name == "01" else None),
            text=sound.says,
        )
        for path, kind, sound in _recordings()
    ]
