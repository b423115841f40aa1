"""A worker that crawls one round of a site on loopback: `python -m tests.faults.crawl_worker SITE PORT DELAY`."""

import sys
import time
from pathlib import Path

from pipelines.capture.crawl_plan import CrawlPlan
from pipelines.capture.live import crawled_room
from pipelines.runner import quiet
from pipelines.site import Site
from pipelines.store import Store
from schemas.digest import digest

HOSTS = ("mill.example", "river.example")
KEY = digest("round", 1)


def site_of(folder, port):
    hosts = tuple((host, f"127.0.0.1:{port}") for host in HOSTS)
    return Site(store=Store(root=str(folder)), scratch=Path(folder) / "scratch", hosts=hosts)


def crawl_round(site, delay_s, key=KEY, clock=time.time):
    plan = CrawlPlan(
        source="rivers", contact="crawl@headwater.example", seeds=tuple(f"http://{host}/" for host in HOSTS), delay_s=delay_s,
        deadline_s=5.0,
    )  # fmt: skip
    return crawled_room(site, plan, key, clock=clock, progress=quiet)


if __name__ == "__main__":
    crawl_round(site_of(sys.argv[1], sys.argv[2]), float(sys.argv[3]))
