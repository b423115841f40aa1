"""Where: the shards that hold what a name stands for."""

from typing import Any

from pipelines.audit.exposure import checkpoints
from pipelines.audit.items import lineage, placements, seen_by
from pipelines.audit.names import resolve
from pipelines.audit.open import Ledger
from schemas.digest import plain


def where(ledger: Ledger, name: str) -> dict[str, Any]:
    """The placements of a name's items: release, shard, key, offset and length in bytes, as JSON values.

    A page, or an item that was split, lies where what was cut from it lies. `placements` is empty where nothing was
    published; `why` says what ended it. Each names the `checkpoints` that saw its item: "unknown" where no training is recorded.

    Raises:
        NotFound: neither this commit nor one before it knows the name.
        InputError: several ids begin so.
    """
    at, found = resolve(ledger, name)
    rows = lineage(at.db, found.items, found.captures)
    above = {row["parent_id"] for row in rows}
    places = placements(
        at.db, [row["item_id"] for row in rows if row["item_id"] not in above or row["item_id"] in found.items]
    )
    seen = checkpoints(ledger.db, list(places))  # an older commit that knows the item may know no training
    answer = {
        "name": name,
        "kind": found.kind,
        "commit": {"seq": at.commit.seq, "hash": at.commit.hash, "run": at.commit.run},
        "placements": [
            {"item_id": item} | place | {"checkpoints": seen_by(item, seen)}
            for item in sorted(places)
            for place in places[item]
        ],
    }
    return plain(answer)  # type: ignore[return-value]
