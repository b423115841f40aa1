"""Where the rounds of crawls lie in the store: the journal of each while it lasts, and which of a chain are over.

crawls/<source>/<key>/...                    the journal of a round (pipelines/capture/journal.py), gone when it is over
crawls/<source>/over<chain>/<began>-<key>    an empty file a round that is over; they sort by when it began
"""

from contextlib import suppress

from pipelines.store import Store

_ROUNDS, _OVER = "crawls", "over"


def journal_folder(source: str, key: bytes) -> str:
    """Where the journal of a round lies while it lasts."""
    return f"{_ROUNDS}/{source}/{key.hex()}"


def over_path(source: str, chain: str, key: bytes, began: float) -> str:
    """The file that exists once a round is over. `began`: seconds since 1970."""
    return f"{_ROUNDS}/{source}/{_OVER}{chain}/{int(began * 1e6):020d}-{key.hex()}"


def ended(store: Store, source: str, chain: str) -> list[str]:
    """The keys (hex) of the rounds of a chain that are over, the newest first."""
    return [path.rpartition("-")[2] for path in store.list(f"{_ROUNDS}/{source}/{_OVER}{chain}")][::-1]


def left(store: Store) -> list[str]:
    """The files of all journals: of rounds that did not end, or whose worker was killed before it cleared them away."""
    return [path for path in store.list(_ROUNDS) if not path.split("/")[2].startswith(_OVER)]


def forget(store: Store, folder: str) -> None:
    """Remove a journal: what it holds lies in the archive of its round."""
    for path in list(store.list(folder)):
        with suppress(FileNotFoundError):
            store.delete(path)
