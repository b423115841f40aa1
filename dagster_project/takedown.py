"""Takedown in Dagster: accepted requests start the job that takes them out; a check fails while one is past its date."""

import sys
import time
from collections.abc import Iterator

import dagster as dg

from dagster_project.assets import RELEASE, piped
from dagster_project.workplace import Workplace
from pipelines.audit.open import Ledger
from pipelines.site import load_site
from pipelines.takedown.register import is_overdue, requests, utc
from schemas.errors import NotFound
from schemas.request import Scope, Status


class Request(dg.Config):
    """The request to be taken out."""

    request: str


def takedown_job(place: Workplace) -> dg.JobDefinition:
    """Takes out what one accepted request covers, in a process of its own."""

    @dg.op
    def forget(context: dg.OpExecutionContext, pipes: dg.PipesSubprocessClient, config: Request):
        command = [
            sys.executable,
            "-m",
            "pipelines.cli",
            "forget",
            "--apply",
            "--request",
            config.request,
            "--site",
            place.site,
            "--json",
        ]
        piped(context, pipes, command)

    @dg.job(
        name="takedown", resource_defs={"pipes": dg.ResourceDefinition.hardcoded_resource(dg.PipesSubprocessClient())}
    )
    def takedown() -> None:
        forget()

    return takedown


def takedown_inbox(place: Workplace, job: dg.JobDefinition) -> dg.SensorDefinition:
    """Starts the job for every accepted request but those by file, which a person has to look at. Off until somebody starts it."""

    @dg.sensor(name="takedown_inbox", job=job, minimum_interval_seconds=60)
    def inbox() -> Iterator[dg.RunRequest | dg.SkipReason]:
        waiting = [
            row
            for row in _requests(place)
            if row["status"] == Status.ACCEPTED.value and row["scope_kind"] != Scope.FILE.value
        ]
        for row in waiting:
            config = dg.RunConfig(ops={"forget": Request(request=row["request"])})
            yield dg.RunRequest(run_key=f"{row['request']}-{row['revision']}", run_config=config)
        if not waiting:
            yield dg.SkipReason("no accepted request waits to be taken out")

    return inbox


def requests_due(place: Workplace) -> dg.AssetChecksDefinition:
    """Whether no request is past its due date."""

    @dg.asset_check(
        asset=RELEASE, name="requests_due", description="No request to take something out is past its due date."
    )
    def due() -> dg.AssetCheckResult:
        now = utc(time.time())
        late = [row["request"] for row in _requests(place) if is_overdue(row, now)]
        return dg.AssetCheckResult(passed=not late, metadata={"overdue": ", ".join(late) or "none"})

    return due


def _requests(place: Workplace) -> list[dict[str, object]]:
    """The register; none where the site has no ledger yet."""
    try:
        with Ledger.open(load_site(place.site).store) as ledger:
            return requests(ledger.db)
    except NotFound:
        return []
