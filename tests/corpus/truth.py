"""All of the corpus, and all that must become of it."""

from schemas.decision import State
from tests.corpus.gallery import gallery
from tests.corpus.pages import Page, pages
from tests.corpus.planted import GROUP, Planted
from tests.corpus.uploads import uploads

FATES = {*State, GROUP}


def served() -> list[Page]:
    """Every URL of every site."""
    return [*pages(), *gallery()]


def planted(*, crawled: bool) -> list[Planted]:
    """The fates of everything that becomes an item, of sites and uploads.

    crawled: by a live crawl, which does not ask for what robots.txt refuses it; an archive may hold it, and then it is dropped.
    """
    return [*_of_sites(crawled), *(one for upload in uploads() for one in upload.planted)]


def _of_sites(crawled: bool) -> list[Planted]:
    found = []
    for page in served():
        is_refused = page.fate == "refused"
        if page.fate not in FATES and (crawled or not is_refused):
            continue
        fate, reason = ("dropped", "robots_disallowed") if is_refused else (page.fate, page.reason)
        found.append(
            Planted(
                uri=page.url,
                lane=page.lane,
                fate=fate,
                reason=reason,
                group=page.group,
                licence=page.licence,
                text=page.text,
            )
        )
    return found
