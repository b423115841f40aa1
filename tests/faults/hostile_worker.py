"""A worker that crawls hosts on loopback, one after another: `python -m tests.faults.hostile_worker FOLDER PORT DEADLINE HOST...`.

Prints a JSON line a host: seconds, KiB by which the most memory ever held has grown since the first host, counts.
"""

import io
import json
import resource
import sys
import time

from pipelines.capture.crawl import Round, crawl
from pipelines.capture.crawl_plan import CrawlPlan
from pipelines.store import Store


def main(folder, port, deadline_s, hosts):
    store, known = Store(root=folder), dict.fromkeys(hosts, ("127.0.0.1", int(port)))
    first = None
    for host in hosts:
        plan = CrawlPlan(
            source="s", contact="x@headwater.example", seeds=(f"http://{host}/",), delay_s=0.0, deadline_s=float(deadline_s)
        )  # fmt: skip
        began = time.monotonic()
        done = crawl(
            plan, io.BytesIO(), clock=time.time, at=Round(store=store, folder=host, over="over", began=0.0), hosts=known
        )
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        first = first or most
        print(
            json.dumps(
                {"host": host, "seconds": time.monotonic() - began, "grown": most - first, "counts": dict(done.counts)}
            )
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
