"""What a takedown has made before anything is committed: the one value that its commit, its account of stores and its proof are made of."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from pipelines.store import Part
from pipelines.takedown import holdings
from pipelines.takedown.gone import Gone
from pipelines.takedown.plan import Plan
from pipelines.takedown.release import Rewritten
from pipelines.takedown.sweep import Swept

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A takedown whose new files lie in the store, where nothing names them yet.

    `at`: of its commit. `by`: who does it; null: a program. `release`: the head's, made anew; null where it holds nothing of what goes.
    `olds`: releases that go. `kept`: those that hold some of it and stay. `suppression`: new rows of SUPPRESSION. `register`: all
    requests, as they stand afterwards.
    """

    plan: Plan
    at: datetime
    by: str | None
    gone: Gone
    swept: Swept
    release: Rewritten | None
    old_release: str | None
    olds: tuple[str, ...]
    kept: tuple[str, ...]
    suppression: pa.Table
    register: Part

    @property
    def run(self) -> str:
        """The name of its run in the ledger: the request, and the plan that was done."""
        return f"takedown-{self.plan.request}-{self.plan.digest[:12]}"

    @property
    def release_after(self) -> str | None:
        """The release that stands afterwards; null where there is none."""
        return self.release.name if self.release is not None else self.old_release

    @property
    def old_registers(self) -> tuple[Part, ...]:
        """Files of earlier commits with steps of requests, which say what was asked for."""
        parts = (part for part in self.plan.parts if part.table == "request" and part.path != self.register.path)
        return tuple(parts)


def stores(work: Work) -> list[Row]:
    """Every store that held what goes, as HOLDING rows: cleared, or a release that is kept on demand."""
    request = work.plan.request

    def cleared(store: str, kind: str, what: str, reason: str) -> Row:
        return holdings.row(store, kind, what, "cleared", reason, request)

    return [
        *holdings.of_cuts(work.gone.cuts, request),
        *(cleared(old, "room", f"rows of {new.table}", f"written again without them as {new.path}")
          for old, new in sorted(work.swept.parts.items())),
        *(cleared(folder, "shards", "a shard as it was made", "deleted; a run makes it anew without them") for folder in work.swept.folders),
        *(cleared(f"releases/{name}", "release", "published items", "deleted; copies elsewhere remain") for name in work.olds),
        *(holdings.row(f"releases/{name}", "release", "published items", "remaining", "kept on demand (--keep-old)", request) for name in work.kept),
        *(cleared(part.path, "ledger", "steps of requests, with what was asked for", f"written again as {work.register.path}")
          for part in work.old_registers),
    ]  # fmt: skip
