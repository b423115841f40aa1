"""What a page says of pictures and recordings, as evidence beside its capture: their captions, titles, transcripts, licences.

In: the media of a page (`pipelines.capture.page_media`). Out: one statement for each address, since any of them may be captured.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipelines.capture.medium import Medium
from pipelines.capture.page_media import page_media
from pipelines.rights.licences import LicenceHit, named_licence
from schemas.annotation import Role


class Said(NamedTuple):
    """One row of `schemas.annotation.ANNOTATION` but for who said it. `subject`: absolute URL without fragment."""

    subject: str
    role: Role
    text: str
    language: str | None
    location: str
    locator: str


def page_annotations(html: bytes, url: str | None) -> list[Said]:
    """What the page at `url` says of the pictures and recordings it shows or links to."""
    return annotations(page_media(html, url))


def annotations(media: Sequence[Medium]) -> list[Said]:
    """What is said of these media, in order; the same words of one address, role and location once."""
    found = {(one.subject, one.role, one.text, one.location): one for one in reversed([*_said(media)])}
    return list(found.values())[::-1]


def _said(media: Sequence[Medium]) -> Iterator[Said]:
    for one in media:
        for url in one.urls:
            for words in one.said:
                yield Said(
                    subject=url, role=words.role, text=words.text, language=words.language,
                    location=words.location, locator=f"byte {words.start}",
                )  # fmt: skip


def picture_licences(media: Sequence[Medium]) -> list[tuple[str, LicenceHit]]:
    """(subject, hit) of every licence that a page names for a single picture or recording in JSON-LD."""
    return [
        (url, named_licence("json_ld", terms.start, terms.raw))
        for one in media
        for url in one.urls
        for terms in one.terms
    ]
