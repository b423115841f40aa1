"""Answers that the papers of a release are written from: source cards, hours, what is owed, what was edited and left out."""

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.audit.answers import _captured, _published, _with_class
from pipelines.audit.open import Ledger
from pipelines.ledger.database import Database

# The judge of rights: what somebody reserved, withheld or did not license.
RIGHTS_STAGE = "rights"


def sources(ledger: Ledger) -> pa.Table:
    """The source cards whose items are published, by name; with items, bytes, undated (items whose capture has no time), unplaced (items
    whose capture has no host), and when the others were obtained (obtained_from, obtained_until; null: of none is it known).
    """
    return ledger.db.table(
        "SELECT s.*, n.* EXCLUDE (source) FROM (SELECT DISTINCT * FROM source) s JOIN (SELECT source, count(*) AS items,"
        " sum(bytes)::BIGINT AS bytes, count(*) FILTER (fetched_at IS NULL) AS undated, count(*) FILTER (host IS NULL) AS unplaced,"
        f" min(fetched_at) AS obtained_from, max(fetched_at) AS obtained_until FROM ({_published(ledger.db)}) LEFT JOIN ({_captured(ledger.db, 'host')})"
        f" USING (capture_id) LEFT JOIN ({_captured(ledger.db, 'fetched_at')}) USING (capture_id) GROUP BY 1) n ON n.source = s.name ORDER BY s.name"
    )


def hours(ledger: Ledger) -> pa.Table:
    """modality, items, hours, unmeasured (items without a measured duration) of what is published and has a duration; by modality.

    hours null: not one was measured, or the lane measures none.
    """
    found = _durations(ledger.db)
    measured = f"LEFT JOIN ({found}) USING (item_id)" if found else ", (SELECT NULL::DOUBLE AS duration_s)"
    return ledger.db.table(
        f"SELECT modality, count(*) AS items, sum(duration_s) / 3600 AS hours, count(*) FILTER (duration_s IS NULL) AS unmeasured"
        f" FROM ({_published(ledger.db)}) {measured} WHERE modality IN ('audio', 'video') GROUP BY 1 ORDER BY 1"
    )


def _durations(db: Database) -> str:
    tables = [name for name in db.tables if name.startswith("signal_")]
    having = [name for name in tables if "duration_s" in db.table(f"SELECT * FROM {name} LIMIT 0").column_names]
    return " UNION ".join(f"SELECT DISTINCT item_id, duration_s FROM {name}" for name in having)


def credits(ledger: Ledger) -> pa.Table:
    """A row for each published item whose licence is not public domain, or unknown: what a notice says of it and where the item lies.

    licence ("unknown": none was found), class, lane, source, source_title, source_url, provider, author (what the file itself says of its
    creator or copyright; null: it says nothing), uri (null: not recorded), of_card, edited (the stages that changed it, sorted; null:
    none did), item_id, key, shard (relative to the release), offset, length; by licence, source, uri and item.
    """
    more = (
        *(f"p.{name}" for name in ("key", "shard_id", "release", "offset", "length")),
        "s.title",
        "s.url",
        "s.provider",
    )
    published = _published(ledger.db, *more)
    found = ledger.db.table(
        "WITH said AS (SELECT capture_id, string_agg(DISTINCT excerpt, '; ' ORDER BY excerpt) AS author FROM rights"
        " WHERE mechanism = 'file_metadata' GROUP BY 1), changed AS (SELECT item_id, list_sort(list(DISTINCT stage)) AS edited FROM decision"
        " WHERE verdict = 'edit' GROUP BY 1) SELECT coalesce(licence, 'unknown') AS licence, lane, source, title AS source_title,"
        f" url AS source_url, provider, author, uri, of_card, edited, item_id, key, h.path AS shard, q.offset, length FROM ({published}) q"
        " JOIN (SELECT DISTINCT shard_id, release, path FROM shard) h USING (shard_id, release)"
        f" LEFT JOIN ({_captured(ledger.db, 'uri')}) USING (capture_id) LEFT JOIN said USING (capture_id)"
        " LEFT JOIN changed USING (item_id) ORDER BY licence, source, uri, item_id"
    )
    classed = _with_class(found)
    return classed.filter(pc.not_equal(classed.column("class"), "public_domain"))


def edited(ledger: Ledger) -> pa.Table:
    """stage, kind (what was replaced; null where the edit names none), items and places of the edits in published items; by stage and kind."""
    return ledger.db.table(
        "WITH done AS (SELECT DISTINCT item_id, stage, spans FROM decision SEMI JOIN placement USING (item_id) WHERE verdict = 'edit'),"
        " each AS (SELECT item_id, stage, unnest(spans).kind AS kind FROM done WHERE len(spans) > 0"
        " UNION ALL SELECT item_id, stage, NULL FROM done WHERE spans IS NULL OR len(spans) = 0)"
        " SELECT stage, kind, count(DISTINCT item_id) AS items, count(kind) AS places FROM each GROUP BY 1, 2 ORDER BY 1, 2"
    )


def withheld(ledger: Ledger) -> pa.Table:
    """what ("capture" or "item"), reason and how many (`items`) were not taken or not kept because of rights; by what and reason."""
    return ledger.db.table(
        "SELECT 'capture' AS what, coalesce(reason, outcome) AS reason, count(*) AS items FROM (SELECT DISTINCT capture_id, outcome, reason"
        " FROM capture_place WHERE outcome = 'refused') GROUP BY ALL UNION ALL SELECT 'item', reason, count(*) FROM"
        f" (SELECT DISTINCT item_id, reason FROM disposition WHERE state = 'dropped' AND stage = '{RIGHTS_STAGE}') GROUP BY ALL"
        " ORDER BY what, reason"
    )
