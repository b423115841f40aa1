"""Where bytes of items may lie beside what the ledger lists: files that killed processes left, and what is not ours to change.

What killed processes of this machine left, and what an unfinished crawl keeps of it, is deleted; the rest is listed as remaining, with the reason.
"""

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipelines.capture.block import Guard
from pipelines.capture.journal import unfinished
from pipelines.capture.screen import screened
from pipelines.capture.warc import Record, records
from pipelines.ledger.log import Log
from pipelines.site import Site
from pipelines.suppression import suppression
from pipelines.takedown.gone import Gone
from pipelines.takedown.holdings import row

Row = dict[str, Any]
# What one process writes: folders of shards and releases in scratch, copies of a remote store's files, and files with no name yet.
_OF_PROCESS = re.compile(r"(?:shard-[0-9a-f]+|release|takedown)-(\d+)|lent-(\d+)-.*|.*#(\d{10})\d+")


def elsewhere(site: Site, request: str) -> list[Row]:
    """HOLDING rows of what may hold some of what goes and is not changed; nothing of what is not there."""
    found = [
        (
            str(path),
            "scratch",
            "a file that a run is writing or was killed at",
            "nobody can tell whether it is in use: delete it when no run is",
        )
        for path in _entries(site.scratch)
        if not _is_left(path)
    ]
    if site.home is not None:
        if any((site.home / "dagster").glob("storage/**/*")):
            found.append(
                (
                    str(site.home / "dagster"),
                    "preview",
                    "small pictures and words of items in the event log of Dagster",
                    "not changed: delete the runs on its page, or the folder while it is stopped",
                )
            )
        found += [
            (str(path), "training", "models and token files of a release", "not changed: see `exposure`")
            for path in _entries(site.home / "models")
        ]
    if not site.store.is_local:
        found.append(
            (
                site.store.root,
                "bucket",
                "versions that the bucket keeps of deleted files, unfinished uploads, copies in caches of other machines",
                "they are not seen from here: let the bucket's own rules delete them",
            )
        )
    return [row(store, kind, what, "remaining", reason, request) for store, kind, what, reason in found]


def clear_left(site: Site) -> None:
    """Delete what processes of this machine that are no more left: folders in scratch and cache, and files that have no name yet."""
    for path in left(site):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def left(site: Site) -> list[Path]:
    """What processes of this machine that are no more left of files and folders they were writing; sorted."""
    cache = site.store.cached_folder
    files = [
        file for root in ([Path(site.store.root)] if site.store.is_local else [cache]) for file in root.rglob("*#*")
    ]
    return sorted(path for path in {*_entries(site.scratch), *_entries(cache), *files} if _is_left(path))


def clear_crawls(site: Site) -> None:
    """Delete what an unfinished crawl asked for and was answered, as far as the suppression list knows it; nobody asks for it again."""
    with Guard((), suppression(site)) as guard:
        for path, url, answer in unfinished(site.store):
            if guard.bars(url) or (answer is not None and screened(guard, answer) is not answer):
                with suppress(FileNotFoundError):
                    site.store.delete(path)


def unnamed_archives(site: Site, gone: Gone) -> list[Row]:
    """HOLDING rows of archives that killed rounds left and no receipt names, which hold some of what goes: they go whole."""
    mine = {cut.new for cut in gone.cuts.values()}
    with Guard((), gone.taken) as guard:
        return [
            row(
                path, "warc", "what a round of a crawl was answered that was killed before its end", "cleared",
                "deleted; the round writes its archive again without them when it is run again", gone.request,
            )
            for path in Log(site.store).unnamed_archives()
            if path not in mine and _holds(site, path, guard)
        ]  # fmt: skip


def _holds(site: Site, path: str, guard: Guard) -> bool:
    """Whether an archive has a record that the guard knows."""
    with site.store.lent(path) as file:
        return any(isinstance(one, Record) and guard.match(one.payload, one.uri) for one in records(file))


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _is_left(path: Path) -> bool:
    """Whether a file or folder is of a process of this machine that is no more."""
    found = _OF_PROCESS.fullmatch(path.name)
    if found is None:
        return False
    try:
        os.kill(int(found[1] or found[2] or found[3]), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        pass
    return False
