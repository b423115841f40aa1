"""Where a page leads: what it links to and shows, whether it was answered now or lies in an archive."""

from pipelines.capture import codings, http
from pipelines.capture.archive import HTML, media_type
from pipelines.capture.feed import is_feed, read_feed
from pipelines.capture.fetch import Fetched
from pipelines.capture.links import Links, links
from pipelines.capture.warc import Record

_HTML_BYTES = (
    2 << 20
)  # Chosen: of a page; the largest honest index pages are some hundred kB, and reading takes three times as much


def leads(page: Fetched | Record, cap: int) -> Links:
    """The links of a page, or what a feed names; none of what is neither, or cannot be decoded under `cap` bytes."""
    if isinstance(page, Record):
        url, payload = page.uri or "", page.payload
    else:
        is_cut = page.truncated is not None
        body = codings.decoded(page.body, page.headers, cap=cap, is_truncated=is_cut)
        url, payload = page.url, b"" if body.problem else body.payload
    if is_feed(payload):
        return Links(shown=tuple(("audio", found) for found in read_feed(payload, url).urls()))
    declared = media_type(http.header(page.headers, "content-type"), payload)
    return links(payload[:_HTML_BYTES], url) if declared in HTML else Links()
