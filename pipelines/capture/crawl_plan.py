"""What to crawl and how: checked before anything is asked."""

from dataclasses import dataclass

from pipelines.capture.fetch import DEADLINE_S, MAX_BYTES
from pipelines.capture.medium import Kind
from pipelines.capture.turns import ROBOTS_S
from pipelines.capture.uri import absolute
from schemas.errors import SourceError

MAX_ROUND_S = ROBOTS_S


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlPlan:
    """What to crawl and how. Delays in seconds, sizes in bytes.

    `source`, `contact`: of the source card. `agent`: product and version, `HeadwaterBot/1.0`; it and the contact are the
    User-Agent. `agents`: tokens whose robots rules are obeyed; empty means the product of `agent`. `hosts`: what the crawl
    may ask; empty means the seeds' hosts. `is_list`: the seeds are all there is, on any host, and so are their redirects. `max_pages`: requests for pages of all hosts; robots.txt and sitemaps are not
    counted. `media`: what of a page is asked for beside it, pictures or recordings; `max_media`: requests for those.
    `site_files`: paths in which a site speaks of use, asked once of every origin; not counted either.
    `max_depth`: links followed from a seed; 0 asks for the seeds only. `max_variants`: URLs of pages that differ in numbers and query
    alone. `round_s`: after it no request is begun. `max_parked`: rounds in a row in which a silent host is left alone.
    """

    source: str
    contact: str
    seeds: tuple[str, ...]
    agent: str = "HeadwaterBot/1.0"
    agents: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    is_list: bool = False
    max_pages: int = 100
    max_depth: int = 5
    max_variants: int = 500
    delay_s: float = 1.0
    round_s: float = 3600.0
    max_parked: int = 30
    deadline_s: float = DEADLINE_S
    max_bytes: int = MAX_BYTES
    media: tuple[Kind, ...] = ()
    max_media: int = 1000
    site_files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for seed in self.seeds:
            if not (absolute(seed, None) or "").startswith(("http://", "https://")):
                raise SourceError(f"source {self.source}: {seed!r} cannot be crawled; give an http or https URL")
        if not self.user_agent.isprintable():
            raise SourceError(f"source {self.source}: contact {self.contact!r} must be one line, to go into a header")
        if not 0 <= self.delay_s <= MAX_ROUND_S:
            raise SourceError(f"source {self.source}: delay_s is {self.delay_s}; give seconds, at least 0")
        if not 0 < self.round_s <= MAX_ROUND_S:
            raise SourceError(f"source {self.source}: round_s is {self.round_s}; give at most {MAX_ROUND_S:g} seconds")
        if self.max_variants < 1 or self.max_parked < 0:
            raise SourceError(
                f"source {self.source}: max_variants is {self.max_variants} and max_parked {self.max_parked}; give at least 1 and 0"
            )

    @property
    def user_agent(self) -> str:
        """What every request says of us."""
        return f"{self.agent} (+{self.contact})"

    @property
    def tokens(self) -> tuple[str, ...]:
        """The product tokens whose rules in robots.txt are obeyed."""
        return self.agents or (self.agent.partition("/")[0],)
